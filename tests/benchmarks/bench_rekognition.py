"""The double of Rekognition: collecting an hour's answer, and how well 20 slots are used.

The double runs in a process of its own, on a clock that may run faster than the wall's. It is not
Rekognition: what its pages cost in network and waiting is left out, which is the hard case here.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

from tests.benchmarks.measure import met, peak_rss_bytes, ratio_of, rss_bytes, table
from tests.benchmarks.slots import idle_share

REGION = "eu-central-1"
HOUR_MS = 3_600_000
MIB = 1024**2


def main(smoke: bool) -> str:
    """Measure and draw the table."""
    duration = HOUR_MS // 60 if smoke else HOUR_MS
    with double(duration) as url:
        job_id = _start(url)
        pairs, cpu_pairs = [], []
        growth, pages = [], 0
        for _ in range(1 if smoke else 7):
            floor, floor_cpu, pages, _ = _once("floor", url, job_id, duration)
            ours, ours_cpu, _, grown = _once("collect", url, job_id, duration)
            pairs.append((ours, floor))
            cpu_pairs.append((ours_cpu, floor_cpu))
            growth.append(grown)
    ratio, cpu, most = ratio_of(pairs), ratio_of(cpu_pairs), max(growth) / MIB
    seconds = f"{ratio}: {ratio.ours_seconds:.2f} s ÷ {ratio.floor_seconds:.2f} s, {pages} pages"
    worked = f"{cpu}: {cpu.ours_seconds:.2f} s ÷ {cpu.floor_seconds:.2f} s"
    told = idle_share(notices=True, smoke=smoke)
    looked = idle_share(notices=False, smoke=smoke)
    return table(
        [
            (
                "collecting 1 h, wall ÷ (the same pages over HTTP + `json.loads`)",
                "≤ 2.0",
                seconds,
                ratio.verdict(2.0),
            ),
            # On a crowded machine the wall's clock says little.
            ("the same, CPU", "", worked, ""),
            ("memory growth of that", "≤ 80 MB", f"{most:.0f} MB", met(most <= 80)),
            ("idle slot time, with notices", "≤ 5 %", f"{told:.1%}", met(told <= 0.05)),
            ("idle slot time, polling only", "≤ 25 %", f"{looked:.1%}", met(looked <= 0.25)),
        ]
    )


@contextlib.contextmanager
def double(duration_ms: int) -> Iterator[str]:
    """Serve a double that takes every video for one of this length; gives its address."""
    command = [sys.executable, "-m", "tests.benchmarks.bench_rekognition", "serve"]
    with subprocess.Popen(
        [*command, str(duration_ms)], stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def _serve(duration_ms: int) -> None:
    from tests.servers.rekognition.answers import generated
    from tests.servers.rekognition.double import Double
    from tests.servers.rekognition.media import Seen
    from tests.servers.rekognition.server import serving

    class NoBucket:
        """Every video is there, and as long as the bench wants it."""

        def video(self, place: dict[str, str]) -> Seen:
            return Seen(1280, 720, 7, codec="h264", duration_ms=duration_ms, fps=25.0)

    bucket: Any = NoBucket()
    made = Double(REGION, bucket, quotas={}, job_seconds=lambda _: 0.0, check_pages=False)
    made.answer_for = lambda seen: generated(seen, per_sample=14)
    with serving(made) as server:
        print(server.url, flush=True)
        sys.stdin.read()


def _start(url: str) -> str:
    wanted = {"Video": {"S3Object": {"Bucket": "media", "Name": "hour.mp4"}}}
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=600)
    with contextlib.closing(connection):
        job_id = str(json.loads(_call(connection, "StartLabelDetection", wanted))["JobId"])
        # The first page makes the double encode its rows: nobody is charged for that.
        _call(connection, "GetLabelDetection", {"JobId": job_id, "SortBy": "TIMESTAMP"})
    return job_id


def _call(connection: http.client.HTTPConnection, operation: str, wanted: dict[str, Any]) -> bytes:
    headers = {
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": f"RekognitionService.{operation}",
        "Authorization": f"Credential=bench/20260101/{REGION}/rekognition/aws4_request",
    }
    connection.request("POST", "/", json.dumps(wanted), headers)
    return connection.getresponse().read()


def _once(what: str, url: str, job_id: str, duration: int) -> tuple[float, float, int, float]:
    """Run one measurement in a fresh process: seconds, CPU seconds, pages, memory growth."""
    environment = {
        **os.environ,
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_REGION": REGION,
        "MEDIALIB_REKOGNITION_ENDPOINT": url,
        "MEDIALIB_REKOGNITION_READS_PER_SECOND": "0",
    }
    module = [sys.executable, "-m", "tests.benchmarks.bench_rekognition"]
    done = subprocess.run(
        [*module, what, url, job_id, str(duration)],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    seconds, cpu_seconds, pages, growth = json.loads(done.stdout.splitlines()[-1])
    return seconds, cpu_seconds, pages, growth


def _floor(url: str, job_id: str, _: int) -> tuple[float, float, int, float]:
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=600)
    begin, cpu, token, pages = time.perf_counter(), time.process_time(), "", 0
    while token or not pages:
        wanted = {"JobId": job_id, "MaxResults": 1000, "SortBy": "TIMESTAMP"}
        page = json.loads(
            _call(connection, "GetLabelDetection", wanted | ({"NextToken": token} if token else {}))
        )
        token = page.get("NextToken", "")
        pages += 1
    return time.perf_counter() - begin, time.process_time() - cpu, pages, 0


def _collect(url: str, job_id: str, duration: int) -> tuple[float, float, int, float]:
    """Collect a job as the service does: pages, raw answer, moments, boxes, rows."""
    import django

    django.setup()
    from django.core.management import call_command

    from labelling import services
    from labelling.backends import get_backend
    from labelling.models import Analysis
    from labelling.vocabulary import load_vocabulary
    from medialib.models import Asset, User
    from medialib.models.asset import new_id

    call_command("migrate", verbosity=0)
    # As the first start of a library does.
    load_vocabulary()
    owner, _ = User.objects.get_or_create(username="bench")
    asset = Asset.objects.create(
        owner=owner,
        kind=Asset.Kind.VIDEO,
        original_filename="hour.mp4",
        original_name=new_id().hex,
        size=1,
        duration_ms=duration,
        width=1280,
        height=720,
    )
    analysis = Analysis.objects.create(
        asset=asset, backend="rekognition", job_id=job_id, status="IN_PROGRESS"
    )
    # The client is made once a process; its making is no part of collecting.
    get_backend("rekognition").is_running(job_id, feature="labels")
    begin, cpu, before = time.perf_counter(), time.process_time(), rss_bytes()
    services.collect_analysis(analysis.pk)
    seconds, cpu = time.perf_counter() - begin, time.process_time() - cpu
    analysis.refresh_from_db()
    assert analysis.status == "SUCCEEDED", analysis.detail
    return seconds, cpu, 0, max(0, peak_rss_bytes() - before)


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        _serve(int(sys.argv[2]))
    else:
        chosen = {"floor": _floor, "collect": _collect}[sys.argv[1]]
        print(json.dumps(chosen(sys.argv[2], sys.argv[3], int(sys.argv[4]))))
