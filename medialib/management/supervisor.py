"""Keeps the parts of the service running: starts them, replaces the dead, ends them all.

It knows processes and nothing else: not what the parts do, nor what a library is.
"""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_FIRST_DELAY_SECONDS = 1.0
_LONGEST_DELAY_SECONDS = 30.0
# A part that has run this long was healthy: its next death is met with the first delay again.
_HEALTHY_SECONDS = 60.0
_GRACE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Part:
    """One process of the service: a Python module, its arguments and what it inherits."""

    name: str
    module: str
    arguments: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    inherits: tuple[int, ...] = ()
    # A part that runs once is not replaced when it ends.
    once: bool = False


@dataclass(slots=True)
class _Running:
    part: Part
    process: subprocess.Popen[bytes]
    started_at: float
    failures: int


@dataclass(frozen=True, slots=True)
class _Ended:
    name: str
    code: int


@dataclass(frozen=True, slots=True)
class _Signalled:
    number: int


@dataclass(frozen=True, slots=True)
class _Called:
    function: Callable[[], None]


class Supervisor:
    """Runs parts until it is told to stop; all starting and ending happens in one thread."""

    def __init__(
        self, *, folder: Path, say: Callable[[str], None], on_death: Callable[[str], None]
    ) -> None:
        self._folder = folder
        self._say = say
        self._on_death = on_death
        self._news: queue.SimpleQueue[_Ended | _Signalled | _Called] = queue.SimpleQueue()
        self._running: dict[str, _Running] = {}
        self._waiting: dict[str, tuple[float, Part, int]] = {}
        self._lifeline, self._our_end = os.pipe()

    def start(self, part: Part, *, failures: int = 0) -> None:
        """Start a part in a process group of its own."""
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "medialib.management.child"),
                *(str(self._lifeline), part.module, *part.arguments),
            ],
            cwd=self._folder,
            env={**os.environ, **part.environment},
            stdin=subprocess.DEVNULL,
            pass_fds=(self._lifeline, *part.inherits),
            process_group=0,
        )
        self._running[part.name] = _Running(part, process, time.monotonic(), failures)
        threading.Thread(target=self._watch, args=(part.name, process), daemon=True).start()

    def call(self, function: Callable[[], None]) -> None:
        """Have a function called by the supervising thread; any thread may ask."""
        self._news.put(_Called(function))

    def run(self) -> None:
        """Keep all parts running until a signal asks to stop, then end them and return."""
        earlier = {number: signal.signal(number, self._signalled) for number in _STOP_SIGNALS}
        try:
            while self._goes_on():
                self._start_due()
        finally:
            self._end_all()
            for number, handler in earlier.items():
                signal.signal(number, handler)

    def _signalled(self, number: int, _frame: FrameType | None) -> None:
        self._news.put(_Signalled(number))

    def _watch(self, name: str, process: subprocess.Popen[bytes]) -> None:
        self._news.put(_Ended(name, process.wait()))

    def _goes_on(self) -> bool:
        """Take one piece of news, waiting no longer than until the next start; say if to go on."""
        due = min((at for at, _, _ in self._waiting.values()), default=None)
        try:
            news = self._news.get(timeout=None if due is None else max(0.0, due - time.monotonic()))
        except queue.Empty:
            return True
        match news:
            case _Signalled():
                return False
            case _Ended(name, code):
                self._ended(self._running.pop(name), code)
            case _Called(function):
                function()
        return True

    def _ended(self, ended: _Running, code: int) -> None:
        name = ended.part.name
        self._on_death(name)
        if ended.part.once:
            if code:
                self._say(f"The {name} has ended early ({_how(code)}); the rest goes on.")
            return
        lived = time.monotonic() - ended.started_at
        failures = 0 if lived > _HEALTHY_SECONDS else ended.failures
        delay = min(_FIRST_DELAY_SECONDS * 2**failures, _LONGEST_DELAY_SECONDS)
        self._say(f"The {name} has ended ({_how(code)}); it starts again in {delay:.0f} s.")
        self._waiting[name] = (time.monotonic() + delay, ended.part, failures + 1)

    def _start_due(self) -> None:
        now = time.monotonic()
        for name, (at, part, failures) in list(self._waiting.items()):
            if at <= now:
                del self._waiting[name]
                self.start(part, failures=failures)

    def _end_all(self) -> None:
        """Ask every part to end; the grace's end or a second signal kills those still there."""
        self._waiting.clear()
        self._signal_all(signal.SIGTERM)
        deadline = time.monotonic() + _GRACE_SECONDS
        while self._running:
            try:
                news = self._news.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                news = _Signalled(signal.SIGKILL)
            match news:
                case _Ended(name, _):
                    # It was told to end, so this is no death; the next start gives its work back.
                    self._running.pop(name, None)
                case _Signalled():
                    self._signal_all(signal.SIGKILL)
                    deadline = time.monotonic() + _GRACE_SECONDS

    def _signal_all(self, number: int) -> None:
        for running in self._running.values():
            # A part that ended just now has no group any more; its news is already on the way.
            try:
                os.killpg(running.process.pid, number)
            except ProcessLookupError:
                continue


def _how(code: int) -> str:
    """Say how a process ended."""
    if code >= 0:
        return f"exit code {code}"
    return f"killed by {signal.Signals(-code).name}"
