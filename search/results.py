"""Answers of a search as values, and the numbers of relevance. Asks no engine and no database."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import log2

# Scores are whole numbers of ten-thousandths, so that none is rounded differently from another's.
SCORE_UNIT = 10_000


def label_weight(*, below: int, labels: int) -> float:
    """Weigh a label by how much of the vocabulary lies at or below it: rare ones weigh more.

    The vocabulary decides, not the assets: counts of assets would differ from asker to asker.
    """
    everything = log2(1 + max(labels, below, 1))
    return round(max(0.05, 1 - log2(max(below, 1)) / everything), 4)


@dataclass(frozen=True, slots=True)
class Understood:
    """One chip: what of the search was understood as what, and why."""

    text: str
    type: str
    value: str
    negated: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class UnderstoodQuery:
    """The search as it was typed, as it was understood, and what else might be meant."""

    text: str
    canonical: str
    understood: tuple[Understood, ...] = ()
    suggestions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Total:
    """How much was found; not exact means "more than"."""

    assets: int
    moments: int
    exact: bool = True


@dataclass(frozen=True, slots=True)
class Unlooked:
    """Assets that search could not look at: on their way into it, or there without labels."""

    waiting: int
    unlabelled: int


@dataclass(slots=True)
class SeenLabel:
    """A label seen in a range, with the best confidence there. Not frozen: see base.Piece."""

    label: str
    confidence: float


@dataclass(slots=True)
class FoundMoment:
    """A range that matches; a photo's is 0, 0. `label` is the one seen most surely in it."""

    label: str
    start_ms: int
    end_ms: int
    confidence: float
    labels: tuple[SeenLabel, ...]


@dataclass(slots=True)
class Result:
    """An asset that matches, why, and its matching moments in time order. Not frozen, as SeenLabel.

    `moment_count` counts all of them; `moments` holds the surest ones if there are too many.
    """

    asset_id: str
    score: float
    moment_count: int
    screen_ms: int
    why: tuple[str, ...]
    moments: tuple[FoundMoment, ...]


@dataclass(slots=True)
class FacetValue:
    """One value of a facet, how many assets have it, and whether it is selected."""

    value: str
    count: int
    selected: bool = False


@dataclass(frozen=True, slots=True)
class SearchAnswer:
    """What a search answers: what `GET /api/search/` prints, without addresses."""

    query: UnderstoodQuery
    total: Total
    results: tuple[Result, ...] = ()
    # Assets in which a THEN is so, but further apart than was asked; in no total.
    near_misses: tuple[Result, ...] = ()
    # Asked only when nothing was found: what might be found once it has been looked at.
    unlooked: Unlooked | None = None
    facets: dict[str, tuple[FacetValue, ...]] = field(default_factory=dict)
    next: str | None = None


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A label to search for and in how many assets the asker would find it."""

    label: str
    count: int
