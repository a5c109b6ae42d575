"""Shares out what a provider limits: places for jobs, and calls a second, for all processes.

A place is a numbered row that the database gives only once. Knows no provider and starts no job.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Avg, Count, F, Max
from django.utils import timezone

from labelling.models import Analysis, Pace, Slot
from medialib import steps
from medialib.exceptions import Wait
from medialib.models import Step

_OPEN = (Analysis.Status.QUEUED, Analysis.Status.IN_PROGRESS)
# A place that comes free wakes the next in the queue at once; this is in case that was lost, and
# keeps the sentence about the place in the queue fresh.
_LOOK_AGAIN = (30.0, 600.0)
# What a run takes while there is no experience with it.
_USUAL_SECONDS = 60.0
_RECENT = timedelta(days=1)
# Longer than this nobody stands waiting for a call: the step is put aside instead.
_LONGEST_STAND = 5.0


@dataclass(frozen=True, slots=True)
class Queued:
    """Where an analysis stands in the queue for a place; `seconds` is when it may start."""

    position: int
    length: int
    seconds: float

    @property
    def sentence(self) -> str:
        """Say it in words."""
        minutes = max(1, round(self.seconds / 60))
        return (
            f"Waiting for a free slot: number {self.position} of {self.length} in the queue, "
            f"about {minutes} min."
        )


def take(analysis: Analysis, *, account: str, limit: int, priority: int = 0) -> None:
    """Take a place for an analysis or raise Wait("slot") with its position; once per analysis."""
    slot, _ = Slot.objects.get_or_create(
        analysis=analysis,
        defaults={
            "account": account,
            "owner_id": analysis.asset.owner_id,
            "priority": priority,
        },
    )
    if slot.number is None:
        hand_out(account, limit=limit, asking=analysis.pk)
        slot.refresh_from_db()
    if slot.number is None:
        queued = position(slot, limit=limit)
        low, high = _LOOK_AGAIN
        pause = min(high, max(low, queued.seconds / 2))
        raise Wait(Step.WaitingFor.SLOT, seconds=pause, detail=queued.sentence)


def started(analysis: Analysis, job_id: str) -> None:
    """Note which job of the provider fills the place."""
    Slot.objects.filter(analysis_id=analysis.pk).update(job_id=job_id)


def give_back(analysis_id: UUID | str, *, limit: int) -> None:
    """Free the place of an analysis, or leave the queue; the next in the queue is woken."""
    slot = Slot.objects.filter(analysis_id=analysis_id).first()
    if slot is not None:
        Slot.objects.filter(pk=slot.pk).delete()
        hand_out(slot.account, limit=limit)


def unused(analysis_id: UUID | str) -> bool:
    """Tell whether the place of an analysis, if it has one, is not filled by a job."""
    return not Slot.objects.filter(analysis_id=analysis_id).exclude(job_id="").exists()


def hand_out(account: str, *, limit: int, asking: UUID | None = None) -> int:
    """Give free places to those whose turn it is and wake them; returns how many were given.

    Highest priority first, then the owner who has the fewest places, then who has waited longest.
    """
    _forget(account, asking)
    given = 0
    while (number := _free_number(account, limit)) is not None:
        slot = _next(account)
        if slot is None:
            break
        if slot.analysis_id != asking and not _busy([str(slot.analysis_id)]):
            # Nobody works on it any more: its asset lies in the trash, say.
            slot.delete()
            continue
        if not _give(slot, number):
            continue
        given += 1
        if slot.analysis_id != asking:
            _wake(slot)
    return given


def _wake(slot: Slot) -> None:
    """Let the step of a row that was given a place go first: an empty place is time lost."""
    key = str(slot.analysis_id)
    steps.add(slot.analysis.asset_id, Step.Kind.ANALYSE, analysis_id=key, priority=slot.priority)
    mine = Step.objects.filter(kind=Step.Kind.ANALYSE, analysis_id=key, state=Step.State.READY)
    mine.filter(priority__lt=slot.priority + 2).update(priority=slot.priority + 2)


def _forget(account: str, asking: UUID | None) -> None:
    """Remove places without a job whose analysis has ended or is not being worked on any more."""
    rows = Slot.objects.filter(account=account, job_id="")
    if asking is not None:
        rows = rows.exclude(analysis_id=asking)
    rows.exclude(analysis__status__in=_OPEN).delete()
    held = {str(row.analysis_id): row.pk for row in rows.exclude(number=None)}
    idle = set(held) - _busy(list(held))
    Slot.objects.filter(pk__in=[held[key] for key in idle], job_id="").delete()


def _busy(analysis_ids: list[str]) -> set[str]:
    """Give those of some analyses that a step still has to start."""
    found = Step.objects.filter(
        kind=Step.Kind.ANALYSE, analysis_id__in=analysis_ids, state__in=steps.OPEN
    )
    return set(found.values_list("analysis_id", flat=True))


def _free_number(account: str, limit: int) -> int | None:
    rows = Slot.objects.filter(account=account).exclude(number=None)
    taken = set(rows.values_list("number", flat=True))
    return next((number for number in range(1, limit + 1) if number not in taken), None)


def _next(account: str) -> Slot | None:
    rows = Slot.objects.filter(account=account)
    queue = rows.filter(number=None)
    top = queue.aggregate(top=Max("priority"))["top"]
    if top is None:
        return None
    queue = queue.filter(priority=top)
    owners = queue.order_by("owner_id").values_list("owner_id", flat=True).distinct()
    busy = rows.exclude(number=None).values("owner_id").annotate(count=Count("pk"))
    held = {row["owner_id"]: row["count"] for row in busy}
    fewest = min((held.get(owner, 0) for owner in owners), default=0)
    lucky = [owner for owner in owners if held.get(owner, 0) == fewest]
    return queue.filter(owner_id__in=lucky).select_related("analysis").first()


def _give(slot: Slot, number: int) -> bool:
    """Give a number to a queued row; False if another process was faster with either."""
    try:
        with transaction.atomic():
            rows = Slot.objects.filter(pk=slot.pk, number=None)
            return bool(rows.update(number=number, given_at=timezone.now()))
    except IntegrityError:
        return False


def position(slot: Slot, *, limit: int) -> Queued:
    """Say where a queued row stands, as if every run took as long as the recent ones."""
    queue = Slot.objects.filter(account=slot.account, number=None)
    before = queue.filter(priority__gt=slot.priority).count()
    same = queue.filter(priority=slot.priority)
    rank = same.filter(owner_id=slot.owner_id, asked_at__lte=slot.asked_at).count()
    others = same.exclude(owner_id=slot.owner_id).values("owner_id").annotate(count=Count("pk"))
    # Owners take turns: until mine is at its turn, each other one has had as many.
    before += max(1, rank) + sum(min(row["count"], rank) for row in others.order_by())
    length = queue.count()
    place = min(before, max(1, length))
    return Queued(place, max(1, length), place / max(1, limit) * _run_seconds(slot.account))


def _run_seconds(account: str) -> float:
    recent = Analysis.objects.filter(
        backend=account, ended_at__gte=timezone.now() - _RECENT, started_at__isnull=False
    ).exclude(job_id="")
    mean = recent.aggregate(mean=Avg(F("ended_at") - F("started_at")))["mean"]
    return mean.total_seconds() if isinstance(mean, timedelta) else _USUAL_SECONDS


def pace(name: str, *, per_second: float) -> None:
    """Stand until a call of this kind may be made; 0 means no limit.

    Raises Wait("provider") instead if that would take long.
    """
    if per_second <= 0:
        return
    delay = _book(name, per_second)
    if delay > _LONGEST_STAND:
        raise Wait(
            Step.WaitingFor.PROVIDER,
            seconds=delay,
            detail="Waiting for its turn: the labelling service takes only so many calls a second.",
        )
    if delay > 0:
        threading.Event().wait(delay)


def _book(name: str, per_second: float) -> float:
    """Book the next free moment; gives the seconds until then. A far one is not booked."""
    Pace.objects.get_or_create(name=name)
    with transaction.atomic():
        row = Pace.objects.select_for_update().get(name=name)
        now = time.time()
        at = max(now, row.next_at)
        if at - now <= _LONGEST_STAND:
            Pace.objects.filter(pk=row.pk).update(next_at=at + 1 / per_second)
    return max(0.0, at - now)
