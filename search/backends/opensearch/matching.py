"""Decides in Python which assets match and when: values of search/backends/timeline.py.

Works on the columns that `columns_for` names. Asks no server.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable
from typing import Any

from search.backends import combining, timeline
from search.backends.base import SearchRequest
from search.backends.opensearch import packed
from search.backends.pieces import Moment
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


class Row:
    """An asset's columns on their way to becoming a hit; packed ones are opened when needed."""

    __slots__ = ("_columns", "_edges", "_labels", "_tokens", "asset_id", "score", "texts", "value")

    def __init__(self, asset_id: str, columns: dict[str, list[Any]]) -> None:
        self.asset_id = asset_id
        self._columns = columns
        self._labels: packed.Labels | None = None
        self._edges: array[int] | None = None
        self._tokens: dict[str, str] | None = None
        self.value = 0
        self.score = 0.0
        self.texts: tuple[tuple[InText, str], ...] = ()

    def all(self, name: str) -> list[Any]:
        """Give the values of a column."""
        return self._columns.get(name, [])

    def first(self, name: str) -> Any:
        """Give the only value of a column, None if there is none."""
        values = self._columns.get(name)
        return values[0] if values else None

    @property
    def video(self) -> bool:
        """Tell whether the asset has a time in which something can be."""
        return bool(self._columns["kind"][0] == "video")

    @property
    def labels(self) -> packed.Labels:
        """The asset's labels."""
        if self._labels is None:
            self._labels = packed.Labels(self._columns["bits"][0])
        return self._labels

    @property
    def edges(self) -> array[int]:
        """The cuts of the asset's time."""
        if self._edges is None:
            self._edges = packed.edges_of(self.first("edges") or "")
        return self._edges

    @property
    def tokens(self) -> dict[str, str]:
        """The tokens of the asset's texts, joined by spaces, by field."""
        if self._tokens is None:
            self._tokens = packed.texts_of(self._columns["texts"][0])
        return self._tokens

    def moments(self, steps: dict[int, int]) -> dict[int, list[Moment]]:
        """Give the moments of these labels, each from its confidence step on."""
        column = self.first("seen")
        return packed.moments_of(column, steps) if column else {}


# What is made of a condition: a row's value, its score with the weight of that, whether it matches.
Value = Callable[[Row], int]
Scored = Callable[[Row], tuple[float, float]]
Decide = Callable[[Row], bool]


def leaves(condition: Condition) -> Iterable[Seen | Fact]:
    """Give all leaves of a condition, also those that are taken away."""
    if isinstance(condition, Seen | Fact):
        yield condition
    for part in parts_of(condition):
        yield from leaves(part)


def needs_edges(request: SearchRequest) -> bool:
    """Tell whether a request is decided by times in milliseconds, not by bits alone."""
    timed = request.join_ms is not None or request.moment_length is not None
    return timed or request.sort == "screen_time" or _has_sequence(request.condition)


def _has_sequence(condition: Condition) -> bool:
    return isinstance(condition, Sequence) or any(map(_has_sequence, parts_of(condition)))


def columns_for(condition: Condition) -> set[str]:
    """Name the columns that are needed to decide a condition, score and show it."""
    return {"kind", "edges"}.union(*map(_columns_of, leaves(condition)))


def _columns_of(leaf: Seen | Fact) -> set[str]:
    if isinstance(leaf, Seen):
        return {"bits"}
    if isinstance(leaf, InText):
        return {"texts"}
    if isinstance(leaf, Between):
        return {_FIELDS[leaf.field]}
    if isinstance(leaf, InCategory):
        return {"categories"}
    if isinstance(leaf, Marked):
        return {"marks"}
    return {"keywords"} if isinstance(leaf, HasKeyword) else set()


