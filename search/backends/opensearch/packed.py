"""What a document holds in packed columns: read for thousands of assets without its source.

The server gives a column ten times as fast as a part of a stored document. `bits` holds the score
and the masks (search/backends/timeline.py) of every label, `edges` the cuts of the time, `seen` the
moments, `texts` the tokens of every field.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Mapping
from itertools import accumulate, pairwise

import numpy as np
import pybase64

from search.backends import timeline
from search.backends.cuts import Cut
from search.backends.cutting import Moments
from search.backends.pieces import Moment
from search.conditions import STEPS, TEXT_WEIGHTS
from search.documents import AssetDocument
from search.results import SCORE_UNIT

_COUNT_BYTES = 4
_END, _TWO_ENDS = struct.Struct("<I"), struct.Struct("<II")
# A moment: its start and end in milliseconds, its confidence.
_MOMENT = struct.Struct("<qqd")
_MOMENTS = np.dtype([("start", "<i8"), ("end", "<i8"), ("confidence", "<f8")])


class Labels:
    """The labels of an asset as `bits` holds them, looked up by `Seen.key`.

    How many there are; of each its key, where its masks end, its score; the masks.
    """

    __slots__ = ("_keys", "_packed")

    def __init__(self, column: str) -> None:
        packed = _opened(column)
        many = int.from_bytes(packed[:_COUNT_BYTES], "little")
        self._packed = packed
        self._keys = array("I", packed[_COUNT_BYTES : _COUNT_BYTES + 4 * many])

    def masks(self, key: int) -> bytes:
        """Give the masks of a label, none if the asset does not have it."""
        try:
            place = self._keys.index(key)
        except ValueError:
            return b""
        many = len(self._keys)
        # The masks of the first begin where those of no label end.
        begin, end = _TWO_ENDS.unpack_from(self._packed, 4 * (many + place))
        masks = _COUNT_BYTES + 10 * many
        return self._packed[masks + begin if place else masks : masks + end]

    def score(self, key: int, step: int) -> float:
        """Give the score of a label that reaches a confidence step, 0.0 if it does not."""
        try:
            place = self._keys.index(key)
        except ValueError:
            return 0.0
        packed, many = self._packed, len(self._keys)
        before = _END.unpack_from(packed, 4 * (many + place))[0] if place else 0
        if not timeline.reaches(packed, step, at=_COUNT_BYTES + 10 * many + before):
            return 0.0
        at = _COUNT_BYTES + 8 * many + 2 * place
        return int.from_bytes(packed[at : at + 2], "little") / SCORE_UNIT


def pack_labels(cut: Cut) -> list[str]:
    """Write `bits` of each asset."""
    keys, units = cut.key.astype("<u4"), cut.units.astype("<u2")
    until = np.array([0, *accumulate(map(len, cut.masks))])
    own = np.repeat(until[cut.first_label[:-1]], np.diff(cut.first_label))
    ends = (until[1:] - own).astype("<u4")
    return [
        _column(
            (after - start).to_bytes(_COUNT_BYTES, "little"),
            keys[start:after].tobytes(),
            ends[start:after].tobytes(),
            units[start:after].tobytes(),
            *cut.masks[start:after],
        )
        for start, after in pairwise(cut.first_label.tolist())
    ]


def pack_edges(cut: Cut) -> list[str]:
    """Write `edges` of each asset."""
    return [_column(edges) for edges in cut.packed_edges()]


def edges_of(column: str) -> array[int]:
    """Read `edges`."""
    return timeline.unpack_edges(_opened(column))


def pack_moments(moments: Moments, assets: int) -> list[str]:
    """Write `seen` of each asset: its labels, how many moments up to the end of each, the moments.

    A label's moments lie side by side.
    """
    rows = np.empty(len(moments.asset), _MOMENTS)
    rows["start"], rows["end"] = moments.start_ms, moments.end_ms
    rows["confidence"] = moments.confidence
    whose = np.arange(assets + 1)
    first = np.searchsorted(moments.asset, whose)
    begins = np.flatnonzero(moments.new)
    labels = moments.label[begins].astype("<u4")
    first_label = np.searchsorted(moments.asset[begins], whose)
    own = np.repeat(first[:-1], np.diff(first_label))
    ends = (np.append(begins[1:], len(rows)) - own).astype("<u4")
    return [
        _column(
            (after - start).to_bytes(_COUNT_BYTES, "little"),
            labels[start:after].tobytes(),
            ends[start:after].tobytes(),
            rows[low:high].tobytes(),
        )
        for (start, after), (low, high) in zip(
            pairwise(first_label.tolist()), pairwise(first.tolist()), strict=True
        )
    ]


def moments_of(column: str, steps: Mapping[int, int]) -> dict[int, list[Moment]]:
    """Read from `seen` the moments of these labels, each from its confidence step on."""
    packed = _opened(column)
    many = int.from_bytes(packed[:_COUNT_BYTES], "little")
    heads = struct.unpack_from(f"<{2 * many}I", packed, _COUNT_BYTES)
    labels, ends = heads[:many], (0, *heads[many:])
    begin = _COUNT_BYTES + 8 * many
    found: dict[int, list[Moment]] = {}
    for label in steps.keys() & labels:
        place = labels.index(label)
        first, after = begin + ends[place] * _MOMENT.size, begin + ends[place + 1] * _MOMENT.size
        rows, low = list(_MOMENT.iter_unpack(packed[first:after])), STEPS[steps[label]]
        found[label] = [row for row in rows if row[2] >= low] if low else rows
    return found


def pack_texts(document: AssetDocument) -> str:
    """Write `texts`: the tokens of every field, a line each."""
    lines = "\n".join([getattr(document, f"{name}_text") for name in TEXT_WEIGHTS])
    return _column(lines.encode())


def texts_of(column: str) -> dict[str, str]:
    """Read `texts`: tokens joined by spaces, by field."""
    lines = _opened(column).decode().split("\n")
    return dict(zip(TEXT_WEIGHTS, lines, strict=True))


def _column(*parts: bytes) -> str:
    return pybase64.b64encode_as_string(b"".join(parts))


def _opened(column: str) -> bytes:
    # The server gives it without padding.
    return pybase64.b64decode(column + "=" * (-len(column) % 4), validate=True)
