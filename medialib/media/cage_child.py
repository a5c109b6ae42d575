"""The caged child: gives up every right first, then imports and runs one job.

Started as a script with `python -I`, an empty environment and two inherited descriptors: the
link (a socket on which both sides speak JSON lines) and the lifeline (a pipe that ends with the
parent). Decides nothing about media. What it may not do is enforced here, before any code that
touches a stranger's bytes is imported.
"""

from __future__ import annotations

import ctypes
import errno
import importlib
import io
import json
import os
import resource
import signal
import struct
import sys
import threading
import traceback
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

BLOCK = 256 * 1024
CACHED_BLOCKS = 64
READ_AHEAD_BLOCKS = 16

_PR_SET_PDEATHSIG = 1
_PR_SET_SECCOMP = 22
_PR_SET_NO_NEW_PRIVS = 38
_CLONE_NEWNET = 0x40000000
_CLONE_NEWUSER = 0x10000000
_OWN_FAULTS = {errno.EFBIG: "file_size", errno.ENOSPC: "disk_full", errno.ENOMEM: "memory"}
# Audit architecture, number of socket(2); io_uring_setup(2) is 425 on both.
_SECCOMP_NUMBERS = {"x86_64": (0xC000003E, 41), "aarch64": (0xC00000B7, 198)}


