"""The floor of the embedded engine: the same SQL and the same answers, without any layers."""

from __future__ import annotations

import heapq
import sqlite3
from array import array
from bisect import bisect_right
from collections import Counter
from typing import Any

ACCESS = "a.access IN (SELECT access FROM access_name WHERE name IN ('members', 'public', 'u:1'))"


def bits(masks: bytes) -> int:
    """Read the mask of step 0."""
    width = (len(masks) - 17) // masks[0]
    return int.from_bytes(masks[17 : 17 + width], "little")


def label_page(db: sqlite3.Connection, label: int) -> tuple[int, int, list[Any]]:
    """One label, best first."""
    db.execute("BEGIN")
    tables = (
        f"asset_label t CROSS JOIN asset a ON a.id = t.asset WHERE t.label = {label}"
        f" AND t.n0 > 0 AND {ACCESS}"
    )
    assets, moments = db.execute(
        f"SELECT count(*), coalesce(sum(t.n0), 0) FROM {tables}"
    ).fetchone()
    rows = db.execute(
        f"SELECT -t.score, a.uuid, a.id, t.masks FROM {tables}"
        " ORDER BY t.score DESC, a.uuid LIMIT 21"
    ).fetchall()
    hits = _hits(db, [(*row[:3], bits(row[3])) for row in rows[:20]], {label})
    db.execute("ROLLBACK")
    return assets, moments, hits


def together(
    db: sqlite3.Connection, one: int, other: int, *, negated: bool, weight: float = 1.0
) -> tuple[int, int, list[Any]]:
    """Two labels at the same time, or the one without the other, best first."""
    db.execute("BEGIN")
    rows = _without(db, one, other) if negated else _both(db, one, other, weight)
    found = []
    moments = 0
    for asset, uuid, score, masks, others in rows:
        value = bits(masks)
        if negated:
            if others:
                value &= ~bits(others)
        else:
            value &= bits(others)
        if value:
            moments += (value & ~(value << 1)).bit_count()
            found.append((-round(score, 4), uuid, asset, value))
    hits = _hits(db, heapq.nsmallest(20, found), {one} if negated else {one, other})
    db.execute("ROLLBACK")
    return len(found), moments, hits


def _without(db: sqlite3.Connection, one: int, other: int) -> sqlite3.Cursor:
    return db.execute(
        "SELECT a.id, a.uuid, t.score, t.masks, o.masks FROM asset_label t"
        f" CROSS JOIN asset a ON a.id = t.asset AND t.label = {one} AND t.n0 > 0"
        f" LEFT JOIN asset_label o ON o.label = {other} AND o.asset = a.id AND o.n0 > 0"
        f" WHERE {ACCESS}"
    )


def _both(db: sqlite3.Connection, one: int, other: int, weight: float) -> sqlite3.Cursor:
    counts = dict(
        db.execute(
            f"SELECT label, sum(assets) FROM label_access WHERE label IN ({one}, {other})"
            " GROUP BY label"
        ).fetchall()
    )
    first, second = sorted((one, other), key=lambda label: counts.get(label, 0))
    return db.execute(
        f"SELECT a.id, a.uuid, ({weight} * t.score + {weight} * o.score) / {2 * weight},"
        " t.masks, o.masks FROM asset_label t CROSS JOIN asset_label o"
        f" ON o.label = {second} AND o.n0 > 0 AND o.asset = t.asset"
        f" CROSS JOIN asset a ON a.id = t.asset AND t.label = {first} AND t.n0 > 0"
        f" WHERE {ACCESS}"
    )


def facets(db: sqlite3.Connection, label: int) -> dict[str, list[Any]]:
    """Count the facets of one label's assets."""
    rows = db.execute(
        "SELECT a.video, a.month, a.length_class, d.labels, d.categories FROM asset_label t"
        f" CROSS JOIN asset a ON a.id = t.asset AND t.label = {label} AND t.n0 > 0"
        f" JOIN asset_detail d ON d.asset = a.id WHERE {ACCESS}"
    ).fetchall()
    labels = array("I")
    labels.frombytes(b"".join(row[3] for row in rows))
    counts: dict[str, Counter[Any]] = {
        "kind": Counter(row[0] for row in rows),
        "month": Counter(row[1] for row in rows),
        "length": Counter(row[2] for row in rows),
        "label": Counter(labels),
        "category": Counter(value for row in rows for value in row[4].split("\n")),
    }
    return {name: counter.most_common(100) for name, counter in counts.items()}


def _hits(db: sqlite3.Connection, rows: list[Any], labels: set[int]) -> list[Any]:
    marks = ", ".join(str(row[2]) for row in rows) or "NULL"
    edges = {}
    for asset, stored in db.execute(
        f"SELECT asset, edges FROM asset_detail WHERE asset IN ({marks})"
    ):
        edges[asset] = array("q")
        edges[asset].frombytes(stored)
    seen: dict[int, list[Any]] = {}
    for asset, label, start, end, confidence in db.execute(
        "SELECT asset, label, start_ms, end_ms, confidence FROM moment"
        f" WHERE asset IN ({marks}) AND label IN ({', '.join(map(str, labels))})"
    ):
        seen.setdefault(asset, []).append((label, start, end, confidence))
    return [
        (row[1], row[0], _ranges(row[3] >> 1, edges[row[2]], seen.get(row[2], []))) for row in rows
    ]


def _ranges(value: int, edges: Any, moments: list[Any]) -> list[Any]:
    ranges, at = [], 0
    while value:
        zeros = (value & -value).bit_length() - 1
        value >>= zeros
        ones = (~value & (value + 1)).bit_length() - 1
        value >>= ones
        ranges.append((edges[at + zeros], edges[at + zeros + ones]))
        at += zeros + ones
    ends = [end for _, end in ranges]
    best: list[dict[int, float]] = [{} for _ in ranges]
    for label, start, end, confidence in moments:
        end = end or 1
        place = bisect_right(ends, start)
        while place < len(ranges) and ranges[place][0] < end:
            if confidence > best[place].get(label, -1.0):
                best[place][label] = confidence
            place += 1
    return [
        (start, end, sorted(labels.items(), key=lambda pair: -pair[1]))
        for (start, end), labels in zip(ranges, best, strict=True)
    ]


def replace(db: sqlite3.Connection, asset: int, rows: dict[str, list[Any]], old: list[int]) -> None:
    """Replace one asset's rows, all values at hand."""
    db.execute("BEGIN IMMEDIATE")
    db.execute("SELECT id, generation, access FROM asset WHERE id = ?", (asset,)).fetchone()
    db.executemany(
        "DELETE FROM asset_label WHERE label = ? AND asset = ?", [(n, asset) for n in old]
    )
    db.executemany(
        "DELETE FROM asset_word WHERE kind = ? AND value = ? AND asset = ?", rows["gone"]
    )
    db.execute("DELETE FROM moment WHERE asset = ?", (asset,))
    db.execute("DELETE FROM asset_detail WHERE asset = ?", (asset,))
    marks = {name: ", ".join("?" * len(values[0])) for name, values in rows.items() if values}
    for name in ("asset", "asset_label", "moment", "asset_detail", "asset_word"):
        db.executemany(f"INSERT OR REPLACE INTO {name} VALUES ({marks[name]})", rows[name])
    db.executemany(
        "INSERT INTO label_access VALUES (?, ?, ?) ON CONFLICT (label, access) DO UPDATE"
        " SET assets = assets + excluded.assets",
        rows["counts"],
    )
    db.execute("COMMIT")
