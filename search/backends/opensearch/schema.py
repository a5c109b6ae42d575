"""What a document looks like on the server. Raise SCHEMA whenever it changes its meaning.

One document holds all that search knows of one asset. Indexed are facts, tokens, labels with the
highest confidence step each reaches, and scores. What Python decides by lies in packed columns
(packed.py); `moments` are only stored, for people who look into the index.
"""

from __future__ import annotations

from collections import defaultdict
from functools import lru_cache
from typing import Any

from search.backends import timeline
from search.backends.facets import length_class, month_of
from search.backends.opensearch import packed
from search.backends.opensearch.packed import SCORE_UNIT
from search.documents import AssetDocument

SCHEMA = "4"
# A sort value for assets without a capture date: behind all others.
NEVER = 1 << 62
_LOW_BITS = 7
_LOW = (1 << _LOW_BITS) - 1
# The score of a label lies in two rank features: such features keep nine significant bits, and
# none may be 0. HIGH times the one and the other make the score, plus this much.
HIGH = 1 << _LOW_BITS
SCORE_SHIFT = HIGH + 1
LABEL_SHIFT = 32
STEP_SHIFT = 28
_PLACES = tuple(f"p{place}" for place in range(32))
_LONGEST_TOKEN = 8_000

_KEYWORD = {"type": "keyword"}
_LONG = {"type": "long"}
_STORED = {"type": "object", "enabled": False}
_PACKED = {"type": "binary", "doc_values": True}
_TEXT = {
    "type": "text",
    "analyzer": "tokens",
    "norms": False,
    "copy_to": "words",
}


def place_of(key: int) -> str:
    """Name the part of a spread field that holds a label: `Seen.key` is counted there."""
    return _PLACES[key % len(_PLACES)]


def _spread(field: dict[str, Any]) -> dict[str, Any]:
    """Spread a field over several, so that counting one label does not read all of an asset's."""
    return {"properties": dict.fromkeys(_PLACES, field)}


MAPPING: dict[str, Any] = {
    "dynamic": "strict",
    "_meta": {"schema": SCHEMA},
    "properties": {
        "live": {"type": "boolean"},
        "asset": _KEYWORD,
        "generation": _LONG,
        "principals": _KEYWORD,
        "kind": _KEYWORD,
        "title": _KEYWORD,
        "title_text": _TEXT,
        "file_text": _TEXT,
        "keywords_text": _TEXT,
        "description_text": _TEXT,
        "words": {"type": "text", "analyzer": "tokens", "norms": False},
        "keywords": _KEYWORD,
        "categories": _KEYWORD,
        "marks": _KEYWORD,
        "created_ms": _LONG,
        "captured_ms": _LONG,
        "captured_key": _LONG,
        "duration_ms": _LONG,
        "month": _KEYWORD,
        "length": _KEYWORD,
        "labels": {"type": "integer"},
        # "12@5": label 12 reaches confidence step 5 and no higher one. Labels with a count
        # stand here and in what follows under `Seen.key`.
        "tops": _KEYWORD,
        "score": {"type": "rank_features"},
        # "12:5": label 12 is seen in five ranges of the asset, whatever the confidence.
        "ranged": _spread({"type": "keyword", "index": False}),
        # Label, highest step and number of ranges up to that step, in one number.
        "counted": _spread({"type": "long", "index": False}),
        "moment_count": {"type": "long", "index": False},
        "moments_stamp": {"type": "keyword", "index": False, "doc_values": False},
        "bits": _PACKED,
        "edges": _PACKED,
        "seen": _PACKED,
        "texts": _PACKED,
        "moments": _STORED,
    },
}


def settings(*, replicas: int, refresh: str) -> dict[str, Any]:
    """Give an index's settings: tokens are cut in Python, the server only splits at spaces."""
    return {
        "index": {
            # One shard, so that counts are exact; good to some millions of assets.
            "number_of_shards": 1,
            "number_of_replicas": replicas,
            "refresh_interval": refresh,
        },
        "analysis": {
            "analyzer": {"tokens": {"type": "custom", "tokenizer": "spaces"}},
            "tokenizer": {"spaces": {"type": "whitespace", "max_token_length": _LONGEST_TOKEN}},
        },
    }


def version_of(generation: int, *, removed: bool = False) -> int:
    """Give the version of a document: a removal beats what was put at its own generation."""
    return 2 * min(generation, NEVER >> 1) + removed


def removed(asset_id: str, generation: int) -> dict[str, Any]:
    """Make what stays of an asset that was taken out, so that a late document is refused."""
    return {"live": False, "asset": asset_id, "generation": min(generation, NEVER)}


def body_of(document: AssetDocument) -> dict[str, Any]:
    """Make the body of a document."""
    return {
        **_facts(document),
        "categories": [name for name in document.categories if name],
        "moment_count": len(document.moments),
        "moments_stamp": document.moments_stamp,
        **_labels(document),
    }


def with_facts(stored: dict[str, Any], document: AssetDocument) -> dict[str, Any]:
    """Make the body of a stored document with other facts; what is seen stays."""
    seen = {"boxes"} & set(stored["marks"])
    return {**stored, **_facts(document), "marks": sorted(seen.union(document.marks))}


def _facts(document: AssetDocument) -> dict[str, Any]:
    captured = document.captured_ms
    return {
        "live": True,
        "asset": document.asset_id,
        "generation": document.generation,
        "principals": sorted(document.principals),
        "kind": document.kind,
        "title": document.title[:_LONGEST_TOKEN],
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


def _labels(document: AssetDocument) -> dict[str, Any]:
    built = timeline.build(document)
    rows = built.rows + built.counted
    units = [round(row.score * SCORE_UNIT) for row in rows]
    score: dict[str, int] = {}
    counted: defaultdict[str, list[int]] = defaultdict(list)
    tops: list[str] = []
    ranged: defaultdict[str, list[str]] = defaultdict(list)
    for (label, _, steps, ranges, _), whole in zip(rows, units, strict=True):
        high, low, place = _names_of(label)
        score[high] = (whole >> _LOW_BITS) + 1
        score[low] = (whole & _LOW) + 1
        tops.append(f"{label}@{steps[-1]}")
        ranged[place].append(f"{label}:{ranges[0]}")
        base = label << LABEL_SHIFT
        counted[place] += [
            base + (step << STEP_SHIFT) + many for step, many in zip(steps, ranges, strict=True)
        ]
    return {
        "labels": [row.label for row in built.rows],
        "tops": tops,
        "score": score,
        "ranged": ranged,
        "counted": counted,
        "bits": packed.pack_labels(rows, units),
        "edges": packed.pack_edges(built.edges),
        "seen": packed.pack_moments(document.moments),
        "moments": _readable(document),
    }


@lru_cache(maxsize=8_192)
def _names_of(key: int) -> tuple[str, str, str]:
    """Name a label's two rank features and its part of a spread field."""
    return f"h{key}", f"l{key}", place_of(key)


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
