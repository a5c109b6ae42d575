"""Ports of loopback for the tests' own servers: a free one, and waiting for what listens there."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import threading
import time

_PATIENCE_SECONDS = 20


def free_port() -> int:
    """Give a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def await_port(port: int, process: subprocess.Popen[bytes], *, name: str) -> None:
    """Wait until a process that was just started listens; AssertionError with its name if not."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        assert process.poll() is None, f"{name} ended with {process.returncode}."
        threading.Event().wait(0.05)
    raise AssertionError(f"{name} did not start.")
