"""Search on a real OpenSearch beside bare opensearch-py and the usual layout, in one run.

Wall-clock seconds, as the server is another process. MEDIALIB_BENCH_SIZES names the assets of each
corpus ("2000,20000" are 100 thousand and 1 million moments).
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.benchmarks.measure import PAIRS, bounds, p95, ratio_of, table

SIZES, SMOKE_SIZES = "2000,20000", "60"
QUESTIONS, SMOKE_QUESTIONS = 60, 4
_BATCH = 200
Row = tuple[str, str, str, str]
Call = Callable[[], object]


def main(smoke: bool) -> str:
    """Start a server, measure each size, draw the tables."""
    from django.core.management import call_command

    from labelling.vocabulary import load_vocabulary
    from tests.benchmarks.opensearch_writes import writing
    from tests.servers.opensearch import running

    sizes = SMOKE_SIZES if smoke else os.environ.get("MEDIALIB_BENCH_SIZES", SIZES)
    drawn, middles = [], []
    call_command("migrate", verbosity=0)
    load_vocabulary()
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as server:
        for assets in map(int, sizes.split(",")):
            rows, title, middle = _searching(server.url, assets, smoke)
            middles.append(middle)
            drawn.append(f"{title}\n\n{table(rows)}")
        growth = f"{middles[-1] / middles[0]:.2f}: {_ms(middles[-1])} ÷ {_ms(middles[0])}"
        drawn.append(f"Label page p50, largest ÷ smallest corpus (goal ≤ 3 to 5M): {growth}")
        drawn.append(table(writing(server.url, smoke)))
    return "\n\n".join(drawn)


def _searching(url: str, assets: int, smoke: bool) -> tuple[list[Row], str, float]:
    """Measure the searches over one corpus; give rows, a title and the label page's p50."""
    from django.test import override_settings

    from search.backends import get_backend
    from tests.benchmarks import opensearch_by_hand as hand
    from tests.benchmarks.search_corpus import Corpus

    corpus = Corpus(assets=assets)
    address = f"{url.replace('http', 'opensearch+http')}/bench-{assets}"
    engine = "tests.benchmarks.opensearch_by_hand.Recording"
    chosen = {"default": {"BACKEND": engine, "OPTIONS": {"url": address}}}
    bare = hand.client(url)
    with override_settings(SEARCH_BACKENDS=chosen):
        backend = get_backend()
        _load(backend, bare, corpus)
        health = backend.health()
        title = f"{health.assets:,} assets, {health.moments:,} moments"
        rows, middle = _measured(backend, bare, corpus, smoke)
    bare.indices.delete(index=f"bench-{assets}-*,{hand.MOMENTS}")
    bare.close()
    return rows, title, middle


def _load(backend: Any, bare: Any, corpus: Any) -> None:
    """Fill both layouts, then replace every tenth asset."""
    from tests.benchmarks import opensearch_by_hand as hand
    from tests.benchmarks.search_corpus import Corpus

    with backend.rebuild() as target:
        for batch in _batches(corpus.documents()):
            target.put(batch)
    hand.fill_usual(bare, Corpus(assets=corpus.assets).documents())
    tenth = (corpus.document(number, generation=2) for number in range(0, corpus.assets, 10))
    for batch in _batches(tenth):
        backend.put(batch)
        hand.replace_usual(bare, batch)
    backend.refresh()


def _batches(documents: Iterator[Any]) -> Iterator[list[Any]]:
    batch: list[Any] = []
    for document in documents:
        batch.append(document)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _measured(backend: Any, bare: Any, corpus: Any, smoke: bool) -> tuple[list[Row], float]:
    pairs = corpus.questions(SMOKE_QUESTIONS if smoke else QUESTIONS)
    rounds = 1 if smoke else PAIRS
    rows = _services(backend, bare, pairs, rounds)
    asked = _questions(backend, bare, pairs)
    spent = _interleaved(asked, rounds)
    rows.append(_related("the usual layout's label page ÷ ours, p95", "≥ 2", spent, "usual", p95))
    rows.append(_related("the same, p50", "", spent, "usual", statistics.median))
    for name, goal in (("A and B", "≤ 4"), ("A not B", ""), ("A then B", "≤ 6")):
        row = _related(f"{name}, first page ÷ label page, p50", goal, spent, name)
        rows.append(row)
    for name in asked:
        every = [seconds for turn in spent[name] for seconds in turn]
        figures = f"{_ms(statistics.median(every))} / {_ms(p95(every))}"
        rows.append((f"{name}: p50 / p95", "", figures, ""))
    return rows, statistics.median(statistics.median(turn) for turn in spent["label page"])


