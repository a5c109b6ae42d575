"""Workers started one by one, as compose.yaml starts them: who is missing is said by name."""

from __future__ import annotations

import contextlib
import shlex
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import yaml

from tests import prepared
from tests.servers import long
from tests.service import ROOT, own_environment

_COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())


@contextlib.contextmanager
def started(name: str, environment: dict[str, str]) -> Iterator[None]:
    """Run a Celery process by its command in compose.yaml."""
    command = shlex.split(_COMPOSE["services"][name]["command"])
    process = subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.kill()
        process.wait(timeout=20)


def manage(environment: dict[str, str], command: str) -> str:
    done = subprocess.run(
        [sys.executable, "manage.py", *command.split()],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return " ".join(done.stdout.split())


def until_seen(folder: Path, *parts: str) -> None:
    """Wait until just these have been heard of; asking the doctor each time takes seconds."""
    deadline = time.monotonic() + 60
    with contextlib.closing(sqlite3.connect(folder / "library.sqlite3")) as database:
        while True:
            rows = database.execute("SELECT part FROM medialib_pulse WHERE part != 'dispatch'")
            if (seen := {part for (part,) in rows}) == set(parts):
                return
            assert time.monotonic() < deadline, seen
            time.sleep(0.05)  # Nobody tells us of the rows of other processes.


@long
def test_a_worker_that_is_not_started_is_named_until_it_is(tmp_path: Path) -> None:
    environment = own_environment(tmp_path)
    prepared.copy_to(tmp_path, environment)
    assert "No worker has been heard of" in manage(environment, "doctor --no-color")
    with started("worker-light", environment), started("scheduler", environment):
        until_seen(tmp_path, "light", "scheduler")
        told = manage(environment, "doctor --no-color")
        assert "bad workers Heavy worker: not heard of yet." in told
        assert "start the heavy worker again" in told
        with started("worker-heavy", environment):
            until_seen(tmp_path, "light", "scheduler", "heavy")
            told = manage(environment, "doctor --no-color")
            assert "Heavy worker, light worker and scheduler are at work." in told
