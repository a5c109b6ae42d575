"""Rebuilding, replacing and freshness on a real OpenSearch, beside bare opensearch-py."""

from __future__ import annotations

import os
import tempfile
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.benchmarks.measure import PAIRS, Ratio, compare, met, ratio_of, rss_bytes

ASSETS, SMOKE_ASSETS = "2000", "60"
REPLACED, SMOKE_REPLACED = 40, 3
SEEN, SMOKE_SEEN = 30, 1
MIB = 1024**2
# The refresh interval of an index in use and what may come on top.
FRESH_SECONDS = 1.0 + 0.5
Row = tuple[str, str, str, str]


def writing(url: str, smoke: bool) -> list[Row]:
    """Measure what is written, over a library in the database; give the rows of a table."""
    from django.test import override_settings

    from search.backends import get_backend
    from tests.benchmarks.library import fill

    address = f"{url.replace('http', 'opensearch+http')}/bench-writes"
    engine = "search.backends.opensearch.OpenSearchBackend"
    chosen = {"default": {"BACKEND": engine, "OPTIONS": {"url": address}}}
    assets = int(SMOKE_ASSETS if smoke else os.environ.get("MEDIALIB_BENCH_REBUILT", ASSETS))
    with override_settings(SEARCH_BACKENDS=chosen):
        get_backend().ensure_ready()
        fill(assets)
        rows = [*_rebuilding(url, smoke), _replacing(url, smoke)]
    rows.append(_fresh(f"{address}-fresh", smoke))
    return rows


def _rebuilding(url: str, smoke: bool) -> list[Row]:
    from search import services
    from search.backends import get_backend

    answers: list[int] = []
    grown: list[int] = []

    def ours() -> float:
        before, peak = rss_bytes(), [0]
        with _looking(get_backend(), answers, peak):
            begin = time.perf_counter()
            services.rebuild()
            seconds = time.perf_counter() - begin
        grown.append(peak[0] - before)
        return seconds

    assets, load = _loading(url)

    def floor() -> float:
        # Beside the same searches, which are no part of a rebuild.
        with _looking(get_backend(), [], [0]):
            return load()

    ratio = compare(ours, floor, pairs=1 if smoke else PAIRS)
    ours_s, floor_s = ratio.ours_seconds, ratio.floor_seconds
    speed = Ratio(1 / ratio.middle, 1 / ratio.high, 1 / ratio.low, ours_s, floor_s)
    figures = f"{speed}: {assets / ours_s:,.0f} ÷ {assets / floor_s:,.0f}"
    what = f"rebuild of {assets:,} assets from the database, assets a second ÷ `helpers.bulk`"
    most, empty = max(grown), answers.count(0)
    return [
        (what, "≥ 0.8", figures, "missed" if speed.high < 0.8 else "met"),
        (
            "growth of its memory, at most",
            "≤ 150 MB",
            f"{most / MIB:.0f} MB",
            met(most <= 150 * MIB),
        ),
        ("empty answers meanwhile", "0", f"{empty} of {len(answers):,}", met(not empty)),
    ]


def _loading(url: str) -> tuple[int, Callable[[], float]]:
    """Give the number of assets, and the loading of their ready documents by bare opensearch-py."""
    from medialib.models import Asset
    from search.backends.opensearch import schema
    from search.backends.opensearch.bodies import bodies_of
    from search.documents import build_documents
    from tests.benchmarks import opensearch_by_hand as hand

    ids = list(Asset.objects.values_list("pk", flat=True))
    bodies = list(bodies_of(build_documents(ids)))
    settings = schema.settings(replicas=0, refresh="-1")
    made = {"settings": settings, "mappings": schema.MAPPING}
    bare = hand.client(url)
    return len(ids), lambda: hand.bulk_ready(bare, made, bodies)


@contextmanager
def _looking(backend: Any, answers: list[int], peak: list[int]) -> Iterator[None]:
    """Ask for all photos and look at the memory ten times a second while the block runs."""
    from medialib.selectors import Principals
    from search.backends.base import SearchRequest
    from search.conditions import OfKind

    everyone = Principals(frozenset({"public"}), everything=True)
    request = SearchRequest(principals=everyone, condition=OfKind("photo"), page_size=1)
    done = threading.Event()

    def look() -> None:
        while not done.wait(0.1):
            answers.append(backend.search(request).assets)
            peak[0] = max(peak[0], rss_bytes())

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _replacing(url: str, smoke: bool) -> Row:
    from search.backends import get_backend
    from search.backends.opensearch.bodies import bodies_of
    from tests.benchmarks import opensearch_by_hand as hand
    from tests.benchmarks.search_corpus import Corpus

    bare, backend, corpus = hand.client(url), get_backend(), Corpus(assets=1_000)
    measured = []
    for at in range(SMOKE_REPLACED if smoke else REPLACED):
        document = corpus.document(at * 10 + 5, generation=at + 2, moments=50)
        (body,) = bodies_of([document])
        theirs = hand.replace_ready(bare, body)
        begin = time.perf_counter()
        backend.put([document])
        backend.refresh()
        measured.append((time.perf_counter() - begin, theirs))
    bare.close()
    ratio = ratio_of(measured)
    figures = f"{ratio}: {ratio.ours_seconds * 1e3:.1f} ms ÷ {ratio.floor_seconds * 1e3:.1f} ms"
    what = "replace one asset until visible ÷ one raw bulk + refresh"
    return what, "≤ 1.5", figures, ratio.verdict(1.5)


def _fresh(address: str, smoke: bool) -> Row:
    """Change a title through the API of a running service until a search finds it."""
    from tests.samples import photo
    from tests.service import running

    waited = []
    with (
        tempfile.TemporaryDirectory() as folder,
        running(Path(folder), MEDIALIB_SEARCH=address) as service,
    ):
        _, asset = service.upload(photo(), "a.jpg")
        place = f"/api/assets/{asset['id']}/"
        service.searchable(asset["id"])
        for at in range(SMOKE_SEEN if smoke else SEEN):
            title = f"quarry{'abcdefghijklmnopqrstuvwxyz'[at % 26] * (2 + at // 26)}"
            status, _ = service.call("PATCH", place, {"title": title})
            assert status == 200, status
            begin = time.perf_counter()
            asked = f"/api/search/?q={urllib.parse.quote(f'text:{title}')}"
            while not service.call("GET", asked)[1]["total"]["assets"]:
                assert time.perf_counter() < begin + 20, "It is not found."
            waited.append(time.perf_counter() - begin)
    tail = sorted(waited)[min(len(waited) - 1, int(len(waited) * 0.95))]
    figures = f"{tail:.2f} s (p50 {sorted(waited)[len(waited) // 2]:.2f} s)"
    what = "title changed by the API → found by the API, p95"
    return what, "≤ refresh (1 s) + 0.5 s", figures, met(tail <= FRESH_SECONDS)
