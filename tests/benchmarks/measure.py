"""How figures are measured and shown: interleaved pairs, medians, bootstrap bounds, the machine."""

from __future__ import annotations

import os
import platform
import random
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

PAIRS = 7
_RESAMPLES = 2_000


@dataclass(frozen=True, slots=True)
class Ratio:
    """How many times the floor something takes: the median and the bounds of its 95 % interval."""

    middle: float
    low: float
    high: float
    ours_seconds: float
    floor_seconds: float

    def __str__(self) -> str:
        return f"{self.middle:.2f} ({self.low:.2f}–{self.high:.2f})"

    def verdict(self, goal: float) -> str:
        """Say whether the goal is met; only a lower bound above it is a miss."""
        if self.low > goal:
            return "missed"
        return "met" if self.middle <= goal else "met within the noise"


def compare(ours: Callable[[], float], floor: Callable[[], float], *, pairs: int = PAIRS) -> Ratio:
    """Measure two things in turn, each giving its own seconds, and relate them pair by pair."""
    measured = []
    for index in range(pairs):
        if index % 2:
            seconds, base = ours(), floor()
        else:
            base, seconds = floor(), ours()
        measured.append((seconds, base))
    return ratio_of(measured)


def ratio_of(measured: Sequence[tuple[float, float]]) -> Ratio:
    """Relate measured pairs of (ours, floor)."""
    ratios = [seconds / base for seconds, base in measured]
    low, high = bounds(ratios)
    return Ratio(
        statistics.median(ratios),
        low,
        high,
        statistics.median(seconds for seconds, _ in measured),
        statistics.median(base for _, base in measured),
    )


def bounds(values: Sequence[float]) -> tuple[float, float]:
    """Give the 95 % bootstrap interval of the median."""
    chance = random.Random(1)
    medians = sorted(
        statistics.median(chance.choices(values, k=len(values))) for _ in range(_RESAMPLES)
    )
    return medians[_RESAMPLES // 40], medians[-_RESAMPLES // 40]


def p95(values: Sequence[float]) -> float:
    """Give the value that 95 % of these do not exceed."""
    return sorted(values)[min(len(values) - 1, int(len(values) * 0.95))]


def rss_bytes(pid: int | str = "self") -> int:
    """Give the resident memory of a process (Linux)."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def peak_rss_bytes() -> int:
    """Give the largest resident memory that this program has had (Linux).

    Not `ru_maxrss`: that one starts with the memory of the process that started this one.
    """
    lines = Path("/proc/self/status").read_text().splitlines()
    peak = next(line for line in lines if line.startswith("VmHWM:"))
    return int(peak.split()[1]) * 1024


def met(condition: bool) -> str:
    """Say whether a goal without noise is met."""
    return "met" if condition else "missed"


def table(rows: Sequence[tuple[str, str, str, str]]) -> str:
    """Draw rows of (what, goal, measured, verdict) as a Markdown table."""
    lines = ["| what | goal | measured | |", "|---|---|---|---|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def machine() -> str:
    """Describe the machine in one line."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        model = names[0].partition(":")[2].strip() if names else model
    return (
        f"{os.cpu_count()} cores, {model}; Python {platform.python_version()}, {platform.system()}"
    )
