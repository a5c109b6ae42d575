"""Keeps the boxes of an answer apart, compressed in blocks of time, for the overlay. Pure bytes.

One object holds all blocks of an analysis in order of time, so that any window is one range of it.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence

from labelling.detections import Box, Detection

BLOCK_MS = 20_000
# Ratios are kept to 1/10,000 of the frame, and from -3.2 to 3.2: enough to draw with.
_RATIO = 10_000
_PERCENT = 100
_LIMIT = 32_000
# Place of the label in the block's names, time within the block, confidence, number of boxes.
_ROW = struct.Struct("<HIHH")
_BOX = struct.Struct("<hhhhH")
_MOST = 65_535

Corners = tuple[float, float, float, float, float]
# [[start_ms, offset, length], …] by time: where each block lies in the object.
Index = list[list[int]]


class BoxesWriter:
    """Collects boxes in any order of time; `finish` gives the object and its index."""

    def __init__(self) -> None:
        self._rows: defaultdict[int, bytearray] = defaultdict(bytearray)
        self._names: defaultdict[int, dict[str, int]] = defaultdict(dict)

    def add(self, label: str, *, time_ms: int, confidence: float, boxes: Iterable[Corners]) -> None:
        """Add the boxes (left, top, width, height, confidence) of one label at one time."""
        block, rest = divmod(time_ms, BLOCK_MS)
        names = self._names[block]
        place = names.setdefault(label, len(names))
        packed = [
            _BOX.pack(
                _ratio(left), _ratio(top), _ratio(width), _ratio(height), round(_PERCENT * sure)
            )
            for left, top, width, height, sure in boxes
        ][:_MOST]
        if packed and place <= _MOST:
            head = _ROW.pack(place, rest, round(_PERCENT * confidence), len(packed))
            self._rows[block] += head + b"".join(packed)

    def finish(self) -> tuple[bytes, Index]:
        """Give the whole object and where its blocks lie."""
        data = bytearray()
        index: Index = []
        for block in sorted(self._rows):
            names = json.dumps(list(self._names[block])).encode()
            packed = zlib.compress(names + b"\n" + bytes(self._rows[block]), 6)
            index.append([block * BLOCK_MS, len(data), len(packed)])
            data += packed
        return bytes(data), index


def read_window(
    index: Sequence[Sequence[int]],
    *,
    start_ms: int,
    end_ms: int,
    read: Callable[[int, int], bytes],
    labels: Collection[str] | None = None,
) -> list[Detection]:
    """Give the detections with boxes in [start_ms, end_ms), by time and label.

    `read(offset, length)` reads from the object; it is called once, or not at all.
    """
    wanted = [entry for entry in index if entry[0] < end_ms and entry[0] + BLOCK_MS > start_ms]
    if not wanted:
        return []
    offset = wanted[0][1]
    data = read(offset, wanted[-1][1] + wanted[-1][2] - offset)
    found = [
        detection
        for block_ms, place, length in wanted
        for detection in _unpack(data[place - offset : place - offset + length], block_ms)
        if start_ms <= detection.time_ms < end_ms and (not labels or detection.label in labels)
    ]
    return sorted(found, key=lambda detection: (detection.time_ms, detection.label))


def _unpack(packed: bytes, block_ms: int) -> list[Detection]:
    names, _, rows = zlib.decompress(packed).partition(b"\n")
    labels: list[str] = json.loads(names)
    # The same label at the same time (cut by a page, or read twice) is one detection.
    found: dict[tuple[int, int], Detection] = {}
    place = 0
    while place < len(rows):
        name, rest, confidence, count = _ROW.unpack_from(rows, place)
        place += _ROW.size
        boxes = []
        for _ in range(count):
            left, top, width, height, sure = _BOX.unpack_from(rows, place)
            corners = (left / _RATIO, top / _RATIO, width / _RATIO, height / _RATIO)
            boxes.append(Box(*corners, sure / _PERCENT))
            place += _BOX.size
        before = found.get((name, rest))
        known = before.boxes if before else ()
        found[name, rest] = Detection(
            label=labels[name],
            time_ms=block_ms + rest,
            confidence=max(confidence / _PERCENT, before.confidence if before else 0),
            boxes=(*known, *(box for box in boxes if box not in known)),
        )
    return list(found.values())


def _ratio(part: float) -> int:
    ratio = round(_RATIO * part)
    return ratio if -_LIMIT <= ratio <= _LIMIT else max(-_LIMIT, min(_LIMIT, ratio))
