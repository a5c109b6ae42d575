"""Cuts a hit's ranges into pieces with the labels seen in them. Asks no engine."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

from search.backends.base import Piece
from search.conditions import Condition, Seen, positive_leaves

# Label id, start_ms, end_ms, confidence.
Moment = tuple[int, int, int, float]


def steps_wanted(condition: Condition) -> dict[int, int]:
    """Say for each label that is looked for the lowest step at which it counts."""
    steps: dict[int, int] = {}
    for leaf in positive_leaves(condition):
        if isinstance(leaf, Seen):
            for label in (leaf.label, *leaf.below):
                steps[label] = min(leaf.step, steps.get(label, leaf.step))
    return steps


def surest(pieces: list[Piece], most: int) -> list[Piece]:
    """Leave the surest pieces where there are too many, in order of time."""
    if len(pieces) <= most:
        return pieces
    best = sorted(pieces, key=lambda piece: (-piece.confidence, piece.start_ms))
    return sorted(best[:most], key=lambda piece: piece.start_ms)


def pieces_of(
    ranges: list[tuple[int, int]], moments: Iterable[Moment], *, video: bool
) -> list[Piece]:
    """Make a piece of every range, with the best confidence of each label seen in it."""
    ends = [end for _, end in ranges]
    seen: list[dict[int, float]] = [{} for _ in ranges]
    for label, start, end, confidence in moments:
        # A photo is one piece [0, 1); its moments are stored as 0, 0.
        start, end = (start, end) if video else (0, 1)
        at = bisect_right(ends, start)
        while at < len(ranges) and ranges[at][0] < end:
            if confidence > seen[at].get(label, -1.0):
                seen[at][label] = confidence
            at += 1
    pieces = []
    for (start, end), labels in zip(ranges, seen, strict=True):
        found = tuple(labels.items())
        if len(found) > 1:
            found = tuple(sorted(found, key=lambda pair: (-pair[1], pair[0])))
        best = found[0][1] if found else 0.0
        pieces.append(Piece(start if video else 0, end if video else 0, best, found))
    return pieces
