"""Functions from a row to its value (see timeline.py): what SQL does not decide. Run no SQL."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from search import ranges
from search.backends.timeline import WHOLE, ranges_of, unpack, unpack_edges, value_of

Row = tuple[Any, ...]
Value = Callable[[Row], int]
# From all rows to those that match, with their values.
Match = Callable[[Iterable[Row]], list[tuple[Row, int]]]
# The columns every statement begins with.
ID, UUID_, VIDEO, SORT, EDGES, SCORE = range(6)
FIXED = 6


def whole(_row: Row) -> int:
    """The asset as a whole: the statement has decided everything."""
    return WHOLE


def seen(column: int, step: int) -> Value:
    """The ranges of a label at a confidence step."""

    def value(row: Row) -> int:
        masks = row[column]
        return unpack(masks, step) if masks else 0

    return value


def each(value: Value) -> Match:
    """Match row by row."""

    def match(rows: Iterable[Row]) -> list[tuple[Row, int]]:
        return [(row, found) for row in rows if (found := value(row))]

    return match


def together(wanted: list[tuple[int, int]], unwanted: list[tuple[int, int]]) -> Match:
    """Match the common case, labels at once and others not, without calls for every row.

    Takes (column, step) pairs; the statement sees to it that the wanted ones are there.
    """
    (first, first_step), *others = wanted

    def match(rows: Iterable[Row]) -> list[tuple[Row, int]]:
        matched = []
        for row in rows:
            found = unpack(row[first], first_step)
            for column, step in others:
                found &= unpack(row[column], step)
            for column, step in unwanted:
                if row[column]:
                    found &= ~unpack(row[column], step)
            if found:
                matched.append((row, found))
        return matched

    return match


def fold(
    wanted: list[Value],
    unwanted: list[Value],
    *,
    both: Callable[[int, int], int],
    minus: Callable[[int, int], int],
) -> Value:
    """All that is wanted, less all that is not."""

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


def any_of(parts: list[Value]) -> Value:
    """One part at least."""

    def value(row: Row) -> int:
        found = 0
        for part in parts:
            found |= part(row)
        return found

    return value


def without(part: Value) -> Value:
    """The asset as a whole, if the part is nowhere in it."""
    return lambda row: 0 if part(row) else WHOLE


def sequence(
    parts: list[Value], gaps_ms: tuple[int, ...], unless_ms: tuple[int, ...] = ()
) -> Value:
    """One part after the other; photos have no time in which that could be."""

    def value(row: Row) -> int:
        if not row[VIDEO]:
            return 0
        edges = unpack_edges(row[EDGES])
        sets = [ranges_of(part(row), edges) for part in parts]
        return value_of(ranges.then_nearly(sets, gaps_ms, unless_ms), edges)

    return value
