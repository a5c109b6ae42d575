"""Uploads in parts on the real service: bounded memory, kills in the middle, clear refusals."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests import samples, service

PART = 16 * 1024**2


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with service.running(tmp_path_factory.mktemp("service")) as started:
        yield started


def put(url, data):
    """Send one part as a client would; 0 when the connection broke."""
    parted = urlsplit(url)
    connection = http.client.HTTPConnection(parted.netloc, timeout=60)
    with contextlib.closing(connection):
        try:
            connection.request("PUT", f"{parted.path}?{parted.query}", body=data)
            answer = connection.getresponse()
            answer.read()
        except OSError:
            return 0
        return answer.status


def web_process(running):
    folder = b"MEDIALIB_DATA_DIR=" + running.environment["MEDIALIB_DATA_DIR"].encode()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            words = (entry / "cmdline").read_bytes().split(b"\0")
            place = (entry / "environ").read_bytes().split(b"\0")
            if folder in place and b"medialib.management.web" in words:
                return int(entry.name)
    return None


def memory(process):
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024
    raise AssertionError("The process tells no memory.")


def long_clip(megabytes):
    clip = samples.clip(seconds=1.2)
    padding = megabytes * 1024**2
    return clip + padding.to_bytes(4, "big") + b"free" + bytes(padding - 8)


def begin(running, data, **more):
    said = {"filename": "long.mp4", "size": len(data), **more}
    status, upload = running.call("POST", "/api/uploads/", said)
    assert status == 201, upload
    return upload


def addresses(running, upload, numbers):
    path = f"/api/uploads/{upload['id']}/parts/"
    status, rows = running.call("POST", path, {"numbers": list(numbers)})
    assert status == 200, rows
    return {row["number"]: row["url"] for row in rows}


def test_an_upload_outlives_killed_web_processes(running):
    data = long_clip(50)
    upload = begin(running, data)
    process = web_process(running)
    assert process
    numbers = range(1, upload["part_count"] + 1)
    for number, url in addresses(running, upload, numbers).items():
        piece = data[(number - 1) * PART : number * PART]
        if number % 3 == 0:
            os.kill(web_process(running), signal.SIGKILL)
        running.until(lambda url=url, piece=piece: put(url, piece) == 204)
    path = f"/api/uploads/{upload['id']}/"
    _, seen = running.call("GET", path)
    assert seen["arrived"] == list(numbers)
    status, asset = running.call("POST", f"{path}complete/")
    assert status == 201
    running.searchable(asset["id"])
    _, asset = running.call("GET", f"/api/assets/{asset['id']}/")
    assert asset["size"] == len(data)


def test_parts_pass_through_little_memory_and_leave_no_second_copy(running):
    data = long_clip(96)
    upload = begin(running, data)
    running.call("GET", "/api/assets/")
    process = web_process(running)
    before = memory(process)
    for number, url in addresses(running, upload, range(1, upload["part_count"] + 1)).items():
        assert put(url, data[(number - 1) * PART : number * PART]) == 204
        used = sum(f.stat().st_size for f in temporary(running).rglob("*") if f.is_file())
        assert used == 0
    assert memory(process) - before < 30 * 1024**2
    assert running.call("DELETE", f"/api/uploads/{upload['id']}/")[0] == 204


def temporary(running):
    return Path(running.environment["MEDIALIB_DATA_DIR"]) / "tmp"


def test_wrong_parts_are_refused_on_the_wire(running):
    data = long_clip(17)
    upload = begin(running, data)
    found = addresses(running, upload, [1, 2])
    assert put(found[1], data[: PART - 1]) == 422
    assert put(found[2], data[:PART]) == 422
    assert put(found[1].replace("ticket=", "ticket=x"), data[:PART]) == 422
    assert put(found[1].replace("/parts/1/", "/parts/2/"), data[PART:]) == 422
    other = begin(running, data)["id"]
    assert put(found[1].replace(upload["id"], other), data[:PART]) == 422
    # A length is told before the bytes, and the bytes are as many: else there is no part.
    assert put(found[1], iter([data[:PART]])) == 422
    cut_short(found[1], data[: PART // 2], told=PART)
    _, seen = running.call("GET", f"/api/uploads/{upload['id']}/")
    assert seen["arrived"] == []
    status, problem = running.call("POST", f"/api/uploads/{upload['id']}/complete/")
    assert (status, problem["code"]) == (409, "conflict")


def cut_short(url, data, *, told):
    """Tell of more bytes than come, and hang up."""
    parted = urlsplit(url)
    head = f"PUT {parted.path}?{parted.query} HTTP/1.1\r\nHost: {parted.netloc}\r\n"
    with socket.create_connection((parted.hostname, parted.port)) as connection:
        connection.sendall(f"{head}Content-Length: {told}\r\n\r\n".encode() + data)
