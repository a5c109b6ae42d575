"""What is paid while calls fail, answers get lost and workers are killed: counted by the double.

Two workers share the library's steps, as services do; each kill takes both of them at once, at a
moment at which a call of theirs was done and its answer not yet told. Not a test of Amazon's.
"""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
import tempfile
import threading
import uuid
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.benchmarks.measure import met, table
from tests.benchmarks.slots import ROOT, cloud_of, environment_of, run_module
from tests.servers.rekognition.faults import Fault, Faults
from tests.servers.rekognition.media import Bucket, Seen

RUNS, SMOKE_RUNS = 1000, 8
WORKERS = 2
ROUNDS, SMOKE_ROUNDS = 10, 1
_SLOTS = 20
# Every tenth call fails or its answer is lost, and every thirtieth job ends as failed.
_FAILS, _LOST, _JOB_FAILS = 0.07, 0.03, 0.03
_CODES = ("ThrottlingException", "ProvisionedThroughputExceededException", "InternalServerError")
_PLACES = ("StartLabelDetection", "DetectLabels", "GetLabelDetection")
_PATIENCE_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Bill:
    """What the double was paid for, beside what our books say."""

    kills: int
    faults: int
    # How many jobs each attempt at a video was paid for → how many attempts.
    jobs_per_attempt: dict[int, int]
    open_analyses: int
    # Calls for photos beyond the first, and how many of them the books do not know.
    repeats: int
    unwritten: int
    # Photos whose repeated calls the books do not call uncertain.
    unmarked: int
    # Photos that were being paid for when their worker was killed, and were not in the books.
    surprised: int
    # How many repeats kills and lost answers explain.
    explained: int


def main(smoke: bool) -> str:
    """Measure and draw the table."""
    bill = bill_of(smoke=smoke)
    told = f"{bill.faults} faults, {bill.kills} processes killed"
    jobs = ", ".join(f"{n} in {count}" for n, count in sorted(bill.jobs_per_attempt.items()))
    once = set(bill.jobs_per_attempt) == {1} and not bill.open_analyses
    photos = f"{bill.repeats} (kills and lost answers: {bill.explained})"
    return table(
        [
            (f"paid video jobs per attempt ({told})", "1", f"{jobs} attempts", met(once)),
            (
                "paid repeats for photos",
                "≤ 1 per kill or lost answer",
                photos,
                met(bill.repeats <= bill.explained),
            ),
            (
                "paid calls that the ledger does not hold",
                "0",
                f"{bill.unwritten}",
                met(not bill.unwritten),
            ),
            (
                "photos whose repeats the ledger does not call uncertain, beforehand",
                "0",
                f"{bill.unmarked + bill.surprised}",
                met(not bill.unmarked and not bill.surprised),
            ),
        ]
    )


def bill_of(*, smoke: bool) -> Bill:
    """Label everything under faults and kills, repeat what failed, and add up."""
    runs, rounds = (SMOKE_RUNS, SMOKE_ROUNDS) if smoke else (RUNS, ROUNDS)
    videos = runs * 6 // 10
    with tempfile.TemporaryDirectory() as folder, cloud_of(_SLOTS, notices=False) as cloud:
        environment = environment_of(Path(folder), cloud, _SLOTS, notices=False)
        environment |= dict.fromkeys(_PACES, "0") | {_POLL: "0.3"}
        counts = (str(videos), str(runs - videos))
        run_module(environment, "tests.integration.rekognition.fill", *counts).check_returncode()
        double = cloud["double"]
        double.job_seconds = lambda _: random.uniform(0, 3)
        double.bucket = _Unsteady(cloud["moto"])
        # A call that is put off waits for half a minute: too long to only see whether this runs.
        double.faults = weather = _Weather(likely=0.0 if smoke else 1.0)
        path = Path(folder) / "library.sqlite3"
        surprised = 0
        for number in range(rounds):
            surprised += _kill(
                environment, double, runs * (number + 1) // (rounds + 2), number, path
            )
        _finish(environment)
        while _rows(path, _UNDONE):
            run_module(environment, "tests.benchmarks.bench_paid").check_returncode()
            _finish(environment)
        bill = _add_up(path, double, weather, kills=rounds * WORKERS)
        return replace(bill, surprised=surprised)


_PACES = ("MEDIALIB_REKOGNITION_STARTS_PER_SECOND", "MEDIALIB_REKOGNITION_READS_PER_SECOND")
_POLL = "MEDIALIB_REKOGNITION_POLL_SECONDS"


class _Weather(Faults):
    """Faults that come by chance, beside those that are asked for."""

    def __init__(self, *, likely: float) -> None:
        super().__init__()
        self._likely = likely
        self._chance = random.Random(5)
        self.met: Counter[str] = Counter()

    def next(self, operation: str) -> Fault | None:
        """Take what is asked for first."""
        if (fault := super().next(operation)) is not None:
            return fault
        drawn = self._chance.random()
        if drawn >= (_FAILS + _LOST) * self._likely:
            return None
        if drawn < _LOST:
            self.met[f"{operation} lost"] += 1
            return Fault(operation, lost=True)
        self.met["failed"] += 1
        return Fault(operation, self._chance.choice(_CODES))


