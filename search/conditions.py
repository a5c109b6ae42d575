"""What engines are asked: conditions over label ids, tokens and facts. Holds no words of people.

A condition's value per asset is a pair: does the asset match as a whole, and in which ranges.
Labels give ranges, everything else speaks of the whole asset:

    All      both whole → whole; a whole part keeps the other's ranges; ranges are intersected
    AnyOf    whole if one is; ranges are united
    Without  a whole part, or any of its ranges against a whole, excludes the asset; else the
             ranges are taken away
    Sequence the ranges of `search.ranges.then`; photos have none

An asset is a hit when it matches as a whole or has ranges. Asked `anywhere` in the asset, All asks
that every part matches and unites the ranges, and Without excludes the asset.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from search.query import COUNTS

# How many at once engines keep exactly, see `Seen.count`.
_COUNT_BITS = 27
_NEAR_MS = 30_000
# Confidence steps that every engine keeps exactly; step 0 is "as stored".
STEPS = (0, 35, 40, 45, 50, 55, 60, 65, 70, 75, 80, 85, 90, 95, 97, 99)
# The fields of text, and what a matched token adds to the relevance in the best of them.
TEXT_WEIGHTS = {"title": 0.3, "keywords": 0.25, "file": 0.2, "description": 0.1}


def step_at_least(confidence: float) -> int:
    """Give the index of the step at or above a confidence; what is above the last one gets it."""
    return min(bisect_left(STEPS, confidence), len(STEPS) - 1)


def step_of(confidence: float) -> int:
    """Give the index of the highest step that a confidence reaches."""
    return bisect_right(STEPS, confidence, 1) - 1


@dataclass(frozen=True, slots=True)
class Seen:
    """A label, or anything below it, at or above a confidence step (an index into STEPS).

    With a `count` (one of query.COUNTS; 0: any) only moments count in which one label was seen at
    least so many times at once: `instances >= count`. Engines find them under `key`, as
    `cutting.cut` puts them behind an asset's labels; the labels shown in a range are those of any
    count.
    """

    label: int
    step: int = 0
    count: int = field(default=0, kw_only=True)
    # How much the label counts in the relevance, and the label with everything below it.
    weight: float = field(default=1.0, compare=False)
    below: frozenset[int] = field(default=frozenset(), compare=False)

    @property
    def key(self) -> int:
        """Name the label with its count: the label's own id where nothing is counted."""
        return counted_key(self.label, self.count)


def counted_key(label: int, count: int) -> int:
    """Make one number of a label and a count; it never meets another label's id."""
    return label | (COUNTS.index(count) + 1 << _COUNT_BITS) if count else label


@dataclass(frozen=True, slots=True)
class InText:
    """These tokens, in this order, in one field of the text (in any, if none is named)."""

    tokens: tuple[str, ...]
    field: Literal["", "title", "keywords", "file", "description"] = ""


@dataclass(frozen=True, slots=True)
class OfKind:
    """The asset is a photo, or a video."""

    kind: str


@dataclass(frozen=True, slots=True)
class InCategory:
    """Some label of the asset is in the category."""

    name: str


@dataclass(frozen=True, slots=True)
class HasKeyword:
    """The asset has the keyword (folded)."""

    folded: str


@dataclass(frozen=True, slots=True)
class Marked:
    """The asset has this mark: `boxes`, `unlabelled`, `failed`, `owner:5`, `source:nikon z6`.

    Marks are exact words in `AssetDocument.marks`, as keywords are.
    """

    mark: str


@dataclass(frozen=True, slots=True)
class Between:
    """`low <= value < high`; None leaves a side open. An asset without the value is outside."""

    field: Literal["created", "captured", "length"]
    low: int | None
    high: int | None


@dataclass(frozen=True, slots=True)
class All:
    """Every part, at the same time."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """One part at least."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Without:
    """Not the part."""

    part: Condition


@dataclass(frozen=True, slots=True)
class Sequence:
    """One part after the other, each within its gap after the one before.

    With `unless_ms`, assets in which that is so even within these gaps have no ranges here: what
    is left are near misses (`ranges.then_nearly`).
    """

    parts: tuple[Condition, ...]
    gaps_ms: tuple[int, ...]
    unless_ms: tuple[int, ...] = ()


Fact = InText | OfKind | InCategory | HasKeyword | Marked | Between
Condition = Seen | Fact | All | AnyOf | Without | Sequence
EVERYTHING = All(())
NOTHING = AnyOf(())


def parts_of(condition: Condition) -> tuple[Condition, ...]:
    """List the direct parts of a condition."""
    if isinstance(condition, All | AnyOf | Sequence):
        return condition.parts
    return (condition.part,) if isinstance(condition, Without) else ()


def positive_leaves(condition: Condition) -> Iterator[Seen | Fact]:
    """Give the leaves that are looked for, not those that are taken away, in order."""
    if isinstance(condition, Without):
        return
    if isinstance(condition, All | AnyOf | Sequence):
        for part in condition.parts:
            yield from positive_leaves(part)
    else:
        yield condition


def nearly(condition: Condition) -> Condition | None:
    """Ask for near misses of the one Sequence in a condition; None where there is not just one.

    Near is six times as far apart, and half a minute at least.
    """
    if isinstance(condition, Sequence):
        if any(isinstance(part, Sequence) for one in condition.parts for part in _all_of(one)):
            return None
        wide = tuple(max(6 * gap, _NEAR_MS) for gap in condition.gaps_ms)
        return Sequence(condition.parts, wide, unless_ms=condition.gaps_ms)
    if not isinstance(condition, All):
        return None
    sequences = [part for part in _all_of(condition) if isinstance(part, Sequence)]
    parts = [nearly(part) or part for part in condition.parts]
    return All(tuple(parts)) if len(sequences) == 1 and tuple(parts) != condition.parts else None


def _all_of(condition: Condition) -> Iterator[Condition]:
    yield condition
    for part in parts_of(condition):
        yield from _all_of(part)


def has_ranges(condition: Condition) -> bool:
    """Tell whether a condition speaks of times; what doesn't is a plain fact of the asset."""
    if isinstance(condition, Seen | Sequence):
        return True
    return any(has_ranges(part) for part in parts_of(condition))
