"""Cuts a hit's ranges into pieces with the labels seen in them. Asks no engine."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping

from search.backends.base import Piece
from search.conditions import Condition, Seen, positive_leaves
from search.ranges import union

# Of one label: start_ms, end_ms, confidence.
Moment = tuple[int, int, float]


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
    ranges: list[tuple[int, int]], moments: Mapping[int, list[Moment]], *, video: bool
) -> list[Piece]:
    """Make a piece of every range, with the best confidence of each label seen in it."""
    ends = [end for _, end in ranges]
    seen: list[list[tuple[int, float]]] = [[] for _ in ranges]
    for label, rows in moments.items():
        # A photo is one piece [0, 1); its moments are stored as 0, 0.
        rows = rows if video else [(0, 1, confidence) for _, _, confidence in rows]
        for at, confidence in _best(ranges, ends, rows).items():
            seen[at].append((label, confidence))
    return [
        _piece(start, end, found) if video else _piece(0, 0, found)
        for (start, end), found in zip(ranges, seen, strict=True)
    ]


def joined_pieces(moments: Mapping[int, list[Moment]], *, video: bool) -> list[Piece]:
    """Make the pieces of labels alone: their moments, made one where they touch."""
    if not video:
        return pieces_of([(0, 1)] if any(moments.values()) else [], moments, video=False)
    if len(moments) == 1:
        ((label, rows),) = moments.items()
        return _of_one_label(label, rows)
    lasting = {label: [row for row in rows if row[0] < row[1]] for label, rows in moments.items()}
    times = [row[:2] for rows in lasting.values() for row in rows]
    return pieces_of(union(times), lasting, video=True)


def _of_one_label(label: int, rows: list[Moment]) -> list[Piece]:
    """Make the pieces of a single label, which most searches ask for, without sorting labels."""
    pieces: list[Piece] = []
    until = -1
    for start, end, sure in sorted(rows):
        if start > until:
            if start < end:
                pieces.append(Piece(start, end, sure, ((label, sure),)))
                until = end
            continue
        last = pieces[-1]
        if end > until:
            last.end_ms = until = end
        if sure > last.confidence and start < end:
            last.confidence, last.labels = sure, ((label, sure),)
    return pieces


def _piece(start: int, end: int, seen: list[tuple[int, float]]) -> Piece:
    if len(seen) > 1:
        seen.sort(key=lambda pair: (-pair[1], pair[0]))
    return Piece(start, end, seen[0][1] if seen else 0.0, tuple(seen))


def _best(
    ranges: list[tuple[int, int]], ends: list[int], rows: Iterable[Moment]
) -> dict[int, float]:
    """Give the best confidence of a label in every range it was seen in."""
    best: dict[int, float] = {}
    for start, end, confidence in rows:
        at = bisect_right(ends, start)
        while at < len(ends) and ranges[at][0] < end:
            if confidence > best.get(at, -1.0):
                best[at] = confidence
            at += 1
    return best
