"""Arranges an asset's moments for its page: by label, by time, and as lanes. Pure: no queries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

LANES = 8
LANES_AT_FIRST = 3
# A page lists so many; the lanes show every moment, the API and its pages give the rest.
SPANS_PER_LABEL = 40
ROWS_BY_TIME = 400


@dataclass(frozen=True, slots=True)
class Found:
    """One moment as the database has it."""

    label: str
    start_ms: int
    end_ms: int
    confidence: float
    instances: int

    @property
    def length_ms(self) -> int:
        """Give the length; a photo's is 0."""
        return self.end_ms - self.start_ms


@dataclass(frozen=True, slots=True)
class LabelRow:
    """A label and where it is seen; lane 0 means that it is switched off."""

    name: str
    lane: int
    spans: tuple[Found, ...]
    hidden: int
    count: int
    screen_ms: int
    best: float
    has_boxes: bool
    parents: str = ""

    @property
    def is_on(self) -> bool:
        """Tell whether its boxes and its lane are shown."""
        return self.lane > 0


@dataclass(frozen=True, slots=True)
class TimeRow:
    """A moment in the list by time."""

    moment: Found
    lane: int


@dataclass(frozen=True, slots=True)
class Moments:
    """All moments of an asset, arranged."""

    labels: tuple[LabelRow, ...]
    by_time: tuple[TimeRow, ...]
    hidden_by_time: int
    total: int
    lanes: tuple[tuple[LabelRow, tuple[Found, ...]], ...]
    data: list[dict[str, Any]]


def arrange(
    found: Iterable[Found],
    *,
    wanted: Sequence[str] = (),
    parents: Mapping[str, Sequence[str]] | None = None,
) -> Moments:
    """Arrange moments; `wanted` names the labels to switch on, else the most telling ones are.

    `parents` gives each label's direct parents, where it has any.
    """
    above = parents or {}
    groups: dict[str, list[Found]] = {}
    for moment in sorted(found, key=lambda m: (m.start_ms, m.end_ms, m.label)):
        groups.setdefault(moment.label, []).append(moment)
    lanes = _lanes(groups, wanted)
    rows = [
        _row(name, spans, lanes.get(name, 0), parents=", ".join(above.get(name, ())))
        for name, spans in groups.items()
    ]
    rows.sort(key=lambda row: (row.lane or LANES + 1, not row.has_boxes, -row.count, row.name))
    every = sorted((m for spans in groups.values() for m in spans), key=lambda m: m.start_ms)
    return Moments(
        labels=tuple(rows),
        by_time=tuple(TimeRow(m, lanes.get(m.label, 0)) for m in every[:ROWS_BY_TIME]),
        hidden_by_time=max(0, len(every) - ROWS_BY_TIME),
        total=len(every),
        lanes=tuple((row, tuple(groups[row.name])) for row in rows if row.is_on),
        data=[_data(row, groups[row.name]) for row in rows],
    )


def _lanes(groups: dict[str, list[Found]], wanted: Sequence[str]) -> dict[str, int]:
    """Give the labels that are on their lanes, 1 to 8."""
    folded = {name.casefold(): name for name in groups}
    chosen = [folded[name.casefold()] for name in wanted if name.casefold() in folded]
    if not chosen:
        telling = sorted(groups, key=lambda name: (not _boxed(groups[name]), -len(groups[name])))
        chosen = telling[:LANES_AT_FIRST]
    return {name: lane for lane, name in enumerate(dict.fromkeys(chosen[:LANES]), 1)}


def _boxed(spans: Sequence[Found]) -> bool:
    return any(moment.instances for moment in spans)


def _row(name: str, spans: Sequence[Found], lane: int, *, parents: str) -> LabelRow:
    return LabelRow(
        name=name,
        lane=lane,
        spans=tuple(spans[:SPANS_PER_LABEL]),
        hidden=max(0, len(spans) - SPANS_PER_LABEL),
        count=len(spans),
        screen_ms=sum(moment.length_ms for moment in spans),
        best=max(moment.confidence for moment in spans),
        has_boxes=_boxed(spans),
        parents=parents,
    )


def _data(row: LabelRow, spans: Sequence[Found]) -> dict[str, Any]:
    """Give a label to the page's modules; three numbers a moment keep long videos light."""
    return {
        "name": row.name,
        "lane": row.lane,
        "moments": [[m.start_ms, m.end_ms, round(m.confidence, 1)] for m in spans],
    }