class _Unsteady(Bucket):
    """Takes some good videos for bad ones, so that their jobs fail."""

    def __init__(self, url: str) -> None:
        super().__init__(url, region="eu-central-1", key="bench", secret="bench")
        self._chance = random.Random(7)

    def video(self, place: dict[str, str]) -> Seen:
        """Look at it, and doubt it now and then."""
        seen = super().video(place)
        fails = self._chance.random() < _JOB_FAILS
        return replace(seen, failure="Unsupported codec/format.") if fails else seen


def _workers(environment: dict[str, str]) -> list[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "tests.integration.rekognition.race"]
    return [
        subprocess.Popen(
            command, cwd=ROOT, env={**environment, "MEDIALIB_WORKER_NAME": f"worker-{number}"}
        )
        for number in range(WORKERS)
    ]


def _finish(environment: dict[str, str]) -> None:
    assert [worker.wait() for worker in _workers(environment)] == [0] * WORKERS


def _kill(environment: dict[str, str], double: Any, after: int, number: int, path: Path) -> int:
    """Let so many calls be paid, then kill both workers while one waits for an answer.

    Gives 1 if that is a photo's and the books do not know of its call yet, else 0.
    """
    workers = _workers(environment)
    pause = threading.Event()
    while len(double.paid) < after:
        assert all(worker.poll() is None for worker in workers), (
            "they ended before they were killed"
        )
        pause.wait(0.02)
    fault = Fault(_PLACES[number % len(_PLACES)], held=True)
    double.faults.add(fault)
    assert fault.reached.wait(_PATIENCE_SECONDS), fault.operation
    for worker in workers:
        worker.kill()
    for worker in workers:
        worker.wait()
    surprised = 0
    if fault.operation == "DetectLabels":
        _, name = [call for call in double.paid if call[0] == fault.operation][-1]
        [(held,)] = _rows(path, _BOOKED.format(name=name.removeprefix("library/")))
        surprised = int(not held)
    fault.go_on.set()
    return surprised


def _add_up(path: Path, double: Any, weather: _Weather, *, kills: int) -> Bill:
    jobs = Counter(job.request["JobTag"] for job in double.jobs.all.values())
    photos = Counter(name for operation, name in double.paid if operation == "DetectLabels")
    rows = _rows(path, _ALL)
    attempts = Counter(jobs[_dashed(row[0])] for row in rows if row[2] == "video")
    booked: Counter[str] = Counter()
    doubtful: Counter[str] = Counter()
    for _, _, kind, name, calls, uncertain in rows:
        if kind == "photo":
            booked[f"library/{name}"] += calls
            doubtful[f"library/{name}"] += uncertain
    return Bill(
        kills=kills,
        faults=weather.met.total(),
        jobs_per_attempt=dict(attempts),
        open_analyses=sum(row[1] in ("QUEUED", "IN_PROGRESS") for row in rows),
        repeats=sum(count - 1 for count in photos.values()),
        unwritten=(photos - booked).total(),
        # One that was written down and not made, because its worker died between, is uncertain too.
        unmarked=sum(
            booked[name] != 1 + doubtful[name] or doubtful[name] < count - 1
            for name, count in photos.items()
        ),
        surprised=0,
        explained=kills + weather.met["DetectLabels lost"],
    )


_UNDONE = (
    "SELECT asset_id FROM labelling_analysis GROUP BY asset_id HAVING max(status = 'SUCCEEDED') = 0"
)
_ALL = (
    "SELECT a.id, a.status, m.kind, m.original_name, (SELECT count(*) FROM labelling_ledgerentry e "
    "WHERE e.analysis_id = a.id AND e.cost > 0), (SELECT count(*) FROM labelling_ledgerentry e "
    "WHERE e.analysis_id = a.id AND e.cost > 0 AND e.uncertain) "
    "FROM labelling_analysis a JOIN medialib_asset m ON m.id = a.asset_id"
)
# A call that is being made stands in the books before it is made.
_BOOKED = (
    "SELECT count(*) FROM labelling_ledgerentry e JOIN medialib_asset m ON m.id = e.asset_id "
    "WHERE m.original_name = '{name}' AND e.uncertain"
)


def _rows(path: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as library:
        return library.execute(query).fetchall()


def _dashed(key: str) -> str:
    """Write an id as it is written outside of the database."""
    return str(uuid.UUID(key))


def _repeat_failed() -> None:
    """Queue a new attempt at everything whose last one has failed."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "medialib.settings")
    import django

    django.setup()
    from labelling import services
    from labelling.models import Analysis
    from medialib import pipeline
    from medialib.models import Asset

    done = Analysis.objects.filter(status="SUCCEEDED").values("asset_id")
    for asset in Asset.objects.exclude(pk__in=done):
        for analysis in services.queue_analyses(asset):
            pipeline.add_analysis_step(analysis)


if __name__ == "__main__":
    _repeat_failed()
