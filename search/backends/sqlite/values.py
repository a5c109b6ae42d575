"""Functions from a row to its value (see timeline.py): what SQL does not decide. Run no SQL."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from search.backends.timeline import WHOLE, unpack, unpack_edges

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


def edges_of(row: Row) -> Sequence[int] | None:
    """The cuts of a video's time; a photo has none."""
    return unpack_edges(row[EDGES]) if row[VIDEO] else None
