"""Answers requests from one connection to the embedded index. Writes nothing."""

from __future__ import annotations

import heapq
import sqlite3
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from typing import Any
from uuid import UUID

from medialib.selectors import Principals
from search.backends.base import Page, SearchRequest
from search.backends.sqlite import timeline
from search.backends.sqlite.compiler import Compiler, LabelPage, Statement
from search.backends.sqlite.hits import Entry, make_hits
from search.backends.sqlite.values import EDGES, ID, SCORE, SORT, UUID_, VIDEO, Row, Value
from search.backends.sqlite.writer import unpack_labels
from search.conditions import Condition, Seen, parts_of

_FACET_VALUES = 100
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
    matched = _matched(rows, _kept(statement.value, request))
    facets = _facets(request, [row for row, _ in matched], statement)
    if statement.selected:
        columns = statement.selected.values()
        matched = [pair for pair in matched if all(pair[0][column] for column in columns)]
    moments = sum(timeline.count(value) for _, value in matched)
    entries, more = _cut(_entries(request, statement, matched), request)
    return Page(
        hits=make_hits(connection, request, entries),
        assets=len(matched),
        moments=moments,
        exact=True,
        more=more,
        facets=facets,
    )


def _label_page(connection: sqlite3.Connection, request: SearchRequest, plain: LabelPage) -> Page:
    assets, moments = connection.execute(plain.totals, plain.parameters).fetchone()
    rows = connection.execute(plain.rows, plain.parameters).fetchall()
    entries = [
        Entry(key, uuid, asset, timeline.unpack(masks, plain.step), -key, ())
        for key, uuid, asset, masks in rows[: request.page_size]
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


def _matched(rows: Iterable[Row], value: Value) -> list[tuple[Row, int]]:
    return [(row, found) for row in rows if (found := value(row))]


def _kept(value: Value, request: SearchRequest) -> Value:
    """Leave only ranges of the wanted length, if one is wanted."""
    if request.moment_length is None:
        return value
    low, high = request.moment_length

    def kept(row: Row) -> int:
        found = value(row)
        if not found & timeline.RANGES or not row[VIDEO]:
            return 0
        edges = timeline.unpack_edges(row[EDGES])
        long_enough = [
            (start, end)
            for start, end in timeline.ranges_of(found, edges)
            if (low or 0) <= end - start and (high is None or end - start <= high)
        ]
        return timeline.value_of(long_enough, edges)

    return kept


def _entries(
    request: SearchRequest, statement: Statement, matched: list[tuple[Row, int]]
) -> list[Entry]:
    columns = [column for _, column in statement.texts]
    key = _key(request.sort)
    entries = []
    for row, value in matched:
        score = row[SCORE]
        for column in columns:
            score += row[column]
        score = round(score, 4)
        sort_value = -score if key is None else key(row, value)
        texts = tuple((leaf, row[column]) for leaf, column in statement.texts)
        entries.append(Entry(sort_value, row[UUID_], row[ID], value, score, texts))
    return entries


def _key(sort: str) -> Callable[[Row, int], Any] | None:
    """Give what to sort by, smallest first; None for the relevance."""
    if sort == "moments":
        return lambda _row, value: -timeline.count(value)
    if sort == "screen_time":
        return _screen_time
    return None if sort == "relevance" else lambda row, _value: row[SORT]


def _screen_time(row: Row, value: int) -> int:
    if not row[VIDEO]:
        return 0
    return -timeline.screen_ms(value, timeline.unpack_edges(row[EDGES]))


def _cut(entries: list[Entry], request: SearchRequest) -> tuple[list[Entry], bool]:
    if request.after is not None:
        last = (request.after[0], UUID(request.after[1]).bytes)
        entries = [entry for entry in entries if entry[:2] > last]
    # Sort value and asset id decide; two entries never share both.
    first = heapq.nsmallest(request.page_size + 1, entries)
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
    counts: Counter[str | int] = Counter()
    if name == "kind":
        counts.update("video" if row[at] else "photo" for row in rows)
    elif name == "month":
        counts.update(row[at + 1] for row in rows)
    elif name == "length":
        counts.update(row[at + 2] for row in rows if row[at + 2])
    elif name == "label":
        counts.update(unpack_labels(b"".join(row[at + 3] for row in rows)))
    else:
        counts.update(value for row in rows if row[at + 4] for value in row[at + 4].split("\n"))
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return tuple(ordered[:_FACET_VALUES])


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
