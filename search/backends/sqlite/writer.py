"""Writes documents into the embedded index. Decides only by generation; reads no library rows."""

from __future__ import annotations

import sqlite3
from array import array
from collections.abc import Iterable, Iterator, Mapping
from uuid import UUID

from search.backends.cutting import cut, portions
from search.backends.facets import length_class, month_of
from search.backends.sqlite.labels import Labels, labels_of
from search.backends.sqlite.schema import COUNTS
from search.documents import AssetDocument

Prepared = tuple[AssetDocument, Labels]
_INSERT_LABEL = f"INSERT INTO asset_label VALUES ({', '.join('?' * (len(COUNTS) + 4))})"


def pack_labels(labels: Iterable[int]) -> bytes:
    """Write label ids as stored in `asset_detail.labels`."""
    return array("I", labels).tobytes()


def unpack_labels(stored: bytes) -> array[int]:
    """Read label ids as stored in `asset_detail.labels`."""
    labels = array("I")
    labels.frombytes(stored)
    return labels


def prepared(documents: Iterable[AssetDocument]) -> Iterator[Prepared]:
    """Work out all that is written of documents."""
    for part in portions(documents):
        yield from zip(part, labels_of(cut(part)), strict=True)


def put(connection: sqlite3.Connection, documents: Iterable[Prepared]) -> int:
    """Put documents in one transaction; give how many were taken."""
    with _transaction(connection):
        return sum(_put(connection, document, seen) for document, seen in documents)


def remove(connection: sqlite3.Connection, generations: Mapping[str, int]) -> None:
    """Take assets out in one transaction and remember up to which generation."""
    with _transaction(connection):
        for asset_id, generation in generations.items():
            uuid = UUID(asset_id).bytes
            row = _find(connection, uuid)
            if row is not None and row[1] > generation:
                continue
            if row is not None:
                _clear(connection, row[0], row[2])
                connection.execute("DELETE FROM asset WHERE id = ?", (row[0],))
                connection.execute("DELETE FROM words WHERE rowid = ?", (row[0],))
            connection.execute(
                "INSERT INTO removed VALUES (?, ?) ON CONFLICT (uuid) DO UPDATE"
                " SET generation = max(generation, excluded.generation)",
                (uuid, generation),
            )


def update_facts(
    connection: sqlite3.Connection, documents: Iterable[AssetDocument]
) -> frozenset[str]:
    """Change all but what is seen, in one transaction; give the assets that are up to date now."""
    with _transaction(connection):
        return frozenset(
            document.asset_id for document in documents if _update_facts(connection, document)
        )


def _update_facts(connection: sqlite3.Connection, document: AssetDocument) -> bool:
    uuid = UUID(document.asset_id).bytes
    row = _find(connection, uuid)
    if row is None:
        return False
    asset, known, before = row
    if known >= document.generation:
        return True
    labels, keywords, marks, stamp = connection.execute(
        "SELECT labels, keywords, marks, moments_stamp FROM asset_detail WHERE asset = ?", (asset,)
    ).fetchone()
    if stamp != document.moments_stamp:
        return False
    access = _access(connection, document.principals)
    if access != before:
        seen = set(unpack_labels(labels))
        _count_labels(connection, seen, access=before, change=-1)
        _count_labels(connection, seen, access=access, change=1)
    _write_asset(connection, document, uuid=uuid, access=access, known=row)
    _write_words(connection, asset, document, replaces=True)
    boxes = {"boxes"}.intersection(marks.split("\n"))
    fresh = sorted(boxes.union(document.marks))
    connection.executemany(
        "DELETE FROM asset_word WHERE kind = ? AND value = ? AND asset = ?",
        _word_rows(asset, (), keywords.split("\n"), marks.split("\n")),
    )
    connection.executemany(
        "INSERT OR IGNORE INTO asset_word VALUES (?, ?, ?)",
        _word_rows(asset, (), document.keywords, fresh),
    )
    connection.execute(
        "UPDATE asset_detail SET keywords = ?, marks = ? WHERE asset = ?",
        ("\n".join(document.keywords), "\n".join(fresh), asset),
    )
    return True


