"""Makes the hits of a page from values: ranges in milliseconds and the labels seen in them."""

from __future__ import annotations

import sqlite3
from bisect import bisect_right
from collections import defaultdict
from typing import Any, NamedTuple
from uuid import UUID

from search.backends.base import Hit, Piece, SearchRequest
from search.backends.sqlite import timeline
from search.backends.sqlite.writer import unpack_labels
from search.conditions import STEPS, TEXT_WEIGHTS, InText, Seen, positive_leaves

# Looking for some more labels than there are costs less than reading which there are.
_FEW_LABELS = 24
_Moment = tuple[int, int, int, float]


class Entry(NamedTuple):
    """A match on its way to becoming a hit; sorts by its first two fields."""

    sort_value: Any
    uuid: bytes
    asset: int
    video: bool
    value: int
    score: float
    texts: tuple[tuple[InText, float], ...]


def make_hits(
    connection: sqlite3.Connection, request: SearchRequest, entries: list[Entry]
) -> tuple[Hit, ...]:
    """Read edges and moments of a page's assets at once and make their hits."""
    if not entries:
        return ()
    marks = ", ".join(str(entry.asset) for entry in entries)
    edges = dict(
        connection.execute(f"SELECT asset, edges FROM asset_detail WHERE asset IN ({marks})")
    )
    ranged = [entry.asset for entry in entries if entry.value & timeline.RANGES]
    moments = _moments(connection, ranged, _present(connection, ranged, _wanted(request)))
    return tuple(
        _hit(entry, edges[entry.asset], moments.get(entry.asset, []), request) for entry in entries
    )


def _present(
    connection: sqlite3.Connection, assets: list[int], steps: dict[int, int]
) -> dict[int, int]:
    """Leave only labels that some of the assets have, where there are many to look for."""
    if len(steps) <= _FEW_LABELS:
        return steps
    rows = connection.execute(
        f"SELECT labels FROM asset_detail WHERE asset IN ({', '.join(map(str, assets))})"
    )
    there = {label for (labels,) in rows for label in unpack_labels(labels)}
    return {label: step for label, step in steps.items() if label in there}


def _wanted(request: SearchRequest) -> dict[int, int]:
    """Say for each label that is looked for the lowest step at which it counts."""
    steps: dict[int, int] = {}
    for leaf in positive_leaves(request.condition):
        if isinstance(leaf, Seen):
            for label in (leaf.label, *leaf.below):
                steps[label] = min(leaf.step, steps.get(label, leaf.step))
    return steps


def _moments(
    connection: sqlite3.Connection, assets: list[int], steps: dict[int, int]
) -> dict[int, list[_Moment]]:
    found: defaultdict[int, list[_Moment]] = defaultdict(list)
    if assets and steps:
        rows = connection.execute(
            "SELECT asset, label, start_ms, end_ms, confidence FROM moment WHERE asset IN"
            f" ({', '.join(map(str, assets))}) AND label IN ({', '.join(map(str, steps))})"
        )
        for asset, label, start, end, confidence in rows:
            if confidence >= STEPS[steps[label]]:
                found[asset].append((label, start, end, confidence))
    return found


def _hit(
    entry: Entry,
    stored_edges: bytes,
    moments: list[_Moment],
    request: SearchRequest,
) -> Hit:
    ranges = timeline.ranges_of(entry.value, timeline.unpack_edges(stored_edges))
    pieces = _pieces(ranges, moments, video=entry.video)
    if len(pieces) > request.moments_per_hit:
        surest = sorted(pieces, key=lambda piece: (-piece.confidence, piece.start_ms))
        pieces = sorted(surest[: request.moments_per_hit], key=lambda piece: piece.start_ms)
    return Hit(
        asset_id=str(UUID(bytes=entry.uuid)),
        sort_value=entry.sort_value,
        score=entry.score,
        moment_count=len(ranges),
        screen_ms=sum(end - start for start, end in ranges) if entry.video else 0,
        pieces=tuple(pieces),
        texts=tuple((leaf, _best_field(leaf, weight)) for leaf, weight in entry.texts if weight),
    )


def _best_field(leaf: InText, weight: float) -> str:
    each = weight / len(leaf.tokens)
    return min(TEXT_WEIGHTS, key=lambda name: abs(TEXT_WEIGHTS[name] - each))


def _pieces(ranges: list[tuple[int, int]], moments: list[_Moment], *, video: bool) -> list[Piece]:
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
        surest = tuple(labels.items())
        if len(surest) > 1:
            surest = tuple(sorted(surest, key=lambda pair: (-pair[1], pair[0])))
        best = surest[0][1] if surest else 0.0
        pieces.append(Piece(start if video else 0, end if video else 0, best, surest))
    return pieces
