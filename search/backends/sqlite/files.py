"""The files of the embedded index: which one is in use, who may write, connections to read.

The configured path is a link to the file in use. A rebuild fills a file of its own and moves the
link, so that readers never meet a half-built index. Knows nothing of what is stored.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from medialib.exceptions import SearchUnavailable
from search.backends.base import IndexMissing, SchemaMismatch
from search.backends.sqlite import schema

_BUSY_SECONDS = 10
_READERS = 4
_CACHE_KIB = 4_096
# A log that long is cut back by the writer, as otherwise it would keep its largest size for ever.
_LOG_BYTES = 64 * 1024 * 1024
_BROKEN = "The search index can't be read or written: "


@contextmanager
def translated() -> Iterator[None]:
    """Turn errors of the engine and its folder into SearchUnavailable, with a sentence."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        cure = " `manage.py rebuild_search_index` builds it anew."
        # Exactly this class says that the file is damaged, or is no database at all.
        damaged = type(error) is sqlite3.DatabaseError
        away = SchemaMismatch if damaged else SearchUnavailable
        raise away(f"{_BROKEN}{error}.{cure}") from error


def connect(path: Path) -> sqlite3.Connection:
    """Open an index file for reading and writing; it must be there."""
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw",
        uri=True,
        timeout=_BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
    connection.execute(f"PRAGMA journal_size_limit = {_LOG_BYTES}")
    return connection


def check_schema(connection: sqlite3.Connection) -> None:
    """Raise SchemaMismatch unless the file is of this version."""
    found = schema.read(connection)
    if found != schema.SCHEMA:
        raise SchemaMismatch(
            f"The search index is of version “{found}”, this program needs “{schema.SCHEMA}”: "
            "run `manage.py rebuild_search_index`."
        )