class _transaction:
    """A short write transaction; an error rolls it back."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._connection.execute("COMMIT" if kind is None else "ROLLBACK")


def _find(connection: sqlite3.Connection, uuid: bytes) -> tuple[int, int, int] | None:
    row: tuple[int, int, int] | None = connection.execute(
        "SELECT id, generation, access FROM asset WHERE uuid = ?", (uuid,)
    ).fetchone()
    return row


def _put(connection: sqlite3.Connection, document: AssetDocument, seen: Labels) -> bool:
    uuid = UUID(document.asset_id).bytes
    row = _find(connection, uuid)
    if row is not None and row[1] > document.generation:
        return False
    gone = connection.execute("SELECT generation FROM removed WHERE uuid = ?", (uuid,)).fetchone()
    if gone is not None and gone[0] >= document.generation:
        return False
    access = _access(connection, document.principals)
    labels = set(seen.plain)
    before: set[int] = set()
    if row is not None:
        before = _clear(connection, row[0], row[2], recount=False)
    asset = _write_asset(connection, document, uuid=uuid, access=access, known=row)
    _write_labels(connection, asset, document, seen)
    _write_words(connection, asset, document, replaces=row is not None)
    if row is not None and row[2] != access:
        _count_labels(connection, before, access=row[2], change=-1)
        before = set()
    _count_labels(connection, before - labels, access=access, change=-1)
    _count_labels(connection, labels - before, access=access, change=1)
    return True


def _access(connection: sqlite3.Connection, principals: frozenset[str]) -> int:
    names = "\n".join(sorted(principals))
    row = connection.execute("SELECT id FROM access WHERE names = ?", (names,)).fetchone()
    if row is not None:
        return int(row[0])
    access = connection.execute("INSERT INTO access (names) VALUES (?)", (names,)).lastrowid
    rows = [(name, access) for name in sorted(principals)]
    connection.executemany("INSERT INTO access_name VALUES (?, ?)", rows)
    return int(access or 0)


def _clear(
    connection: sqlite3.Connection, asset: int, access: int, *, recount: bool = True
) -> set[int]:
    """Delete an asset's labels, moments and exact words; give the labels it had."""
    stored = connection.execute(
        "SELECT labels, categories, keywords, marks, counted FROM asset_detail WHERE asset = ?",
        (asset,),
    ).fetchone()
    labels = unpack_labels(stored[0])
    connection.executemany(
        "DELETE FROM asset_label WHERE label = ? AND asset = ?",
        [(label, asset) for label in (*labels, *unpack_labels(stored[4]))],
    )
    connection.executemany(
        "DELETE FROM asset_word WHERE kind = ? AND value = ? AND asset = ?",
        _word_rows(asset, *(names.split("\n") for names in stored[1:4])),
    )
    connection.execute("DELETE FROM moment WHERE asset = ?", (asset,))
    connection.execute("DELETE FROM asset_detail WHERE asset = ?", (asset,))
    if recount:
        _count_labels(connection, set(labels), access=access, change=-1)
    return set(labels)


def _write_asset(
    connection: sqlite3.Connection,
    document: AssetDocument,
    *,
    uuid: bytes,
    access: int,
    known: tuple[int, int, int] | None,
) -> int:
    values = (
        known[0] if known else None,
        uuid,
        document.generation,
        access,
        document.kind == "video",
        document.created_ms,
        document.captured_ms,
        document.duration_ms,
        month_of(document),
        length_class(document),
        document.title,
    )
    cursor = connection.execute(
        "INSERT OR REPLACE INTO asset VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values
    )
    return known[0] if known else int(cursor.lastrowid or 0)


def _write_labels(
    connection: sqlite3.Connection,
    asset: int,
    document: AssetDocument,
    seen: Labels,
) -> None:
    connection.executemany(_INSERT_LABEL, [(row[0], asset, *row[1:]) for row in seen.rows])
    connection.executemany(
        "INSERT INTO moment VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE"
        " SET confidence = max(confidence, excluded.confidence)",
        [(asset, *moment) for moment in document.moments],
    )
    connection.execute(
        "INSERT INTO asset_detail VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            asset,
            seen.edges,
            pack_labels(seen.plain),
            "\n".join(document.categories),
            "\n".join(document.keywords),
            "\n".join(document.marks),
            pack_labels(seen.counted),
            document.moments_stamp,
        ),
    )
    connection.executemany(
        "INSERT OR IGNORE INTO asset_word VALUES (?, ?, ?)",
        _word_rows(asset, document.categories, document.keywords, document.marks),
    )


def _word_rows(
    asset: int, categories: Iterable[str], keywords: Iterable[str], marks: Iterable[str]
) -> list[tuple[str, str, int]]:
    return [
        *(("category", name, asset) for name in categories if name),
        *(("keyword", name, asset) for name in keywords if name),
        *(("mark", name, asset) for name in marks if name),
    ]


def _write_words(
    connection: sqlite3.Connection, asset: int, document: AssetDocument, *, replaces: bool
) -> None:
    texts = (
        document.title_text,
        document.keywords_text,
        document.file_text,
        document.description_text,
    )
    if replaces:
        known = connection.execute(
            "SELECT title, keywords, file, description FROM words WHERE rowid = ?", (asset,)
        ).fetchone()
        if known == texts:
            return
        connection.execute("DELETE FROM words WHERE rowid = ?", (asset,))
    connection.execute(
        "INSERT INTO words (rowid, title, keywords, file, description) VALUES (?, ?, ?, ?, ?)",
        (asset, *texts),
    )


def _count_labels(
    connection: sqlite3.Connection, labels: set[int], *, access: int, change: int
) -> None:
    connection.executemany(
        "INSERT INTO label_access VALUES (?, ?, ?) ON CONFLICT (label, access) DO UPDATE"
        " SET assets = assets + excluded.assets",
        [(label, access, change) for label in labels],
    )
