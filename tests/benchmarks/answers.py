"""Makes large labelling answers in the shape and size of real ones; measures nothing."""

from __future__ import annotations

import json
import random
from typing import Any

_NAMES = [f"Thing {number}" for number in range(60)]
_PARENTS = [{"Name": "Transportation"}, {"Name": "Vehicle"}]


def answer_bytes(rows: int, *, spacing_ms: int = 500, per_sample: int = 29) -> bytes:
    """Make one GetLabelDetection answer: an hour of video is some 207,000 rows of ~230 bytes."""
    chance = random.Random(7)
    labels = [
        _row(chance, (row // per_sample) * spacing_ms, row % per_sample) for row in range(rows)
    ]
    answer = {
        "JobStatus": "SUCCEEDED",
        "LabelModelVersion": "3.0",
        "VideoMetadata": {
            "Codec": "h264",
            "DurationMillis": duration_ms(rows, spacing_ms=spacing_ms, per_sample=per_sample),
            "FrameRate": 25.0,
            "FrameHeight": 720,
            "FrameWidth": 1280,
        },
        "Labels": labels,
    }
    return json.dumps(answer, separators=(",", ":")).encode()


def duration_ms(rows: int, *, spacing_ms: int = 500, per_sample: int = 29) -> int:
    """Say how long the video of such an answer is."""
    return (rows // per_sample + 1) * spacing_ms


def _row(chance: random.Random, time_ms: int, place: int) -> dict[str, Any]:
    confidence = round(chance.uniform(50, 100), 11)
    box = {"Width": chance.random() / 2, "Height": chance.random() / 2}
    corner = {"Left": chance.random() / 2, "Top": chance.random() / 2}
    instance = {"BoundingBox": {**box, **corner}, "Confidence": confidence}
    label = {
        "Name": _NAMES[place + chance.randrange(12)],
        "Confidence": confidence,
        # Real answers have boxes for some four rows in ten.
        "Instances": [instance] if place % 5 < 2 else [],
        "Parents": _PARENTS[: place % 3],
        "Aliases": [],
        "Categories": [{"Name": "Everyday"}],
    }
    return {"Timestamp": time_ms, "Label": label}
