"""Answers requests from one connection to the embedded index. Writes nothing."""

from __future__ import annotations

import heapq
import sqlite3
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from operator import itemgetter
from typing import Any
from uuid import UUID

from medialib.selectors import Principals
from search.backends import timeline
from search.backends.base import Page, SearchRequest
from search.backends.facets import commonest
from search.backends.sqlite.compiler import Compiler, LabelPage, Statement
from search.backends.sqlite.hits import Entry, make_hits
from search.backends.sqlite.values import EDGES, ID, SCORE, SORT, UUID_, VIDEO, Row
from search.backends.sqlite.writer import unpack_labels
from search.conditions import Condition, Seen, parts_of

_FACET_PLACES = {"kind": 0, "month": 1, "length": 2, "label": 3, "category": 4}
Match = tuple[Row, int]
# Sort value, asset id, row, value.
Keyed = tuple[Any, bytes, Row, int]
Facets = dict[str, tuple[tuple[str | int, int], ...]]


def search(connection: sqlite3.Connection, request: SearchRequest) -> Page:
    """Answer a request: hits, exact totals, facets."""
    plain = Compiler(request).label_page()
    if plain is not None:
        return _label_page(connection, request, plain)
    labels = {leaf.label for leaf in _labels(request.condition)}
    # Only the order of joins depends on these counts; with one label there is no order.
    counts = label_counts(connection, labels=labels) if len(labels) > 1 else {}
    statement = Compiler(request).compile(counts=counts)
    rows = connection.execute(statement.sql, statement.parameters)
    matched = _kept(statement.match(rows), request)
    facets = _facets(request, [row for row, _ in matched], statement)
    if statement.selected:
        columns = statement.selected.values()
        matched = [pair for pair in matched if all(pair[0][column] for column in columns)]
    first, more = _cut(_keyed(request, statement, matched), request)
    entries = [_entry(statement, *keyed) for keyed in first]
    return Page(
        hits=make_hits(connection, request, entries),
        assets=len(matched),
        moments=timeline.count_all(value for _, value in matched),
        exact=True,
        more=more,
        facets=facets,
    )


def _label_page(connection: sqlite3.Connection, request: SearchRequest, plain: LabelPage) -> Page:
    assets, moments = connection.execute(plain.totals, plain.parameters).fetchone()
    rows = connection.execute(plain.rows, plain.parameters).fetchall()
    entries = [
        Entry(key, uuid, asset, bool(video), timeline.unpack(masks, plain.step), -key, ())
        for key, uuid, asset, video, masks in rows[: request.page_size]
    ]
    facets: Facets = {}
    if request.facets:
        found = connection.execute(plain.facets, plain.parameters).fetchall()
        facets = {name: _count(name, found, at=0) for name in request.facets}
    return Page(
        hits=make_hits(connection, request, entries),
        assets=assets,
        moments=moments,
        exact=True,
        more=len(rows) > request.page_size,
        facets=facets,
    )


def _labels(condition: Condition) -> Iterable[Seen]:
    if isinstance(condition, Seen):
        yield condition
    for part in parts_of(condition):
        yield from _labels(part)


def _kept(matched: list[Match], request: SearchRequest) -> list[Match]:
    """Join ranges and leave only those of the wanted length, if that is wanted."""
    if request.join_ms is None and request.moment_length is None:
        return matched
    kept = []
    for row, value in matched:
        # A photo has no length, nor has an asset that matches as a whole.
        if value & timeline.RANGES and row[VIDEO]:
            edges = timeline.unpack_edges(row[EDGES])
            value = timeline.joined(value, edges, request.join_ms)
            value = timeline.as_long_as(value, edges, request.moment_length)
            if value:
                kept.append((row, value))
        elif request.moment_length is None:
            kept.append((row, value))
    return kept


def _keyed(request: SearchRequest, statement: Statement, matched: list[Match]) -> list[Keyed]:
    """Put before each match what it is sorted by, smallest first; the asset id breaks ties."""
    if request.sort == "relevance" and not statement.texts:
        return [(-round(row[SCORE], 4), row[UUID_], row, value) for row, value in matched]
    key = _KEYS.get(request.sort)
    if key is not None:
        return [(key(row, value), row[UUID_], row, value) for row, value in matched]
    return [(-_score(statement, row), row[UUID_], row, value) for row, value in matched]


