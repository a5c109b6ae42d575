"""What a document looks like on the server. Raise SCHEMA whenever it changes its meaning.

One document holds all that search knows of one asset. Indexed are facts, tokens, labels with the
highest confidence step each reaches, and scores. What Python decides by lies in packed columns
(packed.py); `moments` are only stored, for people who look into the index.
"""

from __future__ import annotations

from typing import Any

SCHEMA = "4"
# A sort value for assets without a capture date: behind all others.
NEVER = 1 << 62
# The score of a label lies in two rank features: such features keep nine significant bits, and
# none may be 0. HIGH times the one and the other make the score, plus this much.
LOW_BITS = 7
HIGH = 1 << LOW_BITS
SCORE_SHIFT = HIGH + 1
LABEL_SHIFT = 32
STEP_SHIFT = 28
PLACES = tuple(f"p{place}" for place in range(32))
LONGEST_TOKEN = 8_000

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
    return PLACES[key % len(PLACES)]


def _spread(field: dict[str, Any]) -> dict[str, Any]:
    """Spread a field over several, so that counting one label does not read all of an asset's."""
    return {"properties": dict.fromkeys(PLACES, field)}


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
            "tokenizer": {"spaces": {"type": "whitespace", "max_token_length": LONGEST_TOKEN}},
        },
    }


def version_of(generation: int, *, removed: bool = False) -> int:
    """Give the version of a document: a removal beats what was put at its own generation."""
    return 2 * min(generation, NEVER >> 1) + removed
