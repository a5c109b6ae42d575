"""Run one job over a stranger's bytes in a child process that can do no harm.

The child has an empty environment, no network, bounded memory, time and file size, a private
folder that is removed whatever happens, and dies with its parent. This module never imports what
it runs and decodes nothing; `cage_child.py` is the other side of the link.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import selectors
import shutil
import signal
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from medialib.exceptions import StorageFull
from medialib.media.errors import CageCancelled, CageDied, MediaRejected
from medialib.media.source import Source

__all__ = ["CageCancelled", "CageDied", "Limits", "MediaRejected", "run", "run_ffmpeg"]

ROOT = Path(__file__).resolve().parents[2]
CHILD = Path(__file__).with_name("cage_child.py")
GIB = 1024**3
LONGEST_LINE = 64 * 1024**2
LONGEST_READ = 16 * 1024**2
CANCEL_CHECK_SECONDS = 0.25
FOLDER_PREFIX = ".cage-"

OnMessage = Callable[[dict[str, Any]], None]
Cancelled = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Limits:
    """What one job may use. Address space counts, not resident memory: codecs reserve much."""

    memory_bytes: int = 4 * GIB
    cpu_seconds: int = 120
    wall_seconds: float = 300
    file_bytes: int = 2 * GIB


_swept: set[Path] = set()
_SENTENCES = {
    "cpu": "Reading this file took more computing time than is allowed.",
    "time": "Reading this file took longer than is allowed.",
    "memory": "Reading this file needs more memory than is allowed.",
    "file_size": "Reading this file made a result larger than is allowed.",
    "crash": "The reader crashed on this file.",
    "error": "The reader broke on this file.",
    "talk": "The reader of this file answered nonsense.",
}


def run(
    job: str,
    *,
    request: dict[str, Any],
    source: Source | None = None,
    limits: Limits | None = None,
    on_message: OnMessage | None = None,
    cancelled: Cancelled | None = None,
    outputs: Path | None = None,
) -> dict[str, Any]:
    """Run `package.module:function` in a caged child and return what it returns.

    The function is called as `function(request, source, emit, folder)`. What `emit` sends reaches
    `on_message` while the job runs; files it leaves in `folder` are moved to `outputs` when it
    succeeds. Raises MediaRejected from the job, CageDied for a crash or a limit, CageCancelled,
    and whatever `source`, `on_message` or `cancelled` raise. Call it from a thread that waits for
    it: the child dies with that thread.
    """
    bounds = limits or Limits()
    with _private_folder(outputs) as folder, _Child(folder, source, bounds) as child:
        child.start(job, request)
        result = child.converse(on_message or _ignore, cancelled or _never)
        child.end()
        if outputs is not None:
            _move_files(folder, outputs)
    return result


def run_ffmpeg(
    arguments: list[str],
    *,
    folder: Path,
    duration_ms: int,
    on_progress: Callable[[float], None] | None = None,
    cancelled: Cancelled | None = None,
    limits: Limits | None = None,
    inputs: dict[str, Path] | None = None,
    binary: str = "",
) -> None:
    """Run the ffmpeg binary in a cage; files it writes by bare name end up in `folder`.

    `arguments` are all but the binary; they name inputs `file:<name>`, where `inputs` says which
    local file stands under that name of ours. `on_progress` gets 0..1.
    """

    def relay(message: dict[str, Any]) -> None:
        if on_progress is not None and duration_ms > 0:
            on_progress(min(1.0, max(0.0, message["out_ms"] / duration_ms)))

    run(
        "medialib.media.caged.ffmpeg:run",
        request={
            "arguments": arguments,
            "binary": binary,
            "inputs": {name: str(path.resolve()) for name, path in (inputs or {}).items()},
        },
        limits=limits,
        on_message=relay,
        cancelled=cancelled,
        outputs=folder,
    )


class _Child:
    """One caged process and the parent's ends of its link, lifeline and standard error."""

    def __init__(self, folder: Path, source: Source | None, limits: Limits) -> None:
        self._folder = folder
        self._source = source
        self._limits = limits
        self._deadline = time.monotonic() + limits.wall_seconds
        self._stack = contextlib.ExitStack()
        self._lines = bytearray()
        self._complaints = bytearray()
        self._next_check = 0.0
        self._stderr = -1
        self._process: subprocess.Popen[bytes]
        self._link: socket.socket

    def __enter__(self) -> _Child:
        return self

    def __exit__(self, *reason: object) -> None:
        self.end()
        self._stack.close()

    def start(self, job: str, request: dict[str, Any]) -> None:
        """Start the child and send it its job."""
        self._link, theirs = (self._stack.enter_context(end) for end in socket.socketpair())
        lifeline, held = os.pipe()
        self._stack.callback(os.close, held)
        handed = [theirs.fileno(), lifeline]
        source = self._offer_source(handed)
        try:
            self._process = self._spawn(theirs.fileno(), lifeline, handed)
        finally:
            # Only the child may hold these ends, or neither side would notice the other's death.
            theirs.close()
            os.close(lifeline)
        assert self._process.stderr is not None
        self._stderr = self._process.stderr.fileno()
        self._link.settimeout(self._limits.wall_seconds)
        setup = {
            "root": str(ROOT),
            "job": job,
            "request": request,
            "limits": asdict(self._limits),
            "source": source,
        }
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._link.sendall(json.dumps(setup).encode() + b"\n")

    def _offer_source(self, handed: list[int]) -> dict[str, int] | None:
        if self._source is None:
            return None
        if self._source.path is None:
            return {"size": self._source.size}
        file = self._stack.enter_context(self._source.path.open("rb"))
        handed.append(file.fileno())
        return {"fd": file.fileno()}

    def _spawn(self, link: int, lifeline: int, handed: list[int]) -> subprocess.Popen[bytes]:
        words = [str(link), str(lifeline), str(os.getpid())]
        return self._stack.enter_context(
            subprocess.Popen(
                [sys.executable, "-I", "-X", "utf8", str(CHILD), *words],
                cwd=self._folder,
                env={},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                close_fds=True,
                pass_fds=handed,
                start_new_session=True,
            )
        )

    def converse(self, on_message: OnMessage, cancelled: Cancelled) -> dict[str, Any]:
        """Answer reads and pass messages on until the job has ended; return its result."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._link, selectors.EVENT_READ)
            selector.register(self._stderr, selectors.EVENT_READ)
            while True:
                ready = selector.select(self._patience(cancelled))
                if any(key.fileobj == self._stderr for key, _ in ready):
                    if not self._take_complaints():
                        selector.unregister(self._stderr)
                    continue
                for message in self._take_lines() if ready else ():
                    result = self._handle(message, on_message)
                    if result is not None:
                        return result

    def _patience(self, cancelled: Cancelled) -> float:
        """Say how long to wait for the child; raise when it is to wait no more."""
        now = time.monotonic()
        if now >= self._deadline:
            raise self._death("time")
        # The caller may ask a database, so it is not asked once for every message.
        if now >= self._next_check:
            self._next_check = now + CANCEL_CHECK_SECONDS
            if cancelled():
                raise CageCancelled
        return min(self._deadline - now, CANCEL_CHECK_SECONDS)

    def _take_complaints(self) -> bool:
        part = os.read(self._stderr, 1 << 16)
        self._complaints = (self._complaints + part)[-4096:]
        return bool(part)

    def _take_lines(self) -> Iterator[dict[str, Any]]:
        try:
            part = self._link.recv(1 << 18)
        except ConnectionResetError:
            part = b""
        if not part:
            raise self._death(self._how_it_died())
        self._lines += part
        if b"\n" not in part:
            if len(self._lines) > LONGEST_LINE:
                raise self._death("talk")
            return
        *lines, rest = self._lines.split(b"\n")
        self._lines = rest
        for line in lines:
            try:
                message = json.loads(line)
            except ValueError as error:
                raise self._death("talk") from error
            yield message

    def _handle(self, message: dict[str, Any], on_message: OnMessage) -> dict[str, Any] | None:
        match message:
            case {"message": dict(body)}:
                on_message(body)
            case {"read": [int(offset), int(length)]}:
                self._serve(offset, length)
            case {"result": dict(result)}:
                return result
            case {"rejected": [str(code), str(sentence)]}:
                raise MediaRejected(code, sentence)
            case {"died": ["disk_full", *_]}:
                raise StorageFull
            case {"died": [str(reason), str(text)]}:
                raise self._death(reason, text=text)
            case _:
                raise self._death("talk")
        return None

    def _serve(self, offset: int, length: int) -> None:
        if self._source is None or offset < 0 or not 0 <= length <= LONGEST_READ:
            raise self._death("talk")
        data = self._source.read_at(offset, length)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._link.sendall(struct.pack(">Q", len(data)) + data)

    def _how_it_died(self) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=5)
        # What the child has started may hold its standard error open.
        self._kill()
        while self._take_complaints():
            continue
        code = self._process.returncode
        if code == 1:
            return "memory" if b"MemoryError" in self._complaints else "error"
        reasons = {-signal.SIGXCPU: "cpu", -signal.SIGXFSZ: "file_size"}
        return reasons.get(code, "crash") if code is not None else "crash"

    def _death(self, reason: str, *, text: str = "") -> CageDied:
        sentence = _SENTENCES.get(reason, _SENTENCES["crash"])
        if reason == "error":
            lines = self._complaints.decode("utf-8", "replace").strip().splitlines()
            text = text or (lines[-1] if lines else "")
            sentence = f"{sentence[:-1]} ({text[:200]})." if text else sentence
        return CageDied(sentence, reason=reason)

    def end(self) -> None:
        """Kill the child and all it has started; harmless when it has ended."""
        if self._stderr >= 0:
            self._kill()
            self._process.wait()

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)


@contextlib.contextmanager
def _private_folder(outputs: Path | None) -> Iterator[Path]:
    """Make an own folder (beside the outputs, so that moving is a rename) and remove it."""
    base = outputs or Path(tempfile.gettempdir())
    base.mkdir(parents=True, exist_ok=True)
    _sweep(base)
    folder = Path(tempfile.mkdtemp(prefix=FOLDER_PREFIX, dir=base))
    lock = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _sweep(base: Path) -> None:
    """Remove folders whose owner was killed: their lock is free, and they are not just made."""
    if base in _swept:
        return
    _swept.add(base)
    for folder in base.glob(f"{FOLDER_PREFIX}*"):
        with contextlib.suppress(OSError):
            lock = os.open(folder, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if time.time() - folder.stat().st_mtime > 60:
                    shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(lock)


def _move_files(folder: Path, outputs: Path) -> None:
    """Move plain files only: a caged job may not plant links or folders."""
    for entry in sorted(folder.iterdir()):
        if stat.S_ISREG(entry.lstat().st_mode):
            entry.replace(outputs / entry.name)


def _ignore(message: dict[str, Any]) -> None:
    del message


def _never() -> bool:
    return False
