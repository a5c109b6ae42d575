"""Turns an understood query into the condition that engines are asked. Pure; asks no engine."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from labelling.taxonomy import Vocabulary
from search.conditions import (
    EVERYTHING,
    STEPS,
    All,
    AnyOf,
    Between,
    Condition,
    HasKeyword,
    InCategory,
    InText,
    OfKind,
    Seen,
    Sequence,
    Without,
    step_at_least,
)
from search.fields import day_bounds
from search.query import (
    And,
    Category,
    Dates,
    Keyword,
    Kind,
    Label,
    Leaf,
    Length,
    Node,
    Not,
    Or,
    Phrase,
    Query,
    Then,
    Words,
    number,
)
from search.results import Understood, label_weight
from search.text import file_tokens, fold, tokens


@dataclass(frozen=True, slots=True)
class Resolver:
    """Resolves the trees of one search; `floor` is the confidence that holds for every term."""

    vocabulary: Vocabulary
    floor: float = 0.0
    default: float = 0.0

    def condition(self, query: Query) -> Condition:
        """Give the condition of a whole query."""
        return EVERYTHING if query.tree is None else self._node(query.tree)

    def _node(self, node: Node) -> Condition:
        if isinstance(node, And):
            return All(tuple(self._node(part) for part in node.parts))
        if isinstance(node, Or):
            return AnyOf(tuple(self._node(part) for part in node.parts))
        if isinstance(node, Then):
            return Sequence(tuple(self._node(part) for part in node.parts), node.gaps_ms)
        if isinstance(node, Not):
            return Without(self._node(node.part))
        return self._leaf(node)

    def _leaf(self, leaf: Leaf) -> Condition:
        if isinstance(leaf, Label):
            return self.seen(leaf.name, leaf.confidence)
        if isinstance(leaf, Phrase):
            cut = file_tokens(leaf.text) if leaf.field == "file" else tokens(leaf.text)
            return InText(cut, leaf.field)
        if isinstance(leaf, Words):
            parts = (InText(tokens(word.text)) for word in leaf.words)
            return All(tuple(part for part in parts if part.tokens))
        return _fact(leaf)

    def seen(self, name: str, confidence: float | None = None) -> Seen:
        """Resolve a label that the vocabulary knows."""
        label = self.vocabulary.ids[fold(name)]
        below = self.vocabulary.descendants(label)
        wanted = max(self.floor, self.default if confidence is None else confidence)
        weight = label_weight(below=len(below) + 1, labels=len(self.vocabulary.names))
        return Seen(label, step_at_least(wanted), weight, below)


def _fact(leaf: Kind | Category | Keyword | Dates | Length) -> Condition:
    if isinstance(leaf, Kind):
        return OfKind(leaf.value)
    if isinstance(leaf, Category):
        return InCategory(leaf.name)
    if isinstance(leaf, Keyword):
        return HasKeyword(fold(leaf.name))
    if isinstance(leaf, Length):
        high = None if leaf.span.high_ms is None else leaf.span.high_ms + 1
        return Between("length", leaf.span.low_ms, high)
    return Between(
        "created" if leaf.field == "date" else "captured",
        _milliseconds(day_bounds(leaf.first)[0]) if leaf.first else None,
        _milliseconds(day_bounds(leaf.last)[1]) if leaf.last else None,
    )


def _milliseconds(day: datetime.date) -> int:
    return (day - datetime.date(1970, 1, 1)).days * 86_400_000


def rounded(confidence: float, *, text: str) -> Understood | None:
    """Say so when a confidence is not one of the steps that engines keep exactly."""
    step = STEPS[step_at_least(confidence)]
    if confidence == step:
        return None
    way = "up" if step > confidence else "down"
    reason = f"{number(confidence)} is rounded {way}: confidence is kept in steps"
    return Understood(text, "filter", f"conf:{step}", reason=reason)
