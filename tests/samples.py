"""Small media for tests, drawn here: photos by Pillow, clips by PyAV. Nothing binary is kept."""

from __future__ import annotations

import io
import json
from fractions import Fraction
from functools import cache
from typing import Any

import av
import numpy as np
from PIL import Image


@cache
def photo(format_: str = "JPEG", *, size: tuple[int, int] = (320, 180), shade: int = 40) -> bytes:
    """Draw a photo: a bright square on a dark ground."""
    image = Image.new("RGB", size, (shade, 60, 90))
    image.paste((230, 200, 40), (size[0] // 4, size[1] // 4, size[0] // 2, size[1] // 2))
    out = io.BytesIO()
    image.save(out, format=format_)
    return out.getvalue()


@cache
def clip(
    *, seconds: float = 2.0, codec: str = "libx264", format_: str = "mp4", fps: int = 10
) -> bytes:
    """Draw a small clip whose picture moves from left to right."""
    out = io.BytesIO()
    with av.open(out, "w", format=format_) as container:
        stream = container.add_stream(codec, rate=Fraction(fps), options={"g": str(fps * 2)})
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        total = int(seconds * fps)
        for number in range(total):
            picture = np.full((180, 320, 3), 30, np.uint8)
            left = int(number / total * 240)
            picture[60:120, left : left + 80] = (230, 200, 40)
            for packet in stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return out.getvalue()


def answer(
    rows: list[tuple[int, str, float]], *, duration_ms: int = 2000, boxes: bool = True
) -> bytes:
    """Write a GetLabelDetection answer of one page from (time in ms, label, confidence)."""
    box = {"Left": 0.25, "Top": 0.25, "Width": 0.25, "Height": 0.25}
    labels: list[dict[str, Any]] = []
    for time_ms, name, confidence in rows:
        instances = [{"BoundingBox": box, "Confidence": confidence}] if boxes else []
        label = {"Name": name, "Confidence": confidence, "Instances": instances, "Parents": []}
        labels.append({"Timestamp": time_ms, "Label": label})
    page = {
        "JobStatus": "SUCCEEDED",
        "LabelModelVersion": "3.0",
        "Labels": labels,
        "VideoMetadata": {
            "Codec": "h264",
            "DurationMillis": duration_ms,
            "Format": "QuickTime / MOV",
            "FrameRate": 10,
            "FrameHeight": 180,
            "FrameWidth": 320,
        },
    }
    return json.dumps(page).encode()
