"""Cuts the time of many assets at once and sets the bits of their labels (see timeline.py).

Everything of a batch lies side by side in columns: numpy goes through them in a fraction of the
time that a loop over moments takes. What bits mean when they are read is timeline.py's matter.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from math import log2
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from search.backends.timeline import HEAD, NONE
from search.conditions import STEPS, counted_key
from search.documents import AssetDocument
from search.query import COUNTS
from search.results import SCORE_UNIT

# Assets are cut together up to so many of them and of their moments, and bits are set up to so many
# at once: memory stays small, whatever the assets are.
_ASSETS_AT_ONCE = 200
_MOMENTS_AT_ONCE = 20_000
_BITS_AT_ONCE = 1 << 18
# An asset, a label's key and a step together in one number: the bits of the latter two.
_KEY_BITS = 32
_STEP_BITS = 4
_KEY = (1 << _KEY_BITS) - 1
_STEP = (1 << _STEP_BITS) - 1
_STEPS_ABOVE = np.array(STEPS[1:])
_FIRST_COUNTED = counted_key(0, COUNTS[0])

Numbers = npt.NDArray[np.int64]
_Bools = npt.NDArray[np.bool_]
_Floats = npt.NDArray[np.float64]
_Bytes = npt.NDArray[np.uint8]
_Number = TypeVar("_Number", np.int64, np.float64)


@dataclass(frozen=True, slots=True)
class Moments:
    """The moments of some assets in columns, in order of asset and label."""

    asset: Numbers
    label: Numbers
    start_ms: Numbers
    end_ms: Numbers
    confidence: _Floats
    instances: Numbers
    # Whether it is the first of its label in its asset.
    new: _Bools


@dataclass(frozen=True, slots=True)
class Cut:
    """The time of some assets, cut, and what is seen between the cuts.

    Labels stand in order of asset and `Seen.key`; a level of a label is a confidence step at which
    something changes: the highest at which its mask holds. Each `first_…` says where what belongs
    to an asset or a label begins, and last of all where everything ends.
    """

    moments: Moments
    # In milliseconds.
    edges: Numbers
    first_edge: Numbers
    # Of each label its key and its score in units.
    key: Numbers
    units: Numbers
    first_label: Numbers
    # Of each asset: the first of the labels that were seen several times at once.
    first_counted: Numbers
    # Of each level its step and how many ranges its mask has.
    step: Numbers
    ranges: Numbers
    first_level: Numbers
    # The masks of all labels, each as timeline.unpack reads them.
    masks: bytes
    first_mask: Numbers


def portions(documents: Iterable[AssetDocument]) -> Iterator[list[AssetDocument]]:
    """Part documents into lists that are cut at once."""
    part: list[AssetDocument] = []
    moments = 0
    for document in documents:
        moments += len(document.moments)
        if part and (len(part) == _ASSETS_AT_ONCE or moments > _MOMENTS_AT_ONCE):
            yield part
            part, moments = [], len(document.moments)
        part.append(document)
    if part:
        yield part


def cut(documents: Sequence[AssetDocument]) -> Cut:
    """Cut the time of each asset and set the bits of every label and of everything above it."""
    moments = _columns(documents)
    photo = np.array([document.kind == "photo" for document in documents], np.bool_)
    edges, first_edge, start, end = _edges(moments, photo)
    entries = _entries(documents, moments)
    # What begins where it ends sets no bit; bit 0 is kept for the asset as a whole.
    lasting = start < end
    on = np.where(lasting, start + 1, 0)[entries.moment]
    off = np.where(lasting, end + 1, 0)[entries.moment]
    drawn = _drawn(entries, on, off, edges, first_edge)
    asset = entries.group >> _KEY_BITS
    lasts = np.array([document.duration_ms for document in documents], np.int64)[asset]
    lasts = np.where(photo[asset], 0, np.maximum(lasts, edges[first_edge[asset + 1] - 1]))
    share = np.divide(drawn.screen_ms, lasts, out=np.zeros(len(lasts)), where=lasts > 0)
    best = _reduced(np.maximum, moments.confidence[entries.moment], entries.first_entry)
    masks, first_mask = _masks(entries, drawn)
    whose = np.arange(len(documents) + 1) << _KEY_BITS
    return Cut(
        moments=moments,
        edges=edges,
        first_edge=first_edge,
        key=entries.group & _KEY,
        units=_units(best, share, drawn.ranges[entries.first_level[:-1]]),
        first_label=np.searchsorted(entries.group, whose),
        first_counted=np.searchsorted(entries.group, whose[:-1] + _FIRST_COUNTED),
        step=entries.step,
        ranges=drawn.ranges,
        first_level=entries.first_level,
        masks=masks,
        first_mask=first_mask,
    )


# ---- moments -------------------------------------------------------------------------------------


def _columns(documents: Sequence[AssetDocument]) -> Moments:
    rows = list(chain.from_iterable([document.moments for document in documents]))
    labels, starts, ends, confidences, instances = zip(*rows, strict=True) if rows else [()] * 5
    sizes = [len(document.moments) for document in documents]
    asset = np.repeat(np.arange(len(documents)), sizes)
    label = np.array(labels, np.int64)
    pairs = (asset << _KEY_BITS) + label
    order = np.argsort(pairs, kind="stable")
    return Moments(
        asset=asset,
        label=label[order],
        start_ms=np.array(starts, np.int64)[order],
        end_ms=np.array(ends, np.int64)[order],
        confidence=np.array(confidences, np.float64)[order],
        instances=np.array(instances, np.int64)[order],
        new=_changes(pairs[order]),
    )


def _edges(moments: Moments, photo: _Bools) -> tuple[Numbers, Numbers, Numbers, Numbers]:
    """Give all cuts, where each asset's begin, and at which cut each moment starts and ends."""
    # A photo is one piece, [0, 1).
    flat = photo[moments.asset]
    start, end = np.where(flat, 0, moments.start_ms), np.where(flat, 1, moments.end_ms)
    span = max(int(start.max(initial=0)), int(end.max(initial=0))) + 1
    before = moments.asset * span
    start, end = start + before, end + before
    edges = np.sort(np.concatenate((start, end)))
    edges = edges[_changes(edges)]
    first = np.searchsorted(edges, np.arange(len(photo) + 1) * span)
    mine = first[moments.asset]
    return (
        edges % span,
        first,
        np.searchsorted(edges, start) - mine,
        np.searchsorted(edges, end) - mine,
    )


