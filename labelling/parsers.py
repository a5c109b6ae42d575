"""The table of parsers: how each feature's answer is brought into the shape of label detection.

From there on moments, boxes and screen time are worked out in the same way. Calls and stores
nothing; the raw answer is kept as it came.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from labelling.answers import Page


def _as_it_is(page: Page) -> Page:
    return page


@dataclass(frozen=True, slots=True)
class Parser:
    """How one feature's pages are read.

    `rows` names the list of rows in a page. `as_labels` gives a page of label detection for it:
    `Labels` (rows with `Timestamp` and `Label`, of a photo the labels themselves),
    `LabelModelVersion`, and the fields that all jobs share (`JobStatus`, `NextToken`,
    `VideoMetadata`).
    """

    rows: str = "Labels"
    as_labels: Callable[[Page], Page] = _as_it_is


# By feature; every feature that a labeller can be asked for has one.
PARSERS = {"labels": Parser()}
