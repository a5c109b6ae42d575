"""Turns conditions into the server's filters: only term, terms, range, span and bool. Asks nobody.

A filter lets through every asset that can match. `exact` says that it lets through no other; what
is not exact is decided in Python (matching.py).
"""

from __future__ import annotations

from typing import Any, NamedTuple

from medialib.selectors import Principals
from search.backends.base import Selection
from search.conditions import (
    STEPS,
    TEXT_WEIGHTS,
    All,
    AnyOf,
    Between,
    Condition,
    Fact,
    HasKeyword,
    InCategory,
    InText,
    Marked,
    OfKind,
    Seen,
    Sequence,
    Without,
)

Query = dict[str, Any]
# Deeper or larger than this, the server would refuse: Python decides then.
_DEEPEST = 8
_MOST_CLAUSES = 600
_FURTHEST = 1 << 62
ANYTHING: Query = {"match_all": {}}
NOTHING: Query = {"match_none": {}}


class Filter(NamedTuple):
    """A filter, whether it decides alone, and how many clauses it has."""

    query: Query
    exact: bool
    clauses: int = 1


def narrowed(condition: Condition) -> Filter:
    """Give a filter for the assets that can match a condition."""
    found = _narrowed(condition, 0)
    return found if found.clauses <= _MOST_CLAUSES else Filter(ANYTHING, False, 0)


def _narrowed(condition: Condition, depth: int) -> Filter:
    if depth > _DEEPEST:
        return Filter(ANYTHING, False, 0)
    if isinstance(condition, Seen):
        # It is there, but when only Python can tell.
        return Filter(has_label(condition), False)
    if isinstance(condition, All):
        return _all([_narrowed(part, depth + 1) for part in condition.parts])
    if isinstance(condition, AnyOf):
        return _any([_narrowed(part, depth + 1) for part in condition.parts])
    if isinstance(condition, Sequence):
        parts = [_narrowed(part, depth + 1) for part in condition.parts]
        video = Filter({"term": {"kind": "video"}}, True)
        return _all([video, *parts])._replace(exact=False)
    if isinstance(condition, Without):
        part = _narrowed(condition.part, depth + 1)
        if not part.exact:
            return Filter(ANYTHING, False, 0)
        return Filter({"bool": {"must_not": [part.query]}}, True, part.clauses)
    return _fact(condition)


def _all(parts: list[Filter]) -> Filter:
    exact = all(part.exact for part in parts)
    queries = [part.query for part in parts if part.query != ANYTHING]
    if not queries:
        return Filter(ANYTHING, exact, 0)
    clauses = sum(part.clauses for part in parts)
    if len(queries) == 1:
        return Filter(queries[0], exact, clauses)
    return Filter({"bool": {"filter": queries}}, exact, clauses)


def _any(parts: list[Filter]) -> Filter:
    exact = all(part.exact for part in parts)
    if not parts:
        return Filter(NOTHING, True, 0)
    if any(part.query == ANYTHING for part in parts):
        return Filter(ANYTHING, exact, 0)
    clauses = sum(part.clauses for part in parts)
    queries = [part.query for part in parts]
    return Filter({"bool": {"should": queries, "minimum_should_match": 1}}, exact, clauses)


def has_label(seen: Seen) -> Query:
    """Filter assets in which a label reaches a confidence step."""
    if seen.step == 0 and not seen.count:
        return {"term": {"labels": seen.label}}
    tops = [f"{seen.key}@{step}" for step in range(seen.step, len(STEPS))]
    return {"terms": {"tops": tops}}


def _fact(fact: Fact) -> Filter:
    if isinstance(fact, OfKind):
        return Filter({"term": {"kind": fact.kind}}, True)
    if isinstance(fact, InCategory):
        return Filter({"term": {"categories": _sendable(fact.name)}}, True)
    if isinstance(fact, HasKeyword):
        return Filter({"term": {"keywords": _sendable(fact.folded)}}, True)
    if isinstance(fact, Marked):
        return Filter({"term": {"marks": _sendable(fact.mark)}}, True)
    if isinstance(fact, InText):
        return _text(fact)
    return _between(fact)


def _text(leaf: InText) -> Filter:
    tokens = [_sendable(token) for token in leaf.tokens]
    if not tokens:
        return Filter(NOTHING, True)
    if not leaf.field and len(tokens) == 1:
        return Filter({"term": {"words": tokens[0]}}, True)
    fields = [leaf.field] if leaf.field else list(TEXT_WEIGHTS)
    return _any([Filter(_phrase(f"{name}_text", tokens), True, len(tokens)) for name in fields])


def _phrase(field: str, tokens: list[str]) -> Query:
    terms = [{"term": {field: token}} for token in tokens]
    if len(terms) == 1:
        return terms[0]
    spans = [{"span_term": {field: token}} for token in tokens]
    return {"span_near": {"clauses": spans, "slop": 0, "in_order": True}}


def _between(between: Between) -> Filter:
    field = {"created": "created_ms", "captured": "captured_ms", "length": "duration_ms"}
    bounds: dict[str, int] = {}
    if between.low is not None:
        bounds["gte"] = max(-_FURTHEST, min(between.low, _FURTHEST))
    if between.high is not None:
        bounds["lt"] = max(-_FURTHEST, min(between.high, _FURTHEST))
    queries: list[Query] = [{"range": {field[between.field]: bounds}}]
    if not bounds:
        queries = [{"exists": {"field": field[between.field]}}]
    if between.field == "length":
        queries.append({"term": {"kind": "video"}})
    return _all([Filter(query, True) for query in queries])


def _sendable(text: str) -> str:
    """Replace what no text on the wire can hold; such a word is in no document."""
    return text.encode("utf-8", "replace").decode()


def visible(principals: Principals) -> list[Query]:
    """Filter assets that are there and that these principals may see."""
    filters: list[Query] = [{"term": {"live": True}}]
    if not principals.everything:
        filters.append({"terms": {"principals": sorted(principals.names)}})
    return filters


def selections(selection: Selection) -> dict[str, Query]:
    """Give a filter for every field in which something is selected."""
    tests: dict[str, list[Query]] = {
        "kind": [{"term": {"kind": selection.kind}}] if selection.kind else [],
        "label": [{"term": {"labels": label}} for label in selection.labels],
        "category": [{"term": {"categories": _sendable(name)}} for name in selection.categories],
        "month": [{"term": {"month": _sendable(selection.month)}}] if selection.month else [],
        "length": [{"term": {"length": _sendable(selection.length)}}] if selection.length else [],
    }
    return {name: {"bool": {"filter": parts}} for name, parts in tests.items() if parts}


def words_filter(token: str) -> Query:
    """Filter assets that have a token in some text."""
    return {"term": {"words": _sendable(token)}}
