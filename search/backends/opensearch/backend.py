"""The engine on an OpenSearch server. Ties indexes, documents and searches together."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, ClassVar

import orjson
from opensearchpy import OpenSearch

from medialib.exceptions import SearchUnavailable
from medialib.selectors import Principals
from search.backends.base import Health, IndexMissing, Page, SearchBackend, SearchRequest
from search.backends.opensearch import queries, reader, schema
from search.backends.opensearch.bodies import bodies_of, removed, with_facts
from search.backends.opensearch.client import Address, Clients
from search.backends.opensearch.indexes import Indexes, Operation, Signs
from search.documents import AssetDocument

# Assets that can match, up to which everything but a label page is counted and decided exactly.
CAP = 10_000
_MOST_LABELS = 20_000
_WORDS_AT_ONCE = 200
_GENERATIONS_AT_ONCE = 5_000


class OpenSearchBackend(SearchBackend):
    """Search on a server. `url` is opensearch+https://user:password@host:9200/prefix."""

    name = "opensearch"
    capabilities: ClassVar[frozenset[str]] = frozenset()

    def __init__(
        self, *, url: str, replicas: int = 0, refresh_interval: str = "1s", cap: int = CAP
    ) -> None:
        address = Address.parse(url)
        self._clients = Clients(address)
        self._indexes = Indexes(
            self._clients, address.prefix, replicas=replicas, refresh=refresh_interval
        )
        self._cap = cap

    def ensure_ready(self) -> None:
        """Make an empty index if there is none; SchemaMismatch if it is of another version."""
        try:
            self.probe()
        except IndexMissing:
            self._indexes.create(alias=self._indexes.alias)
            self.probe()

    def probe(self) -> None:
        """Raise IndexMissing or SchemaMismatch if the index can't be asked."""
        self._indexes.check(now=True)

    def put(self, documents: Iterable[AssetDocument]) -> int:
        """Add or replace documents; older generations than what is there change nothing."""
        return self._indexes.write(_operations(documents))

    def remove(self, generations: Mapping[str, int]) -> None:
        """Take assets out for this generation and all before it; what is not there is fine."""
        self._indexes.write(_removals(generations))

    def update_facts(self, documents: Iterable[AssetDocument]) -> frozenset[str]:
        """Change all of assets but what is seen in them."""
        wanted = {document.asset_id: document for document in documents}
        if not wanted:
            return frozenset()
        self._indexes.check()
        with self._clients.translated():
            found = self._clients.writer.mget(
                index=self._indexes.alias, body={"docs": [{"_id": each} for each in wanted]}
            )["docs"]
        done, operations = set(), []
        for item in found:
            stored, document = item.get("_source", {}), wanted[item["_id"]]
            if not item.get("found") or not stored["live"]:
                continue
            # What has this generation already was built from rows that knew of the change.
            if stored["generation"] >= document.generation:
                done.add(item["_id"])
            elif stored["moments_stamp"] == document.moments_stamp:
                done.add(item["_id"])
                version = schema.version_of(document.generation)
                operations.append(_write(item["_id"], version, with_facts(stored, document)))
        self._indexes.write(operations)
        return frozenset(done)

    def search(self, request: SearchRequest) -> Page:
        """Answer a request."""
        self._indexes.check()
        return reader.search(self._ask, request, cap=self._cap)

    def label_counts(
        self, principals: Principals, labels: Collection[int] | None = None
    ) -> dict[int, int]:
        """Count the assets these principals would find per label."""
        self._indexes.check()
        values: dict[str, Any] = {"field": "labels", "size": _MOST_LABELS}
        if labels is not None:
            values["include"] = sorted(labels)
        body = {
            "size": 0,
            "query": {"bool": {"filter": queries.visible(principals)}},
            "aggs": {"labels": {"terms": values}},
        }
        buckets = self._ask(body)["aggregations"]["labels"]["buckets"]
        return {bucket["key"]: bucket["doc_count"] for bucket in buckets}

    def words_seen(self, tokens: Collection[str], principals: Principals) -> frozenset[str]:
        """Give those tokens that occur in some text these principals may see."""
        self._indexes.check()
        wanted, seen = list(tokens), set()
        for start in range(0, len(wanted), _WORDS_AT_ONCE):
            part = wanted[start : start + _WORDS_AT_ONCE]
            filters = {str(at): queries.words_filter(token) for at, token in enumerate(part)}
            body = {
                "size": 0,
                "query": {"bool": {"filter": queries.visible(principals)}},
                "aggs": {"words": {"filters": {"filters": filters}}},
            }
            buckets = self._ask(body)["aggregations"]["words"]["buckets"]
            seen |= {part[int(at)] for at, bucket in buckets.items() if bucket["doc_count"]}
        return frozenset(seen)

    def generations(self) -> Iterator[tuple[str, int]]:
        """Give every indexed asset with its generation, ordered by asset id."""
        self._indexes.check(now=True)
        self.refresh()
        return self._generations(self._indexes.alias)

    def _generations(self, index: str) -> Iterator[tuple[str, int]]:
        body: dict[str, Any] = {
            "size": _GENERATIONS_AT_ONCE,
            "query": {"bool": {"filter": [{"term": {"live": True}}]}},
            "sort": [{"asset": "asc"}],
            # Columns, not documents: reading whole documents for a number took seconds.
            "_source": False,
            "stored_fields": "_none_",
            "docvalue_fields": ["generation"],
            "track_total_hits": False,
        }
        while True:
            hits = self._sent(self._clients.writer, body, index)["hits"]["hits"]
            for hit in hits:
                yield hit["sort"][0], hit["fields"]["generation"][0]
            if len(hits) < _GENERATIONS_AT_ONCE:
                return
            body["search_after"] = hits[-1]["sort"]

    @contextmanager
    def rebuild(self, *, made_from: str = "") -> Iterator[_NewIndex]:
        """Build a new index beside the old one; leaving without an error puts it in its place."""
        with self._indexes.rebuilding(made_from) as (fresh, resumed):
            held = self._generations(fresh) if resumed else iter(())
            target = _NewIndex(self._indexes, Signs(self._indexes, fresh, made_from), held)
            try:
                yield target
            finally:
                target.ended = True

    def health(self) -> Health:
        """Say how the index is; raises nothing."""
        try:
            self._indexes.check(now=True)
            body = {
                "size": 0,
                "track_total_hits": True,
                "query": {"term": {"live": True}},
                "aggs": {"moments": {"sum": {"field": "moment_count"}}},
            }
            answer = self._ask(body)
            with self._clients.translated():
                stats = self._clients.reader.indices.stats(
                    index=self._indexes.alias, metric="store"
                )
        except SearchUnavailable as error:
            return Health(False, error.detail)
        return Health(
            True,
            "Search is well.",
            answer["hits"]["total"]["value"],
            round(answer["aggregations"]["moments"]["value"]),
            stats["_all"]["total"]["store"]["size_in_bytes"],
        )

    def refresh(self) -> None:
        """Make everything put so far visible at once."""
        with self._clients.translated():
            self._clients.writer.indices.refresh(index=self._indexes.alias)

    def close(self) -> None:
        """Give connections back; the backend can be used again afterwards."""
        self._clients.close()

    def _ask(self, body: dict[str, Any]) -> dict[str, Any]:
        return self._sent(self._clients.reader, body, self._indexes.alias)

    def _sent(self, client: OpenSearch, body: dict[str, Any], index: str) -> dict[str, Any]:
        # Half an answer would look like less than there is.
        params = {"allow_partial_search_results": "false"}
        with self._clients.translated():
            answer: dict[str, Any] = client.search(index=index, body=body, params=params)
        return answer


