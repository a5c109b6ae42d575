"""The embedded engine beside the same SQL by hand: label, A and B, A not B, facets, replace.

`python -m tests.benchmarks.bench_search FOLDER [--smoke]` keeps the corpus in a folder.
"""

from __future__ import annotations

import os
import sqlite3
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

from tests.benchmarks.measure import Ratio, p95, ratio_of, table

ASSETS, SMOKE_ASSETS = 20_000, 200
QUESTIONS, SMOKE_QUESTIONS = 60, 6
ROUNDS, SMOKE_ROUNDS = 7, 1
REPLACED, SMOKE_REPLACED = 200, 5
UNDERSTOOD = (
    "cars",
    "show me all scenes with people riding bicycles at night",
    "traffic lights and a fire engine but no people",
    "automobil next to a hous",
    "trafic lihgts with pedestrans",
    "dog then car within 10s",
    "photos of kittns playing on the sofa",
    "xylqo brtzk",
)


def main(smoke: bool, folder: str = "") -> str:
    """Measure and draw the table."""
    place = Path(folder or os.environ["MEDIALIB_BENCH_FOLDER"]) / "search-corpus"
    backend, corpus = _corpus(place / f"{smoke}.sqlite3", SMOKE_ASSETS if smoke else ASSETS)
    db = sqlite3.connect(backend._files.current(), isolation_level=None)
    db.execute("PRAGMA cache_size = -4096")
    rounds = SMOKE_ROUNDS if smoke else ROUNDS
    pairs = corpus.questions(SMOKE_QUESTIONS if smoke else QUESTIONS)
    rows = []
    for name, ours, floor in _classes(backend, db, pairs):
        middle, tail = _compare(ours, floor, rounds)
        rows.append((f"{name}, p50 ÷ by hand", "≤ 1.5", _figures(middle), middle.verdict(1.5)))
        rows.append((f"{name}, p95 ÷ by hand", "≤ 1.3", _figures(tail), tail.verdict(1.3)))
    replaced = _replace(backend, db, corpus, SMOKE_REPLACED if smoke else REPLACED)
    name = "replace one asset of 50 moments ÷ the bare SQL"
    rows.append((name, "≤ 1.5", _figures(replaced), replaced.verdict(1.5)))
    rows += _understanding(2 if smoke else 40)
    health = backend.health()
    db.close()
    backend.close()
    size = f"{health.assets:,} assets, {health.moments:,} moments, {health.size_bytes >> 20} MiB"
    return f"{size}\n\n{table(rows)}"


def _corpus(path: Path, assets: int) -> tuple[Any, Any]:
    from search.backends.sqlite import SqliteBackend
    from tests.benchmarks.search_corpus import Corpus

    corpus, backend = Corpus(assets=assets), SqliteBackend(path=path)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with backend.rebuild() as target:
            batch: list[Any] = []
            for document in corpus.documents():
                batch.append(document)
                if len(batch) == 500:
                    target.put(batch)
                    batch = []
            target.put(batch)
    return backend, corpus


def _classes(backend: Any, db: sqlite3.Connection, pairs: list[tuple[int, int]]) -> Any:
    """Give (name, our calls, the same by hand), question by question."""
    from medialib.selectors import Principals
    from search.backends.base import FACETS, SearchRequest
    from search.conditions import All, Seen, Without
    from tests.benchmarks import search_by_hand as hand

    asker = Principals(frozenset({"members", "public", "u:1"}))

    def ask(condition: Any, **how: Any) -> Callable[[], object]:
        request = SearchRequest(principals=asker, condition=condition, **how)
        return lambda: backend.search(request)

    yield (
        "label page",
        [ask(Seen(a)) for a, _ in pairs],
        [lambda a=a: hand.label_page(db, a) for a, _ in pairs],
    )
    yield (
        "A and B in time",
        [ask(All((Seen(a), Seen(b)))) for a, b in pairs],
        [lambda a=a, b=b: hand.together(db, a, b, negated=False) for a, b in pairs],
    )
    yield (
        "A not B in time",
        [ask(All((Seen(a), Without(Seen(b))))) for a, b in pairs],
        [lambda a=a, b=b: hand.together(db, a, b, negated=True) for a, b in pairs],
    )
    yield (
        "label page with facets",
        [ask(Seen(a), facets=FACETS) for a, _ in pairs],
        [lambda a=a: (hand.label_page(db, a), hand.facets(db, a)) for a, _ in pairs],
    )


