"""A PostgreSQL server of a test's own on loopback, where the machine has the program."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from glob import glob
from pathlib import Path

from tests.servers import require


@contextlib.contextmanager
def server() -> Iterator[str]:
    """Start a server and give its DATABASE_URL; skips the test where PostgreSQL is missing."""
    programs = shutil.which("initdb") or max(glob("/usr/lib/postgresql/*/bin/initdb"), default="")
    require(programs, "PostgreSQL is not installed here (Debian: apt-get install postgresql).")
    programs = str(Path(programs).parent)
    data = Path(tempfile.mkdtemp(prefix="medialib-pg-"))
    # PostgreSQL refuses to run as root.
    person = "nobody" if os.geteuid() == 0 else None
    if person:
        account = pwd.getpwnam(person)
        os.chown(data, account.pw_uid, account.pw_gid)

    def call(program: str, *arguments: str) -> None:
        command = [f"{programs}/{program}", *arguments]
        done = subprocess.run(
            command, user=person, cwd=data, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr

    try:
        call("initdb", "-D", str(data / "db"), "-U", "tests", "-A", "trust", "-N")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        options = f"-c listen_addresses=127.0.0.1 -p {port} -k {data} -c fsync=off"
        log = str(data / "log")
        call("pg_ctl", "-D", str(data / "db"), "-l", log, "-o", options, "-w", "start")
        try:
            yield f"postgres://tests@127.0.0.1:{port}/postgres"
        finally:
            call("pg_ctl", "-D", str(data / "db"), "-m", "immediate", "stop")
    finally:
        shutil.rmtree(data, ignore_errors=True)
