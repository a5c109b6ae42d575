"""The double's own time: it may run faster than the wall's, and tests may jump ahead."""

from __future__ import annotations

import time


class Clock:
    """Seconds since 1970, `speed` times as fast as real ones from the moment it was made."""

    def __init__(self, speed: float = 1.0) -> None:
        self.speed = speed
        self._begin = time.time()
        self._origin = time.monotonic()
        self._skipped = 0.0

    def now(self) -> float:
        return self._begin + self._skipped + (time.monotonic() - self._origin) * self.speed

    def skip(self, seconds: float) -> None:
        """Let time pass at once."""
        self._skipped += seconds

    def real(self, seconds: float) -> float:
        """Say how many seconds of the wall clock so many of these are."""
        return seconds / self.speed
