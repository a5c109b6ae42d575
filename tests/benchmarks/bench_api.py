"""The search API beside its parts, and the memory of the web process that serves it."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from tests.benchmarks import urls
from tests.benchmarks.library import fill
from tests.benchmarks.measure import Ratio, bounds, met, rss_bytes, table

if TYPE_CHECKING:
    from django.test import Client

QUERIES = ("car", "dog", "car and person", "cat or dog", "person not car", "bottle", "truck")
ASSETS, SMOKE_ASSETS = 2_000, 50
ROUNDS, SMOKE_ROUNDS = 60, 2
SEARCHES, SMOKE_SEARCHES = 1_000, 20
REFUSALS, SMOKE_REFUSALS = 20, 1
# Each must be refused in a sentence with its place, and at once.
REFUSED = (
    "x" * 5_000,
    "car " * 1_250,
    "(" * 200 + "car" + ")" * 200,
    " OR ".join("a" * 500),
    " OR ".join("a" * 150),
    "car conf:>9000",
    "date:2026-13..",
    'car "unclosed',
    "label:carr",
    "nosuchfield:car",
    "source:nowhere",
    "car AND (dog OR NOT",
)
MIB = 1024**2


def main(smoke: bool) -> str:
    """Measure and draw the table."""
    fill(SMOKE_ASSETS if smoke else ASSETS)
    ratio = _door(SMOKE_ROUNDS if smoke else ROUNDS)
    refused = _slowest_refusal(SMOKE_REFUSALS if smoke else REFUSALS)
    idle, growth = _memory(smoke)
    what = (
        "`GET /api/search/`, p50 ÷ (bare token-checked view of the same bytes + the service call)"
    )
    figures = f"{ratio}: {ratio.ours_seconds * 1e3:.2f} ms ÷ {ratio.floor_seconds * 1e3:.2f} ms"
    return table(
        [
            (what, "≤ 1.3", figures, ratio.verdict(1.3)),
            (
                "`GET /api/search/` refusing what can't be read, slowest of "
                f"{len(REFUSED)} searches (the median of each, wall)",
                "< 50 ms",
                f"{refused * 1e3:.1f} ms",
                met(refused < 0.05),
            ),
            ("web process, RSS idle", "≤ 180 MB", f"{idle:.0f} MB", met(idle <= 180)),
            ("its growth after 1,000 searches", "≤ 10 MB", f"{growth:.1f} MB", met(growth <= 10)),
        ]
    )


def _door(rounds: int) -> Ratio:
    """Relate each query's median through the API to the medians of its parts, in CPU seconds."""
    from django.test import Client

    from medialib.models import User
    from medialib.selectors import Principals
    from search import services

    user = User.objects.get(username="bench")
    client = _asker()
    assert Client().get("/bare/").status_code == 401, "The floor must check its token."
    ratios, ours, floors = [], [], []
    for query in QUERIES:
        address = f"/api/search/?q={quote(query)}"
        urls.answer = client.get(address).content
        assert b'"results":[{' in urls.answer, f"{query} must find something."
        api, bare, call = _interleaved(
            rounds,
            lambda address=address: client.get(address),
            lambda: client.get("/bare/"),
            lambda query=query: services.search(query, principals=Principals.of(user)),
        )
        ours.append(api)
        floors.append(bare + call)
        ratios.append(api / (bare + call))
    low, high = bounds(ratios)
    middle = statistics.median(ratios)
    return Ratio(middle, low, high, statistics.median(ours), statistics.median(floors))


def _asker() -> Client:
    from django.test import Client

    from medialib import tokens
    from medialib.models import User

    token = tokens.make(User.objects.get(username="bench"), name="bench", scopes=["read"])
    return Client(headers={"Authorization": f"Bearer {token}"})


def _slowest_refusal(rounds: int) -> float:
    """Give the seconds of that search which takes longest to be refused."""
    client, slowest = _asker(), 0.0
    for text in REFUSED:
        spent = []
        for _ in range(rounds):
            begin = time.perf_counter()
            answer = client.get(f"/api/search/?q={quote(text)}")
            spent.append(time.perf_counter() - begin)
            assert answer.status_code == 400, (text[:40], answer.status_code)
            assert "position" in answer.json(), text[:40]
        slowest = max(slowest, statistics.median(spent))
    return slowest


def _interleaved(rounds: int, *works: Callable[[], object]) -> list[float]:
    """Give the median CPU seconds of each work, done in turn."""
    seconds: list[list[float]] = [[] for _ in works]
    for _ in range(rounds):
        for work, spent in zip(works, seconds, strict=True):
            begin = time.process_time()
            work()
            spent.append(time.process_time() - begin)
    return [statistics.median(spent) for spent in seconds]


def _memory(smoke: bool) -> tuple[float, float]:
    """Give the web process's RSS when idle, and its growth over many searches, in MiB."""
    from tests.service import running

    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as service:
        count = str(SMOKE_ASSETS if smoke else ASSETS)
        subprocess.run(
            [sys.executable, "-m", "tests.benchmarks.library", count],
            env={**os.environ, "MEDIALIB_BENCH_FOLDER": folder},
            check=True,
        )
        web = _web_process(folder)
        idle = rss_bytes(web) / MIB
        # What the first searches load (vocabulary, code) belongs to a warm process, not to growth.
        _search(service.call, 30)
        warm = rss_bytes(web) / MIB
        _search(service.call, SMOKE_SEARCHES if smoke else SEARCHES)
        return max(idle, warm), rss_bytes(web) / MIB - warm


def _search(call: Callable[[str, str], tuple[int, object]], count: int) -> None:
    for number in range(count):
        status, _ = call("GET", f"/api/search/?q={quote(QUERIES[number % len(QUERIES)])}")
        assert status == 200, status


def _web_process(folder: str) -> int:
    marker = f"MEDIALIB_DATA_DIR={folder}\0".encode()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        line = (entry / "cmdline").read_bytes()
        if b"medialib.management.web" in line and marker in (entry / "environ").read_bytes():
            return int(entry.name)
    raise LookupError("The web process is not there.")