def _questions(backend: Any, bare: Any, pairs: list[tuple[int, int]]) -> dict[str, list[Call]]:
    from medialib.selectors import Principals
    from search.backends.base import FACETS, SearchRequest
    from search.conditions import All, Seen, Sequence, Without
    from tests.benchmarks import opensearch_by_hand as hand

    asker = Principals(frozenset({"members", "public", "u:1"}))

    def ask(condition: Any, **how: Any) -> Call:
        request = SearchRequest(principals=asker, condition=condition, **how)
        return lambda: backend.search(request)

    return {
        "label page": [ask(Seen(a)) for a, _ in pairs],
        "usual": [lambda a=a: hand.usual_page(bare, a) for a, _ in pairs],  # type: ignore[misc]
        "A and B": [ask(All((Seen(a), Seen(b)))) for a, b in pairs],
        "A not B": [ask(All((Seen(a), Without(Seen(b))))) for a, b in pairs],
        "A then B": [ask(Sequence((Seen(a), Seen(b)), (10_000,))) for a, b in pairs],
        "label page with facets": [ask(Seen(a), facets=FACETS) for a, _ in pairs],
        "A and B with facets": [ask(All((Seen(a), Seen(b))), facets=FACETS) for a, b in pairs],
    }


def _services(backend: Any, bare: Any, pairs: list[tuple[int, int]], rounds: int) -> list[Row]:
    """Relate `services.search` to the bodies it sent, sent again by the bare client."""
    from labelling.vocabulary import get_vocabulary
    from medialib.selectors import Principals
    from search import services

    names = get_vocabulary().names
    asker = Principals(frozenset({"members", "public", "u:1"}))
    kinds = {
        "label page": [f'label:"{names[a]}"' for a, _ in pairs],
        "together page": [f'label:"{names[a]}" AND label:"{names[b]}"' for a, b in pairs],
    }
    rows = []
    for name, texts in kinds.items():
        ours: list[Call] = []
        floor: list[Call] = []
        for text in texts:
            call = lambda text=text: services.search(text, principals=asker)  # noqa: E731
            ours.append(call)
            floor.append(_again(bare, backend._indexes.alias, backend.recorded(call)))
        spent = _interleaved({"ours": ours, "floor": floor}, rounds)
        middles = [
            (statistics.median(a), statistics.median(b))
            for a, b in zip(spent["ours"], spent["floor"], strict=True)
        ]
        rows.append(_beside_bare(name, middles))
    return rows


def _beside_bare(name: str, middles: list[tuple[float, float]]) -> Row:
    """Relate the rounds' medians of a kind of page, by their ratio and by the milliseconds more."""
    ratio = ratio_of(middles)
    extra = [a - b for a, b in middles]
    more, (least, most) = statistics.median(extra), bounds(extra)
    verdict = ratio.verdict(1.25)
    if least > 0.0015:
        verdict = "missed"
    elif more > 0.0015 and verdict == "met":
        verdict = "met within the noise"
    between = f"+{_ms(more)} ({least * 1e3:.2f} to {most * 1e3:.2f})"
    seconds = f"{_ms(ratio.ours_seconds)} ÷ {_ms(ratio.floor_seconds)}"
    what = f"`services.search`, {name} ÷ the same bodies by bare opensearch-py, p50"
    return what, "≤ 1.25 and ≤ +1.5 ms", f"{ratio}, {between}: {seconds}", verdict


def _again(bare: Any, index: str, bodies: list[dict[str, Any]]) -> Call:
    params = {"allow_partial_search_results": "false"}

    def send() -> None:
        for body in bodies:
            bare.search(index=index, body=body, params=params)

    return send


def _interleaved(calls: dict[str, list[Call]], rounds: int) -> dict[str, list[list[float]]]:
    """Give the seconds of each call, class by class and round by round, asked in turn."""
    for mine in calls.values():
        for call in mine:
            call()
    spent: dict[str, list[list[float]]] = {name: [] for name in calls}
    for turn in range(rounds):
        names = list(calls) if turn % 2 else list(reversed(calls))
        for mine in spent.values():
            mine.append([])
        for at in range(len(calls[names[0]])):
            for name in names:
                begin = time.perf_counter()
                calls[name][at]()
                spent[name][-1].append(time.perf_counter() - begin)
    return spent


def _related(
    what: str,
    goal: str,
    spent: dict[str, list[list[float]]],
    name: str,
    figure: Callable[[list[float]], float] = statistics.median,
) -> Row:
    page = spent["label page"]
    ratio = ratio_of([(figure(a), figure(b)) for a, b in zip(spent[name], page, strict=True)])
    figures = f"{ratio}: {_ms(ratio.ours_seconds)} ÷ {_ms(ratio.floor_seconds)}"
    if goal.startswith("≥"):
        return what, goal, figures, "missed" if ratio.high < float(goal[2:]) else "met"
    return what, goal, figures, ratio.verdict(float(goal[2:])) if goal else ""


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:.2f} ms"