def _compare(ours: list[Any], floor: list[Any], rounds: int) -> tuple[Ratio, Ratio]:
    """Relate p50 and p95 over the questions, round by round, in CPU seconds."""
    for call in (*ours, *floor):
        call()
    middles, tails = [], []
    for turn in range(rounds):
        spent: tuple[list[float], list[float]] = ([], [])
        for pair in zip(ours, floor, strict=True):
            order = (0, 1) if turn % 2 else (1, 0)
            for side in order:
                begin = time.process_time()
                pair[side]()
                spent[side].append(time.process_time() - begin)
        middles.append((statistics.median(spent[0]), statistics.median(spent[1])))
        tails.append((p95(spent[0]), p95(spent[1])))
    return ratio_of(middles), ratio_of(tails)


def _figures(ratio: Ratio) -> str:
    return f"{ratio}: {ratio.ours_seconds * 1e3:.2f} ms ÷ {ratio.floor_seconds * 1e3:.2f} ms"


def _replace(backend: Any, db: sqlite3.Connection, corpus: Any, count: int) -> Ratio:
    """Replace videos of 50 moments by our put, and by bare SQL with every value at hand."""
    from tests.benchmarks import search_by_hand as hand

    numbers = [number for number in range(corpus.assets) if number % 10 >= 3][: 2 * count]
    generation = int(time.time())
    backend.put([corpus.document(number, generation=generation, moments=50) for number in numbers])
    measured = []
    for ours, theirs in zip(numbers[::2], numbers[1::2], strict=True):
        generation += 1
        document = corpus.document(ours, generation=generation, moments=50)
        begin = time.process_time()
        backend.put([document])
        seconds = time.process_time() - begin
        rows, asset, old = _rows(db, corpus.document(theirs, generation=generation, moments=50))
        begin = time.process_time()
        hand.replace(db, asset, rows, old)
        measured.append((seconds, time.process_time() - begin))
    return ratio_of(measured)


def _rows(db: sqlite3.Connection, document: Any) -> tuple[dict[str, list[Any]], int, list[int]]:
    """Work out all rows of a document beforehand."""
    from search.backends.cutting import cut
    from search.backends.sqlite import writer
    from search.backends.sqlite.labels import labels_of

    uuid = (UUID(document.asset_id).bytes,)
    asset, access = db.execute("SELECT id, access FROM asset WHERE uuid = ?", uuid).fetchone()
    stored = "SELECT labels, categories, counted FROM asset_detail WHERE asset = ?"
    labels, categories, counted = db.execute(stored, (asset,)).fetchone()
    old, (seen,) = list(writer.unpack_labels(labels)), labels_of(cut([document]))
    facts = db.execute("SELECT * FROM asset WHERE id = ?", (asset,)).fetchone()
    detail = (
        asset,
        seen.edges,
        writer.pack_labels(seen.plain),
        "\n".join(document.categories),
        "",
        "\n".join(document.marks),
        writer.pack_labels(seen.counted),
        document.moments_stamp,
    )
    return (
        {
            "asset": [(*facts[:2], document.generation, *facts[3:])],
            "asset_label": [(row[0], asset, *row[1:]) for row in seen.rows],
            "moment": [(asset, *moment) for moment in document.moments],
            "asset_detail": [detail],
            "asset_word": [("category", name, asset) for name in document.categories],
            "gone": [("category", name, asset) for name in categories.split("\n")],
            "counts": [
                *((label, access, -1) for label in set(old) - set(seen.plain)),
                *((label, access, 1) for label in set(seen.plain) - set(old)),
            ],
        },
        asset,
        [*old, *writer.unpack_labels(counted)],
    )


def _understanding(rounds: int) -> list[tuple[str, str, str, str]]:
    from labelling.taxonomy import Vocabulary
    from search.understand import understand

    tracemalloc.start()
    vocabulary = Vocabulary.from_csv()
    for text in UNDERSTOOD:
        understand(text, vocabulary)
    mib = tracemalloc.get_traced_memory()[0] / 2**20
    tracemalloc.stop()
    spent = []
    for _ in range(rounds):
        for text in UNDERSTOOD:
            begin = time.process_time()
            understand(text, vocabulary)
            spent.append((time.process_time() - begin) * 1e3)
    tail = p95(spent)
    figures = f"{tail:.2f} ms (p50 {statistics.median(spent):.2f})"
    return [
        (
            "understanding, typo path included, p95",
            "≤ 2 ms",
            figures,
            "met" if tail <= 2 else "missed",
        ),
        (
            "what understanding keeps in memory, the vocabulary included",
            "≤ 30 MB",
            f"{mib:.1f} MiB",
            "met" if mib <= 28 else "missed",
        ),
    ]


if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.benchmarks.settings"
    import django

    django.setup()
    print(main("--smoke" in sys.argv, next((a for a in sys.argv[1:] if a[0] != "-"), "")))