class Link:
    """Messages to the parent, and reads answered by it. Safe to use from several threads."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._lock = threading.Lock()

    def receive_line(self) -> dict[str, Any]:
        """Wait for one JSON line."""
        data = b""
        while not data.endswith(b"\n"):
            part = os.read(self._fd, 1 << 16)
            if not part:
                raise SystemExit(1)
            data += part
        message: dict[str, Any] = json.loads(data)
        return message

    def send(self, kind: str, body: object) -> None:
        """Send one JSON line."""
        line = json.dumps({kind: body}, separators=(",", ":")).encode() + b"\n"
        with self._lock:
            self._write(line)

    def read_at(self, offset: int, length: int) -> bytes:
        """Ask the parent for bytes of the source."""
        with self._lock:
            self._write(b'{"read":[%d,%d]}\n' % (offset, length))
            return self._read_exactly(struct.unpack(">Q", self._read_exactly(8))[0])

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._fd, view) :]

    def _read_exactly(self, length: int) -> bytes:
        data = bytearray()
        while len(data) < length:
            part = os.read(self._fd, min(length - len(data), 1 << 20))
            if not part:
                raise SystemExit(1)
            data += part
        return bytes(data)


class ServedSource(io.RawIOBase):
    """A seekable file whose bytes the parent serves, in cached blocks.

    Reads that go on from the last block ask for twice as much each time, so that decoding a whole
    file does not wait for every block while single pictures read little. Who knows which bytes come
    next says so with `expect`.
    """

    def __init__(self, link: Link, size: int) -> None:
        super().__init__()
        self._link = link
        self._size = size
        self._place = 0
        self._blocks: OrderedDict[int, bytes] = OrderedDict()
        self._next = -1
        self._in_a_row = 0
        self._expected = 0, b""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size}[whence]
        self._place = max(0, start + offset)
        return self._place

    def expect(self, offset: int, length: int) -> None:
        """Fetch just these bytes at once. Reads inside them end where they end, if need be short.

        A reader that fills its buffer would else reach for a whole block behind them. `length` is
        at most what the parent gives in one read.
        """
        self._expected = offset, self._link.read_at(offset, length)

    def readinto(self, buffer: Any, /) -> int:
        view = memoryview(buffer).cast("B")
        part = self.read(min(len(view), BLOCK))
        view[: len(part)] = part
        return len(part)

    def read(self, size: int | None = -1, /) -> bytes:
        left = self._size - self._place
        wanted = left if size is None or size < 0 else min(size, left)
        begin, expected = self._expected
        if begin <= self._place < begin + len(expected):
            skip = self._place - begin
            part = expected[skip : skip + wanted]
            self._place += len(part)
            return part
        data = bytearray()
        while len(data) < wanted:
            number, skip = divmod(self._place, BLOCK)
            part = self._block(number)[skip : skip + wanted - len(data)]
            if not part:
                break
            data += part
            self._place += len(part)
        return bytes(data)

    def _block(self, number: int) -> bytes:
        if number not in self._blocks:
            self._fetch(number)
        self._blocks.move_to_end(number)
        return self._blocks[number]

    def _fetch(self, number: int) -> None:
        # Reading on after a jump is mostly one group of pictures: trust a row only as it grows.
        self._in_a_row = self._in_a_row + 1 if number == self._next else 0
        ahead = min(1 << self._in_a_row // 2, READ_AHEAD_BLOCKS)
        data = self._link.read_at(number * BLOCK, ahead * BLOCK)
        for step in range(max(1, -(-len(data) // BLOCK))):
            self._blocks[number + step] = data[step * BLOCK : (step + 1) * BLOCK]
        self._next = number + ahead
        while len(self._blocks) > CACHED_BLOCKS:
            self._blocks.popitem(last=False)


def die_with_parent(lifeline: int, parent: int) -> None:
    """End this whole group as soon as the parent is gone."""
    if sys.platform == "linux":
        # The signal belongs to the thread that started us; it waits for us, so it can't end first.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os.killpg(0, signal.SIGKILL)

    def watch() -> None:
        os.read(lifeline, 1)
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=watch, daemon=True, name="lifeline").start()


def limit(limits: dict[str, int]) -> None:
    """Bound memory, CPU and file size; leave no core file; step back behind other processes."""
    cpu = limits["cpu_seconds"]
    bounds = (
        (resource.RLIMIT_AS, limits["memory_bytes"], limits["memory_bytes"]),
        (resource.RLIMIT_CPU, cpu, cpu + 2),
        (resource.RLIMIT_FSIZE, limits["file_bytes"], limits["file_bytes"]),
        (resource.RLIMIT_CORE, 0, 0),
    )
    for which, soft, hard in bounds:
        ceiling = resource.getrlimit(which)[1]
        if ceiling != resource.RLIM_INFINITY:
            soft, hard = min(soft, ceiling), min(hard, ceiling)
        resource.setrlimit(which, (soft, hard))
    os.nice(10)


def refuse_network() -> None:
    """Make every new socket impossible where the kernel lets us; else leave the network behind."""
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if not _filter_sockets(libc) and libc.unshare(_CLONE_NEWNET) != 0:
        libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET)


def _filter_sockets(libc: ctypes.CDLL) -> bool:
    """Let socket(2) and io_uring_setup(2) fail with "permission denied" (a seccomp filter)."""
    numbers = _SECCOMP_NUMBERS.get(os.uname().machine)
    if numbers is None or libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return False
    architecture, socket_number = numbers
    load, equal, at_least, answer = 0x20, 0x15, 0x35, 0x06
    program = b"".join(
        struct.pack("=HBBI", *step)
        for step in (
            (load, 0, 0, 4),
            (equal, 0, 4, architecture),
            (load, 0, 0, 0),
            (at_least, 2, 0, 0x40000000),
            (equal, 1, 0, socket_number),
            (equal, 0, 1, 425),
            (answer, 0, 0, 0x00050000 | errno.EACCES),
            (answer, 0, 0, 0x7FFF0000),
        )
    )
    steps = ctypes.create_string_buffer(program, len(program))
    header = ctypes.create_string_buffer(
        struct.pack("@HP", len(program) // 8, ctypes.addressof(steps))
    )
    return bool(libc.prctl(_PR_SET_SECCOMP, 2, ctypes.byref(header), 0, 0) == 0)


def find_job(name: str) -> Callable[..., dict[str, Any]]:
    """Import `package.module:function`."""
    module, _, function = name.partition(":")
    job: Callable[..., dict[str, Any]] = getattr(importlib.import_module(module), function)
    return job


def open_source(link: Link, source: dict[str, int] | None) -> io.RawIOBase | None:
    """Give the job its bytes: an inherited file or reads answered by the parent."""
    if source is None:
        return None
    if "fd" in source:
        return io.FileIO(source["fd"], "rb")
    return ServedSource(link, source["size"])


def run(link: Link, setup: dict[str, Any]) -> tuple[str, object]:
    """Run the job and put its end into one message for the parent."""
    from medialib.media.errors import MediaRejected

    try:
        job = find_job(setup["job"])
        source = open_source(link, setup["source"])

        def emit(message: dict[str, Any]) -> None:
            link.send("message", message)

        return "result", job(setup["request"], source, emit, Path.cwd())
    except MediaRejected as rejected:
        return "rejected", [rejected.reason, rejected.detail]
    except MemoryError:
        return "died", ["memory", "MemoryError"]
    except OSError as error:
        reason = _OWN_FAULTS.get(error.errno or 0)
        if reason is None:
            raise
        return "died", [reason, f"{type(error).__name__}: {error}"]


def end_with_traceback(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Say on standard error what broke, for the parent's sentence, and end at once."""
    traceback.print_exception(kind, error, trace)
    sys.stderr.flush()
    os._exit(1)


def main() -> None:
    """Be caged, run one job, say how it ended."""
    sys.excepthook = end_with_traceback
    link_fd, lifeline, parent = (int(word) for word in sys.argv[1:4])
    link = Link(link_fd)
    setup = link.receive_line()
    limit(setup["limits"])
    refuse_network()
    die_with_parent(lifeline, parent)
    sys.path.insert(0, setup["root"])
    kind, body = run(link, setup)
    sys.stderr.flush()
    link.send(kind, body)
    # Libraries may hold threads and exit handlers that a finished child has no use for.
    os._exit(0)


if __name__ == "__main__":
    main()
