"""The embedded engine: one SQLite file of its own. Ties files, writer and reader together.

Good up to about 5 million moments or 100,000 assets; `health` says when that is passed.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import ClassVar
from uuid import UUID

from medialib.exceptions import SearchUnavailable
from medialib.selectors import Principals
from medialib.undo import on_failure
from search.backends.base import Health, IndexMissing, Page, SearchBackend, SearchRequest
from search.backends.sqlite import reader, writer
from search.backends.sqlite.files import (
    IndexFiles,
    ReaderPool,
    check_schema,
    connect,
    delete,
    translated,
)
from search.documents import AssetDocument

_ASSETS_ADVISED = 100_000
_MOMENTS_ADVISED = 5_000_000
_CHECKPOINT_EVERY = 500


class SqliteBackend(SearchBackend):
    """Search without a server. `path` is where the index lies; not for network drives."""

    name = "sqlite"
    capabilities: ClassVar[frozenset[str]] = frozenset({"exact_totals", "repairs_itself"})

    def __init__(self, *, path: Path | str) -> None:
        self._files = IndexFiles(Path(path))
        self._readers = ReaderPool(self._files)
        # The writer's open connection, and for which process and file it was opened.
        self._writer: tuple[int, Path, sqlite3.Connection] | None = None
        self._writes = 0

    def ensure_ready(self) -> None:
        """Make an empty index if there is none; SchemaMismatch if it is of another version."""
        with self._files.writing():
            try:
                self._files.current()
            except IndexMissing:
                self._files.switch(self._files.create())
        self.probe()

    def probe(self) -> None:
        """Raise IndexMissing or SchemaMismatch if the index can't be asked."""
        with self._readers.reading():
            return

    def put(self, documents: Iterable[AssetDocument]) -> int:
        """Add or replace documents; older generations than what is there change nothing."""
        batch = list(writer.prepared(documents))
        with self._writing() as connections:
            taken = [writer.put(connection, batch) for connection in connections]
        return taken[0]

    def remove(self, generations: Mapping[str, int]) -> None:
        """Take assets out for this generation and all before it; what is not there is fine."""
        with self._writing() as connections:
            for connection in connections:
                writer.remove(connection, generations)

    def update_facts(self, documents: Iterable[AssetDocument]) -> frozenset[str]:
        """Change all of assets but what is seen in them."""
        batch = list(documents)
        with self._writing() as connections:
            found = [writer.update_facts(connection, batch) for connection in connections]
        return found[0]

    def search(self, request: SearchRequest) -> Page:
        """Answer a request."""
        with self._readers.reading() as connection:
            return reader.search(connection, request)

    def label_counts(
        self, principals: Principals, labels: Collection[int] | None = None
    ) -> dict[int, int]:
        """Count the assets these principals would find per label."""
        with self._readers.reading() as connection:
            return reader.label_counts(connection, labels=labels, principals=principals)

    def words_seen(self, tokens: Collection[str], principals: Principals) -> frozenset[str]:
        """Give those tokens that occur in some text these principals may see."""
        if not tokens:
            return frozenset()
        with self._readers.reading() as connection:
            return reader.words_seen(connection, tokens, principals)

    def generations(self) -> Iterator[tuple[str, int]]:
        """Give every indexed asset with its generation, ordered by asset id."""
        last = b""
        while True:
            # Page by page, as an open read would keep the log from being cut back.
            with self._readers.reading() as connection:
                rows = _generations_after(connection, last)
            if not rows:
                return
            last = rows[-1][0]
            for uuid, generation in rows:
                yield str(UUID(bytes=uuid)), generation

    @contextmanager
    def rebuild(self, *, made_from: str = "") -> Iterator[_NewIndex]:
        """Build a new index beside the old one; leaving without an error puts it in its place."""
        with self._files.rebuilding(made_from) as (fresh, resumed):
            target = _NewIndex(fresh, resumed=resumed)
            with on_failure(partial(delete, fresh)), on_failure(target.finish):
                yield target
                target.finish()
                with self._files.writing():
                    self._drop_writer()
                    self._files.switch(fresh)
                    self._files.sweep()

    def health(self) -> Health:
        """Say how the index is; raises nothing."""
        try:
            with self._readers.reading() as connection:
                assets = connection.execute("SELECT count(*) FROM asset").fetchone()[0]
                moments = connection.execute("SELECT count(*) FROM moment").fetchone()[0]
            size = self._files.current().stat().st_size
        except SearchUnavailable as error:
            return Health(False, error.detail)
        detail = "Search is well."
        if assets > _ASSETS_ADVISED or moments > _MOMENTS_ADVISED:
            detail = (
                "The embedded index has grown beyond what it is good for "
                "(100,000 assets, 5 million moments): set MEDIALIB_SEARCH to an OpenSearch server."
            )
        return Health(True, detail, assets, moments, size)

    def close(self) -> None:
        """Close all connections; the backend can be used again afterwards."""
        self._readers.close()
        self._drop_writer()

    @contextmanager
    def _writing(self) -> Iterator[list[sqlite3.Connection]]:
        """Lend connections to the index in use and to one being built, if there is one."""
        with self._files.writing(), translated():
            connections = [self._writer_connection()]
            being_built = self._files.being_built()
            second = connect(being_built) if being_built and being_built.exists() else None
            try:
                yield [*connections, second] if second else connections
            finally:
                if second:
                    second.close()
            self._writes += 1
            if self._writes % _CHECKPOINT_EVERY == 0:
                connections[0].execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _writer_connection(self) -> sqlite3.Connection:
        current = self._files.current()
        if self._writer is not None and self._writer[:2] == (os.getpid(), current):
            return self._writer[2]
        self._drop_writer()
        connection = connect(current)
        try:
            check_schema(connection)
        except (sqlite3.Error, SearchUnavailable):
            connection.close()
            raise
        self._writer = (os.getpid(), current, connection)
        return connection

    def _drop_writer(self) -> None:
        # A connection of the parent process must not even be closed in a forked child.
        if self._writer is not None and self._writer[0] == os.getpid():
            self._writer[2].close()
        self._writer = None


