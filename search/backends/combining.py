"""Puts values (see timeline.py) of parts together, whatever a row is. Reads no row itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from search import ranges
from search.backends import timeline
from search.backends.timeline import WHOLE

Row = TypeVar("Row")


def fold(
    wanted: list[Callable[[Row], int]],
    unwanted: list[Callable[[Row], int]],
    *,
    anywhere: bool,
) -> Callable[[Row], int]:
    """All that is wanted, less all that is not: at the same time, or `anywhere` in the asset."""
    both = timeline.both_anywhere if anywhere else timeline.both_at
    minus = timeline.minus_anywhere if anywhere else timeline.minus_at

    def value(row: Row) -> int:
        found = WHOLE
        for part in wanted:
            found = both(found, part(row))
            if not found:
                return 0
        for part in unwanted:
            found = minus(found, part(row))
        return found

    return value


def any_of(parts: list[Callable[[Row], int]]) -> Callable[[Row], int]:
    """One part at least."""

    def value(row: Row) -> int:
        found = 0
        for part in parts:
            found |= part(row)
        return found

    return value


def without(part: Callable[[Row], int]) -> Callable[[Row], int]:
    """The asset as a whole, if the part is nowhere in it."""
    return lambda row: 0 if part(row) else WHOLE


def sequence(
    parts: list[Callable[[Row], int]],
    gaps_ms: tuple[int, ...],
    unless_ms: tuple[int, ...],
    *,
    edges_of: Callable[[Row], Sequence[int] | None],
) -> Callable[[Row], int]:
    """One part after the other; `edges_of` gives the cuts of a row's time, None of a photo's."""

    def value(row: Row) -> int:
        edges = edges_of(row)
        if edges is None:
            return 0
        sets = [timeline.ranges_of(part(row), edges) for part in parts]
        return timeline.value_of(ranges.then_nearly(sets, gaps_ms, unless_ms), edges)

    return value
