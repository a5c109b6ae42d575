"""Cuts the time of many assets at once and sets the bits of their labels (see cuts.py).

Everything of a batch lies side by side in columns: numpy goes through them in a fraction of the
time that a loop over moments takes. What bits mean when they are read is timeline.py's matter.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from math import inf, log2
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from search.backends.cuts import Cut, Numbers
from search.backends.cutting_few import cut_few, head_of
from search.conditions import STEPS, counted_key
from search.documents import AssetDocument
from search.query import COUNTS
from search.results import SCORE_UNIT

# Assets are cut together up to so many of them and of their moments, and bits are set up to so many
# at once: memory stays small, whatever the assets are.
_ASSETS_AT_ONCE = 200
_MOMENTS_AT_ONCE = 20_000
_BITS_AT_ONCE = 1 << 18
# Arrays pay from so many moments on, and while those of one asset are not that many: its whole time
# is in one integer then, sixty-four bits a step.
_MANY_MOMENTS = 150
_MOMENTS_ALONE = 1_000
# An asset, a label's key and a step together in one number: the bits of the latter two.
_KEY_BITS = 32
_STEP_BITS = 4
_KEY = (1 << _KEY_BITS) - 1
_STEP = (1 << _STEP_BITS) - 1
_STEPS_ABOVE = np.array(STEPS[1:])
_FIRST_COUNTED = counted_key(0, COUNTS[0])

_Bools = npt.NDArray[np.bool_]
_Floats = npt.NDArray[np.float64]
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


def portions(documents: Iterable[AssetDocument]) -> Iterator[list[AssetDocument]]:
    """Part documents into lists that are cut at once; one with very many moments stands alone."""
    part: list[AssetDocument] = []
    moments = 0
    for document in documents:
        moments += len(document.moments)
        alone = len(document.moments) > _MOMENTS_ALONE
        if part and (alone or len(part) == _ASSETS_AT_ONCE or moments > _MOMENTS_AT_ONCE):
            yield part
            part, moments = [], len(document.moments)
        part.append(document)
        if alone:
            yield part
            part, moments = [], 0
    if part:
        yield part


def cut(documents: Sequence[AssetDocument], moments: Moments | None = None) -> Cut:
    """Cut the time of each asset and set the bits of every label and of everything above it.

    The columns of their moments are made anew unless they are given.
    """
    few = sum(len(document.moments) for document in documents) < _MANY_MOMENTS
    if few or len(documents) == 1:
        return cut_few(documents)
    return cut_many(documents, moments or columns(documents))


def cut_many(documents: Sequence[AssetDocument], moments: Moments) -> Cut:
    """Cut assets, all at once."""
    edges, first_edge, start, end = _edges(documents, moments)
    entries = _entries(documents, moments)
    # What begins where it ends sets no bit; bit 0 is kept for the asset as a whole.
    lasting = start < end
    on = np.where(lasting, start + 1, 0)[entries.moment]
    off = np.where(lasting, end + 1, 0)[entries.moment]
    drawn = _drawn(entries, on, off, edges, first_edge)
    lasts = _lasts(documents, edges, first_edge)[entries.group >> _KEY_BITS]
    best = _reduced(np.maximum, moments.confidence[entries.moment], entries.first_entry)
    whose = np.arange(len(documents) + 1) << _KEY_BITS
    return Cut(
        edges=edges,
        first_edge=first_edge,
        key=entries.group & _KEY,
        units=_units(best, drawn.screen_ms / lasts, drawn.ranges[entries.first_level[:-1]]),
        first_label=entries.group.searchsorted(whose),
        first_counted=entries.group.searchsorted(whose[:-1] + _FIRST_COUNTED),
        step=entries.step,
        ranges=drawn.ranges,
        first_level=entries.first_level,
        masks=_masks(entries, drawn),
    )


# ---- moments -------------------------------------------------------------------------------------


def columns(documents: Sequence[AssetDocument]) -> Moments:
    """Put the moments of assets into columns."""
    held = [document.moments for document in documents]
    asset = np.arange(len(documents)).repeat(list(map(len, held)))
    # One array of floats, which hold every id and time: five take half as long again.
    values = chain.from_iterable(chain.from_iterable(held))
    rows = np.fromiter(values, np.float64).reshape(-1, 5)
    pairs = (asset << _KEY_BITS) + rows[:, 0].astype(np.int64)
    order = pairs.argsort(kind="stable")
    pairs, rows = pairs[order], rows[order]
    return Moments(
        asset=asset,
        label=pairs & _KEY,
        start_ms=rows[:, 1].astype(np.int64),
        end_ms=rows[:, 2].astype(np.int64),
        confidence=rows[:, 3].copy(),
        instances=rows[:, 4].astype(np.int64),
        new=_changes(pairs),
    )


def _edges(
    documents: Sequence[AssetDocument], moments: Moments
) -> tuple[Numbers, Numbers, Numbers, Numbers]:
    """Give all cuts, where each asset's begin, and at which cut each moment starts and ends."""
    # A photo is one piece, [0, 1).
    photo = np.array([document.kind == "photo" for document in documents], np.bool_)[moments.asset]
    start, end = np.where(photo, 0, moments.start_ms), np.where(photo, 1, moments.end_ms)
    span = max(int(start.max(initial=0)), int(end.max(initial=0))) + 1
    before = moments.asset * span
    times = np.concatenate((start + before, end + before))
    edges = np.sort(times)
    edges = edges[_changes(edges)]
    first = edges.searchsorted(np.arange(len(documents) + 1) * span)
    start, end = edges.searchsorted(times).reshape(2, -1) - first[moments.asset]
    return edges % span, first, start, end