def _generations_after(connection: sqlite3.Connection, last: bytes) -> list[tuple[bytes, int]]:
    return connection.execute(
        "SELECT uuid, generation FROM asset WHERE uuid > ? ORDER BY uuid LIMIT 5000", (last,)
    ).fetchall()


class _NewIndex:
    """An index being built beside the one in use."""

    def __init__(self, path: Path, *, resumed: bool) -> None:
        self._resumed = resumed
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = connect(path)
        # Should the machine go down now, a damaged file is noticed and thrown away.
        self._connection.execute("PRAGMA synchronous = OFF")

    def prepare(self, documents: Iterable[AssetDocument]) -> Callable[[], int]:
        """Make documents ready; what is given writes them and says how many were taken."""
        return partial(self._write, list(writer.prepared(documents)))

    def _write(self, documents: list[writer.Prepared]) -> int:
        with self._lock, translated():
            return writer.put(self._open(), documents)

    def put(self, documents: Iterable[AssetDocument]) -> int:
        """Add documents; give how many were taken."""
        return self.prepare(documents)()

    def remove(self, generations: Mapping[str, int]) -> None:
        """Take assets out for this generation and all before it."""
        with self._lock, translated():
            writer.remove(self._open(), generations)

    def held(self) -> Iterator[tuple[str, int]]:
        """Give what a rebuild that was killed has put already."""
        last = b""
        while self._resumed:
            with translated():
                rows = _generations_after(self._open(), last)
            if not rows:
                return
            last = rows[-1][0]
            for uuid, generation in rows:
                yield str(UUID(bytes=uuid)), generation

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            raise SearchUnavailable("This rebuild has ended already.")
        return self._connection

    def finish(self) -> None:
        """Bring everything to disk and close the file."""
        if self._connection is None:
            return
        with translated():
            self._connection.execute("PRAGMA synchronous = FULL")
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self._connection.close()
        self._connection = None
