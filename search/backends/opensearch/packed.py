"""What a document holds in packed columns: read for thousands of assets without its source.

The server gives a column ten times as fast as a part of a stored document. `bits` holds the score
and the masks (search/backends/timeline.py) of every label, `edges` the cuts of the time, `seen` the
moments, `texts` the tokens of every field.
"""

from __future__ import annotations

import struct
from array import array
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate

import pybase64

from search.backends import timeline
from search.backends.pieces import Moment
from search.backends.timeline import LabelRow
from search.conditions import STEPS, TEXT_WEIGHTS
from search.documents import AssetDocument, MomentRow

# Whole numbers in which scores are kept, so that none is rounded differently from another's.
SCORE_UNIT = 10_000
_COUNT_BYTES = 4
# A moment: its start and end in milliseconds, its confidence.
_MOMENT = struct.Struct("<qqd")


class Labels:
    """The labels of an asset as `bits` holds them, looked up by `Seen.key`."""

    __slots__ = ("_ends", "_keys", "_masks", "_scores")

    def __init__(self, column: str) -> None:
        packed = _opened(column)
        many = int.from_bytes(packed[:_COUNT_BYTES], "little")
        self._keys, self._ends, self._scores = array("I"), array("I"), array("H")
        at = _COUNT_BYTES
        for numbers in (self._keys, self._ends, self._scores):
            after = at + many * numbers.itemsize
            numbers.frombytes(packed[at:after])
            at = after
        self._masks = packed[at:]

    def masks(self, key: int) -> bytes:
        """Give the masks of a label, none if the asset does not have it."""
        try:
            place = self._keys.index(key)
        except ValueError:
            return b""
        return self._masks[self._ends[place - 1] if place else 0 : self._ends[place]]

    def score(self, key: int) -> float:
        """Give the score of a label that the asset has."""
        return self._scores[self._keys.index(key)] / SCORE_UNIT


def pack_labels(rows: Sequence[LabelRow], scores: Iterable[int]) -> str:
    """Write `bits`; the scores are in units."""
    ends, end = [], 0
    for row in rows:
        end += len(row.masks)
        ends.append(end)
    return _column(
        len(rows).to_bytes(_COUNT_BYTES, "little"),
        array("I", [row.label for row in rows]).tobytes(),
        array("I", ends).tobytes(),
        array("H", scores).tobytes(),
        *[row.masks for row in rows],
    )


def pack_edges(edges: Sequence[int]) -> str:
    """Write `edges`."""
    return _column(timeline.pack_edges(edges))


def edges_of(column: str) -> array[int]:
    """Read `edges`."""
    return timeline.unpack_edges(_opened(column))


def pack_moments(moments: Sequence[MomentRow]) -> str:
    """Write `seen`: the labels, how many moments there are up to the end of each, the moments."""
    # In order of label and time: a label's moments lie side by side.
    rows = sorted(moments)
    held = Counter([row[0] for row in rows])
    return _column(
        len(held).to_bytes(_COUNT_BYTES, "little"),
        struct.pack(f"<{2 * len(held)}I", *held, *accumulate(held.values())),
        *[_MOMENT.pack(start, end, confidence) for _, start, end, confidence, _ in rows],
    )


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