class IndexFiles:
    """Where the index lies and who may write it; shared by all processes through file locks."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._text = str(path)
        self._lock_path = path.with_name(f"{path.name}.lock")
        self._rebuild_path = path.with_name(f"{path.name}.rebuild")
        self._rebuild_text = str(self._rebuild_path)
        self._lock = threading.Lock()

    def current(self) -> Path:
        """Name the file in use; raise IndexMissing if there is none."""
        try:
            # Asked before every search, hence the bare system call.
            return self.path.parent / os.readlink(self._text)
        except FileNotFoundError:
            raise IndexMissing from None
        except OSError:
            return self.path

    def create(self) -> Path:
        """Make an empty file that nobody uses yet."""
        with translated():
            self.path.parent.mkdir(parents=True, exist_ok=True)
        stamp = f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{os.urandom(3).hex()}"
        fresh = self.path.with_name(f"{self.path.stem}-{stamp}{self.path.suffix}")
        with translated():
            connection = sqlite3.connect(fresh, isolation_level=None)
            try:
                if not schema.full_text_is_there(connection):
                    raise SearchUnavailable(
                        "This Python's SQLite has no FTS5, which search needs: "
                        "use another Python, or set MEDIALIB_SEARCH to an OpenSearch server."
                    )
                schema.create(connection)
            finally:
                connection.close()
        return fresh

    def switch(self, fresh: Path) -> None:
        """Put a file into use and delete the one before. Call it while `writing`."""
        try:
            before: Path | None = self.current()
        except IndexMissing:
            before = None
        link = self.path.with_name(f"{self.path.name}.link")
        with translated():
            link.unlink(missing_ok=True)
            link.symlink_to(fresh.name)
            link.replace(self.path)
        if before is not None and before not in (fresh, self.path):
            delete(before)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the right to write; one thread of one process has it at a time."""
        with self._lock:
            lock = self._open_lock()
            try:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield
            finally:
                os.close(lock)

    def _open_lock(self) -> int:
        # Opened anew each time: a lock on a file that a fork shares would be shared as well.
        for _ in range(2):
            try:
                return os.open(self._lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            except FileNotFoundError:
                with translated():
                    self.path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise SearchUnavailable(f"{_BROKEN}{error}.") from error
        raise SearchUnavailable(f"The search index can't be written to {self.path.parent}.")

    @contextmanager
    def rebuilding(self, made_from: str) -> Iterator[tuple[Path, bool]]:
        """Announce a file being built, so that writers write to it as well.

        Gives it, and whether it was left behind by a killed rebuild of the same.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._rebuild_path.open("a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise SearchUnavailable("The search index is being rebuilt already.") from None
            file.seek(0)
            left = self._left_behind(file.read(), made_from)
            fresh = left or self.create()
            file.truncate(0)
            file.write(f"{fresh.name}\n{made_from}")
            file.flush()
            try:
                yield fresh, left is not None
            finally:
                file.truncate(0)

    def _left_behind(self, note: str, made_from: str) -> Path | None:
        """Name the file of a killed rebuild, if it is whole and was made from the same."""
        name, _, before = note.partition("\n")
        path = self.path.with_name(name or "-")
        if not made_from or before != made_from or not path.is_file():
            return None
        try:
            with closing(connect(path)) as connection:
                check_schema(connection)
                (said,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        except (sqlite3.Error, SchemaMismatch):
            return None
        return path if said == "ok" else None

    def being_built(self) -> Path | None:
        """Name the file that a living process is building, if there is one."""
        # Asked before every write, hence the bare system call.
        try:
            if os.stat(self._rebuild_text).st_size == 0:
                return None
        except FileNotFoundError:
            return None
        with self._rebuild_path.open() as file:
            name = file.readline().strip()
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return self.path.with_name(name) if name else None
        # Nobody holds the file: it was left behind by a rebuild that was killed.
        return None

    def sweep(self) -> None:
        """Delete what killed rebuilds left behind. Call it while `writing` and `rebuilding`."""
        in_use = {self.current(), self.being_built()}
        for left in self.path.parent.glob(f"{self.path.stem}-*{self.path.suffix}*"):
            index = left.with_name(left.name.removesuffix("-wal").removesuffix("-shm"))
            if index not in in_use:
                left.unlink(missing_ok=True)


def delete(path: Path) -> None:
    """Delete an index file with its log; gone already is fine."""
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


class ReaderPool:
    """A few connections to read, explicit, as every request may run in a thread of its own."""

    def __init__(self, files: IndexFiles, *, size: int = _READERS) -> None:
        self._files = files
        self._free = threading.BoundedSemaphore(size)
        self._lock = threading.Lock()
        # The key says for which file, in which process, the idle connections were opened.
        self._key: tuple[int, Path] | None = None
        self._idle: list[sqlite3.Connection] = []

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection inside one short read transaction: one snapshot of the index."""
        with self._free, translated():
            key, connection = self._take()
            try:
                connection.execute("BEGIN")
                yield connection
            finally:
                # A connection that broke in mid-transaction is rolled back before the next use.
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                self._give_back(connection, key)

    def _take(self) -> tuple[tuple[int, Path], sqlite3.Connection]:
        while True:
            key = (os.getpid(), self._files.current())
            with self._lock:
                if self._key != key:
                    self._drop()
                    self._key = key
                if self._idle:
                    return key, self._idle.pop()
            try:
                connection = self._open(key[1])
            except sqlite3.OperationalError:
                if self._files.current() == key[1]:
                    raise
                continue
            if self._files.current() == key[1]:
                return key, connection
            # A rebuild ended meanwhile: this file and its log may be half deleted by now.
            connection.close()

    def _open(self, path: Path) -> sqlite3.Connection:
        connection = connect(path)
        try:
            check_schema(connection)
            connection.execute("PRAGMA query_only = ON")
        except (sqlite3.Error, SchemaMismatch):
            connection.close()
            raise
        return connection

    def _give_back(self, connection: sqlite3.Connection, key: tuple[int, Path]) -> None:
        with self._lock:
            if self._key == key:
                self._idle.append(connection)
                return
        connection.close()

    def _drop(self) -> None:
        # A connection of the parent process must not even be closed in a forked child.
        if self._key is not None and self._key[0] == os.getpid():
            for connection in self._idle:
                connection.close()
        self._idle = []

    def close(self) -> None:
        """Close the idle connections."""
        with self._lock:
            self._drop()
            self._key = None
