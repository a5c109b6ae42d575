"""The values of facets that are worked out from a document, and how counts are ordered."""

from __future__ import annotations

import datetime
import heapq
from collections import Counter
from functools import lru_cache

from search.backends.base import LENGTHS
from search.documents import AssetDocument

# Of every facet only the commonest values are given.
FACET_VALUES = 100
_DAY_MS = 86_400_000


def month_of(document: AssetDocument) -> str:
    """Name the month an asset was captured in, or else uploaded."""
    shown = document.created_ms if document.captured_ms is None else document.captured_ms
    return _month_of_day(shown // _DAY_MS)


@lru_cache(maxsize=4_096)
def _month_of_day(days: int) -> str:
    day = datetime.date(1970, 1, 1) + datetime.timedelta(days=days)
    return f"{day.year:04d}-{day.month:02d}"


def length_class(document: AssetDocument) -> str:
    """Name the length class of a video; photos have none."""
    if document.kind != "video":
        return ""
    fits = (
        name
        for name, low, high in LENGTHS
        if low <= document.duration_ms and (high is None or document.duration_ms < high)
    )
    return next(fits)


def commonest(counts: Counter[str | int]) -> tuple[tuple[str | int, int], ...]:
    """Give the commonest values with their counts, equals in order of the value."""
    # Assets without a length class, or without a category, have the empty value.
    counts.pop("", None)
    # Values of one facet are all of one type, so equal counts can be told apart.
    ordered = heapq.nsmallest(FACET_VALUES, [(-n, value) for value, n in counts.items()])
    return tuple((value, -n) for n, value in ordered)
