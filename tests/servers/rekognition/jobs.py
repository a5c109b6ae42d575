"""The double's stored-video jobs: clock, tokens, places, pages and the end of their keeping."""

from __future__ import annotations

import json
import secrets
import threading
from dataclasses import dataclass, field
from typing import Any

from tests.servers.rekognition.answers import Answer
from tests.servers.rekognition.clock import Clock
from tests.servers.rekognition.kinds import JobKind
from tests.servers.rekognition.refusals import refusal

PAGE = 1000
KEPT_SECONDS = 7 * 24 * 3600
TOKEN_SECONDS = 24 * 3600


@dataclass(slots=True)
class Job:
    """One job. `rows` are encoded once: the pages of a long answer are cut from them."""

    id: str
    request: dict[str, Any]
    answer: Answer
    kind: JobKind
    begun: float
    ends: float
    failure: str = ""
    announced: bool = False
    _rows: dict[str, list[str]] = field(default_factory=dict)

    def rows(self, sort: str, aggregate: str) -> list[str]:
        key = f"{sort} {aggregate}"
        if key not in self._rows:
            rows = self.answer.rows if aggregate == "TIMESTAMPS" else _segments(self.answer)
            if sort == "NAME":
                rows = sorted(rows, key=lambda row: (row["Label"]["Name"], row["Timestamp"]))
            dressed = map(self.kind.dress, rows)
            self._rows[key] = [json.dumps(row, separators=(",", ":")) for row in dressed]
        return self._rows[key]


@dataclass(frozen=True, slots=True)
class _Place:
    job_id: str
    sort: str
    aggregate: str
    offset: int
    made: float


class Jobs:
    """All jobs of the account."""

    def __init__(self, clock: Clock, *, limit: int = 20) -> None:
        self.clock = clock
        self.limit = limit
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.all: dict[str, Job] = {}
        self._tokens: dict[tuple[str, str], tuple[dict[str, Any], str, float]] = {}
        self._places: dict[str, _Place] = {}
        # (moment, how many jobs are open), for those who measure how well slots are used.
        self.starts: list[tuple[float, str]] = []

    def known(self, wanted: dict[str, Any], kind: JobKind) -> Job | None:
        """Give the job of a request token that was used before, for the same request."""
        token = wanted.get("ClientRequestToken")
        with self.lock:
            found = self._tokens.get((kind.start, token)) if token else None
            if found is None or self.clock.now() - found[2] > KEPT_SECONDS:
                return None
            if found[0] != wanted:
                raise refusal("IdempotentParameterMismatchException")
            return self.all.get(found[1])

    def open(self) -> list[Job]:
        now = self.clock.now()
        with self.lock:
            return [job for job in self.all.values() if job.ends > now]

    def start(
        self,
        wanted: dict[str, Any],
        answer: Answer,
        kind: JobKind,
        *,
        seconds: float,
        failure: str,
    ) -> Job:
        """Begin a job, if the account has a place for it."""
        with self.changed:
            running = len(self.open())
            if running >= self.limit:
                raise refusal(
                    "LimitExceededException",
                    f"{running + 1}  open Jobs for User arn:aws:iam::123456789012:user/double. "
                    f"Maximum limit: {self.limit}",
                )
            now = self.clock.now()
            job = Job(secrets.token_hex(32), wanted, answer, kind, now, now + seconds, failure)
            self.all[job.id] = job
            if token := wanted.get("ClientRequestToken"):
                self._tokens[kind.start, token] = (wanted, job.id, now)
            self.starts.append((now, job.id))
            self.changed.notify_all()
            return job

    def get(self, job_id: str, kind: JobKind) -> Job:
        with self.lock:
            job = self.all.get(job_id)
        if job is None or job.kind != kind or self.clock.now() - job.ends > KEPT_SECONDS:
            raise refusal("ResourceNotFoundException")
        return job

    def page(self, job: Job, wanted: dict[str, Any]) -> tuple[list[str], str]:
        """Cut the page that is asked for; gives its rows and the token of the next one."""
        sort = wanted.get("SortBy") or "TIMESTAMP"
        aggregate = wanted.get("AggregateBy") or "TIMESTAMPS"
        size = min(PAGE, wanted.get("MaxResults") or PAGE)
        offset = 0
        # An empty token on the first call is taken for none.
        if token := wanted.get("NextToken"):
            place = self._places.get(token)
            if place is None or (place.job_id, place.sort, place.aggregate) != (
                *(job.id, sort),
                aggregate,
            ):
                raise refusal("InvalidPaginationTokenException")
            if self.clock.now() - place.made > TOKEN_SECONDS:
                raise refusal("InvalidPaginationTokenException")
            offset = place.offset
        rows = job.rows(sort, aggregate)
        end = offset + size
        if end >= len(rows):
            return rows[offset:], ""
        token = secrets.token_urlsafe(96)
        self._places[token] = _Place(job.id, sort, aggregate, end, self.clock.now())
        return rows[offset:end], token


def _segments(answer: Answer) -> list[dict[str, Any]]:
    """Join samples into spans without boxes; the real service's rule is not published."""
    spans: list[dict[str, Any]] = []
    last: dict[str, dict[str, Any]] = {}
    for row in answer.rows:
        at, label = row["Timestamp"], row["Label"]
        span = last.get(label["Name"])
        if span is not None and at - span["EndTimestampMillis"] <= 1000:
            span["EndTimestampMillis"] = at
            span["DurationMillis"] = at - span["StartTimestampMillis"]
            span["Label"]["Confidence"] = max(span["Label"]["Confidence"], label["Confidence"])
            continue
        plain = {name: value for name, value in label.items() if name != "Instances"}
        span = {
            "Timestamp": at,
            "Label": plain,
            "StartTimestampMillis": at,
            "EndTimestampMillis": at,
            "DurationMillis": 0,
        }
        last[label["Name"]] = span
        spans.append(span)
    return spans
