"""Builds the bodies of searches: pages that the server decides alone, candidates, facets."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any
from uuid import UUID

from medialib.selectors import Principals
from search.backends.base import SearchRequest
from search.backends.facets import FACET_VALUES
from search.backends.opensearch import queries
from search.backends.opensearch.queries import ANYTHING, Query
from search.backends.opensearch.schema import (
    HIGH,
    LABEL_SHIFT,
    SCORE_SHIFT,
    STEP_SHIFT,
    place_of,
)
from search.conditions import (
    TEXT_WEIGHTS,
    All,
    AnyOf,
    Condition,
    InText,
    Seen,
    Sequence,
    has_ranges,
    positive_leaves,
)
from search.results import SCORE_UNIT

Body = dict[str, Any]
FACET_FIELDS = {
    "kind": "kind",
    "label": "labels",
    "category": "categories",
    "month": "month",
    "length": "length",
}
# Sorts that the server can do by itself, with the field that each sorts by and its direction.
SORT_FIELDS = {
    "newest": ("created_ms", "desc"),
    "captured": ("captured_key", "asc"),
    "title": ("title", "asc"),
}
# How many different numbers of ranges a label can have in assets and still be counted exactly.
MOST_COUNTS = 10_000
# The number of ranges of a label at a step: the first entry at or above the step holds it.
_COUNT_RANGES = f"""
long label = (long) params.label;
long low = (label << {LABEL_SHIFT}) + ((long) params.step << {STEP_SHIFT});
for (long entry : doc[params.field]) {{
  if (entry >= low) {{
    return (entry >>> {LABEL_SHIFT}) == label ? (entry & {(1 << STEP_SHIFT) - 1}L) : 0L;
  }}
}}
return 0L;
"""


def plain_label(request: SearchRequest) -> tuple[Seen | None, list[Condition]] | None:
    """Give the only label and the facts of a request that the server can answer alone, or None."""
    seen: list[Seen] = []
    facts: list[Condition] = []
    for part in _flat(request.condition):
        if isinstance(part, Seen):
            seen.append(part)
        elif has_ranges(part):
            return None
        else:
            facts.append(part)
    by_text = any(isinstance(leaf, InText) for leaf in positive_leaves(request.condition))
    sortable = request.sort in SORT_FIELDS or (request.sort == "relevance" and not by_text)
    exact = queries.narrowed(All(tuple(facts))).exact
    shaped = request.moment_length is not None or request.join_ms is not None
    if len(seen) > 1 or shaped or not sortable or not exact:
        return None
    return (seen[0] if seen else None), facts


def _flat(condition: Condition) -> Iterable[Condition]:
    if not isinstance(condition, All):
        return [condition]
    return [leaf for part in condition.parts for leaf in _flat(part)]


def plain_page(
    request: SearchRequest, seen: Seen | None, facts: list[Condition], columns: Collection[str]
) -> Body:
    """Build the search whose answer is the page itself, with totals and facets."""
    filters = [queries.narrowed(All(tuple(facts))).query, *queries.visible(request.principals)]
    if seen is not None:
        filters.append(queries.has_label(seen))
    must = _label_score(seen, 1.0) if seen is not None and request.sort == "relevance" else []
    body = _body(request, filters, must=must, size=request.page_size + 1, columns=columns)
    body["track_total_hits"] = True
    body["sort"] = _order(request.sort, scored=bool(must))
    if request.after is not None:
        body["search_after"] = _plain_after(request, scored=bool(must))
    tests = queries.selections(request.selection)
    aggregations = body.setdefault("aggs", {})
    if seen is not None:
        counting = _counting(seen)
        if tests:
            selected = {"bool": {"filter": list(tests.values())}}
            counting = {"filter": selected, "aggs": {"n": counting}}
        aggregations["moments"] = counting
    for name in request.facets:
        aggregations[f"facet-{name}"] = _facet(name, tests)
    return body


def page_of(ids: list[str], principals: Principals, columns: Collection[str]) -> Body:
    """Build the search for these assets, as far as they may still be seen."""
    filters = [{"ids": {"values": ids}}, *queries.visible(principals)]
    query = {"bool": {"filter": filters}}
    return {**_page(len(ids), columns), "query": query, "sort": [{"asset": "asc"}]}


def _page(size: int, columns: Collection[str]) -> Body:
    """Ask for columns alone: opening stored documents, or only for their ids, takes far longer."""
    return {
        "size": size,
        "_source": False,
        "stored_fields": "_none_",
        "docvalue_fields": sorted(columns),
    }


def _body(
    request: SearchRequest,
    filters: list[Query],
    *,
    must: list[Query],
    size: int,
    columns: Collection[str],
) -> Body:
    body = _page(size, columns)
    tests = list(queries.selections(request.selection).values())
    kept = [query for query in filters if query != ANYTHING]
    if tests and request.facets:
        # Facets count what their own selection hides, so it comes behind them.
        body["post_filter"] = {"bool": {"filter": tests}}
        tests = []
    body["query"] = {"bool": {"filter": [*kept, *tests], "must": must}}
    return body


def candidates(
    request: SearchRequest, *, size: int, columns: Collection[str], after: str | None
) -> Body:
    """Build the search for assets that can match, in order of their ids."""
    filters = [queries.narrowed(request.condition).query, *queries.visible(request.principals)]
    body = _body(request, filters, must=[], size=size, columns=columns)
    # With facets Python needs those as well that are not selected.
    body.pop("post_filter", None)
    body["sort"] = [{"asset": "asc"}]
    if after is not None:
        body["search_after"] = [after]
    return body


def ordered_candidates(
    request: SearchRequest, *, size: int, columns: Collection[str], after: list[Any] | None
) -> Body:
    """Build the search for assets that can match and are selected, in the order asked for."""
    filters = [queries.narrowed(request.condition).query, *queries.visible(request.principals)]
    filters += queries.selections(request.selection).values()
    score = _expression(request.condition, 1.0) if request.sort == "relevance" else []
    scores = [*score, *_text_scores(request.condition)] if request.sort == "relevance" else []
    body = {
        **_page(size, columns),
        "query": {"bool": {"filter": [f for f in filters if f != ANYTHING], "should": scores}},
        "sort": _order(request.sort, scored=request.sort == "relevance"),
        "track_total_hits": False,
    }
    if after is not None:
        body["search_after"] = after
    elif request.after is not None:
        body["search_after"] = [_sort_start(request), str(UUID(request.after[1]))]
    return body


def _order(sort: str, *, scored: bool) -> list[Any]:
    if sort in SORT_FIELDS:
        field, direction = SORT_FIELDS[sort]
        return [{field: direction}, {"asset": "asc"}]
    return [{"_score": "desc"}, {"asset": "asc"}] if scored else [{"asset": "asc"}]


def _plain_after(request: SearchRequest, *, scored: bool) -> list[Any]:
    assert request.after is not None
    asset = str(UUID(request.after[1]))
    if request.sort in SORT_FIELDS:
        return [_sort_start(request), asset]
    if not scored:
        return [asset]
    return [round(-float(request.after[0]) * SCORE_UNIT) + SCORE_SHIFT, asset]


def _sort_start(request: SearchRequest) -> Any:
    assert request.after is not None
    value = request.after[0]
    if request.sort == "title":
        return str(value)
    return int(value) if request.sort == "captured" else -value  # type: ignore[operator]


def _label_score(seen: Seen, factor: float) -> list[Query]:
    """Give the two features whose sum is the label's score, as a whole number."""
    return [
        {"rank_feature": {"field": f"score.{part}{seen.key}", "linear": {}, "boost": boost}}
        for part, boost in (("h", HIGH * factor), ("l", factor))
    ]


