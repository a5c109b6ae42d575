"""Cuts the time of a few assets, or of a very long one, sooner than cutting.py would."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import accumulate
from math import floor, log2, sqrt

import numpy as np

from search.backends import timeline
from search.backends.cuts import Cut
from search.backends.timeline import NONE
from search.conditions import STEPS, counted_key, step_of
from search.documents import AssetDocument
from search.query import COUNTS
from search.results import SCORE_UNIT

_STEPS = len(STEPS)
_PRESENT = (1 << _STEPS) - 1
_FIRST_COUNTED = counted_key(0, COUNTS[0])
# Of a label: its score in units, the steps of its levels, how many ranges each has, its masks.
_Look = tuple[int, tuple[int, ...], list[int], bytes]
# The same with its key.
_Row = tuple[int, int, tuple[int, ...], list[int], bytes]


def cut_few(documents: Sequence[AssetDocument]) -> Cut:
    """Cut assets, one by one."""
    edges: list[int] = []
    rows: list[_Row] = []
    first_edge, first_label, first_counted = [0], [0], []
    for document in documents:
        mine = _edges(document)
        found = _rows(document, mine)
        plain = bisect_left(found, _FIRST_COUNTED, key=_key_of)
        first_counted.append(len(rows) + plain)
        edges += mine
        rows += found
        first_edge.append(len(edges))
        first_label.append(len(rows))
    levels = accumulate([len(row[2]) for row in rows], initial=0)
    return Cut(
        edges=np.array(edges, np.int64),
        first_edge=np.array(first_edge),
        key=np.array([row[0] for row in rows], np.int64),
        units=np.array([row[1] for row in rows], np.int64),
        first_label=np.array(first_label),
        first_counted=np.array(first_counted, np.int64),
        step=np.array([step for row in rows for step in row[2]], np.int64),
        ranges=np.array([many for row in rows for many in row[3]], np.int64),
        first_level=np.array(list(levels)),
        masks=[row[4] for row in rows],
    )


def _key_of(row: _Row) -> int:
    return row[0]


def _edges(document: AssetDocument) -> list[int]:
    if document.kind == "photo":
        return [0, 1] if document.moments else []
    return sorted({row[1] for row in document.moments}.union([row[2] for row in document.moments]))


def _rows(document: AssetDocument, edges: list[int]) -> list[_Row]:
    """Make the rows of an asset.

    Until a label's row is made, its bits at all steps lie in one integer, a lane of bits for each
    step; below them, bit n says that there is something at step n.
    """
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
    whole_ms = max(document.duration_ms, edges[-1]) if edges and document.kind != "photo" else 0
    rows: list[_Row] = []
    alike: dict[tuple[int, float], _Look] = {}
    for key in sorted(lanes):
        same = (lanes[key], best[key])
        # Many a label is seen just when the one below it is.
        if same not in alike:
            alike[same] = _look(*same, edges, whole_ms)
        rows.append((key, *alike[same]))
    return rows


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


def _look(lanes: int, best: float, edges: list[int], whole_ms: int) -> _Look:
    """Work out all of a label's row but its key."""
    steps = _steps_of(lanes & _PRESENT)
    lane = len(edges) + 1
    one = (1 << lane) - 1
    seen = 0
    masks: list[int] = []
    for step in reversed(steps):
        seen |= lanes >> _STEPS + step * lane & one
        masks.append(seen)
    masks.reverse()
    ranges = [timeline.count(mask) for mask in masks]
    width = (seen.bit_length() + 7) // 8
    share = timeline.screen_ms(seen, edges) / whole_ms if whole_ms else 0.0
    often = log2(1 + ranges[0]) / 6
    score = 0.5 * best / 100 + (0.3 * min(1.0, sqrt(share)) + 0.2 * min(1.0, often))
    bits = b"".join([mask.to_bytes(width, "little") for mask in masks])
    return floor(score * SCORE_UNIT + 0.5), steps, ranges, head_of(lanes & _PRESENT) + bits


@lru_cache(maxsize=1 << _STEPS)
def _steps_of(reached: int) -> tuple[int, ...]:
    return tuple(step for step in range(_STEPS) if reached >> step & 1)


@lru_cache(maxsize=1 << _STEPS)
def head_of(reached: int) -> bytes:
    """Say how many masks there are and which of them holds at each of all steps.

    `reached` has a bit for each step with a level. A mask holds for every step above the one
    before, up to its own.
    """
    steps = _steps_of(reached)
    entries = [bisect_left(steps, step) for step in range(steps[-1] + 1)]
    return bytes([len(steps), *entries, *[NONE] * (_STEPS - len(entries))])
