"""Answers requests: a page that the server decides alone, or candidates decided in Python.

One label with facts is one round trip, exact at any size. Everything else reads columns of the
assets that can match and decides on their masks, exactly up to a number of them; above it the
answer says "more than", the page is found by going through the candidates in the order asked for,
and the sorts by moments and by screen time order only the candidates that were read.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from itertools import chain
from typing import Any
from uuid import UUID

from search.backends import timeline
from search.backends.base import Hit, Page, Piece, SearchRequest
from search.backends.facets import commonest
from search.backends.opensearch import asking
from search.backends.opensearch.matching import Row, columns_for, decider, needs_edges
from search.backends.pieces import joined_pieces, pieces_of, steps_wanted, surest
from search.conditions import Seen

# Gives the answer to the body of a search.
Ask = Callable[[asking.Body], dict[str, Any]]
Facets = dict[str, tuple[tuple[str | int, int], ...]]
_BATCH = 2_000
_PAGE_BATCH = 500
_SORT_COLUMNS = {"newest": "created_ms", "captured": "captured_key", "title": "title"}


def search(ask: Ask, request: SearchRequest, *, cap: int) -> Page:
    """Answer a request."""
    plain = asking.plain_label(request)
    if plain is not None:
        return _plain(ask, request, *plain)
    columns = _columns(request)
    decide = decider(request)
    # The assets of the page are read once more, with their moments: most of what is looked at for
    # deciding is never shown, and edges are the bulk of it.
    late = bool(steps_wanted(request.condition)) and not needs_edges(request)
    deciding = columns - {"edges"} if late else columns
    rows, whole = _read(ask, request, deciding, cap=cap)
    matched = [row for row in rows if decide(row)]
    facets = {name: _count(name, _passing(matched, request, name)) for name in request.facets}
    if request.facets:
        matched = _passing(matched, request, "")
    walks = not whole and request.sort in ("relevance", *_SORT_COLUMNS)
    keyed, more = _walk(ask, request, deciding) if walks else _cut(matched, request)
    return Page(
        hits=_with_moments(ask, request, keyed, columns),
        assets=len(matched),
        moments=timeline.count_all(row.value for row in matched),
        exact=whole,
        more=more,
        facets=facets,
    )


# ---- the server alone ----------------------------------------------------------------------------


def _plain(ask: Ask, request: SearchRequest, seen: Seen | None, facts: list[Any]) -> Page:
    # Where the server has scored, a label's moments say all: neither masks nor cuts are read.
    scored = seen is not None and not seen.count and request.sort == "relevance"
    columns = {"kind"} if scored else _columns(request)
    answer = ask(asking.plain_page(request, seen, facts, columns | ({"seen"} if seen else set())))
    rows = _rows(answer)
    page = rows[: request.page_size]
    counted = answer.get("aggregations", {})
    moments, exact = (0, True) if seen is None else asking.counted(counted["moments"])
    return Page(
        hits=_scored_hits(page, answer, request) if scored else _decided_hits(page, request),
        assets=answer["hits"]["total"]["value"],
        moments=moments,
        exact=exact,
        more=len(rows) > request.page_size,
        facets={name: _buckets(counted[f"facet-{name}"]["values"]) for name in request.facets},
    )


def _scored_hits(
    page: list[Row], answer: dict[str, Any], request: SearchRequest
) -> tuple[Hit, ...]:
    steps, hits = steps_wanted(request.condition), []
    for row, found in zip(page, answer["hits"]["hits"], strict=False):
        row.score = asking.score_of(found)
        hits.append(
            _hit(row, -row.score, joined_pieces(row.moments(steps), video=row.video), request)
        )
    return tuple(hits)


def _decided_hits(page: list[Row], request: SearchRequest) -> tuple[Hit, ...]:
    decide = decider(request)
    for row in page:
        decide(row)
    return _hits([(_key(row, request), row) for row in page], request)


def _buckets(answer: dict[str, Any]) -> tuple[tuple[str | int, int], ...]:
    return tuple([(bucket["key"], bucket["doc_count"]) for bucket in answer["buckets"]])


# ---- candidates ----------------------------------------------------------------------------------


def _columns(request: SearchRequest) -> set[str]:
    columns = columns_for(request.condition)
    if request.sort in _SORT_COLUMNS:
        columns.add(_SORT_COLUMNS[request.sort])
    return columns


def _read(
    ask: Ask, request: SearchRequest, columns: Collection[str], *, cap: int
) -> tuple[list[Row], bool]:
    """Read the assets that can match, up to the cap; say whether these are all."""
    if request.facets:
        columns = {*columns, *asking.FACET_FIELDS.values()}
    rows: list[Row] = []
    while True:
        size = min(_BATCH, cap + 1 - len(rows))
        after = rows[-1].asset_id if rows else None
        body = asking.candidates(request, size=size, columns=columns, after=after)
        body["track_total_hits"] = False
        found = _rows(ask(body))
        rows += found
        if len(found) < size:
            return rows, True
        if len(rows) > cap:
            return rows[:cap], False


def _walk(
    ask: Ask, request: SearchRequest, columns: Collection[str]
) -> tuple[list[tuple[Any, Row]], bool]:
    """Go through the candidates in the order asked for until the page is full."""
    keyed: list[tuple[Any, Row]] = []
    after: list[Any] | None = None
    decide = decider(request)
    while True:
        body = asking.ordered_candidates(request, size=_PAGE_BATCH, columns=columns, after=after)
        hits = ask(body)["hits"]["hits"]
        for hit in hits:
            row = _row(hit)
            if decide(row):
                by_score = request.sort == "relevance"
                keyed.append((-hit["sort"][0] if by_score else _key(row, request), row))
        if len(keyed) > request.page_size or len(hits) < _PAGE_BATCH:
            return keyed[: request.page_size], len(keyed) > request.page_size
        after = hits[-1]["sort"]


def _rows(answer: dict[str, Any]) -> list[Row]:
    return [_row(hit) for hit in answer["hits"]["hits"]]


def _row(hit: dict[str, Any]) -> Row:
    # Every search of ours is sorted by the asset in the end.
    return Row(hit["sort"][-1], hit["fields"])


def _cut(matched: list[Row], request: SearchRequest) -> tuple[list[tuple[Any, Row]], bool]:
    """Cut the page out of all matches; the asset id breaks ties."""
    keyed: Iterable[tuple[Any, str, Row]] = (
        (_key(row, request), row.asset_id, row) for row in matched
    )
    if request.after is not None:
        last = (request.after[0], str(UUID(request.after[1])))
        keyed = (entry for entry in keyed if entry[:2] > last)
    # Two matches never share both sort value and asset id, so nothing behind them is compared.
    first = heapq.nsmallest(request.page_size + 1, keyed)
    page = [(key, row) for key, _, row in first[: request.page_size]]
    return page, len(first) > request.page_size


def _key(row: Row, request: SearchRequest) -> Any:
    """Give what a match is sorted by, smallest first."""
    if request.sort == "relevance":
        return -row.score
    if request.sort == "moments":
        return -timeline.count(row.value)
    if request.sort == "screen_time":
        return -_screen_ms(row)
    value = row.first(_SORT_COLUMNS[request.sort])
    return -value if request.sort == "newest" else value


def _screen_ms(row: Row) -> int:
    return timeline.screen_ms(row.value, row.edges) if row.video else 0


# ---- facets --------------------------------------------------------------------------------------


def _passing(rows: list[Row], request: SearchRequest, ignored: str) -> list[Row]:
    """Leave rows that pass what is selected in all fields but one."""
    chosen = request.selection
    wanted: dict[str, set[Any]] = {
        "kind": {chosen.kind} - {""},
        "label": set(chosen.labels),
        "category": set(chosen.categories),
        "month": {chosen.month} - {""},
        "length": {chosen.length} - {""},
    }
    tests = [(name, values) for name, values in wanted.items() if values and name != ignored]
    return [row for row in rows if all(values <= _values(name, row) for name, values in tests)]


def _values(name: str, row: Row) -> set[Any]:
    return set(row.all(asking.FACET_FIELDS[name]))


def _count(name: str, rows: list[Row]) -> tuple[tuple[str | int, int], ...]:
    column = asking.FACET_FIELDS[name]
    return commonest(Counter(chain.from_iterable([row.all(column) for row in rows])))


# ---- hits ----------------------------------------------------------------------------------------


def _with_moments(
    ask: Ask, request: SearchRequest, keyed: list[tuple[Any, Row]], columns: Collection[str]
) -> tuple[Hit, ...]:
    """Read the moments of a page's assets and make its hits."""
    if not keyed or not steps_wanted(request.condition):
        return _hits(keyed, request)
    ids = [row.asset_id for _, row in keyed]
    body = asking.page_of(ids, request.principals, {*columns, "seen"})
    now = {row.asset_id: row for row in _rows(ask(body))}
    decide = decider(request)
    # What changed between the two looks is judged anew; what went away is no hit any more.
    fresh = [(key, now[row.asset_id]) for key, row in keyed if row.asset_id in now]
    return _hits([(key, row) for key, row in fresh if decide(row)], request)


def _hits(keyed: list[tuple[Any, Row]], request: SearchRequest) -> tuple[Hit, ...]:
    steps, hits = steps_wanted(request.condition), []
    for key, row in keyed:
        ranges = timeline.ranges_of(row.value, row.edges)
        pieces = pieces_of(ranges, row.moments(steps), video=row.video)
        hits.append(_hit(row, key, pieces, request))
    return tuple(hits)


def _hit(row: Row, key: Any, pieces: list[Piece], request: SearchRequest) -> Hit:
    return Hit(
        asset_id=row.asset_id,
        sort_value=key,
        score=row.score,
        moment_count=len(pieces),
        screen_ms=sum([piece.end_ms - piece.start_ms for piece in pieces]),
        pieces=tuple(surest(pieces, request.moments_per_hit)),
        texts=row.texts,
    )