def _score(statement: Statement, row: Row) -> float:
    score: float = row[SCORE]
    for _, column in statement.texts:
        score += row[column]
    return round(score, 4)


def _entry(statement: Statement, key: Any, uuid: bytes, row: Row, value: int) -> Entry:
    texts = tuple((leaf, row[column]) for leaf, column in statement.texts)
    return Entry(key, uuid, row[ID], bool(row[VIDEO]), value, _score(statement, row), texts)


def _screen_time(row: Row, value: int) -> int:
    if not row[VIDEO]:
        return 0
    return -timeline.screen_ms(value, timeline.unpack_edges(row[EDGES]))


_KEYS: dict[str, Callable[[Row, int], Any]] = {
    "moments": lambda _row, value: -timeline.count(value),
    "screen_time": _screen_time,
    "newest": lambda row, _value: row[SORT],
    "captured": lambda row, _value: row[SORT],
    "title": lambda row, _value: row[SORT],
}


def _cut(keyed: list[Keyed], request: SearchRequest) -> tuple[list[Keyed], bool]:
    if request.after is not None:
        last = (request.after[0], UUID(request.after[1]).bytes)
        keyed = [entry for entry in keyed if entry[:2] > last]
    # Two matches never share both sort value and asset id, so nothing behind them is compared.
    first = heapq.nsmallest(request.page_size + 1, keyed)
    return first[: request.page_size], len(first) > request.page_size


# ---- facets --------------------------------------------------------------------------------------


def _facets(request: SearchRequest, rows: list[Row], statement: Statement) -> Facets:
    """Count each field over the rows that pass what is selected in the other fields."""
    facets: Facets = {}
    if statement.facets is None:
        return facets
    for name in request.facets:
        others = [column for field, column in statement.selected.items() if field != name]
        counted = [row for row in rows if all(row[column] for column in others)]
        facets[name] = _count(name, counted, at=statement.facets)
    return facets


def _count(name: str, rows: list[Row], *, at: int) -> tuple[tuple[str | int, int], ...]:
    values = map(itemgetter(at + _FACET_PLACES[name]), rows)
    counts: Counter[str | int]
    if name == "label":
        counts = Counter(unpack_labels(b"".join(values)))
    elif name == "category":
        counts = Counter(value for several in values for value in several.split("\n"))
    elif name == "kind":
        counts = Counter("video" if video else "photo" for video in values)
    else:
        counts = Counter(values)
    return commonest(counts)


# ---- smaller questions ---------------------------------------------------------------------------


def label_counts(
    connection: sqlite3.Connection,
    *,
    labels: Collection[int] | None = None,
    principals: Principals | None = None,
) -> dict[int, int]:
    """Count assets per label; without principals, over all, which only planning may use."""
    tests: list[str] = []
    parameters: list[str] = []
    if labels is not None:
        tests.append(f"label IN ({', '.join(str(int(label)) for label in labels)})")
    if principals is not None and not principals.everything:
        names = sorted(principals.names)
        marks = ", ".join("?" * len(names))
        tests.append(f"access IN (SELECT access FROM access_name WHERE name IN ({marks}))")
        parameters += names
    where = f" WHERE {' AND '.join(tests)}" if tests else ""
    rows = connection.execute(
        f"SELECT label, sum(assets) FROM label_access{where} GROUP BY label", parameters
    )
    return {label: assets for label, assets in rows if assets > 0}


def words_seen(
    connection: sqlite3.Connection, tokens: Collection[str], principals: Principals
) -> frozenset[str]:
    """Give those tokens that occur in some text these principals may see."""
    names = sorted(principals.names)
    marks = ", ".join("?" * len(names))
    access = f"AND a.access IN (SELECT access FROM access_name WHERE name IN ({marks}))"
    sql = (
        "SELECT 1 FROM words JOIN asset a ON a.id = words.rowid WHERE words MATCH ?"
        f" {'' if principals.everything else access} LIMIT 1"
    )
    values = [] if principals.everything else names
    return frozenset(
        token
        for token in tokens
        if connection.execute(sql, [f'"{token}"', *values]).fetchone() is not None
    )
