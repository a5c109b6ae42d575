"""Makes the bodies of documents as schema.py describes them. Asks no server."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain, pairwise
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

# So many terms are kept, as making one anew takes longer than to look it up.
_TERMS = 16_384


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
        _spread(found),
        packed.pack_labels(found),
        packed.pack_edges(found),
        packed.pack_moments(moments, len(documents)),
        strict=True,
    )
    labels, tops = found.key.tolist(), _tops(found)
    names, scores = _names(labels), _scores(found.units)
    for (first, after), plain, (ranged, counted), bits, edges, seen in parts:
        mine = slice(2 * first, 2 * after)
        yield {
            "labels": labels[first:plain],
            "tops": tops[first:after],
            "score": dict(zip(names[mine], scores[mine], strict=True)),
            "ranged": ranged,
            "counted": counted,
            "bits": bits,
            "edges": edges,
            "seen": seen,
        }


def _tops(found: Cut) -> list[str]:
    steps = found.step[found.first_level[1:] - 1]
    return list(map(_top, found.key.tolist(), steps.tolist()))


@lru_cache(maxsize=_TERMS)
def _top(key: int, step: int) -> str:
    return f"{key}@{step}"


def _names(keys: list[int]) -> list[str]:
    """Name the two rank features of each label."""
    return list(chain.from_iterable(map(_names_of, keys)))


@lru_cache(maxsize=_TERMS)
def _names_of(key: int) -> tuple[str, str]:
    return f"h{key}", f"l{key}"


def _scores(units: Numbers) -> list[int]:
    """Part each score into the values of its two rank features."""
    both: list[int] = np.stack((units >> LOW_BITS, units & (1 << LOW_BITS) - 1), 1).ravel().tolist()
    return [value + 1 for value in both]


def _spread(found: Cut) -> Iterator[tuple[dict[str, list[str]], dict[str, list[int]]]]:
    """Make `ranged` and `counted` of each asset, spread over the parts of these fields."""
    labels = np.diff(found.first_label)
    places = np.repeat(np.arange(len(labels)) * len(PLACES), labels) + found.key % len(PLACES)
    # Labels in order of asset and part, their levels with them.
    order = places.argsort(kind="stable")
    places, first_level = places[order], found.first_level[:-1][order]
    levels = np.diff(found.first_level)[order]
    ends = levels.cumsum()
    level = np.repeat(first_level - ends + levels, levels) + np.arange(levels.sum())
    key = found.key[order]
    ranged = list(map(_range, key.tolist(), found.ranges[first_level].tolist()))
    numbers = np.repeat(key << LABEL_SHIFT, levels)
    numbers += (found.step[level] << STEP_SHIFT) + found.ranges[level]
    counted: list[int] = numbers.tolist()
    # Where each part of an asset begins among labels and levels, and last of all where all ends.
    (begins,) = np.diff(places, prepend=-1, append=-1).nonzero()
    parts = [PLACES[part] for part in (places[begins[:-1]] % len(PLACES)).tolist()]
    of_labels = pairwise(begins.tolist())
    of_levels = pairwise(np.append(0, ends)[begins].tolist())
    ranged_parts = [ranged[low:high] for low, high in of_labels]
    counted_parts = [counted[low:high] for low, high in of_levels]
    whose = np.arange(len(labels) + 1) * len(PLACES)
    for low, high in pairwise(places[begins[:-1]].searchsorted(whose).tolist()):
        names = parts[low:high]
        yield (
            dict(zip(names, ranged_parts[low:high], strict=True)),
            dict(zip(names, counted_parts[low:high], strict=True)),
        )


@lru_cache(maxsize=_TERMS)
def _range(key: int, many: int) -> str:
    return f"{key}:{many}"