def decider(request: SearchRequest) -> Decide:
    """Make what works out a row's value and score, and tells whether it matches.

    The condition is taken apart once, not for every row: there can be ten thousand of them.
    """
    value_of = _value(request.condition, anywhere=request.anywhere)
    scored_of = _score(request.condition) or _unscored
    texts = [
        leaf
        for leaf in dict.fromkeys(positive_leaves(request.condition))
        if isinstance(leaf, InText)
    ]
    shaped = request.join_ms is not None or request.moment_length is not None

    def decide(row: Row) -> bool:
        value = _shaped(row, value_of(row), request) if shaped else value_of(row)
        if not value:
            return False
        row.value = value
        total = scored_of(row)[0]
        if texts:
            row.texts = tuple((leaf, name) for leaf in texts if (name := text_field(row, leaf)))
            total += sum(TEXT_WEIGHTS[name] * len(leaf.tokens) for leaf, name in row.texts)
        row.score = round(total, 4)
        return True

    return decide


def _value(condition: Condition, *, anywhere: bool) -> Value:
    """Make what gives the value of a condition in a row."""
    if isinstance(condition, Seen):
        return _label_value(condition)
    if isinstance(condition, Sequence):
        return combining.sequence(
            [_value(part, anywhere=anywhere) for part in condition.parts],
            condition.gaps_ms,
            condition.unless_ms,
            edges_of=_edges_of,
        )
    if isinstance(condition, All):
        return _all(condition, anywhere=anywhere)
    if isinstance(condition, AnyOf):
        return combining.any_of([_value(part, anywhere=anywhere) for part in condition.parts])
    if isinstance(condition, Without):
        return combining.without(_value(condition.part, anywhere=anywhere))
    return lambda row: WHOLE if _holds(condition, row) else 0


def _label_value(seen: Seen) -> Value:
    """Make what gives the ranges of a label at its confidence step."""
    key, step = seen.key, seen.step

    def value(row: Row) -> int:
        masks = row.labels.masks(key)
        return timeline.unpack(masks, step) if masks else 0

    return value


def _all(condition: All, *, anywhere: bool) -> Value:
    wanted = [part for part in condition.parts if not isinstance(part, Without)]
    unwanted = [part.part for part in condition.parts if isinstance(part, Without)]
    return combining.fold(
        [_value(part, anywhere=anywhere) for part in wanted],
        [_value(part, anywhere=anywhere) for part in unwanted],
        anywhere=anywhere,
    )


def _edges_of(row: Row) -> array[int] | None:
    return row.edges if row.video else None


def _shaped(row: Row, value: int, request: SearchRequest) -> int:
    """Join ranges and leave those of the wanted length; photos and whole assets have no length."""
    if not value & RANGES or not row.video:
        return value if request.moment_length is None else 0
    value = timeline.joined(value, row.edges, request.join_ms)
    return timeline.as_long_as(value, row.edges, request.moment_length)


def _holds(fact: Fact, row: Row) -> bool:
    if isinstance(fact, OfKind):
        return bool(row.first("kind") == fact.kind)
    if isinstance(fact, InCategory):
        return fact.name in row.all("categories")
    if isinstance(fact, HasKeyword):
        return fact.folded in row.all("keywords")
    if isinstance(fact, Marked):
        return fact.mark in row.all("marks")
    if isinstance(fact, InText):
        return bool(text_field(row, fact))
    return _lies_between(fact, row)


def _lies_between(fact: Between, row: Row) -> bool:
    value = row.first(_FIELDS[fact.field])
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
        if wanted in f" {row.tokens[name]} ":
            return name
    return ""


def _score(condition: Condition) -> Scored | None:
    """Make what gives the label score and its weight: All and Sequence mean, AnyOf maximum."""
    if isinstance(condition, Seen):
        return _label_score(condition)
    if not isinstance(condition, All | AnyOf | Sequence):
        return None
    parts = [made for part in condition.parts if (made := _score(part))]
    if len(parts) < 2:
        return parts[0] if parts else None
    highest = isinstance(condition, AnyOf)

    def scored(row: Row) -> tuple[float, float]:
        found = [part(row) for part in parts]
        weights = [weight for _, weight in found]
        mean = sum(weights) / len(weights)
        if highest:
            return max(score for score, _ in found), mean
        return sum(score * weight for score, weight in found) / sum(weights), mean

    return scored


def _label_score(seen: Seen) -> Scored:
    key, step, weight = seen.key, seen.step, seen.weight

    return lambda row: (row.labels.score(key, step), weight)


def _unscored(row: Row) -> tuple[float, float]:
    """Give what is without labels no score of labels."""
    return 0.0, 0.0
