"""The service as a person runs it: one command, real processes, nothing left behind."""

from __future__ import annotations

import http.client
import os
import re
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import require
from tests.service import ROOT, Service, running


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    require(Path("/proc/self/environ").exists(), "Processes can be listed only where /proc is.")
    with running(tmp_path_factory.mktemp("service") / "data", fresh=True) as started:
        yield started


def folder_of(service: Service) -> Path:
    return Path(service.environment["MEDIALIB_DATA_DIR"])


def processes(service: Service) -> dict[int, str]:
    """Find every process of a service by the data folder in its environment."""
    marker = f"MEDIALIB_DATA_DIR={folder_of(service)}\0".encode()
    found = {}
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and marker in (entry / "environ").read_bytes():
                found[int(entry.name)] = (entry / "cmdline").read_text().replace("\0", " ")
        except OSError:
            continue  # It ended while we looked.
    return found


def pid_of(service: Service, part: str) -> int:
    return next(pid for pid, line in processes(service).items() if part in line)


def alive(service: Service) -> bool:
    connection = http.client.HTTPConnection(service.url.removeprefix("http://"), timeout=60)
    connection.request("GET", "/healthz")
    status = connection.getresponse().status
    connection.close()
    return status == http.client.OK


def said(service: Service, pattern: str) -> bool:
    return any(re.search(pattern, line) for line in service.lines)


# Nobody has been heard of for an hour: who lives says so within some seconds.
_LONG_AGO = """
from datetime import timedelta
from django.utils import timezone
from medialib.models import Pulse
Pulse.objects.update(seen_at=timezone.now() - timedelta(hours=1))
"""


def silent_parts(service: Service) -> set[str]:
    """Ask the doctor which parts are silent; all, where it says that no worker is heard of."""
    done = service.tried("doctor", "--no-color", seconds=60)
    if "No worker has been heard of" in done.stdout:
        return {"Heavy worker", "Light worker", "Scheduler"}
    return set(re.findall(r"workers +([\w ]+): not heard of", done.stdout))


def refusal(service: Service, folder: Path, *arguments: str) -> str:
    """Try to serve where it can't be done; gives the one line that came instead."""
    done = subprocess.run(
        [sys.executable, "manage.py", "serve", *arguments],
        cwd=ROOT,
        env={**service.environment, "MEDIALIB_DATA_DIR": str(folder)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    [line] = done.stderr.strip().splitlines()
    return line


def test_it_answers_and_keeps_the_first_login_for_this_account(service: Service) -> None:
    assert alive(service)
    login = folder_of(service) / "first-login"
    assert login.read_text() == f"admin {service.password}\n"
    assert stat.S_IMODE(login.stat().st_mode) == stat.S_IRUSR | stat.S_IWUSR


def test_a_second_service_on_the_same_folder_is_told_of_the_first(service: Service) -> None:
    line = refusal(service, folder_of(service), "--port", "0")
    assert str(service.process.pid) in line
    assert service.url in line


def test_a_taken_port_is_one_sentence(service: Service, tmp_path: Path) -> None:
    port = service.url.rsplit(":", 1)[1]
    assert f"Port {port}" in refusal(service, tmp_path / "other", "--port", port)


def test_an_unwritable_data_folder_is_one_sentence(service: Service, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    assert "MEDIALIB_DATA_DIR" in refusal(service, tmp_path / "file" / "data")


def test_a_part_that_dies_is_replaced_and_visitors_only_wait(service: Service) -> None:
    for part, words in (("management.web", "web server"), ("--queues heavy", "heavy worker")):
        killed = pid_of(service, part)
        os.kill(killed, signal.SIGKILL)
        assert alive(service)
        service.until(
            lambda words=words: said(service, f"{words} has ended .*SIGKILL.*starts again")
        )
        service.until(
            lambda part=part, killed=killed: any(
                part in line and pid != killed for pid, line in processes(service).items()
            )
        )


def test_ctrl_c_ends_everything(service: Service, tmp_path: Path) -> None:
    with running(tmp_path / "data") as other:
        assert other.stop(how=signal.SIGINT) == 0
        assert processes(other) == {}
    assert alive(service)


def test_a_killed_supervisor_leaves_nothing_behind(service: Service, tmp_path: Path) -> None:
    with running(tmp_path / "data") as other:
        other.stop(how=signal.SIGKILL)
        deadline = time.monotonic() + 30
        while left := processes(other):
            assert time.monotonic() < deadline, left
            time.sleep(0.05)  # Nobody tells us of the end of processes that are not our children.
    assert alive(service)


def test_a_worker_that_alone_falls_silent_is_told_of(service: Service) -> None:
    service.until(lambda: silent_parts(service) == set())
    heavy = pid_of(service, "--queues heavy")
    os.kill(heavy, signal.SIGSTOP)
    try:
        service.manage("shell", "-c", _LONG_AGO)
        service.until(lambda: silent_parts(service) == {"Heavy worker"})
        status, answer = service.call("GET", "/readyz")
        assert (status, answer["parts"]["workers"]) == (http.client.OK, {"ok": False})
    finally:
        os.kill(heavy, signal.SIGCONT)
    service.until(lambda: silent_parts(service) == set())
    assert service.call("GET", "/readyz")[1]["parts"]["workers"] == {"ok": True}
