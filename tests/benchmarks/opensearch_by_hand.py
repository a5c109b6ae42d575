"""The floors of the engine on a server: the same bodies, the usual layout, ready documents in bulk.

Everything goes through bare opensearch-py, without any layer of ours.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from opensearchpy import OpenSearch, helpers

from search.backends.opensearch import OpenSearchBackend
from search.documents import AssetDocument

MOMENTS = "bench-moments"
READY = "bench-ready"
_KEYWORD = {"type": "keyword"}
_MAPPING = {
    "dynamic": "strict",
    "properties": {
        "asset": _KEYWORD,
        "label": {"type": "integer"},
        "start_ms": {"type": "long"},
        "end_ms": {"type": "long"},
        "confidence": {"type": "float"},
        "principals": _KEYWORD,
    },
}
_QUIET = {"number_of_shards": 1, "number_of_replicas": 0, "refresh_interval": "-1"}


class Recording(OpenSearchBackend):
    """The engine itself, which can say what it sent."""

    sent: list[dict[str, Any]] | None = None

    def recorded(self, call: Callable[[], object]) -> list[dict[str, Any]]:
        """Give the bodies of the searches that a call makes."""
        self.sent = []
        call()
        sent, self.sent = self.sent, None
        return sent

    def _ask(self, body: dict[str, Any]) -> dict[str, Any]:
        if self.sent is not None:
            # A body may be sent again with small changes.
            self.sent.append(copy.deepcopy(body))
        return super()._ask(body)


def client(url: str) -> OpenSearch:
    """Connect as anyone would."""
    return OpenSearch(hosts=[url], timeout=60)


def fill_usual(bare: OpenSearch, documents: Iterable[AssetDocument]) -> None:
    """Make the usual layout: a document for each moment of a label and of all above it."""
    bare.indices.delete(index=MOMENTS, params={"ignore_unavailable": "true"})
    bare.indices.create(index=MOMENTS, body={"settings": {"index": _QUIET}, "mappings": _MAPPING})
    helpers.bulk(bare, _moments(documents), chunk_size=2_000)
    bare.indices.refresh(index=MOMENTS)


def replace_usual(bare: OpenSearch, documents: Iterable[AssetDocument]) -> None:
    """Replace assets as one does there: delete their moments, write them anew."""
    batch = list(documents)
    bare.delete_by_query(
        index=MOMENTS,
        body={"query": {"terms": {"asset": [document.asset_id for document in batch]}}},
        params={"conflicts": "proceed", "refresh": "true"},
    )
    helpers.bulk(bare, _moments(batch), chunk_size=2_000)
    bare.indices.refresh(index=MOMENTS)


def _moments(documents: Iterable[AssetDocument]) -> Iterator[dict[str, Any]]:
    for document in documents:
        names = sorted(document.principals)
        for label, start, end, confidence, _ in document.moments:
            yield {
                "_index": MOMENTS,
                "asset": document.asset_id,
                "label": [label, *document.ancestors[label]],
                "start_ms": start,
                "end_ms": end,
                "confidence": confidence,
                "principals": names,
            }


def usual_page(bare: OpenSearch, label: int) -> dict[str, Any]:
    """Ask for a label page there: best moment of each asset, five of its moments, both totals."""
    query = [
        {"term": {"label": label}},
        {"terms": {"principals": ["members", "public", "u:1"]}},
    ]
    body = {
        "size": 20,
        "query": {"bool": {"filter": query}},
        "sort": [{"confidence": "desc"}, {"asset": "asc"}],
        "collapse": {
            "field": "asset",
            "inner_hits": {"name": "best", "size": 5, "sort": [{"confidence": "desc"}]},
        },
        "aggs": {"assets": {"cardinality": {"field": "asset", "precision_threshold": 40_000}}},
        "track_total_hits": True,
    }
    answer: dict[str, Any] = bare.search(
        index=MOMENTS, body=body, params={"request_cache": "false"}
    )
    return answer


def bulk_ready(bare: OpenSearch, mapping: dict[str, Any], bodies: list[dict[str, Any]]) -> float:
    """Load ready documents with the library's own helper into a new index; give the seconds."""
    bare.indices.delete(index=READY, params={"ignore_unavailable": "true"})
    bare.indices.create(index=READY, body={**mapping, "aliases": {}})
    begin = time.perf_counter()
    actions = ({"_index": READY, "_id": body["asset"], "_source": body} for body in bodies)
    helpers.bulk(bare, actions)
    bare.indices.refresh(index=READY)
    return time.perf_counter() - begin


def replace_ready(bare: OpenSearch, body: dict[str, Any]) -> float:
    """Write one ready document and make it visible; give the seconds."""
    begin = time.perf_counter()
    bare.bulk(body=[{"index": {"_index": READY, "_id": body["asset"]}}, body])
    bare.indices.refresh(index=READY)
    return time.perf_counter() - begin
