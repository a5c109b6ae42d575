"""The indexes on the server: which one is in use, which one is being built, writing to both.

An alias names the index in use, another one the index being built. Writes go to aliases only, so
that a late one can't bring an index back that was deleted. Knows nothing of searches.
"""

from __future__ import annotations

import os
import re
import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

import orjson

from medialib.exceptions import SearchUnavailable
from medialib.undo import on_failure
from search.backends.base import IndexMissing, SchemaMismatch
from search.backends.opensearch import schema
from search.backends.opensearch.client import Clients, error_kind

_MISSING = "index_not_found_exception"
_CONFLICT = "version_conflict_engine_exception"
_PER_BULK = 200
_STAMP = re.compile(r"\d{14}-[0-9a-f]{6}")
# A rebuild that has given no sign for so long was killed; how often a living one gives one.
_DEAD_AFTER_SECONDS = 300
_SIGN_EVERY_SECONDS = 20
_CHECK_EVERY_SECONDS = 30
# Id, version and the body as JSON: bodies take a tenth of the memory so, and are made once.
Operation = tuple[str, int, bytes]


class Indexes:
    """The indexes whose names begin with a prefix."""

    def __init__(self, clients: Clients, prefix: str, *, replicas: int, refresh: str) -> None:
        self._clients = clients
        self.alias = f"{prefix}-assets"
        self.next = f"{prefix}-assets-next"
        self._replicas = replicas
        self._refresh = refresh
        self._checked_at = -float(_CHECK_EVERY_SECONDS)

    # ---- which is in use -------------------------------------------------------------------------

    def check(self, *, now: bool = False) -> None:
        """Raise IndexMissing or SchemaMismatch; looks again only now and then unless told."""
        if not now and time.monotonic() < self._checked_at + _CHECK_EVERY_SECONDS:
            return
        found = self._meta(self.alias)
        if not found:
            raise IndexMissing
        (meta,) = found.values()
        if meta.get("schema") != schema.SCHEMA:
            raise SchemaMismatch(
                f"The search index is of version “{meta.get('schema', '')}”, this program needs "
                f"“{schema.SCHEMA}”: run `manage.py rebuild_search_index`."
            )
        self._checked_at = time.monotonic()

    def _meta(self, alias: str) -> dict[str, dict[str, Any]]:
        """Give the notes of the indexes behind an alias."""
        with self._clients.translated():
            found = self._clients.reader.indices.get_mapping(
                index=f"{alias}*", params={"allow_no_indices": "true"}
            )
            named = self._clients.reader.indices.get_alias(index=f"{self.alias}-*")
        return {
            name: found[name]["mappings"].get("_meta", {})
            for name, known in named.items()
            if alias in known["aliases"] and name in found
        }

    def _is_ours(self, name: str) -> bool:
        # Another library's prefix may begin with ours.
        return _STAMP.fullmatch(name.removeprefix(f"{self.alias}-")) is not None

    def create(self, *, alias: str, refresh: str | None = None, made_from: str = "") -> str:
        """Make an empty index behind an alias; give its name."""
        stamp = f"{time.strftime('%Y%m%d%H%M%S', time.gmtime())}-{os.urandom(3).hex()}"
        name = f"{self.alias}-{stamp}"
        replicas = self._replicas if refresh is None else 0
        settings = schema.settings(replicas=replicas, refresh=refresh or self._refresh)
        body = {
            "settings": settings,
            "mappings": {**schema.MAPPING, "_meta": _signed(made_from)},
            "aliases": {alias: {}},
        }
        with self._clients.translated():
            self._clients.writer.indices.create(index=name, body=body)
        return name

    # ---- writing ---------------------------------------------------------------------------------

    def write(self, operations: Iterable[Operation]) -> int:
        """Write to the index in use and to one being built; give how many the first one took."""
        self.check()
        taken = 0
        for batch in _batches(operations):
            both = self._being_built()
            names = [self.alias, self.next] if both else [self.alias]
            kinds = self._bulk(batch, names)
            if both and _MISSING in kinds[self.next]:
                # The rebuild ended in between: what went to the old index belongs into the new.
                kinds = self._bulk(batch, [self.alias])
            taken += self._taken(kinds[self.alias])
        return taken

    def write_next(self, operations: Iterable[Operation]) -> int:
        """Write to the index being built alone."""
        return sum(
            self._taken(self._bulk(batch, [self.next])[self.next]) for batch in _batches(operations)
        )

    def _bulk(self, batch: list[Operation], names: list[str]) -> dict[str, list[str]]:
        """Write a batch under each name; give the kind of error of each operation, "" if none."""
        lines: list[bytes] = []
        for name in names:
            for asset_id, version, body in batch:
                about = {"_index": name, "_id": asset_id, "require_alias": True}
                lines += [orjson.dumps({"index": {**about, **_versioned(version)}}), body]
        with self._clients.translated():
            items = self._clients.writer.bulk(body=b"\n".join([*lines, b""]))["items"]
        kinds = [error_kind(item["index"]) for item in items]
        return {
            name: kinds[at * len(batch) : (at + 1) * len(batch)] for at, name in enumerate(names)
        }

    def _taken(self, kinds: list[str]) -> int:
        """Count what was written; what newer documents refused is fine, all else is not."""
        if _MISSING in kinds:
            raise IndexMissing
        failed = next((kind for kind in kinds if kind not in ("", _CONFLICT)), None)
        if failed is not None:
            raise SearchUnavailable(f"The search server did not take a document ({failed}).")
        return kinds.count("")

    def _being_built(self) -> bool:
        with self._clients.translated():
            return bool(self._clients.writer.indices.exists_alias(name=self.next))

    # ---- rebuilding ------------------------------------------------------------------------------

    @contextmanager
    def rebuilding(self, made_from: str) -> Iterator[tuple[str, bool]]:
        """Make a new index, or go on with one that was left, and put it into use at the end.

        Leaves nothing behind on failure; only a process that is killed leaves its index.
        """
        left = self._left_behind(made_from)
        fresh = left or self.create(alias=self.next, refresh="-1", made_from=made_from)
        try:
            with on_failure(partial(self._delete_if_there, fresh)):
                yield fresh, left is not None
                self._switch(fresh)
        finally:
            self._checked_at = -float(_CHECK_EVERY_SECONDS)

    def _delete_if_there(self, name: str) -> None:
        # Should the server be away, the next rebuild deletes what is left.
        with suppress(SearchUnavailable):
            self.delete(name)

    def _left_behind(self, made_from: str) -> str | None:
        """Name the index of a killed rebuild that can be gone on with; delete those that can't."""
        usable = None
        for name, meta in self._meta(self.next).items():
            if _is_alive(meta):
                raise SearchUnavailable("The search index is being rebuilt already.")
            same = (schema.SCHEMA, made_from) == (meta.get("schema"), meta.get("made_from"))
            if not (made_from and same) or usable is not None:
                self.delete(name)
                continue
            usable = name
            self.sign(name, made_from)
            with self._clients.translated():
                self._clients.writer.indices.refresh(index=name)
        return usable

    def sign(self, fresh: str, made_from: str) -> None:
        """Say that the rebuild of an index is alive."""
        with self._clients.translated():
            self._clients.writer.indices.put_mapping(
                index=fresh, body={"_meta": _signed(made_from)}
            )

    def _switch(self, fresh: str) -> None:
        settings = {"refresh_interval": self._refresh, "number_of_replicas": self._replicas}
        with self._clients.translated():
            server = self._clients.writer.indices
            server.put_settings(index=fresh, body={"index": settings})
            server.refresh(index=fresh)
            known = server.get_alias(index=f"{self.alias}-*")
            before = [name for name in known if name != fresh and self._is_ours(name)]
            in_use = [name for name in before if self.alias in known[name]["aliases"]]
            actions: list[dict[str, Any]] = [
                {"add": {"index": fresh, "alias": self.alias}},
                {"remove": {"index": fresh, "alias": self.next}},
                *({"remove": {"index": name, "alias": self.alias}} for name in in_use),
            ]
            server.update_aliases(body={"actions": actions})
            # Only now, so that searches on their way to the old index find the new one when they
            # are sent again.
            for name in before:
                self.delete(name)

    def delete(self, name: str) -> None:
        """Delete an index; gone already is fine."""
        with self._clients.translated():
            self._clients.writer.indices.delete(index=name, params={"ignore_unavailable": "true"})