class _NewIndex:
    """An index being built beside the one in use."""

    def __init__(self, indexes: Indexes, signs: Signs, held: Iterator[tuple[str, int]]) -> None:
        self._indexes = indexes
        self._signs = signs
        self._held = held
        self.ended = False

    def held(self) -> Iterator[tuple[str, int]]:
        """Give what a rebuild that was killed has put already."""
        return self._held

    def prepare(self, documents: Iterable[AssetDocument]) -> Callable[[], int]:
        """Make documents ready; what is given sends them and says how many were taken."""
        return partial(self._send, list(_operations(documents)))

    def _send(self, operations: list[Operation]) -> int:
        if self.ended:
            raise SearchUnavailable("This rebuild has ended already.")
        self._signs.give()
        return self._indexes.write_next(operations)

    def put(self, documents: Iterable[AssetDocument]) -> int:
        """Add documents; give how many were taken."""
        return self.prepare(documents)()

    def remove(self, generations: Mapping[str, int]) -> None:
        """Take assets out for this generation and all before it."""
        self._indexes.write_next(_removals(generations))


def _operations(documents: Iterable[AssetDocument]) -> Iterator[Operation]:
    for body in bodies_of(documents):
        yield _write(body["asset"], schema.version_of(body["generation"]), body)


def _removals(generations: Mapping[str, int]) -> Iterator[Operation]:
    for asset_id, generation in generations.items():
        version = schema.version_of(generation, removed=True)
        yield _write(asset_id, version, removed(asset_id, generation))


def _write(asset_id: str, version: int, body: dict[str, Any]) -> Operation:
    return asset_id, version, orjson.dumps(body)
