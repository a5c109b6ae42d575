"""Turns an understood query into the condition that engines are asked. Pure; asks no engine."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from labelling.taxonomy import Vocabulary
from search.conditions import (
    EVERYTHING,
    NOTHING,
    STEPS,
    All,
    AnyOf,
    Between,
    Condition,
    HasKeyword,
    InCategory,
    InText,
    Marked,
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
    Mark,
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
    """Resolves the trees of one search; `floor` is the confidence that holds for every term.

    `asker` is the id of the user who asks, "" if nobody is signed in.
    """

    vocabulary: Vocabulary
    floor: float = 0.0
    default: float = 0.0
    asker: str = ""

    def condition(self, query: Query) -> Condition:
        """Give the condition of a whole query."""
        if query.tree is None:
            return EVERYTHING
        return self._node(query.tree, query.count or 0)

    def _node(self, node: Node, count: int) -> Condition:
        if isinstance(node, Not):
            # "at least three" speaks of what is looked for, not of what is taken away.
            return Without(self._node(node.part, 0))
        if isinstance(node, And | Or | Then):
            parts = tuple(self._node(part, count) for part in node.parts)
            if isinstance(node, Then):
                return Sequence(parts, node.gaps_ms)
            return All(parts) if isinstance(node, And) else AnyOf(parts)
        if isinstance(node, Label):
            return self.seen(node.name, node.confidence, count=node.count or count)
        return self._leaf(node)

    def _leaf(self, leaf: Leaf) -> Condition:
        if isinstance(leaf, Mark):
            return self._mark(leaf)
        if isinstance(leaf, Phrase):
            cut = file_tokens(leaf.text) if leaf.field == "file" else tokens(leaf.text)
            return InText(cut, leaf.field)
        if isinstance(leaf, Words):
            parts = (InText(tokens(word.text)) for word in leaf.words)
            return All(tuple(part for part in parts if part.tokens))
        return _fact(leaf)

    def _mark(self, leaf: Mark) -> Condition:
        if leaf.field == "owner":
            return Marked(f"owner:{self.asker}") if self.asker else NOTHING
        return Marked(f"source:{fold(leaf.value)}" if leaf.field == "source" else leaf.value)

    def seen(self, name: str, confidence: float | None = None, *, count: int = 0) -> Seen:
        """Resolve a label that the vocabulary knows."""
        label = self.vocabulary.ids[fold(name)]
        below = self.vocabulary.descendants(label)
        wanted = max(self.floor, self.default if confidence is None else confidence)
        weight = label_weight(below=len(below) + 1, labels=len(self.vocabulary.names))
        return Seen(label, step_at_least(wanted), weight, below, count=count)


def _fact(leaf: Leaf) -> Condition:
    if isinstance(leaf, Kind):
        return OfKind(leaf.value)
    if isinstance(leaf, Category):
        return InCategory(leaf.name)
    if isinstance(leaf, Keyword):
        return HasKeyword(fold(leaf.name))
    if isinstance(leaf, Length):
        high = None if leaf.span.high_ms is None else leaf.span.high_ms + 1
        return Between("length", leaf.span.low_ms, high)
    assert isinstance(leaf, Dates)
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
