"""What a newcomer waits for: the demo, and the first page of a second start. Wall-clock seconds."""

from __future__ import annotations

import http.client
import os
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.benchmarks.measure import met, table

ROOT = Path(__file__).resolve().parents[2]
DEMO_ASSETS = 8
PATIENCE_SECONDS = 600


def main(smoke: bool) -> str:
    """Measure and draw the table."""
    with tempfile.TemporaryDirectory() as folder:
        filled = None if smoke else _until_searchable(folder)
        if smoke:
            _start(folder, "--no-demo")
        again = min(_start(folder, "--no-demo") for _ in range(1 if smoke else 3))
    rows = [("second start → first page answered", "≤ 10 s", f"{again:.1f} s", met(again <= 10))]
    if filled is not None:
        what = "first start → the whole demo searchable"
        rows.insert(0, (what, "≤ 120 s", f"{filled:.0f} s", met(filled <= 120)))
    return table(rows)


def _serve(folder: str, *arguments: str) -> tuple[subprocess.Popen[str], str]:
    environment = {
        **{name: value for name, value in os.environ.items() if "DJANGO" not in name},
        "MEDIALIB_DATA_DIR": folder,
        "PYTHONUNBUFFERED": "1",
    }
    command = [sys.executable, "manage.py", "serve", "--port", "0", *arguments]
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    for line in process.stdout:
        if found := re.search(r"Your library: http://(\S+)", line):
            return process, found.group(1)
    raise RuntimeError("The service has ended before it answered.")


def _stop(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGINT)
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


def _start(folder: str, *arguments: str) -> float:
    begin = time.monotonic()
    process, host = _serve(folder, *arguments)
    connection = http.client.HTTPConnection(host, timeout=60)
    connection.request("GET", "/sign-in/")
    status = connection.getresponse().status
    seconds = time.monotonic() - begin
    connection.close()
    _stop(process)
    assert status == http.client.OK
    return seconds


def _until_searchable(folder: str) -> float:
    begin = time.monotonic()
    process, _ = _serve(folder)
    path = f"file:{folder}/library.sqlite3?mode=ro"
    question = (
        "SELECT count(*) FROM medialib_asset "
        "WHERE state = 'searchable' AND indexed_generation = index_generation"
    )
    try:
        while time.monotonic() - begin < PATIENCE_SECONDS:
            with sqlite3.connect(path, uri=True, timeout=30) as database:
                [count] = database.execute(question).fetchone()
            if count == DEMO_ASSETS:
                return time.monotonic() - begin
            time.sleep(0.5)
    finally:
        _stop(process)
    raise TimeoutError("The demo has not become searchable.")
