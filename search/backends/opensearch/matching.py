"""Decides in Python which assets match and when: values of search/backends/timeline.py.

Works on the parts of stored documents that `fields_for` names. Asks no server.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, cast

from search import ranges
from search.backends import timeline
from search.backends.base import SearchRequest
from search.backends.opensearch.schema import score_of
from search.backends.timeline import RANGES, WHOLE
from search.conditions import (
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
    parts_of,
    positive_leaves,
)

_FIELDS = {"created": "created_ms", "captured": "captured_ms", "length": "duration_ms"}


@dataclass(slots=True)
class Row:
    """A stored document on its way to becoming a hit."""

    asset_id: str
    source: dict[str, Any]
    value: int = 0
    score: float = 0.0
    texts: tuple[tuple[InText, str], ...] = field(default=())

    @property
    def video(self) -> bool:
        """Tell whether the asset has a time in which something can be."""
        return bool(self.source["kind"] == "video")

    @property
    def edges(self) -> list[int]:
        """The cuts of the asset's time."""
        return cast("list[int]", self.source["edges"]["at"])


def leaves(condition: Condition) -> Iterable[Seen | Fact]:
    """Give all leaves of a condition, also those that are taken away."""
    if isinstance(condition, Seen | Fact):
        yield condition
    for part in parts_of(condition):
        yield from leaves(part)


def fields_for(condition: Condition) -> set[str]:
    """Name the parts of documents that are needed to decide a condition and to score it."""
    fields = {"kind", "edges"}
    for leaf in leaves(condition):
        fields |= _fields_of(leaf)
    for leaf in positive_leaves(condition):
        if isinstance(leaf, Seen):
            fields |= {f"score.h{leaf.key}", f"score.l{leaf.key}"}
    return fields


def _fields_of(leaf: Seen | Fact) -> set[str]:
    if isinstance(leaf, Seen):
        return {f"masks.l{leaf.key}"}
    if isinstance(leaf, InText):
        names = [leaf.field] if leaf.field else list(TEXT_WEIGHTS)
        return {f"{name}_text" for name in names}
    if isinstance(leaf, Between):
        return {_FIELDS[leaf.field]}
    if isinstance(leaf, InCategory):
        return {"categories"}
    if isinstance(leaf, Marked):
        return {"marks"}
    return {"keywords"} if isinstance(leaf, HasKeyword) else set()


def decide(row: Row, request: SearchRequest) -> bool:
    """Work out a row's value and score; tell whether it matches."""
    value = _value(request.condition, row, anywhere=request.anywhere)
    if request.join_ms is not None or request.moment_length is not None:
        value = _shaped(row, value, request)
    if not value:
        return False
    row.value = value
    row.texts = tuple(
        (leaf, name)
        for leaf in dict.fromkeys(positive_leaves(request.condition))
        if isinstance(leaf, InText) and (name := text_field(row, leaf))
    )
    scored = _score(request.condition, row)
    total = scored[0] if scored else 0.0
    for leaf, name in row.texts:
        total += TEXT_WEIGHTS[name] * len(leaf.tokens)
    row.score = round(total, 4)
    return True


def _value(condition: Condition, row: Row, *, anywhere: bool) -> int:
    if isinstance(condition, Seen):
        return label_value(row, condition)
    if isinstance(condition, All):
        return _all(condition, row, anywhere=anywhere)
    if isinstance(condition, AnyOf):
        found = 0
        for part in condition.parts:
            found |= _value(part, row, anywhere=anywhere)
        return found
    if isinstance(condition, Without):
        return 0 if _value(condition.part, row, anywhere=anywhere) else WHOLE
    if isinstance(condition, Sequence):
        return _sequence(condition, row, anywhere=anywhere)
    return WHOLE if _holds(condition, row) else 0


def label_value(row: Row, seen: Seen) -> int:
    """Give the ranges of a label at its confidence step."""
    masks = row.source.get("masks", {}).get(f"l{seen.key}")
    return timeline.unpack(b64decode(masks), seen.step) if masks else 0


def _all(condition: All, row: Row, *, anywhere: bool) -> int:
    both = timeline.both_anywhere if anywhere else timeline.both_at
    minus = timeline.minus_anywhere if anywhere else timeline.minus_at
    found = WHOLE
    for part in condition.parts:
        if not isinstance(part, Without):
            found = both(found, _value(part, row, anywhere=anywhere))
            if not found:
                return 0
    for part in condition.parts:
        if isinstance(part, Without):
            found = minus(found, _value(part.part, row, anywhere=anywhere))
    return found


def _sequence(condition: Sequence, row: Row, *, anywhere: bool) -> int:
    if not row.video:
        return 0
    edges = row.edges
    sets = [
        timeline.ranges_of(_value(part, row, anywhere=anywhere), edges) for part in condition.parts
    ]
    return timeline.value_of(
        ranges.then_nearly(sets, condition.gaps_ms, condition.unless_ms), edges
    )


def _shaped(row: Row, value: int, request: SearchRequest) -> int:
    """Join ranges and leave those of the wanted length; photos and whole assets have no length."""
    if not value & RANGES or not row.video:
        return value if request.moment_length is None else 0
    value = timeline.joined(value, row.edges, request.join_ms)
    return timeline.as_long_as(value, row.edges, request.moment_length)


def _holds(fact: Fact, row: Row) -> bool:
    source = row.source
    if isinstance(fact, OfKind):
        return bool(source["kind"] == fact.kind)
    if isinstance(fact, InCategory):
        return fact.name in source["categories"]
    if isinstance(fact, HasKeyword):
        return fact.folded in source["keywords"]
    if isinstance(fact, Marked):
        return fact.mark in source["marks"]
    if isinstance(fact, InText):
        return bool(text_field(row, fact))
    return _lies_between(fact, row)


def _lies_between(fact: Between, row: Row) -> bool:
    value = row.source.get(_FIELDS[fact.field])
    if value is None or (fact.field == "length" and not row.video):
        return False
    return (fact.low is None or value >= fact.low) and (fact.high is None or value < fact.high)


def text_field(row: Row, leaf: InText) -> str:
    """Name the best field in which the tokens stand side by side, "" if there is none."""
    if not leaf.tokens:
        return ""
    wanted = f" {' '.join(leaf.tokens)} "
    for name in [leaf.field] if leaf.field else TEXT_WEIGHTS:
        # Tokens hold no spaces, nor do the spaces between them vary.
        if wanted in f" {row.source[f'{name}_text']} ":
            return name
    return ""


def _score(condition: Condition, row: Row) -> tuple[float, float] | None:
    """Give the label score and its weight: All and Sequence mean, AnyOf maximum."""
    if isinstance(condition, Seen):
        score = 0.0
        if label_value(row, condition):
            score = score_of(row.source.get("score", {}), condition.key)
        return score, condition.weight
    if not isinstance(condition, All | AnyOf | Sequence):
        return None
    parts = [scored for part in condition.parts if (scored := _score(part, row))]
    if len(parts) < 2:
        return parts[0] if parts else None
    weights = [weight for _, weight in parts]
    mean = sum(weights) / len(weights)
    if isinstance(condition, AnyOf):
        return max(score for score, _ in parts), mean
    return sum(score * weight for score, weight in parts) / sum(weights), mean
