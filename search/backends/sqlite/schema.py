"""The tables of the embedded index. Raise SCHEMA whenever what is stored changes its meaning."""

from __future__ import annotations

import sqlite3

from search.conditions import STEPS

SCHEMA = "3"
COUNTS = tuple(f"n{step}" for step in range(len(STEPS)))

_TABLES = f"""
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

-- A set of principals, kept once; assets point at it.
CREATE TABLE access (id INTEGER PRIMARY KEY, names TEXT NOT NULL UNIQUE);
CREATE TABLE access_name (name TEXT NOT NULL, access INTEGER NOT NULL,
    PRIMARY KEY (name, access)) WITHOUT ROWID;

-- Small facts that queries filter and sort by; `uuid` breaks ties.
CREATE TABLE asset (id INTEGER PRIMARY KEY, uuid BLOB NOT NULL UNIQUE, generation INTEGER NOT NULL,
    access INTEGER NOT NULL, video INTEGER NOT NULL, created INTEGER NOT NULL, captured INTEGER,
    length INTEGER NOT NULL, month TEXT NOT NULL, length_class TEXT NOT NULL, title TEXT NOT NULL);

-- What only some queries read: the cuts of the timeline, and the values facets count.
CREATE TABLE asset_detail (asset INTEGER PRIMARY KEY, edges BLOB NOT NULL, labels BLOB NOT NULL,
    categories TEXT NOT NULL, keywords TEXT NOT NULL, marks TEXT NOT NULL, counted BLOB NOT NULL,
    moments_stamp TEXT NOT NULL);

CREATE TABLE asset_word (kind TEXT NOT NULL, value TEXT NOT NULL, asset INTEGER NOT NULL,
    PRIMARY KEY (kind, value, asset)) WITHOUT ROWID;

-- A label in an asset, with everything below it: ranges per confidence step, score, time masks.
-- Labels seen several times at once stand here once more per count, under `Seen.key`.
CREATE TABLE asset_label (label INTEGER NOT NULL, asset INTEGER NOT NULL, score REAL NOT NULL,
    {", ".join(f"{name} INTEGER NOT NULL" for name in COUNTS)}, masks BLOB NOT NULL,
    PRIMARY KEY (label, asset)) WITHOUT ROWID;

CREATE TABLE moment (asset INTEGER NOT NULL, label INTEGER NOT NULL, start_ms INTEGER NOT NULL,
    end_ms INTEGER NOT NULL, confidence REAL NOT NULL, instances INTEGER NOT NULL,
    PRIMARY KEY (asset, label, start_ms, end_ms)) WITHOUT ROWID;

-- Assets per label and set of principals, so that suggestions count only what may be seen.
CREATE TABLE label_access (label INTEGER NOT NULL, access INTEGER NOT NULL,
    assets INTEGER NOT NULL, PRIMARY KEY (label, access)) WITHOUT ROWID;

-- Assets that were taken out, so that a late document of before can't bring them back.
CREATE TABLE removed (uuid BLOB PRIMARY KEY, generation INTEGER NOT NULL) WITHOUT ROWID;

-- Tokens are cut and stemmed in Python: `ascii` leaves them as they are.
CREATE VIRTUAL TABLE words USING fts5(title, keywords, file, description, tokenize = 'ascii');
"""


def create(connection: sqlite3.Connection) -> None:
    """Make the tables in an empty file."""
    connection.execute("PRAGMA page_size = 4096")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.executescript(f"BEGIN;{_TABLES}COMMIT;")
    connection.execute("INSERT INTO meta VALUES ('schema', ?)", (SCHEMA,))


def read(connection: sqlite3.Connection) -> str:
    """Name the schema a file was made with; "" if it is no index of ours."""
    found = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone()
    if found is None:
        return ""
    row = connection.execute("SELECT value FROM meta WHERE key = 'schema'").fetchone()
    return str(row[0]) if row else ""


def full_text_is_there(connection: sqlite3.Connection) -> bool:
    """Tell whether this Python's SQLite was built with FTS5."""
    options = connection.execute("PRAGMA compile_options").fetchall()
    return any(option == ("ENABLE_FTS5",) for option in options)
