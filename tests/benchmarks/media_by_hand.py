"""The floors of the media benches, as short as they can be written; bench_media runs them."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections import OrderedDict
from pathlib import Path
from typing import Any

import av

ROOT = Path(__file__).resolve().parents[2]
BLOCK = 256 * 1024
_PROBE = """
import sys
sys.path.insert(0, sys.argv[1])
from medialib.media.caged import probe_photo, probe_video
probe = probe_photo.probe if sys.argv[3] == "photo" else probe_video.probe
with open(sys.argv[2], "rb") as file:
    probe({}, file, print, None)
"""


def bare_probe(path: Path, kind: str) -> None:
    """Look at a file in a plain child: no limits, no link, no own folder."""
    command = [sys.executable, "-I", "-c", _PROBE, str(ROOT), str(path), kind]
    subprocess.run(command, check=True, capture_output=True)


def hash_of(path: Path) -> str:
    """Read a file once."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def first_keyframe(path: Path, target: Path) -> None:
    """Decode one picture and write it small."""
    with av.open(str(path)) as container:
        frame = next(container.decode(container.streams.video[0]))
        frame.to_image(width=640, height=360).save(target, quality=80)


class Ranges:
    """An object in a bucket as a file: blocks of 256 KiB, read by range and kept."""

    def __init__(self, client: Any, key: str) -> None:
        self._client, self._key, self._place = client, key, 0
        self.size = client.head_object(Bucket="media", Key=key)["ContentLength"]
        self.fetched = 0
        self._blocks: OrderedDict[int, bytes] = OrderedDict()

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a place."""
        self._place = {0: 0, 1: self._place, 2: self.size}[whence] + offset
        return self._place

    def tell(self) -> int:
        """Say where it is."""
        return self._place

    def read(self, size: int) -> bytes:
        """Give what one block still holds from here."""
        number, skip = divmod(self._place, BLOCK)
        if self._place >= self.size:
            return b""
        if number not in self._blocks:
            span = f"bytes={number * BLOCK}-{min(self.size, (number + 1) * BLOCK) - 1}"
            answer = self._client.get_object(Bucket="media", Key=self._key, Range=span)
            self._blocks[number] = answer["Body"].read()
            self.fetched += len(self._blocks[number])
        data = self._blocks[number][skip : skip + size]
        self._place += len(data)
        return data


def pictures(client: Any, key: str, at_ms: list[int], folder: Path) -> int:
    """Make exact pictures with one open and nothing around it; gives the bytes fetched."""
    source = Ranges(client, key)
    with av.open(source) as container:
        stream = container.streams.video[0]
        for at in at_ms:
            container.seek(int(at / 1000 / stream.time_base), stream=stream)
            last = None
            for frame in container.decode(stream):
                if last is not None and frame.time > at / 1000 + 0.0005:
                    break
                last = frame
            assert last is not None
            last.to_image(width=480, height=270).save(folder / f"{at}.jpg", quality=80)
    return source.fetched
