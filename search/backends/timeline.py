"""An asset's time as bits: cut at every start and end, one bit per piece. Knows no database.

A value is one integer: bit 0 says that the asset matches as a whole, bit i + 1 that piece i lies
in a matching range. `&`, `|` and `&~` are then intersection, union and difference of ranges.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence

from search.conditions import STEPS
from search.ranges import join

# The masks of a label begin with how many there are and, for each step, which of them holds, or
# NONE; then come the masks, all of the same width.
HEAD = 1 + len(STEPS)
NONE = 255
WHOLE = 1
RANGES = ~WHOLE


def unpack(masks: bytes, step: int) -> int:
    """Give the bits of a label at a confidence step, 0 if it does not reach it."""
    entry = masks[1 + step]
    if entry == NONE:
        return 0
    width = (len(masks) - HEAD) // masks[0]
    start = HEAD + entry * width
    return int.from_bytes(masks[start : start + width], "little")


def reaches(masks: bytes, step: int, *, at: int = 0) -> bool:
    """Tell whether a label, whose masks begin there, reaches a confidence step."""
    return masks[at + 1 + step] != NONE


def count(value: int) -> int:
    """Count the ranges of a value."""
    bits = value & RANGES
    return (bits & ~(bits << 1)).bit_count()


def count_all(values: Iterable[int]) -> int:
    """Count the ranges of many values, without a call for each."""
    return sum(((bits := value & RANGES) & ~(bits << 1)).bit_count() for value in values)


def runs(value: int) -> Iterator[tuple[int, int]]:
    """Give the ranges of a value as (first piece, piece after the last)."""
    bits = value >> 1
    while bits:
        first = bits & -bits
        # The carry runs through the ones of a range and stops at the piece behind it.
        carried = bits + first
        yield first.bit_length() - 1, (carried & -carried).bit_length() - 1
        bits &= carried


def unpack_edges(stored: bytes) -> array[int]:
    """Read the cuts as stored."""
    edges = array("q")
    edges.frombytes(stored)
    return edges


def ranges_of(value: int, edges: Sequence[int]) -> list[tuple[int, int]]:
    """Give the ranges of a value in milliseconds."""
    return [(edges[first], edges[after]) for first, after in runs(value)]


def value_of(ranges: Sequence[tuple[int, int]], edges: Sequence[int]) -> int:
    """Set the bits of ranges that start and end at cuts."""
    value = 0
    for start, end in ranges:
        value |= (2 << bisect_left(edges, end)) - (2 << bisect_left(edges, start))
    return value


def joined(value: int, edges: Sequence[int], gap_ms: int | None) -> int:
    """Make ranges one that are at most so far apart."""
    if gap_ms is None:
        return value
    return value & WHOLE | value_of(join(ranges_of(value, edges), gap_ms), edges)


def as_long_as(
    value: int, edges: Sequence[int], length_ms: tuple[int | None, int | None] | None
) -> int:
    """Leave only ranges of at least and at most this length; the asset as a whole has none."""
    if length_ms is None:
        return value
    low, high = length_ms[0] or 0, length_ms[1]
    return value_of(
        [
            (start, end)
            for start, end in ranges_of(value, edges)
            if low <= end - start and (high is None or end - start <= high)
        ],
        edges,
    )


def screen_ms(value: int, edges: Sequence[int]) -> int:
    """Add up how long the ranges of a value last."""
    bits, total = value >> 1, 0
    while bits:
        # As `runs` does, without stopping at each: there are as many as labels and assets.
        first = bits & -bits
        carried = bits + first
        total += edges[(carried & -carried).bit_length() - 1] - edges[first.bit_length() - 1]
        bits &= carried
    return total


def both_at(left: int, right: int) -> int:
    """Both at the same time; a whole asset is there at all times."""
    found = left & right
    if left & WHOLE:
        found |= right & RANGES
    if right & WHOLE:
        found |= left & RANGES
    return found


def minus_at(left: int, right: int) -> int:
    """The first without the second; a whole asset is excluded by any range of the second."""
    if right & WHOLE:
        return 0
    return left & ~right & RANGES if right else left


def both_anywhere(left: int, right: int) -> int:
    """Both somewhere in the asset."""
    if not left or not right:
        return 0
    return (left & right & WHOLE) | ((left | right) & RANGES)


def minus_anywhere(left: int, right: int) -> int:
    """The first, if the second is nowhere in the asset."""
    return 0 if right else left
