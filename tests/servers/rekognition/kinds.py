"""The kinds of jobs that the double does: which calls they are, and what their answers look like.

Rows of other kinds are made of the rows of labels. They have the real shape and mean nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Row = dict[str, Any]


def _same(row: Row) -> Row:
    return row


def _moderation(row: Row) -> Row:
    label = row["Label"]
    parents = label.get("Parents") or [{"Name": ""}]
    told = {
        "Name": label["Name"],
        "Confidence": label["Confidence"],
        "ParentName": parents[0]["Name"],
        "TaxonomyLevel": 2 if label.get("Parents") else 1,
    }
    return {"Timestamp": row["Timestamp"], "ModerationLabel": told}


def _text(row: Row) -> Row:
    label = row["Label"]
    box = {"Left": 0.1, "Top": 0.1, "Width": 0.2, "Height": 0.1}
    told = {
        "DetectedText": label["Name"],
        "Type": "LINE",
        "Id": 0,
        "Confidence": label["Confidence"],
        "Geometry": {"BoundingBox": box},
    }
    return {"Timestamp": row["Timestamp"], "TextDetection": told}


@dataclass(frozen=True, slots=True)
class JobKind:
    """One kind of job. `rows` and `version` name fields of its answer's pages."""

    start: str
    read: str
    rows: str
    version: str
    dress: Callable[[Row], Row] = _same
    # What the answer repeats of how it was asked; not all kinds do.
    repeats_order: bool = True


KINDS = (
    JobKind("StartLabelDetection", "GetLabelDetection", "Labels", "LabelModelVersion"),
    JobKind(
        *("StartContentModeration", "GetContentModeration"),
        *("ModerationLabels", "ModerationModelVersion"),
        _moderation,
    ),
    JobKind(
        *("StartTextDetection", "GetTextDetection", "TextDetections", "TextModelVersion"),
        _text,
        repeats_order=False,
    ),
)
STARTS = {kind.start: kind for kind in KINDS}
READS = {kind.read: kind for kind in KINDS}
