"""A bar that shows how far a long command is, where somebody looks at it. Writes no results."""

from __future__ import annotations

import time
from typing import IO

_WIDTH = 30
_EVERY_SECONDS = 0.1


class Bar:
    """Shows how many of `total` things are done; writes nothing where `stream` is no terminal."""

    def __init__(self, stream: IO[str], *, total: int, unit: str = "files") -> None:
        self._stream, self._total, self._unit = stream, total, unit
        self._shown = total > 0 and stream.isatty()
        self._started = time.monotonic()
        self._drawn_at = -_EVERY_SECONDS
        self.done = 0

    def step(self) -> None:
        """Count one more."""
        self.done += 1
        now = time.monotonic()
        if self._shown and (now - self._drawn_at > _EVERY_SECONDS or self.done == self._total):
            self._drawn_at = now
            self._stream.write(f"\r\033[K{self.text(now - self._started)}")
            self._stream.flush()

    def clear(self) -> None:
        """Make the line free for a sentence; the bar comes back with the next step."""
        if self._shown:
            self._stream.write("\r\033[K")
            self._stream.flush()

    def text(self, seconds: float) -> str:
        """Say how far it is after so many seconds."""
        share = min(1.0, self.done / self._total)
        filled = round(_WIDTH * share)
        pace = self.done / max(seconds, 0.001)
        left = (self._total - self.done) / max(pace, 0.001)
        return (
            f"[{'#' * filled}{'.' * (_WIDTH - filled)}] {self.done:,} of {self._total:,} "
            f"{self._unit}, {pace:.1f} a second, {left / 60:.0f} min {left % 60:.0f} s left"
        )