def score_of(hit: Body) -> float:
    """Read a label's score out of a hit that is sorted by it."""
    scored: float = hit["sort"][0]
    return (round(scored) - SCORE_SHIFT) / SCORE_UNIT


def _counting(seen: Seen) -> Body:
    """Count the ranges of a label; what is as good as any confidence is counted by its terms."""
    if seen.step == 0:
        # The server finds a prefix at once; a pattern it would try on more.
        field = f"ranged.{place_of(seen.key)}"
        return {"terms": {"field": field, "include": f"{seen.key}:.*", "size": MOST_COUNTS}}
    script = {
        "source": _COUNT_RANGES,
        "lang": "painless",
        "params": {
            "field": f"counted.{place_of(seen.key)}",
            "label": seen.key,
            "step": seen.step,
        },
    }
    return {"sum": {"script": script}}


def counted(answer: Body) -> tuple[int, bool]:
    """Read the number of ranges out of an answer, and whether these are all."""
    answer = answer.get("n", answer)
    if "value" in answer:
        return round(answer["value"]), True
    many = sum(
        int(bucket["key"].partition(":")[2]) * bucket["doc_count"] for bucket in answer["buckets"]
    )
    return many, not answer["sum_other_doc_count"]


def _facet(name: str, tests: dict[str, Query]) -> Body:
    others = [query for field, query in tests.items() if field != name]
    order = [{"_count": "desc"}, {"_key": "asc"}]
    values = {"field": FACET_FIELDS[name], "size": FACET_VALUES, "order": order}
    return {"filter": {"bool": {"filter": others}}, "aggs": {"values": {"terms": values}}}


# ---- the relevance above the cap -----------------------------------------------------------------


def _expression(condition: Condition, factor: float) -> list[Query]:
    """Score as matching.py does, in the server's floating point: means as sums, OR as maximum."""
    if isinstance(condition, Seen):
        must = _label_score(condition, factor / SCORE_UNIT)
        return [{"bool": {"filter": [queries.has_label(condition)], "must": must}}]
    if not isinstance(condition, All | AnyOf | Sequence):
        return []
    parts = [(part, weight) for part in condition.parts if (weight := _weight(part)) is not None]
    if isinstance(condition, AnyOf):
        scored = [query for part, _ in parts for query in _expression(part, factor)]
        return [{"dis_max": {"queries": scored}}] if scored else []
    total = sum(weight for _, weight in parts)
    scored = [
        query for part, weight in parts for query in _expression(part, factor * weight / total)
    ]
    return [{"bool": {"should": scored}}] if scored else []


def _weight(condition: Condition) -> float | None:
    if isinstance(condition, Seen):
        return condition.weight
    if not isinstance(condition, All | AnyOf | Sequence):
        return None
    weights = [found for part in condition.parts if (found := _weight(part)) is not None]
    return sum(weights) / len(weights) if weights else None


def _text_scores(condition: Condition) -> list[Query]:
    scores: list[Query] = []
    for leaf in dict.fromkeys(positive_leaves(condition)):
        if isinstance(leaf, InText):
            best = [
                {
                    "constant_score": {
                        "filter": queries.narrowed(InText(leaf.tokens, name)).query,  # type: ignore[arg-type]
                        "boost": TEXT_WEIGHTS[name] * max(1, len(leaf.tokens)),
                    }
                }
                for name in ([leaf.field] if leaf.field else TEXT_WEIGHTS)
            ]
            scores.append({"dis_max": {"queries": best}})
    return scores