# ---- labels and levels ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Entries:
    """A moment for each label it shows: its own, those above it, each of them with their counts.

    In order of label and level.
    """

    moment: Numbers
    level: Numbers
    # Of each level: its label, its step.
    label_of: Numbers
    step: Numbers
    # Of each label: its asset and key in one number; where its levels and its entries begin.
    group: Numbers
    first_level: Numbers
    first_entry: Numbers


def _entries(documents: Sequence[AssetDocument], moments: Moments) -> _Entries:
    moment, key = _with_counts(moments, *_with_lineage(documents, moments))
    step = np.searchsorted(_STEPS_ABOVE, moments.confidence, side="right")
    whole = ((moments.asset[moment] << _KEY_BITS) + key << _STEP_BITS) + step[moment]
    order = np.argsort(whole)
    whole = whole[order]
    new = _changes(whole)
    levels = whole[new]
    groups = levels >> _STEP_BITS
    first = _changes(groups)
    first_level = np.append(np.flatnonzero(first), len(levels))
    return _Entries(
        moment=moment[order],
        level=np.cumsum(new) - 1,
        label_of=np.cumsum(first) - 1,
        step=levels & _STEP,
        group=groups[first],
        first_level=first_level,
        first_entry=np.append(np.flatnonzero(new), len(whole))[first_level],
    )


def _with_lineage(documents: Sequence[AssetDocument], moments: Moments) -> tuple[Numbers, Numbers]:
    """Repeat each moment for its label and all above it; give the moments and the labels."""
    lineages: list[int] = []
    ends: list[int] = []
    assets, labels = moments.asset[moments.new].tolist(), moments.label[moments.new].tolist()
    for asset, label in zip(assets, labels, strict=True):
        lineages.append(label)
        lineages += documents[asset].ancestors.get(label, ())
        ends.append(len(lineages))
    sizes = np.diff(np.array(ends, np.int64), prepend=0)
    pair = np.cumsum(moments.new) - 1
    moment, place = _spread(sizes[pair])
    begin = np.cumsum(sizes) - sizes
    return moment, np.array(lineages, np.int64)[begin[pair[moment]] + place]


def _with_counts(moments: Moments, moment: Numbers, key: Numbers) -> tuple[Numbers, Numbers]:
    """Repeat what was seen several times at once under the keys of its counts."""
    instances = moments.instances[moment]
    repeated, keys = [moment], [key]
    for count in COUNTS:
        reaching = np.flatnonzero(instances >= count)
        if not len(reaching):
            break
        repeated.append(moment[reaching])
        keys.append(key[reaching] | counted_key(0, count))
    return np.concatenate(repeated), np.concatenate(keys)


def _units(best: _Floats, share: _Floats, ranges: Numbers) -> Numbers:
    """Score labels as `label_score` does."""
    many, which = np.unique(ranges, return_inverse=True)
    # The C library's logarithm, which need not be numpy's to the last bit.
    often = np.array([min(1.0, log2(1 + each) / 6) for each in many.tolist()], np.float64)[which]
    seen = 0.3 * np.minimum(1.0, np.sqrt(share)) + 0.2 * often
    return np.floor((0.5 * best / 100 + seen) * SCORE_UNIT + 0.5).astype(np.int64)