class Signs:
    """Gives a sign of a rebuild now and then."""

    def __init__(self, indexes: Indexes, fresh: str, made_from: str) -> None:
        self._indexes = indexes
        self._fresh = fresh
        self._made_from = made_from
        self._last = time.monotonic()

    def give(self) -> None:
        """Give one if the last is some time ago."""
        if time.monotonic() - self._last > _SIGN_EVERY_SECONDS:
            self._indexes.sign(self._fresh, self._made_from)
            self._last = time.monotonic()


def _signed(made_from: str) -> dict[str, Any]:
    """Make the notes of an index: its version, what it is made from, and who makes it."""
    holder = f"{socket.gethostname()} {os.getpid()}"
    return {
        **schema.MAPPING["_meta"],
        "sign": time.time(),
        "holder": holder,
        "made_from": made_from,
    }


def _is_alive(meta: dict[str, Any]) -> bool:
    """Tell whether a rebuild still goes on; a process of this machine is looked for at once."""
    if time.time() - float(meta.get("sign", 0)) > _DEAD_AFTER_SECONDS:
        return False
    host, _, pid = str(meta.get("holder", "")).partition(" ")
    if host != socket.gethostname() or not pid.isdigit():
        return True
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _versioned(version: int) -> dict[str, Any]:
    return {"version": version, "version_type": "external_gte"}


def _batches(operations: Iterable[Operation]) -> Iterator[list[Operation]]:
    """Cut into batches that one call carries."""
    batch: list[Operation] = []
    for operation in operations:
        batch.append(operation)
        if len(batch) == _PER_BULK:
            yield batch
            batch = []
    if batch:
        yield batch
