"""The double itself: what each operation does with a checked request. Knows no HTTP."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.servers.rekognition.announcing import Announcer
from tests.servers.rekognition.answers import Answer, Registry
from tests.servers.rekognition.checking import ServiceModel
from tests.servers.rekognition.clock import Clock
from tests.servers.rekognition.faults import Faults, raised
from tests.servers.rekognition.jobs import Job, Jobs
from tests.servers.rekognition.kinds import READS, STARTS, JobKind
from tests.servers.rekognition.media import MAX_IMAGE_BYTES, Bucket, Seen, look_at_photo
from tests.servers.rekognition.refusals import refusal

# The real quotas of the large regions, calls a second.
QUOTAS = {
    "DetectLabels": 50.0,
    **dict.fromkeys(STARTS, 5.0),
    **dict.fromkeys(READS, 20.0),
}
_CHECKED_ROWS = 2000
# A job of a 10 s clip takes some 15-20 s; of long ones nothing is published.
_JOB_SECONDS, _JOB_SHARE = 15.0, 0.5
MAX_VIDEO_MS = 6 * 3600 * 1000


class AnswerLost(Exception):
    """The work was done, and the answer does not arrive."""


@dataclass
class Double:
    """One region of one account."""

    region: str
    bucket: Bucket
    clock: Clock = field(default_factory=Clock)
    registry: Registry = field(default_factory=Registry)
    job_limit: int = 20
    quotas: dict[str, float] = field(default_factory=lambda: dict(QUOTAS))
    job_seconds: Callable[[Seen], float] | None = None
    # Answers of so many rows instead of registered ones, for the benches.
    answer_for: Callable[[Seen], Answer] | None = None
    # Long answers are checked by their first rows only; benches leave even that out.
    check_pages: bool = True

    def __post_init__(self) -> None:
        self.model = ServiceModel()
        self.jobs = Jobs(self.clock, limit=self.job_limit)
        self.faults = Faults()
        self.calls: Counter[str] = Counter()
        # What the account would be billed for: (operation, what it was done to).
        self.paid: list[tuple[str, str]] = []
        self.announcer: Announcer | None = None
        self._recent: defaultdict[str, deque[float]] = defaultdict(deque)
        self._lock = threading.Lock()

    def announce(self, endpoint: str, *, mode: str = "once") -> None:
        """Begin to send notices through an SNS server."""
        self.announcer = Announcer(self.jobs, endpoint, region=self.region, mode=mode)

    def close(self) -> None:
        if self.announcer is not None:
            self.announcer.close()

    def answer(self, target: str, wanted: Any) -> bytes:
        """Answer one call: its JSON as bytes. Raises Refusal."""
        operation = self.model.operation(target)
        name = operation.name
        self.calls[name] += 1
        request = self.model.read_input(operation, wanted)
        fault = self.faults.next(name)
        if fault is not None and fault.code:
            self.model.check_error(operation, fault.code)
            raise raised(fault)
        self._throttle(name)
        body = self._do(operation, request)
        if fault is not None and fault.held:
            fault.reached.set()
            fault.go_on.wait(30)
        if fault is not None and (fault.lost or fault.held):
            raise AnswerLost
        return bytes(body)

    def _do(self, operation: Any, request: dict[str, Any]) -> bytes:
        name = operation.name
        if name == "DetectLabels":
            return self._detect_labels(operation, request)
        if name in STARTS:
            return self._start_job(operation, request, STARTS[name])
        if name in READS:
            return self._read_job(operation, request, READS[name])
        raise refusal("AccessDeniedException", f"The double does not do {name}.")

    def _throttle(self, name: str) -> None:
        quota = self.quotas.get(name, 0)
        if not quota:
            return
        with self._lock:
            recent, now = self._recent[name], time.monotonic()
            while recent and now - recent[0] >= 1:
                recent.popleft()
            if len(recent) >= quota:
                raise refusal("ProvisionedThroughputExceededException")
            recent.append(now)

    # ---- operations -----------------------------------------------------------------------------

    def _detect_labels(self, operation: Any, request: dict[str, Any]) -> bytes:
        image = request["Image"]
        if len(image) != 1:
            raise refusal("InvalidParameterException")
        if "Bytes" in image:
            if len(image["Bytes"]) > MAX_IMAGE_BYTES:
                raise refusal("ImageTooLargeException")
            seen, place = look_at_photo(image["Bytes"]), "bytes"
        else:
            seen, place = self.bucket.photo(image["S3Object"]), image["S3Object"]["Name"]
        answer = self.registry.find(seen)
        least = request.get("MinConfidence", 55)
        rows = [row for row in answer.rows if row["Confidence"] >= least]
        told: dict[str, Any] = {
            "Labels": _filtered(rows, request)[: request.get("MaxLabels") or 1000],
            "LabelModelVersion": answer.model_version,
        }
        if "IMAGE_PROPERTIES" in request.get("Features", ()):
            told["ImageProperties"] = {
                "Quality": {"Brightness": 80.1, "Sharpness": 90.2, "Contrast": 70.3}
            }
        self.model.check_output(operation, told)
        self.paid.append(("DetectLabels", place))
        return json.dumps(told).encode()

    def _start_job(self, operation: Any, request: dict[str, Any], kind: JobKind) -> bytes:
        job = self.jobs.known(request, kind)
        if job is None:
            job = self._start(request, kind)
        told = {"JobId": job.id}
        self.model.check_output(operation, told)
        return json.dumps(told).encode()

    def _start(self, request: dict[str, Any], kind: JobKind) -> Job:
        place = request["Video"]["S3Object"]
        seen = self.bucket.video(place)
        if seen.duration_ms > MAX_VIDEO_MS:
            raise refusal("VideoTooLargeException", "Video is longer than 6 hours.")
        if seen.failure:
            answer = Answer(seen, [], origin="generated")
        else:
            answer = (self.answer_for or self.registry.find)(seen)
            self._check_rows(answer, kind)
        least = request.get("MinConfidence", 50)
        wanted = [row for row in answer.rows if row["Label"]["Confidence"] >= least]
        if len(wanted) != len(answer.rows):
            answer = Answer(seen, wanted, answer.origin, answer.model_version, answer.metadata)
        usual = _JOB_SECONDS + seen.duration_ms / 1000 * _JOB_SHARE
        seconds = self.job_seconds(seen) if self.job_seconds else usual
        job = self.jobs.start(request, answer, kind, seconds=seconds, failure=seen.failure)
        self.paid.append((kind.start, place["Name"]))
        return job

    def _check_rows(self, answer: Answer, kind: JobKind) -> None:
        if self.check_pages:
            shape = self.model.operation(f"RekognitionService.{kind.read}")
            rows = [kind.dress(row) for row in answer.rows[:_CHECKED_ROWS]]
            self.model.check_output(shape, {kind.rows: rows})

    def _read_job(self, operation: Any, request: dict[str, Any], kind: JobKind) -> bytes:
        job = self.jobs.get(request["JobId"], kind)
        version = job.answer.model_version
        told: dict[str, Any] = {"JobStatus": "IN_PROGRESS", kind.version: version}
        rows: list[str] = []
        if job.ends <= self.clock.now():
            told = {
                "JobStatus": "FAILED" if job.failure else "SUCCEEDED",
                kind.version: version,
                "JobId": job.id,
                "Video": job.request["Video"],
            }
            if kind.repeats_order:
                told["GetRequestMetadata"] = {
                    "SortBy": request.get("SortBy") or "TIMESTAMP",
                    "AggregateBy": request.get("AggregateBy") or "TIMESTAMPS",
                }
            if "JobTag" in job.request:
                told["JobTag"] = job.request["JobTag"]
            if job.failure:
                told["StatusMessage"] = job.failure
            else:
                rows, token = self.jobs.page(job, request)
                told["VideoMetadata"] = job.answer.metadata or _metadata(job.answer.seen)
                if token:
                    told["NextToken"] = token
        self.model.check_output(operation, told)
        text = json.dumps(told, separators=(",", ":"))
        return f'{text[:-1]},"{kind.rows}":[{",".join(rows)}]}}'.encode()


def _filtered(rows: list[dict[str, Any]], request: dict[str, Any]) -> list[dict[str, Any]]:
    filters = request.get("Settings", {}).get("GeneralLabels", {})
    only, without = filters.get("LabelInclusionFilters"), filters.get("LabelExclusionFilters", ())
    return [row for row in rows if (not only or row["Name"] in only) and row["Name"] not in without]


def _metadata(seen: Seen) -> dict[str, Any]:
    return {
        "Codec": seen.codec,
        "DurationMillis": seen.duration_ms,
        "Format": "QuickTime / MOV",
        "FrameRate": seen.fps,
        "FrameHeight": seen.height,
        "FrameWidth": seen.width,
        "ColorRange": "LIMITED",
    }
