"""Makes the hits of a page from values: ranges in milliseconds and the labels seen in them."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from typing import Any, NamedTuple
from uuid import UUID

from search.backends import timeline
from search.backends.base import Hit, SearchRequest
from search.backends.pieces import Moment, pieces_of, steps_wanted, surest
from search.backends.sqlite.writer import unpack_labels
from search.conditions import STEPS, TEXT_WEIGHTS, InText

# Looking for some more labels than there are costs less than reading which there are.
_FEW_LABELS = 24


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
    moments = _moments(
        connection, ranged, _present(connection, ranged, steps_wanted(request.condition))
    )
    return tuple(
        _hit(entry, edges[entry.asset], moments.get(entry.asset, {}), request) for entry in entries
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


def _moments(
    connection: sqlite3.Connection, assets: list[int], steps: dict[int, int]
) -> dict[int, dict[int, list[Moment]]]:
    found: defaultdict[int, dict[int, list[Moment]]] = defaultdict(dict)
    if assets and steps:
        rows = connection.execute(
            "SELECT asset, label, start_ms, end_ms, confidence FROM moment WHERE asset IN"
            f" ({', '.join(map(str, assets))}) AND label IN ({', '.join(map(str, steps))})"
        )
        for asset, label, start, end, confidence in rows:
            if confidence >= STEPS[steps[label]]:
                found[asset].setdefault(label, []).append((start, end, confidence))
    return found


def _hit(
    entry: Entry,
    stored_edges: bytes,
    moments: dict[int, list[Moment]],
    request: SearchRequest,
) -> Hit:
    ranges = timeline.ranges_of(entry.value, timeline.unpack_edges(stored_edges))
    pieces = pieces_of(ranges, moments, video=entry.video)
    return Hit(
        asset_id=str(UUID(bytes=entry.uuid)),
        sort_value=entry.sort_value,
        score=entry.score,
        moment_count=len(ranges),
        screen_ms=sum(end - start for start, end in ranges) if entry.video else 0,
        pieces=tuple(surest(pieces, request.moments_per_hit)),
        texts=tuple((leaf, _best_field(leaf, weight)) for leaf, weight in entry.texts if weight),
    )


def _best_field(leaf: InText, weight: float) -> str:
    each = weight / len(leaf.tokens)
    return min(TEXT_WEIGHTS, key=lambda name: abs(TEXT_WEIGHTS[name] - each))
