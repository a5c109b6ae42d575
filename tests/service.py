"""Starts the real service on a data folder of its own, for tests that ask it over HTTP."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests import prepared

ROOT = prepared.ROOT
_PASSED_ON = ("PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH")


@dataclass
class Service:
    """A running service: its address, first login and a token with every scope."""

    process: subprocess.Popen[str]
    environment: dict[str, str]
    url: str = ""
    password: str = ""
    token: str = ""
    lines: list[str] = field(default_factory=list)

    def tried(self, *arguments: str, seconds: float) -> subprocess.CompletedProcess[str]:
        """Run a manage.py command on the service's data folder, however it ends."""
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    def manage(self, *arguments: str) -> str:
        """Run a manage.py command on the service's data folder; returns what it printed."""
        done = self.tried(*arguments, seconds=120)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def call(
        self, method: str, path: str, body: Any = None, *, headers: dict[str, str] | None = None
    ) -> tuple[int, Any]:
        """Call the API with the token; gives status and decoded JSON."""
        host = self.url.removeprefix("http://")
        connection = http.client.HTTPConnection(host, timeout=30)
        sent = {"Authorization": f"Bearer {self.token}", **(headers or {})}
        if body is not None and not isinstance(body, bytes):
            body, sent["Content-Type"] = json.dumps(body).encode(), "application/json"
        with contextlib.closing(connection):
            connection.request(method, path, body=body, headers=sent)
            response = connection.getresponse()
            data = response.read()
        return response.status, json.loads(data) if data else None

    def upload(self, data: bytes, filename: str, **fields: str) -> tuple[int, Any]:
        """Upload a file as a form, as curl would."""
        mark = uuid.uuid4().hex
        parts = [
            f'--{mark}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
            for name, value in fields.items()
        ]
        head = f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="{filename}"'
        parts += [f"{head}\r\n\r\n".encode(), data, f"\r\n--{mark}--\r\n".encode()]
        kind = {"Content-Type": f"multipart/form-data; boundary={mark}"}
        return self.call("POST", "/api/assets/", b"".join(parts), headers=kind)

    def until(self, look: Callable[[], Any], *, seconds: float = 90.0) -> Any:
        """Ask again and again until the answer is truthy; fails with the service's last lines."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if found := look():
                return found
            time.sleep(0.2)
        raise AssertionError("It did not happen in time:\n" + "\n".join(self.lines[-40:]))

    def searchable(self, asset_id: str, *, seconds: float = 90.0) -> Any:
        """Wait until an asset is searchable; gives it."""

        def look() -> Any:
            _, asset = self.call("GET", f"/api/assets/{asset_id}/")
            assert asset["status"]["state"] not in ("rejected", "failed"), asset["status"]
            return asset if asset["status"]["state"] == "searchable" else None

        return self.until(look, seconds=seconds)

    def demo_searchable(self) -> None:
        """Wait until the whole demo library is searchable."""

        def look() -> bool:
            _, page = self.call("GET", "/api/assets/?page_size=100")
            states = {asset["title"]: asset["status"]["state"] for asset in page["results"]}
            return "A short tour" in states and set(states.values()) == {"searchable"}

        self.until(look, seconds=240)

    def workers(self) -> list[int]:
        """Give the process ids of the Celery workers."""
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            with contextlib.suppress(OSError):
                parts = (entry / "cmdline").read_bytes().split(b"\0")
                place = (entry / "environ").read_bytes()
                folder = self.environment["MEDIALIB_DATA_DIR"].encode()
                if b"worker" in parts and b"MEDIALIB_DATA_DIR=" + folder in place.split(b"\0"):
                    found.append(int(entry.name))
        return found

    def stop(self, *, how: int = signal.SIGINT) -> int:
        """End the service as Ctrl-C would; gives the exit code."""
        self.process.send_signal(how)
        return self.process.wait(timeout=40)


def own_environment(folder: Path) -> dict[str, str]:
    """Give the variables of a library of its own: those of the tests are not passed on."""
    passed = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return {**passed, "MEDIALIB_DATA_DIR": str(folder), "PYTHONUNBUFFERED": "1"}


@contextlib.contextmanager
def running(
    folder: Path, *arguments: str, demo: bool = False, fresh: bool = False, **environment: str
) -> Iterator[Service]:
    """Start `manage.py serve` on a free port and wait until it answers; end it afterwards.

    On an empty folder if it is to be `fresh` or has a database elsewhere, else on a prepared one.
    """
    own = {**own_environment(folder), **environment}
    token = ""
    if not (fresh or "DATABASE_URL" in environment or (folder.exists() and any(folder.iterdir()))):
        token = prepared.copy_to(folder, own_environment(folder))
    command = [sys.executable, "manage.py", "serve", "--port", "0", *arguments]
    process = subprocess.Popen(
        command if demo else [*command, "--no-demo"],
        cwd=ROOT,
        env=own,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    service = Service(process, own)
    ready = threading.Event()
    reader = threading.Thread(target=_read, args=(service, ready), daemon=True)
    reader.start()
    try:
        assert ready.wait(90), "It did not start:\n" + "\n".join(service.lines)
        assert service.url, "It ended at once:\n" + "\n".join(service.lines)
        if not token:
            token = service.manage("create_token", "admin", "--scopes", prepared.SCOPES).split()[-1]
        service.token = token
        yield service
    finally:
        if process.poll() is None:
            service.stop()
        reader.join(timeout=10)
        assert process.stdout is not None
        process.stdout.close()


def _read(service: Service, ready: threading.Event) -> None:
    assert service.process.stdout is not None
    for line in service.process.stdout:
        service.lines.append(line.rstrip())
        if found := re.search(r"Your library: (\S+)", line):
            service.url = found.group(1)
        if found := re.search(r"password: (\S+)", line):
            service.password = found.group(1)
        if "Ctrl-C ends it" in line:
            ready.set()
    ready.set()
