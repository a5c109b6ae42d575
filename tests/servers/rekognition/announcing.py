"""Announces jobs that have ended, through SNS (moto's): as it should be, or twice, late, never.

The real notices' shape: API is the Start operation's name, the tag is missing if none was given.
"""

from __future__ import annotations

import json
import random
import threading
from typing import Any

import boto3

from tests.servers.rekognition.jobs import Job, Jobs

MODES = ("once", "twice", "late", "never", "shuffled")
LATE_SECONDS = 120.0
_SHUFFLED = 4


class Announcer:
    """A thread that waits for the next job to end and says so."""

    def __init__(self, jobs: Jobs, endpoint: str, *, region: str, mode: str = "once") -> None:
        assert mode in MODES, mode
        self._jobs = jobs
        self._mode = mode
        self._held: list[Job] = []
        self._chance = random.Random(3)
        self._over = False
        self._client: Any = boto3.session.Session().client(
            "sns",
            endpoint_url=endpoint,
            region_name=region,
            aws_access_key_id="double",
            aws_secret_access_key="double",
        )
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        with self._jobs.changed:
            self._over = True
            self._jobs.changed.notify_all()
        self._thread.join(timeout=5)

    def _run(self) -> None:
        while True:
            with self._jobs.changed:
                if self._over:
                    return
                due, pause = self._due()
                if not due:
                    self._jobs.changed.wait(pause)
                    continue
                for job in due:
                    job.announced = True
            self._tell(due)

    def _due(self) -> tuple[list[Job], float | None]:
        clock = self._jobs.clock
        late = LATE_SECONDS if self._mode == "late" else 0.0
        silent = [job for job in self._jobs.all.values() if not job.announced]
        due = [job for job in silent if job.ends + late <= clock.now()]
        next_end = min((job.ends + late for job in silent), default=None)
        return due, None if next_end is None else clock.real(max(0.0, next_end - clock.now()))

    def _tell(self, due: list[Job]) -> None:
        told = [job for job in due if job.request.get("NotificationChannel")]
        if self._mode == "never":
            return
        if self._mode == "shuffled":
            self._held += told
            if len(self._held) < _SHUFFLED and self._jobs.open():
                return
            told, self._held = self._chance.sample(self._held, len(self._held)), []
        for job in told:
            for _ in range(2 if self._mode == "twice" else 1):
                self._client.publish(
                    TopicArn=job.request["NotificationChannel"]["SNSTopicArn"],
                    Message=json.dumps(notice(job)),
                )


def notice(job: Job) -> dict[str, Any]:
    """Write the notice of a job that has ended."""
    place = job.request["Video"]["S3Object"]
    told: dict[str, Any] = {
        "JobId": job.id,
        "Status": "FAILED" if job.failure else "SUCCEEDED",
        "API": job.kind.start,
        "Timestamp": int(job.ends * 1000),
        "Video": {"S3ObjectName": place["Name"], "S3Bucket": place["Bucket"]},
    }
    if "JobTag" in job.request:
        told["JobTag"] = job.request["JobTag"]
    return told
