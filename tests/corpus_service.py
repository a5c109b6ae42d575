"""Sends the corpus of awkward files to a running service and waits until each has ended."""

from __future__ import annotations

import contextlib
import random
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests import media_corpus
from tests.service import Service

MUTATED = 400
_ENDED = ("searchable", "rejected", "failed")


def names() -> list[str]:
    """List the files to send."""
    return sorted(media_corpus.MAKERS)


@dataclass
class Trap:
    """A server that nobody has a reason to talk to; it notes who does."""

    port: int
    heard: list[str] = field(default_factory=list)

    def files(self) -> dict[str, bytes]:
        """Make files that lead careless readers to this server."""
        address = f"http://127.0.0.1:{self.port}"
        list_ = f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{address}/a.ts\n#EXT-X-ENDLIST\n"
        svg = f"<svg xmlns='http://www.w3.org/2000/svg'><image href='{address}/b.png'/></svg>"
        manifest = f"<?xml version='1.0'?><MPD><BaseURL>{address}/c</BaseURL></MPD>"
        return {
            "playlist.mp4": list_.encode(),
            "playlist.m3u8": list_.encode(),
            "behind_bytes.mp4": b"\x47" + list_.encode() * 40,
            "concat.mp4": f"ffconcat version 1.0\nfile {address}/d.mp4\n".encode(),
            "drawing.mp4": svg.encode(),
            "manifest.mp4": manifest.encode(),
            "elsewhere.mov": self._elsewhere(),
        }

    def _elsewhere(self) -> bytes:
        """Let a film say that its pictures lie on this server (an external data reference)."""
        data = media_corpus.file("quicktime.mov").read_bytes()
        address = f"http://127.0.0.1:{self.port}/e.mov".encode() + b"\0"
        place = data.index(b"dref")
        old = data[place + 12 : place + 12 + int.from_bytes(data[place + 12 : place + 16], "big")]
        new = (12 + len(address)).to_bytes(4, "big") + b"url \0\0\0\0" + address
        # The boxes around it keep their old lengths: readers look at this one first, or give up.
        return data.replace(old, new[: len(old)].ljust(len(old), b"\0"), 1)


@contextlib.contextmanager
def trap() -> Iterator[Trap]:
    """Listen until the block ends."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        set_up = Trap(port=listener.getsockname()[1])
        over = threading.Event()

        def listen() -> None:
            while not over.is_set():
                with contextlib.suppress(TimeoutError):
                    caller, address = listener.accept()
                    set_up.heard.append(str(address))
                    caller.close()

        thread = threading.Thread(target=listen)
        thread.start()
        try:
            yield set_up
        finally:
            over.set()
            thread.join()


def mutants(count: int) -> Iterator[tuple[str, bytes]]:
    """Make damaged copies of small files: bytes changed, cut out, doubled, cut off."""
    chance = random.Random(7)
    sources = ("silent.mp4", "h264.mkv", "broadcast.ts", "photo.jpg", "photo.png", "moving.gif")
    for number in range(count):
        name = sources[number % len(sources)]
        data = bytearray(media_corpus.file(name).read_bytes())
        for _ in range(chance.randint(1, 30)):
            place = chance.randrange(len(data))
            match chance.randrange(4):
                case 0:
                    data[place] = chance.randrange(256)
                case 1:
                    data[place : place + 4] = chance.randbytes(4)
                case 2:
                    del data[place : place + chance.randint(1, 64)]
                case _:
                    data[place:place] = data[place : place + 64]
        if chance.random() < 0.2:
            del data[chance.randrange(200, len(data)) :]
        yield f"{number}-{name}", bytes(data)


def send(service: Service, name: str, data: bytes) -> tuple[int, Any]:
    """Upload a file; its name is its title, too, so that it is found again."""
    return service.upload(data, name, title=name)


def ended(service: Service, *, seconds: float) -> dict[str, Any]:
    """Wait until nothing is being worked on; gives the assets by title."""

    def look() -> dict[str, Any] | None:
        found: dict[str, Any] = {}
        path = "/api/assets/?page_size=100"
        while path:
            _, page = service.call("GET", path)
            found |= {asset["title"]: asset for asset in page["results"]}
            path = (page["next"] or "").removeprefix(service.url)
        return found if all(a["status"]["state"] in _ENDED for a in found.values()) else None

    return dict(service.until(look, seconds=seconds))
