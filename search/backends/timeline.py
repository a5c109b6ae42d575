"""An asset's time as bits: cut at every start and end, one bit per piece. Knows no database.

A value is one integer: bit 0 says that the asset matches as a whole, bit i + 1 that piece i lies
in a matching range. `&`, `|` and `&~` are then intersection, union and difference of ranges.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import NamedTuple

from search.conditions import STEPS, counted_key, step_of
from search.documents import AssetDocument
from search.query import COUNTS
from search.ranges import join
from search.results import label_score

_STEPS = len(STEPS)
_HEAD = 1 + _STEPS
_NONE = 255
_PRESENT = (1 << _STEPS) - 1
_NONE_BYTE = bytes((_NONE,))
_FIRST_COUNTED = counted_key(0, COUNTS[0])
WHOLE = 1
RANGES = ~WHOLE


class LabelRow(NamedTuple):
    """A label in an asset, with everything below it."""

    label: int
    score: float
    # The confidence steps at which something changes: the highest of each mask.
    steps: tuple[int, ...]
    # How many ranges each of these masks has.
    ranges: tuple[int, ...]
    masks: bytes


_label_of = itemgetter(0)
# A label's row without the label.
_Looks = tuple[float, tuple[int, ...], tuple[int, ...], bytes]


@dataclass(frozen=True, slots=True)
class Timeline:
    """The cuts in milliseconds and what is seen between them.

    `counted` holds the same for labels that were seen several times at once, under `Seen.key`.
    """

    edges: tuple[int, ...]
    rows: tuple[LabelRow, ...]
    counted: tuple[LabelRow, ...] = ()


def build(document: AssetDocument) -> Timeline:
    """Cut an asset's time and set the bits of every label and of everything above it.

    Until a label's row is made, its bits at all confidence steps lie in one integer, a lane of
    bits for each step; below them, bit n says that there is something at step n.
    """
    edges = _edges(document)
    lanes: dict[int, int] = {}
    best: dict[int, float] = {}
    for (label, reached), (bits, surest) in _seen(document, edges).items():
        lineage = (label, *document.ancestors.get(label, ()))
        for key in _with_counts(lineage, reached) if reached else lineage:
            if key not in lanes:
                lanes[key], best[key] = bits, surest
                continue
            lanes[key] |= bits
            if surest > best[key]:
                best[key] = surest
    photo = document.kind == "photo"
    whole_ms = 0 if photo else max(document.duration_ms, edges[-1] if edges else 0)
    rows: list[LabelRow] = []
    alike: dict[tuple[int, float], _Looks] = {}
    for label in sorted(lanes):
        same = (lanes[label], best[label])
        # Many a label is seen just when the one below it is.
        looks = alike.get(same)
        if looks is None:
            looks = alike[same] = _looks(*same, edges=edges, whole_ms=whole_ms)
        rows.append(LabelRow(label, *looks))
    plain = bisect_left(rows, _FIRST_COUNTED, key=_label_of)
    return Timeline(tuple(edges), tuple(rows[:plain]), tuple(rows[plain:]))


def _edges(document: AssetDocument) -> list[int]:
    if document.kind == "photo":
        return [0, 1] if document.moments else []
    return sorted({row[1] for row in document.moments}.union([row[2] for row in document.moments]))


def _seen(document: AssetDocument, edges: list[int]) -> dict[tuple[int, int], tuple[int, float]]:
    """Give the lanes and the best confidence of every label, with how many of COUNTS it reaches."""
    photo = document.kind == "photo"
    bit = {edge: 1 << position for position, edge in enumerate(edges)}
    lane = len(edges) + 1
    found: dict[tuple[int, int], tuple[int, float]] = {}
    for label, start, end, confidence, instances in document.moments:
        step = step_of(confidence)
        span = 1 if photo else bit[end] - bit[start]
        bits = span << _STEPS + 1 + step * lane | 1 << step
        key = (label, 0 if instances < COUNTS[0] else bisect_right(COUNTS, instances))
        if key in found:
            before, surest = found[key]
            found[key] = (before | bits, surest if surest > confidence else confidence)
        else:
            found[key] = (bits, confidence)
    return found


def _with_counts(labels: Iterable[int], reached: int) -> list[int]:
    return [counted_key(label, count) for label in labels for count in (0, *COUNTS[:reached])]


def _looks(lanes: int, best: float, *, edges: list[int], whole_ms: int) -> _Looks:
    """Work out all of a label's row but which label it is."""
    steps, head = _head(lanes & _PRESENT)
    lane = len(edges) + 1
    one = (1 << lane) - 1
    seen = 0
    masks: list[int] = []
    for step in reversed(steps):
        seen |= lanes >> _STEPS + step * lane & one
        masks.append(seen)
    masks.reverse()
    ranges = tuple([count(mask) for mask in masks])
    width = (seen.bit_length() + 7) // 8
    share = screen_ms(seen, edges) / whole_ms if whole_ms else 0.0
    score = label_score(best=best, share=share, ranges=ranges[0])
    return score, steps, ranges, head + b"".join([mask.to_bytes(width, "little") for mask in masks])


@lru_cache(maxsize=4_096)
def _head(present: int) -> tuple[tuple[int, ...], bytes]:
    """List the steps at which something is, and say which mask holds at each of all steps.

    A mask holds for every step above the one before, up to its own. Before that stands the number
    of masks.
    """
    steps = tuple(step for step in range(_STEPS) if present >> step & 1)
    entries = bytes(bisect_left(steps, step) for step in range(steps[-1] + 1))
    return steps, bytes((len(steps),)) + entries.ljust(_STEPS, _NONE_BYTE)


def counts_of(row: LabelRow) -> list[int]:
    """Count the ranges of a label at each of all steps."""
    return [0 if entry == _NONE else row.ranges[entry] for entry in row.masks[1:_HEAD]]


def unpack(masks: bytes, step: int) -> int:
    """Give the bits of a label at a confidence step, 0 if it does not reach it."""
    entry = masks[1 + step]
    if entry == _NONE:
        return 0
    width = (len(masks) - _HEAD) // masks[0]
    start = _HEAD + entry * width
    return int.from_bytes(masks[start : start + width], "little")


def reaches(masks: bytes, step: int) -> bool:
    """Tell whether a label reaches a confidence step."""
    return masks[1 + step] != _NONE


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


def pack_edges(edges: Sequence[int]) -> bytes:
    """Write the cuts as stored."""
    return array("q", edges).tobytes()


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