# ---- bits ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Drawn:
    """The bits of all levels in bytes, one level after the other."""

    bits: _Bytes
    # Of each level how many ranges there are; of each label how long the widest lasts, and how many
    # bytes a level takes.
    ranges: Numbers
    screen_ms: Numbers
    width: Numbers


def _drawn(
    entries: _Entries, on: Numbers, off: Numbers, edges: Numbers, first_edge: Numbers
) -> _Drawn:
    """Set the bits of all levels, of as many labels at once as is good for memory."""
    width = _reduced(np.maximum, off, entries.first_entry) + 7 >> 3
    until = np.cumsum(8 * width * np.diff(entries.first_level))
    bits: list[_Bytes] = []
    ranges = np.zeros(len(entries.step), np.int64)
    screen_ms = np.zeros(len(width), np.int64)
    label = 0
    while label < len(width):
        limit = (until[label - 1] if label else 0) + _BITS_AT_ONCE
        after = max(label + 1, int(np.searchsorted(until, limit, side="right")))
        rows, begin, set_bits = _bits(entries, on, off, width, label, after)
        bits.append(np.packbits(set_bits[:-1], bitorder="little"))
        # Where bits turn: on, off, on again; behind the last row nothing is on.
        turns = np.flatnonzero(set_bits[1:] != set_bits[:-1]) + 1
        starts, ends = turns[::2], turns[1::2]
        row = np.searchsorted(begin, starts, side="right") - 1
        ranges[rows] = np.bincount(row, minlength=len(begin))
        whose = entries.label_of[rows][row]
        # A label is there as long as its lowest level is.
        lowest = np.flatnonzero(row + rows.start == entries.first_level[whose])
        whose = whose[lowest]
        first = first_edge[entries.group[whose] >> _KEY_BITS] - begin[row[lowest]] - 1
        np.add.at(screen_ms, whose, edges[first + ends[lowest]] - edges[first + starts[lowest]])
        label = after
    return _Drawn(np.concatenate([*bits, np.zeros(0, np.uint8)]), ranges, screen_ms, width)


def _bits(
    entries: _Entries, on: Numbers, off: Numbers, width: Numbers, label: int, after: int
) -> tuple[slice, Numbers, _Bools]:
    """Set the bits of some labels; give which levels they are, where each begins, and the bits."""
    rows = slice(int(entries.first_level[label]), int(entries.first_level[after]))
    held = slice(int(entries.first_entry[label]), int(entries.first_entry[after]))
    label_of = entries.label_of[rows]
    end = np.cumsum(8 * width[label_of])
    begin = end - 8 * width[label_of]
    level = entries.level[held]
    # An entry is there at its own level and at all below it.
    entry, down = _spread(level - entries.first_level[entries.label_of[level]] + 1)
    row = begin[level[entry] - down - rows.start]
    change = np.zeros(int(end[-1]) + 1, np.int32)
    np.add.at(change, row + on[held][entry], np.int32(1))
    np.add.at(change, row + off[held][entry], np.int32(-1))
    return rows, begin, np.cumsum(change, dtype=np.int32) > 0


def _masks(entries: _Entries, drawn: _Drawn) -> tuple[bytes, Numbers]:
    """Put before each label's bits what says which of them hold at which step."""
    first = np.append(0, np.cumsum(HEAD + drawn.width * np.diff(entries.first_level)))
    places = first[:-1, None] + np.arange(HEAD)
    whole = np.empty(first[-1], np.uint8)
    is_bits = np.ones(len(whole), np.bool_)
    is_bits[places] = False
    whole[places] = _heads(entries)
    whole[is_bits] = drawn.bits
    return whole.tobytes(), first


def _heads(entries: _Entries) -> Numbers:
    """Say of each label how many masks there are and which of them holds at each of all steps.

    A mask holds for every step above the one before, up to its own.
    """
    steps = np.arange(len(STEPS))
    reached = _reduced(np.bitwise_or, 1 << entries.step, entries.first_level)[:, None] >> steps
    has = reached & 1
    below = np.cumsum(has, axis=1) - has
    many = np.diff(entries.first_level)[:, None]
    return np.hstack((many, np.where(reached > 0, below, NONE)))


# ---- columns -------------------------------------------------------------------------------------


def _changes(numbers: Numbers) -> _Bools:
    """Mark each number that differs from the one before it; the first does."""
    marks = np.ones(len(numbers), np.bool_)
    np.not_equal(numbers[1:], numbers[:-1], out=marks[1:])
    return marks


def _spread(times: Numbers) -> tuple[Numbers, Numbers]:
    """Repeat each place so many times; give the places and for each the how manieth it is."""
    which = np.repeat(np.arange(len(times)), times)
    return which, np.arange(len(which)) - np.repeat(np.cumsum(times) - times, times)


def _reduced(by: np.ufunc, values: npt.NDArray[_Number], first: Numbers) -> npt.NDArray[_Number]:
    """Reduce the values of each label; without labels there is nothing."""
    return by.reduceat(values, first[:-1]) if len(first) > 1 else values[:0]
