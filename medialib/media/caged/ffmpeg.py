"""Run the ffmpeg binary inside the cage and report its progress. Builds no command line."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from medialib.media import cage_exec


class FfmpegFailed(Exception):
    """The binary ended with an error."""


def run(
    request: dict[str, Any],
    source: BinaryIO | None,
    emit: Callable[[dict[str, Any]], None],
    folder: Path,
) -> dict[str, Any]:
    """Run ffmpeg with `request["arguments"]` in `folder`, emitting `{"out_ms": …}`."""
    del source
    for name, path in request["inputs"].items():
        (folder / name).symlink_to(path)
    binary = request["binary"] or find_binary()
    shim = [sys.executable, "-I", "-S", cage_exec.__file__, str(os.getpid())]
    command = [*shim, binary, "-nostdin", "-progress", "pipe:1", *request["arguments"]]
    # A file, not a pipe: nobody reads it before the end. It has no name and vanishes by itself.
    with tempfile.TemporaryFile(dir=folder) as words:
        with subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=words
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                name, _, value = line.partition(b"=")
                if name == b"out_time_us" and value.strip().isdigit():
                    emit({"out_ms": int(value) // 1000})
        if process.returncode != 0:
            words.seek(0)
            _fail(process.returncode, words.read()[-2000:].decode("utf-8", "replace"))
    return {}


def find_binary() -> str:
    """Find the ffmpeg that came with the libraries."""
    import imageio_ffmpeg

    return str(imageio_ffmpeg.get_ffmpeg_exe())


def _fail(code: int, words: str) -> None:
    for number in (errno.ENOSPC, errno.EFBIG, errno.ENOMEM):
        if os.strerror(number) in words:
            raise OSError(number, os.strerror(number))
    lines = words.strip().splitlines() or [f"ffmpeg ended with {code}"]
    raise FfmpegFailed(lines[-1])
