"""How well the slots of an account are used: 200 videos, two workers, the double's faster clock."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
REGION = "eu-central-1"
JOBS, SMOKE_JOBS = 200, 6
SLOTS, SMOKE_SLOTS = 20, 2
# How many seconds of the double's are one of ours: what the service takes weighs so much more.
SPEED = 3.0
_POLL_SECONDS = 5.0


def idle_share(*, notices: bool, smoke: bool) -> float:
    """Give the share of slot time that was idle while videos waited for a slot."""
    jobs, slots = (SMOKE_JOBS, SMOKE_SLOTS) if smoke else (JOBS, SLOTS)
    with tempfile.TemporaryDirectory() as folder, cloud_of(slots, notices=notices) as cloud:
        environment = environment_of(Path(folder), cloud, slots, notices=notices)
        run_module(environment, "tests.integration.rekognition.fill", str(jobs)).check_returncode()
        listener = _listener(environment) if notices else None
        command = [sys.executable, "-m", "tests.integration.rekognition.race"]
        workers = [subprocess.Popen(command, cwd=ROOT, env=environment) for _ in range(2)]
        ended = [worker.wait() for worker in workers]
        if listener is not None:
            listener.terminate()
            listener.wait()
        assert ended == [0, 0], ended
        return _idle(cloud["double"].jobs, slots, expected=jobs)


def _idle(jobs: Any, slots: int, *, expected: int) -> float:
    """Relate the slots' used time to all of it, from the first start to the last."""
    runs = [(job.begun, job.ends) for job in jobs.all.values()]
    assert len(runs) == expected, f"{len(runs)} jobs were paid for {expected} videos"
    first, last = min(begun for begun, _ in runs), max(begun for begun, _ in runs)
    used = sum(min(end, last) - begun for begun, end in runs)
    return 1 - used / (slots * (last - first))


@contextmanager
def cloud_of(slots: int, *, notices: bool) -> Iterator[dict[str, Any]]:
    import boto3

    from tests.servers import moto
    from tests.servers.rekognition.clock import Clock
    from tests.servers.rekognition.double import Double
    from tests.servers.rekognition.media import Bucket
    from tests.servers.rekognition.server import serving

    os.environ |= {"AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench"}
    with moto.running() as url:
        name = f"bench-{uuid.uuid4().hex}"
        made: dict[str, Any] = {"moto": url, "bucket": name}
        clients = {
            each: boto3.client(each, endpoint_url=url, region_name=REGION) for each in _NAMES
        }
        clients["s3"].create_bucket(
            Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        made["topic"] = clients["sns"].create_topic(Name=name)["TopicArn"]
        made["queue"] = clients["sqs"].create_queue(QueueName=name)["QueueUrl"]
        arn = f"arn:aws:sqs:{REGION}:123456789012:{name}"
        clients["sns"].subscribe(TopicArn=made["topic"], Protocol="sqs", Endpoint=arn)
        chance = random.Random(11)
        bucket = Bucket(url, region=REGION, key="bench", secret="bench")
        double = Double(REGION, bucket, Clock(SPEED), job_limit=slots, quotas={})
        double.job_seconds = lambda _: chance.uniform(60, 90)
        if notices:
            double.announce(url)
        with serving(double) as server:
            yield {**made, "double": double, "url": server.url}


_NAMES = ("s3", "sns", "sqs")


def environment_of(
    folder: Path, cloud: dict[str, Any], slots: int, *, notices: bool
) -> dict[str, str]:
    made = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "medialib.settings",
        "MEDIALIB_DATA_DIR": str(folder),
        "DATABASE_URL": f"sqlite:///{folder}/library.sqlite3",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "MEDIALIB_STORAGE": f"s3://{cloud['bucket']}/library",
        "MEDIALIB_S3_ENDPOINT": cloud["moto"],
        "MEDIALIB_LABELLING": "rekognition",
        "MEDIALIB_REKOGNITION_ENDPOINT": cloud["url"],
        "MEDIALIB_REKOGNITION_JOBS": str(slots),
        "MEDIALIB_REKOGNITION_JOBS_RESERVED": "0",
        "MEDIALIB_REKOGNITION_STARTS_PER_SECOND": str(5 * SPEED),
        "MEDIALIB_REKOGNITION_READS_PER_SECOND": str(5 * SPEED),
        "MEDIALIB_REKOGNITION_POLL_SECONDS": str(_POLL_SECONDS / SPEED),
    }
    if notices:
        made |= {
            "MEDIALIB_NOTICES_TOPIC_ARN": cloud["topic"],
            "MEDIALIB_NOTICES_ROLE_ARN": "arn:aws:iam::123456789012:role/rekognition",
            "MEDIALIB_NOTICES_QUEUE_URL": cloud["queue"],
            # Looks are rare, so that what is measured is what notices do.
            "MEDIALIB_REKOGNITION_POLL_SECONDS": str(120 / SPEED),
        }
    return made


def run_module(environment: dict[str, str], module: str, *arguments: str) -> Any:
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False)


def _listener(environment: dict[str, str]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "manage.py", "read_notices"]
    process = subprocess.Popen(command, cwd=ROOT, env=environment)
    threading.Event().wait(1)
    return process
