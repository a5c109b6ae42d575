"""Makes the bodies of documents as schema.py describes them. Asks no server."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np

from search.backends.cuts import Cut, Numbers
from search.backends.cutting import columns, cut, portions
from search.backends.facets import length_class, month_of
from search.backends.opensearch import packed
from search.backends.opensearch.schema import (
    LABEL_SHIFT,
    LONGEST_TOKEN,
    LOW_BITS,
    NEVER,
    PLACES,
    STEP_SHIFT,
)
from search.documents import AssetDocument


def bodies_of(documents: Iterable[AssetDocument]) -> Iterator[dict[str, Any]]:
    """Make the body of each document."""
    for part in portions(documents):
        for document, labels in zip(part, _labels(part), strict=True):
            yield {
                **_facts(document),
                "categories": [name for name in document.categories if name],
                "moment_count": len(document.moments),
                "moments_stamp": document.moments_stamp,
                "moments": _readable(document),
                **labels,
            }


def with_facts(stored: dict[str, Any], document: AssetDocument) -> dict[str, Any]:
    """Make the body of a stored document with other facts; what is seen stays."""
    seen = {"boxes"} & set(stored["marks"])
    return {**stored, **_facts(document), "marks": sorted(seen.union(document.marks))}


def removed(asset_id: str, generation: int) -> dict[str, Any]:
    """Make what stays of an asset that was taken out, so that a late document is refused."""
    return {"live": False, "asset": asset_id, "generation": min(generation, NEVER)}


def _facts(document: AssetDocument) -> dict[str, Any]:
    captured = document.captured_ms
    return {
        "live": True,
        "asset": document.asset_id,
        "generation": document.generation,
        "principals": sorted(document.principals),
        "kind": document.kind,
        "title": document.title[:LONGEST_TOKEN],
        "title_text": document.title_text,
        "file_text": document.file_text,
        "keywords_text": document.keywords_text,
        "description_text": document.description_text,
        "texts": packed.pack_texts(document),
        "keywords": list(document.keywords),
        "marks": list(document.marks),
        "created_ms": document.created_ms,
        "captured_ms": captured,
        "captured_key": NEVER if captured is None else -captured,
        "duration_ms": document.duration_ms,
        "month": month_of(document),
        "length": length_class(document) or None,
    }


def _readable(document: AssetDocument) -> list[dict[str, Any]]:
    """Write what is seen when, for people: no search reads it."""
    names = document.names
    return [
        {
            "label": names.get(label) or str(label),
            "start_ms": start,
            "end_ms": end,
            "confidence": confidence,
        }
        for label, start, end, confidence, _ in document.moments
    ]


def _labels(documents: Sequence[AssetDocument]) -> Iterator[dict[str, Any]]:
    """Make of each body what is seen in the asset."""
    moments = columns(documents)
    found = cut(documents, moments)
    parts = zip(
        pairwise(found.first_label.tolist()),
        found.first_counted.tolist(),
        _ranged(found),
        _counted(found),
        packed.pack_labels(found),
        packed.pack_edges(found),
        packed.pack_moments(moments, len(documents)),
        strict=True,
    )
    labels, tops = found.key.tolist(), _tops(found)
    names, scores = _names(labels), _scores(found.units)
    for (first, after), plain, ranged, numbers, bits, edges, seen in parts:
        mine = slice(2 * first, 2 * after)
        yield {
            "labels": labels[first:plain],
            "tops": tops[first:after],
            "score": dict(zip(names[mine], scores[mine], strict=True)),
            "ranged": ranged,
            "counted": numbers,
            "bits": bits,
            "edges": edges,
            "seen": seen,
        }


def _tops(found: Cut) -> list[str]:
    steps = found.step[found.first_level[1:] - 1]
    return [f"{key}@{step}" for key, step in zip(found.key.tolist(), steps.tolist(), strict=True)]


def _names(keys: list[int]) -> list[str]:
    """Name the two rank features of each label."""
    return [name for key in keys for name in _names_of(key)]


@lru_cache(maxsize=8_192)
def _names_of(key: int) -> tuple[str, str]:
    return f"h{key}", f"l{key}"


def _scores(units: Numbers) -> list[int]:
    """Part each score into the values of its two rank features."""
    both: list[int] = np.stack((units >> LOW_BITS, units & (1 << LOW_BITS) - 1), 1).ravel().tolist()
    return [value + 1 for value in both]


def _ranged(found: Cut) -> list[dict[str, list[str]]]:
    ranges = found.ranges[found.first_level[:-1]].tolist()
    values = [f"{key}:{many}" for key, many in zip(found.key.tolist(), ranges, strict=True)]
    return _by_part(_places(found), values, assets=len(found.first_counted))


def _counted(found: Cut) -> list[dict[str, list[int]]]:
    levels = np.diff(found.first_level)
    values = np.repeat(found.key << LABEL_SHIFT, levels)
    values += (found.step << STEP_SHIFT) + found.ranges
    places = np.repeat(_places(found), levels)
    return _by_part(places, values.tolist(), assets=len(found.first_counted))


def _places(found: Cut) -> Numbers:
    """Give each label's asset and its part of a spread field, in one number."""
    labels = np.diff(found.first_label)
    return np.repeat(np.arange(len(labels)), labels) * len(PLACES) + found.key % len(PLACES)


def _by_part(places: Numbers, values: list[Any], *, assets: int) -> list[dict[str, list[Any]]]:
    """Spread the values of each asset over the parts of a field."""
    order = np.argsort(places, kind="stable")
    ordered = [values[at] for at in order.tolist()]
    begins = np.flatnonzero(np.diff(places[order], prepend=-1))
    lists = [ordered[a:b] for a, b in pairwise([*begins.tolist(), len(ordered)])]
    asset, part = np.divmod(places[order][begins], len(PLACES))
    names = [PLACES[each] for each in part.tolist()]
    first = np.searchsorted(asset, np.arange(assets + 1)).tolist()
    return [dict(zip(names[a:b], lists[a:b], strict=True)) for a, b in pairwise(first)]