def _lasts(documents: Sequence[AssetDocument], edges: Numbers, first_edge: Numbers) -> _Floats:
    """Say what a label's time is a share of: of a photo's time none is."""
    last = [int(edges[after - 1]) if after else 0 for after in first_edge[1:].tolist()]
    return np.array(
        [
            inf if document.kind == "photo" else max(document.duration_ms, edge, 1)
            for document, edge in zip(documents, last, strict=True)
        ]
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
    step = _STEPS_ABOVE.searchsorted(moments.confidence, side="right")
    whole = ((moments.asset[moment] << _KEY_BITS) + key << _STEP_BITS) + step[moment]
    order = whole.argsort()
    whole = whole[order]
    new = _changes(whole)
    levels = whole[new]
    groups = levels >> _STEP_BITS
    first = _changes(groups)
    first_level = _bounds(first)
    return _Entries(
        moment=moment[order],
        level=new.cumsum() - 1,
        label_of=first.cumsum() - 1,
        step=levels & _STEP,
        group=groups[first],
        first_level=first_level,
        first_entry=_bounds(new)[first_level],
    )


def _with_lineage(documents: Sequence[AssetDocument], moments: Moments) -> tuple[Numbers, Numbers]:
    """Repeat each moment for its label and all above it; give the moments and the labels."""
    lineages: list[int] = []
    begin: list[int] = []
    many: list[int] = []
    assets, labels = moments.asset[moments.new].tolist(), moments.label[moments.new].tolist()
    for asset, label in zip(assets, labels, strict=True):
        begin.append(len(lineages))
        lineages.append(label)
        lineages += documents[asset].ancestors.get(label, ())
        many.append(len(lineages) - begin[-1])
    sizes, begins = np.array(many, np.int64), np.array(begin, np.int64)
    pair = moments.new.cumsum() - 1
    moment, place = _spread(sizes[pair])
    return moment, np.array(lineages, np.int64)[begins[pair[moment]] + place]


def _with_counts(moments: Moments, moment: Numbers, key: Numbers) -> tuple[Numbers, Numbers]:
    """Repeat what was seen several times at once under the keys of its counts."""
    if moments.instances.max(initial=0) < COUNTS[0]:
        return moment, key
    instances = moments.instances[moment]
    repeated, keys = [moment], [key]
    for count in COUNTS:
        (reaching,) = (instances >= count).nonzero()
        repeated.append(moment[reaching])
        keys.append(key[reaching] | counted_key(0, count))
    return np.concatenate(repeated), np.concatenate(keys)


def _units(best: _Floats, share: _Floats, ranges: Numbers) -> Numbers:
    """Score labels by certainty, share of the time seen and how often, each from 0 to 1."""
    # The C library's logarithm, which need not be numpy's to the last bit.
    often = np.array([log2(1 + many) for many in ranges.tolist()], np.float64) / 6
    seen = 0.3 * np.minimum(1.0, np.sqrt(share)) + 0.2 * np.minimum(1.0, often)
    return np.floor((0.5 * best / 100 + seen) * SCORE_UNIT + 0.5).astype(np.int64)


# ---- bits ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Drawn:
    """The bits of all levels in bytes, one level after the other."""

    bits: bytes
    # Of each level how many ranges there are; of each label how long the widest lasts, and how many
    # bytes a level takes.
    ranges: Numbers
    screen_ms: npt.NDArray[Any]
    width: Numbers


def _drawn(
    entries: _Entries, on: Numbers, off: Numbers, edges: Numbers, first_edge: Numbers
) -> _Drawn:
    """Set the bits of all levels, of as many labels at once as is good for memory."""
    width = _reduced(np.maximum, off, entries.first_entry) + 7 >> 3
    lengths = 8 * width[entries.label_of]
    ends = lengths.cumsum()
    begins = ends - lengths
    # By this much the cuts of a level's asset lie behind its bits.
    ahead = first_edge[entries.group >> _KEY_BITS][entries.label_of] - begins - 1
    bits, ranges, lasting = [], [], []
    for labels in _at_once(ends, entries.first_level):
        levels = slice(*entries.first_level[[labels.start, labels.stop]].tolist())
        set_bits = _bits(entries, on, off, begins[levels], int(ends[levels][-1]), labels)
        bits.append(np.packbits(set_bits[:-1], bitorder="little"))
        # Where bits turn: on, off, on again; behind the last level nothing is on.
        turns = set_bits[1:] != set_bits[:-1]
        (places,) = turns.nonzero()
        places += begins[levels.start] + 1
        level = begins[levels].searchsorted(places[::2], side="right") - 1
        times = edges[places.reshape(-1, 2) + ahead[levels][level][:, None]]
        ranges.append(np.bincount(level, minlength=len(begins[levels])))
        lasting.append(np.bincount(level, times[:, 1] - times[:, 0], len(begins[levels])))
    if not bits:
        return _Drawn(b"", entries.step, entries.step, width)
    # A label is there as long as its lowest level is.
    screen_ms = np.concatenate(lasting)[entries.first_level[:-1]]
    return _Drawn(b"".join(map(bytes, bits)), np.concatenate(ranges), screen_ms, width)


def _at_once(ends: Numbers, first_level: Numbers) -> Iterator[slice]:
    """Part labels by how many bits are set at once; the bits of each level end there."""
    until = ends[first_level[1:] - 1]
    label = 0
    while label < len(until):
        limit = (until[label - 1] if label else 0) + _BITS_AT_ONCE
        after = max(label + 1, int(until.searchsorted(limit, side="right")))
        yield slice(label, after)
        label = after


def _bits(
    entries: _Entries, on: Numbers, off: Numbers, begins: Numbers, end: int, labels: slice
) -> _Bools:
    """Set the bits of some labels, whose levels begin there; behind them stands one more."""
    held = slice(*entries.first_entry[[labels.start, labels.stop]].tolist())
    level = entries.level[held]
    # An entry is there at its own level and at all below it.
    entry, down = _spread(level - entries.first_level[entries.label_of[level]] + 1)
    row = begins[level[entry] - down - entries.first_level[labels.start]] - begins[0]
    change = np.zeros(end - int(begins[0]) + 1, np.int32)
    np.add.at(change, row + on[held][entry], np.int32(1))
    np.add.at(change, row + off[held][entry], np.int32(-1))
    return change.cumsum(dtype=np.int32) > 0


def _masks(entries: _Entries, drawn: _Drawn) -> list[bytes]:
    """Put before each label's bits what says which of them hold at which step."""
    reached = _reduced(np.bitwise_or, 1 << entries.step, entries.first_level).tolist()
    ends = (drawn.width * _lengths(entries.first_level)).cumsum().tolist()
    return [
        head_of(steps) + drawn.bits[begin:end]
        for steps, (begin, end) in zip(reached, pairwise([0, *ends]), strict=True)
    ]


# ---- columns -------------------------------------------------------------------------------------


def _changes(numbers: Numbers) -> _Bools:
    """Mark each number that differs from the one before it; the first does."""
    marks = np.ones(len(numbers), np.bool_)
    np.not_equal(numbers[1:], numbers[:-1], out=marks[1:])
    return marks


def _bounds(changes: _Bools) -> Numbers:
    """Give the places of changes, and last of all where everything ends."""
    (places,) = changes.nonzero()
    return np.concatenate((places, (len(changes),)))


def _lengths(bounds: Numbers) -> Numbers:
    """Say how much lies between the bounds."""
    return bounds[1:] - bounds[:-1]


def _spread(times: Numbers) -> tuple[Numbers, Numbers]:
    """Repeat each place so many times; give the places and for each the how manieth it is."""
    which = np.arange(len(times)).repeat(times)
    return which, np.arange(len(which)) - (times.cumsum() - times).repeat(times)


def _reduced(by: np.ufunc, values: npt.NDArray[_Number], first: Numbers) -> npt.NDArray[_Number]:
    """Reduce the values of each label; without labels there is nothing."""
    return by.reduceat(values, first[:-1]) if len(first) > 1 else values[:0]
