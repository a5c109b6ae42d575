"""An upload outlives kill -9 of either side at every tenth part of more than a hundred.

Parts are small here, so that many fit into a real clip; the protocol is the same for any size.
Each death costs the start of a process: it runs with `MEDIALIB_LONG_TESTS=1` only.
"""

from __future__ import annotations

import contextlib
import hashlib
import signal
import socket
import subprocess
import sys

import pytest

from medialib.client.library import Library
from tests import service
from tests.servers import long

pytestmark = long

CLIP = service.ROOT / "medialib" / "demo_data" / "highway.mp4"
PART = 25_000
COUNT = -(-CLIP.stat().st_size // PART)
EVERY = 10
KILLS = COUNT // EVERY
AT_ONCE = 4
WHOLE = (hashlib.sha256(CLIP.read_bytes()).hexdigest(),) * 2
# Sends the clip as the command line does and says, after each part, how many are there. A mortal
# one dies as by kill -9 in the very moment at which it has sent so many.
CLIENT = """
import os, signal, sys
from medialib.client.library import Library
url, token, path, part, every = sys.argv[1:]
before = None

def say(sent, size):
    global before
    there = -(-sent // int(part))
    before = there - 1 if before is None else before
    print(there, flush=True)
    if every and sent < size and there // int(every) > before // int(every):
        os.kill(os.getpid(), signal.SIGKILL)

print(Library(url, token).upload(path, force=True, on_progress=say)["id"])
"""


class Web:
    """A web process beside the service's own, on a socket that outlives it."""

    def __init__(self, environment):
        self.environment = environment
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        self.start()

    def start(self):
        number = self.socket.fileno()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "medialib.management.web", str(number)],
            cwd=service.ROOT,
            env=self.environment,
            pass_fds=[number],
        )

    def kill(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with service.running(tmp_path_factory.mktemp("service"), MEDIALIB_PART_BYTES=str(PART)) as one:
        yield one


@pytest.fixture
def web(running):
    # The supervisor waits longer after each death; this one starts again at once.
    made = Web(running.environment)
    with contextlib.closing(made.socket):
        yield made
        made.kill()


def client(running, url, *, dies_every=""):
    command = [sys.executable, "-c", CLIENT, url, running.token, str(CLIP), str(PART), dies_every]
    return subprocess.Popen(command, cwd=service.ROOT, stdout=subprocess.PIPE, text=True)


def digest_of(running, asset_id, folder):
    """Wait for an asset; give the digest that the library says, and that of its bytes."""
    asset = running.searchable(asset_id)
    Library(running.url, running.token).download(asset_id, folder / "back.mp4")
    return asset["sha256"], hashlib.sha256((folder / "back.mp4").read_bytes()).hexdigest()


def test_of_the_web_process(running, web, tmp_path):
    killed = 0
    with client(running, web.url) as sending:
        for line in sending.stdout:
            if line.strip().isdigit() and int(line) % EVERY == 0:
                web.kill()
                web.start()
                killed += 1
        asset_id = line.strip()
    assert sending.returncode == 0
    assert (COUNT > 100, killed) == (True, KILLS)
    assert digest_of(running, asset_id, tmp_path) == WHOLE


def test_of_the_client(running, tmp_path):
    lines, killed = [], 0
    returned = -signal.SIGKILL
    while returned:
        assert returned == -signal.SIGKILL
        with client(running, running.url, dies_every=str(EVERY)) as sending:
            lines += sending.stdout.read().split()
        returned = sending.returncode
        killed += bool(returned)
    assert killed == KILLS
    # Each began where the one before had stopped; what was under way then was sent once more.
    assert len(lines) - 1 <= COUNT + KILLS * (AT_ONCE - 1)
    assert digest_of(running, lines[-1], tmp_path) == WHOLE
