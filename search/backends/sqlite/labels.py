"""Makes the rows of `asset_label` from cut assets. Runs no SQL."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from search.backends.cutting import Cut
from search.backends.timeline import HEAD, NONE
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
    masks = [cut.masks[begin:end] for begin, end in pairwise(cut.first_mask.tolist())]
    rows = [
        (key, score, *counts, mask)
        for key, score, counts, mask in zip(keys, scores, _counts(cut), masks, strict=True)
    ]
    edges = cut.edges.astype("<i8")
    return [
        Labels(rows[first:after], keys[first:plain], keys[plain:after], edges[begin:end].tobytes())
        for (first, after), plain, (begin, end) in zip(
            pairwise(cut.first_label.tolist()),
            cut.first_counted.tolist(),
            pairwise(cut.first_edge.tolist()),
            strict=True,
        )
    ]


def _counts(cut: Cut) -> list[list[int]]:
    """Count the ranges of each label at each of all steps."""
    stored = np.frombuffer(cut.masks, np.uint8)
    entries = stored[cut.first_mask[:-1, None] + np.arange(1, HEAD)].astype(np.int64)
    none = entries == NONE
    level = cut.first_level[:-1, None] + np.where(none, 0, entries)
    counts: list[list[int]] = np.where(none, 0, cut.ranges[level]).tolist()
    return counts
