"""The durable queue: ready, lease, heartbeat, wait, finish. Sends task names, imports no task."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any

from celery import current_app
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Count, F, Q
from django.utils import timezone
from kombu.exceptions import OperationalError

from medialib import pulses
from medialib.models import Step

log = logging.getLogger(__name__)
RUN_TASK = "medialib.tasks.run_step"
MAX_LOST_LEASES = 3
_RESEND_AFTER = timedelta(seconds=60)
_PROGRESS_SECONDS = 1.0
_COUNTED_SECONDS = 1.0
_SENDERS = 4
_FIRST = 100
_BATCH = 500
OPEN = (Step.State.READY, Step.State.RUNNING, Step.State.WAITING)


def add(
    asset_id: uuid.UUID,
    kind: str,
    *,
    analysis_id: str = "",
    queue: str = Step.Queue.LIGHT,
    priority: int = 0,
) -> Step:
    """Make a step ready, once: an open one is reused, and run again if it is running."""
    with transaction.atomic():
        step, created = Step.objects.only("state").get_or_create(
            kind=kind,
            asset_id=asset_id,
            analysis_id=analysis_id,
            state__in=OPEN,
            defaults={"state": Step.State.READY, "queue": queue, "priority": priority},
        )
        if not created:
            Step.objects.filter(pk=step.pk, state=Step.State.RUNNING).update(again=True)
            Step.objects.filter(pk=step.pk, state=Step.State.WAITING).update(
                state=Step.State.READY, waiting_for="", next_try_at=None, sent_at=None
            )
        # What has just been made is ready; another one may run now.
        transaction.on_commit(lambda: _send_new(step) if created else _send([step.pk]))
    return step


def add_many(asset_ids: Sequence[uuid.UUID], kind: str) -> None:
    """Make a step of each asset ready, once, for the dispatcher; what runs now runs again."""
    rows = [Step(asset_id=asset_id, kind=kind) for asset_id in asset_ids]
    Step.objects.bulk_create(rows, ignore_conflicts=True, batch_size=_BATCH)
    for at in range(0, len(rows), _BATCH):
        running = Step.objects.filter(kind=kind, analysis_id="", state=Step.State.RUNNING)
        running.filter(asset_id__in=asset_ids[at : at + _BATCH]).update(again=True)


class _Room:
    """Room for messages in flight, counted now and then: that costs as much as writing a step.

    Others send, too; hence only a part of what was free is used before it is counted again.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left, self._until, self._limit = 0, 0.0, 0

    def take(self) -> bool:
        """Take room for one message; tells whether there was any."""
        with self._lock:
            limit, now = settings.MEDIALIB_MESSAGES_IN_FLIGHT, time.monotonic()
            if not self._left or now > self._until or limit != self._limit:
                self._left = -(-_count_room() // _SENDERS)
                self._until, self._limit = now + _COUNTED_SECONDS, limit
            if not self._left:
                return False
            self._left -= 1
            return True


_room = _Room()


def _count_room() -> int:
    """Count how many more messages may be in flight."""
    recent = Q(state=Step.State.READY, sent_at__gt=timezone.now() - _RESEND_AFTER)
    return max(0, settings.MEDIALIB_MESSAGES_IN_FLIGHT - Step.objects.filter(recent).count())


def _send_new(step: Step) -> None:
    """Send a step that has just been made, if there is room; else the dispatcher will."""
    if _room.take():
        _sent(step)


def _send(step_ids: list[int]) -> int:
    """Send as many ready steps as may be in flight; the rest is left to the dispatcher."""
    ready = Step.objects.filter(pk__in=step_ids[: _count_room()], state=Step.State.READY)
    return sum(1 for _ in takewhile(_sent, ready))


def _sent(step: Step) -> bool:
    """Send one step; tells whether the broker took it."""
    now = timezone.now()
    try:
        current_app.send_task(RUN_TASK, args=[step.pk], queue=step.queue)
    except (OperationalError, OSError) as error:
        # The row is the truth: the dispatcher sends it once the broker is back.
        log.warning("The broker did not take step %s: %s", step.pk, error)
        return False
    Step.objects.filter(pk=step.pk, state=Step.State.READY).update(sent_at=now)
    return True


def dispatch() -> int:
    """Wake waiting steps whose time has come and send ready ones by priority; returns how many."""
    now = timezone.now()
    pulses.note(pulses.Part.DISPATCH)
    Step.objects.filter(state=Step.State.WAITING, next_try_at__lte=now).update(
        state=Step.State.READY, waiting_for="", next_try_at=None, sent_at=None
    )
    lost = Q(sent_at=None) | Q(sent_at__lte=now - _RESEND_AFTER)
    ready = Step.objects.filter(lost, state=Step.State.READY).order_by("-priority", "pk")
    limit = settings.MEDIALIB_MESSAGES_IN_FLIGHT
    return _send(list(ready.values_list("pk", flat=True)[:limit]))


def wake(waiting_for: str) -> int:
    """Make every step ready that waits for one thing, as it may have come; returns how many."""
    rows = Step.objects.filter(state=Step.State.WAITING, waiting_for=waiting_for)
    return rows.update(state=Step.State.READY, waiting_for="", next_try_at=None, sent_at=None)


def expired() -> list[Step]:
    """Give back the steps whose lease ended; those lost too often are returned, to be failed."""
    return _give_back(Step.objects.filter(lease_until__lt=timezone.now()))


def release_worker(name: str, *, died: bool = True) -> list[Step]:
    """Give back every step that a worker was running which is known to be gone.

    One that `died` may have died over its step, so that counts; one that was stopped did not.
    """
    return _give_back(Step.objects.filter(lease_owner=name), lost=int(died))


def _give_back(rows: Any, *, lost: int = 1) -> list[Step]:
    hopeless = []
    for step in rows.filter(state=Step.State.RUNNING):
        mine = Step.objects.filter(pk=step.pk, lease_token=step.lease_token)
        if lost and step.lost_leases + lost >= MAX_LOST_LEASES:
            hopeless.append(step)
            continue
        mine.filter(state=Step.State.RUNNING).update(
            state=Step.State.READY,
            lost_leases=F("lost_leases") + lost,
            lease_token="",
            lease_until=None,
            sent_at=None,
        )
    return hopeless


@dataclass(slots=True)
class Lease:
    """The right to run one step; kept alive by a heartbeat until the block ends."""

    step: Step
    token: str
    _stop: threading.Event = field(default_factory=threading.Event)
    _cancelled: threading.Event = field(default_factory=threading.Event)
    _reported: float = 0.0

    def cancelled(self) -> bool:
        """Tell whether the work should end: somebody cancelled it or the lease was lost."""
        return self._cancelled.is_set()

    def report(self, progress: float, detail: str = "") -> None:
        """Note progress (0–1) and a sentence about it, at most once a second."""
        now = time.monotonic()
        if now - self._reported < _PROGRESS_SECONDS:
            return
        self._reported = now
        going = self._mine().filter(cancel_requested=False)
        if not going.update(progress=max(0.0, min(1.0, progress)), detail=detail[:500]):
            self._cancelled.set()

    def _mine(self) -> Any:
        rows = Step.objects.filter(pk=self.step.pk, lease_token=self.token)
        return rows.filter(state=Step.State.RUNNING)

    def beat(self) -> None:
        """Prolong the lease; a lost or cancelled one is noted."""
        kept = self._mine().update(lease_until=_lease_end())
        cancel = self._mine().filter(cancel_requested=True).exists()
        if not kept or cancel:
            self._cancelled.set()

    def _heartbeat(self) -> None:
        try:
            while not self._stop.wait(settings.MEDIALIB_HEARTBEAT_SECONDS):
                self.beat()
        finally:
            connection.close()

    def __enter__(self) -> Lease:
        if settings.MEDIALIB_HEARTBEAT_SECONDS:
            threading.Thread(target=self._heartbeat, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()

    def finish(self) -> bool:
        """End the step as done, or make it ready again when it was asked for meanwhile."""
        return self._end(Step.State.DONE, progress=1.0)

    def fail(self, *, code: str, detail: str) -> bool:
        """End the step as failed, with a code and a sentence."""
        return self._end(Step.State.FAILED, code=code, detail=detail[:500])

    def cancel(self) -> bool:
        """End the step as cancelled."""
        return self._end(Step.State.CANCELLED)

    def wait(self, waiting_for: str, *, seconds: float, detail: str = "") -> bool:
        """Put the step aside for so many seconds; it goes on at once if it was asked for meanwhile.

        Only a retry counts as an attempt: to wait for others is no fault of the step's.
        """
        values: dict[str, Any] = {
            "waiting_for": waiting_for,
            "detail": detail[:500],
            "next_try_at": timezone.now() + timedelta(seconds=seconds),
        }
        if waiting_for != Step.WaitingFor.RETRY:
            values["attempts"] = F("attempts") - 1
        return self._leave(Step.State.WAITING, **values)

    def _end(self, state: str, **values: Any) -> bool:
        return self._leave(state, ended_at=timezone.now(), **values)

    def _leave(self, state: str, **values: Any) -> bool:
        values |= {"lease_token": "", "lease_until": None}
        with transaction.atomic():
            if self._mine().filter(again=False).update(state=state, **values):
                return True
            again = (
                self._mine()
                .filter(again=True)
                .update(
                    state=Step.State.READY,
                    again=False,
                    cancel_requested=False,
                    sent_at=None,
                    lease_token="",
                    lease_until=None,
                )
            )
            if again:
                transaction.on_commit(lambda: _send([self.step.pk]))
            return False


def _lease_end() -> datetime:
    return timezone.now() + timedelta(seconds=settings.MEDIALIB_LEASE_SECONDS)


def take(step_id: int) -> Lease | None:
    """Take the lease of a ready step (compare and set), or None when it is not to be had."""
    token = str(uuid.uuid4())
    taken = Step.objects.filter(pk=step_id, state=Step.State.READY).update(
        state=Step.State.RUNNING,
        lease_token=token,
        lease_owner=settings.MEDIALIB_WORKER_NAME,
        lease_until=_lease_end(),
        attempts=F("attempts") + 1,
        started_at=timezone.now(),
        waiting_for="",
        detail="",
        progress=0,
        again=False,
    )
    if not taken:
        return None
    return Lease(step=Step.objects.select_related("asset").get(pk=step_id), token=token)


def fail_hopeless(step: Step, *, detail: str) -> bool:
    """End a running step whose worker was lost too often."""
    rows = Step.objects.filter(pk=step.pk, lease_token=step.lease_token, state=Step.State.RUNNING)
    return bool(
        rows.update(
            state=Step.State.FAILED,
            code="worker_lost",
            detail=detail,
            lease_token="",
            lease_until=None,
            ended_at=timezone.now(),
        )
    )


def cancel(asset_id: uuid.UUID, *, kinds: tuple[str, ...] | None = None) -> int:
    """Cancel an asset's open steps; running ones are asked to stop. Returns how many."""
    rows = Step.objects.filter(asset_id=asset_id, state__in=OPEN)
    if kinds is not None:
        rows = rows.filter(kind__in=kinds)
    running = rows.filter(state=Step.State.RUNNING).update(cancel_requested=True)
    idle = rows.exclude(state=Step.State.RUNNING).update(
        state=Step.State.CANCELLED, ended_at=timezone.now()
    )
    return running + idle


def put_first(step_id: int) -> bool:
    """Let a step that is not running yet go before all others; tells whether there was one."""
    rows = Step.objects.filter(pk=step_id, state__in=(Step.State.READY, Step.State.WAITING))
    return bool(rows.update(priority=_FIRST))


def is_open(asset_id: uuid.UUID, kinds: tuple[str, ...]) -> bool:
    """Tell whether an asset has a step of these kinds still to be done."""
    return Step.objects.filter(asset_id=asset_id, kind__in=kinds, state__in=OPEN).exists()


def backlog() -> dict[str, int]:
    """Count the open steps by state."""
    rows = Step.objects.filter(state__in=OPEN).values("state").annotate(count=Count("pk"))
    return {row["state"]: row["count"] for row in rows}
