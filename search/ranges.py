"""Algebra of time ranges: sorted, disjoint, half-open integer milliseconds. Knows no assets."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import pairwise

Range = tuple[int, int]
Ranges = list[Range]


def union(*sets: Iterable[Range]) -> Ranges:
    """Join ranges to maximal ones; pieces that touch become one."""
    joined: Ranges = []
    for start, end in sorted(piece for pieces in sets for piece in pieces):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def intersect(left: Sequence[Range], right: Sequence[Range]) -> Ranges:
    """Keep the time that lies in both; touching pieces are joined."""
    found: Ranges = []
    i = j = 0
    while i < len(left) and j < len(right):
        start, end = max(left[i][0], right[j][0]), min(left[i][1], right[j][1])
        if start < end:
            found.append((start, end))
        if left[i][1] <= right[j][1]:
            i += 1
        else:
            j += 1
    return union(found)


def minus(left: Sequence[Range], right: Sequence[Range]) -> Ranges:
    """Keep the time of the first that does not lie in the second."""
    found: Ranges = []
    j = 0
    for range_start, end in left:
        start = range_start
        while j < len(right) and right[j][1] <= start:
            j += 1
        k = j
        while k < len(right) and right[k][0] < end:
            if start < right[k][0]:
                found.append((start, right[k][0]))
            start = max(start, right[k][1])
            k += 1
        if start < end:
            found.append((start, end))
    return found


def then(sets: Sequence[Sequence[Range]], gaps_ms: Sequence[int]) -> Ranges:
    """Give the union of [first.start, last.end) over every chain of ranges that follow each other.

    b follows a when it starts after a starts and at most the gap after a ends.
    """
    # Per range of the set at hand: where a chain ending in it first started, None if none does.
    starts: list[int | None] = [start for start, _ in sets[0]]
    for (before, after), gap in zip(pairwise(sets), gaps_ms, strict=True):
        starts = [_first_start(before, starts, start=start, gap_ms=gap) for start, _ in after]
    ended = zip(starts, sets[-1], strict=True)
    return union((start, end) for start, (_, end) in ended if start is not None)


def then_nearly(
    sets: Sequence[Sequence[Range]], gaps_ms: Sequence[int], unless_ms: Sequence[int]
) -> Ranges:
    """Give what `then` gives, or nothing if it gives something even within the narrower gaps."""
    return [] if unless_ms and then(sets, unless_ms) else then(sets, gaps_ms)


def join(ranges: Iterable[Range], gap_ms: int) -> Ranges:
    """Make ranges one that are at most so far apart; given sorted and disjoint."""
    joined: Ranges = []
    for start, end in ranges:
        if joined and start - joined[-1][1] <= gap_ms:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined


def _first_start(
    before: Sequence[Range], starts: Sequence[int | None], *, start: int, gap_ms: int
) -> int | None:
    # The ranges are sorted and disjoint, so those that can be followed stand side by side.
    low = bisect_left(before, start - gap_ms, key=lambda piece: piece[1])
    high = bisect_left(before, start, key=lambda piece: piece[0])
    return min((first for first in starts[low:high] if first is not None), default=None)
