"""Makes the hits of a page from values: ranges in milliseconds and the labels seen in them."""

from __future__ import annotations

import sqlite3
from array import array
from bisect import bisect_right
from collections import defaultdict
from typing import Any, NamedTuple
from uuid import UUID

from search.backends.base import Hit, Piece, SearchRequest
from search.backends.sqlite import timeline
from search.backends.sqlite.writer import unpack_labels
from search.conditions import STEPS, TEXT_WEIGHTS, InText, Seen, positive_leaves

_Moment = tuple[int, int, int, float]


class Entry(NamedTuple):
    """A match on its way to becoming a hit; sorts by its first two fields."""

    sort_value: Any
    uuid: bytes
    asset: int
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
    details = {
        asset: (timeline.unpack_edges(edges), unpack_labels(labels), bool(video))
        for asset, edges, labels, video in connection.execute(
            "SELECT d.asset, d.edges, d.labels, a.video FROM asset_detail d"
            f" JOIN asset a ON a.id = d.asset WHERE d.asset IN ({marks})"
        )
    }
    steps = _wanted(request)
    ranged = [entry.asset for entry in entries if entry.value & timeline.RANGES]
    labels = {label for asset in ranged for label in details[asset][1] if label in steps}
    moments = _moments(connection, ranged, {label: steps[label] for label in labels})
    return tuple(
        _hit(entry, details[entry.asset], moments.get(entry.asset, []), request)
        for entry in entries
    )


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
    details: tuple[array[int], array[int], bool],
    moments: list[_Moment],
    request: SearchRequest,
) -> Hit:
    edges, _, video = details
    ranges = timeline.ranges_of(entry.value, edges)
    pieces = _pieces(ranges, moments, video=video)
    if len(pieces) > request.moments_per_hit:
        surest = sorted(pieces, key=lambda piece: (-piece.confidence, piece.start_ms))
        pieces = sorted(surest[: request.moments_per_hit], key=lambda piece: piece.start_ms)
    return Hit(
        asset_id=str(UUID(bytes=entry.uuid)),
        sort_value=entry.sort_value,
        score=entry.score,
        moment_count=len(ranges),
        screen_ms=sum(end - start for start, end in ranges) if video else 0,
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
        surest = tuple(sorted(labels.items(), key=lambda pair: (-pair[1], pair[0])))
        best = surest[0][1] if surest else 0.0
        pieces.append(Piece(start if video else 0, end if video else 0, best, surest))
    return pieces
