"""Makes the rows of `asset_label` from cut assets. Runs no SQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from operator import itemgetter
from typing import Any

from search.backends.cuts import Cut
from search.backends.timeline import HEAD, NONE
from search.conditions import STEPS
from search.results import SCORE_UNIT


@dataclass(frozen=True, slots=True)
class Labels:
    """What is seen in an asset.

    A row holds a label's key, its score, how many ranges it has at each step, its masks.
    """

    rows: list[tuple[Any, ...]]
    # The keys of labels, and of labels with a count.
    plain: list[int]
    counted: list[int]
    edges: bytes


def labels_of(cut: Cut) -> list[Labels]:
    """Make the rows of each asset."""
    keys, scores = cut.key.tolist(), (cut.units / SCORE_UNIT).tolist()
    rows = [
        (key, score, *counts, mask)
        for key, score, counts, mask in zip(keys, scores, _counts(cut), cut.masks, strict=True)
    ]
    return [
        Labels(rows[first:after], keys[first:plain], keys[plain:after], edges)
        for (first, after), plain, edges in zip(
            pairwise(cut.first_label.tolist()),
            cut.first_counted.tolist(),
            cut.packed_edges(),
            strict=True,
        )
    ]


def _counts(cut: Cut) -> Iterator[tuple[int, ...]]:
    """Count the ranges of each label at each of all steps."""
    ranges = cut.ranges.tolist()
    for masks, (first, after) in zip(cut.masks, pairwise(cut.first_level.tolist()), strict=True):
        yield _at_steps(masks[:HEAD])([*ranges[first:after], 0])


@lru_cache(maxsize=1 << len(STEPS))
def _at_steps(head: bytes) -> Callable[[list[int]], tuple[int, ...]]:
    """Look up what each of all steps has; the last is for those that have nothing."""
    many, *entries = head
    return itemgetter(*[many if entry == NONE else entry for entry in entries])
