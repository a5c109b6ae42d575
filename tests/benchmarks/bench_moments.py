"""An hour's answer of 207,000 rows: joining it into moments and importing it, beside json.loads.

Each measurement is a process of its own, as a worker's first such answer is. The floor runs without
the garbage collector, which alone would make it two or three times as slow.
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

from tests.benchmarks.answers import answer_bytes, duration_ms
from tests.benchmarks.measure import Ratio, met, peak_rss_bytes, ratio_of, rss_bytes, table

ROWS, SMOKE_ROWS = 207_000, 5_000
MIB = 1024**2


def main(smoke: bool) -> str:
    """Measure and draw the table."""
    with tempfile.TemporaryDirectory() as folder:
        rows = SMOKE_ROWS if smoke else ROWS
        # The name tells the measuring processes how long the video is.
        file = Path(folder) / f"{duration_ms(rows)}.json"
        file.write_bytes(answer_bytes(rows))
        pairs = 1 if smoke else 7
        build, bring_in, collect, growth = [], [], [], []
        for _ in range(pairs):
            build.append(_once("build", file)[:2])
            floor = _once("loads", file)[0]
            collecting, keeping, grown = _once("import", file)
            bring_in.append((keeping, floor))
            collect.append((collecting, floor))
            growth.append(grown)
    most = max(growth) / MIB
    return table(
        [
            _row("`build_moments` of the rows ÷ `json.loads` of the bytes", ratio_of(build), 1.5),
            _row("importing the file in one piece ÷ `json.loads`", ratio_of(bring_in), 4),
            ("memory growth of that", "≤ 120 MB", f"{most:.0f} MB", met(most <= 120)),
            _row("collecting it: moments, boxes, rows ÷ `json.loads`", ratio_of(collect), None),
        ]
    )


def _row(what: str, ratio: Ratio, goal: float | None) -> tuple[str, str, str, str]:
    seconds = f"{ratio}: {ratio.ours_seconds:.2f} s ÷ {ratio.floor_seconds:.2f} s"
    return (what, f"≤ {goal}", seconds, ratio.verdict(goal)) if goal else (what, "", seconds, "")


def _once(what: str, file: Path) -> tuple[float, float, float]:
    """Run one measurement in a fresh process: its seconds, the floor's, its memory growth."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.bench_moments", what, str(file)],
        capture_output=True,
        text=True,
        check=True,
    )
    seconds, floor, growth = json.loads(done.stdout)
    return seconds, floor, growth


def _loads(file: Path) -> tuple[float, float, float]:
    data = file.read_bytes()
    gc.disable()
    begin = time.process_time()
    json.loads(data)
    return time.process_time() - begin, 0, 0


def _build(file: Path) -> tuple[float, float, float]:
    from labelling.answers import page_samples
    from labelling.moments import build_moments

    data = file.read_bytes()
    gc.disable()
    begin = time.process_time()
    page = json.loads(data)
    loaded = time.process_time()
    build_moments(page_samples(page), duration_ms=page["VideoMetadata"]["DurationMillis"])
    return time.process_time() - loaded, loaded - begin, 0


def _import(file: Path) -> tuple[float, float, float]:
    """Import the answer as the service does: read, check, keep; then moments, boxes and rows."""
    import django

    django.setup()
    from django.core.management import call_command

    from labelling import services
    from medialib.models import Asset, User

    call_command("migrate", verbosity=0)
    owner, _ = User.objects.get_or_create(username="bench")
    asset = Asset.objects.create(
        owner=owner,
        kind=Asset.Kind.VIDEO,
        original_filename="hour.mp4",
        original_name=str(uuid.uuid4()),
        size=1,
        duration_ms=int(file.stem),
        width=1280,
        height=720,
    )
    begin, before = time.process_time(), rss_bytes()
    with file.open("rb") as source:
        analysis = services.import_answer(asset, source, filename=file.name)
    kept, peak = time.process_time(), peak_rss_bytes()
    services.collect_analysis(analysis.pk)
    return time.process_time() - kept, kept - begin, max(0, peak - before)


if __name__ == "__main__":
    measure = {"loads": _loads, "build": _build, "import": _import}[sys.argv[1]]
    print(json.dumps(measure(Path(sys.argv[2]))))
