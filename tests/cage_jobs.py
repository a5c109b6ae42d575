"""Jobs that the cage's tests run in the child: each tries one thing."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time

from medialib.media.errors import MediaRejected


def echo(request, source, emit, folder):
    return {"request": request, "folder": str(folder), "folder_is_cwd": folder.samefile(".")}


def surroundings(request, source, emit, folder):
    return {
        "environment": dict(os.environ),
        "niceness": os.nice(0),
        "own_group": os.getpgrp() == os.getpid(),
        "isolated": sys.flags.isolated,
        "descriptors": len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0,
        "modules": sorted(sys.modules),
    }


def reject(request, source, emit, folder):
    raise MediaRejected("no_picture", "This file holds no picture.")


def break_down(request, source, emit, folder):
    raise ValueError("broken in the middle")


def crash(request, source, emit, folder):
    os.abort()


def eat_memory(request, source, emit, folder):
    return {"length": len(bytearray(request["bytes"]))}


def spin(request, source, emit, folder):
    while True:
        pass


def wait(request, source, emit, folder):
    threading.Event().wait(60)
    return {}


def write(request, source, emit, folder):
    (folder / "large").write_bytes(b"x" * request["bytes"])
    return {}


def leave_files(request, source, emit, folder):
    (folder / "picture.jpg").write_bytes(b"picture")
    (folder / "link").symlink_to("/etc/passwd")
    (folder / "inner").mkdir()
    if request.get("fail"):
        raise MediaRejected("late", "It broke late.")
    return {}


def count(request, source, emit, folder):
    for number in range(request["to"]):
        emit({"number": number})
    return {"sent": request["to"]}


def emit_and_wait(request, source, emit, folder):
    grandchild = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    emit({"child": os.getpid(), "grandchild": grandchild.pid, "folder": str(folder)})
    time.sleep(60)
    return {}


def knock(request, source, emit, folder):
    answers = {}
    for family in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX):
        try:
            with socket.socket(family, socket.SOCK_STREAM) as caller:
                caller.settimeout(2)
                caller.connect(("127.0.0.1", request["port"]))
            answers[family.name] = "connected"
        except OSError as error:
            answers[family.name] = type(error).__name__
    command = [sys.executable, "-c", "import socket; socket.socket()"]
    answers["grandchild"] = subprocess.run(command, capture_output=True, check=False).returncode
    return answers


def digest(request, source, emit, folder):
    """Read here and there, then all, as a decoder would."""
    import hashlib

    spots = []
    for offset, length in request["spots"]:
        source.seek(offset)
        spots.append(source.read(length).hex())
    source.seek(0, os.SEEK_END)
    end = source.tell()
    source.seek(0)
    whole = hashlib.sha256()
    buffer = bytearray(100_000)
    while got := source.readinto(buffer):
        whole.update(buffer[:got])
    return {"spots": spots, "end": end, "sha256": whole.hexdigest()}


def talk_nonsense(request, source, emit, folder):
    emit({"x": 1})
    for fd in range(3, 20):
        try:
            os.write(fd, b'["nonsense"]\n')
        except OSError:
            continue
    threading.Event().wait(60)
    return {}
