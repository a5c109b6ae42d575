"""Gathers what the activity page shows: what is being done, in groups. Reads only.

The number of queries is the same however much is going on.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db.models import Count, Exists, Max, OuterRef, Q, QuerySet
from django.utils import timezone

from labelling.backends.base import FINAL_CODES
from medialib.models import Asset, Step
from medialib.selectors import OPEN_STATES as OPEN
from medialib.selectors import Principals, can_edit, step_sentence, visible_assets
from medialib.views.cards import AssetCard, make_card, with_posters

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser
    from django.http import HttpRequest

    from medialib.models import User

State = Step.State
Kind = Step.Kind
ROWS = 30
# More than that is "many" in the top bar.
MANY = 100
# Whose places in the queue are counted; behind them a person only learns that it is long.
_COUNTED = 1000
_FAILED_DAYS = 30
# Stages that took less are not worth a word.
_WORTH_MS = 100
_LOOKS = (Kind.ANALYSE, Kind.COLLECT)
_STOPPABLE = (*_LOOKS, Kind.CONVERT)
_STAGES = {
    Kind.PREPARE: "looking",
    Kind.CONVERT: "converting",
    Kind.ANALYSE: "labelling",
    Kind.COLLECT: "reading",
    Kind.PICTURES: "pictures",
    Kind.INDEX: "search",
}
_FAILED = {
    Kind.PREPARE: "Preparing it failed.",
    Kind.CONVERT: "Converting it failed.",
    Kind.ANALYSE: "Labelling it failed.",
    Kind.COLLECT: "Reading its labels failed.",
    Kind.PICTURES: "Making its pictures failed.",
    Kind.INDEX: "Putting it into search failed.",
    Kind.PURGE: "Removing it failed.",
}
_NOT_SHOWN = "This file cannot be shown. The original is kept for 7 days."
_REJECTED = Q(state=Asset.State.REJECTED)
_FINAL = Q(code__in=FINAL_CODES)


@dataclass(frozen=True, slots=True)
class Stage:
    """How long one stage of an asset's road took."""

    name: str
    milliseconds: int


@dataclass(frozen=True, slots=True)
class Row:
    """One asset and what is being done with it; `step_id` is 0 where there is nothing to do."""

    card: AssetCard
    step_id: int
    sentence: str
    note: str
    progress: float | None
    at: datetime | None
    stages: tuple[Stage, ...]
    can_retry: bool = False
    can_cancel: bool = False
    can_put_first: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """Rows of one sort, and how many there are in all."""

    key: str
    name: str
    nothing: str
    rows: tuple[Row, ...]
    total: int

    @property
    def hidden(self) -> int:
        """Count what is not listed."""
        return max(0, self.total - len(self.rows))


@dataclass(frozen=True, slots=True)
class _Known:
    """What every row needs: the assets with their cards, stages and whether they may be changed."""

    cards: dict[uuid.UUID, AssetCard]
    stages: dict[uuid.UUID, tuple[Stage, ...]]
    editable: frozenset[uuid.UUID]


def groups(user: User | AnonymousUser) -> list[Group]:
    """Give the groups: running, waiting, failed this time, failed for good, done today."""
    seen = visible_assets(Principals.of(user))
    mine = _of(seen)
    totals = _totals(mine)
    steps = {
        "running": list(mine.filter(state=State.RUNNING).order_by("-started_at")[:ROWS]),
        "waiting": _waiting(mine),
        "failed": list(unsolved(mine).order_by("-ended_at")[:ROWS]),
        "final": list(_failed(mine).filter(_FINAL).order_by("-ended_at")[:ROWS]),
    }
    rejected = list(seen.filter(_REJECTED).values_list("pk", "detail")[:ROWS])
    done = _done_today(mine)
    every = {step.asset_id for some in steps.values() for step in some}
    known = _known(user, seen, {*every, *(pk for pk, _ in rejected), *done})
    places = _places()
    # A row whose asset was removed between two of these queries is left out.
    there = {key: [s for s in some if s.asset_id in known.cards] for key, some in steps.items()}
    rows = {
        "running": [_running_row(s, known) for s in there["running"]],
        "waiting": [_waiting_row(s, known, places) for s in there["waiting"]],
        "failed": [_failed_row(s, known) for s in there["failed"]],
        "final": [_rejected_row(pk, why, known) for pk, why in rejected if pk in known.cards]
        + [_failed_row(s, known, is_final=True) for s in there["final"]],
        "done": [_done_row(pk, known) for pk in done if pk in known.cards],
    }
    totals["final"] += seen.filter(_REJECTED).count()
    # Most libraries never have what failed for good: its place is not kept.
    return [_group(key, rows[key], totals[key]) for key in _WORDS if rows[key] or key != "final"]


_WORDS = {
    "running": ("Running", "Nothing is running."),
    "waiting": ("Waiting", "Nothing waits."),
    "failed": ("Failed this time", "Nothing has failed."),
    "final": ("Failed for good", ""),
    "done": ("Done today", "Nothing has ended today yet."),
}


def _group(key: str, rows: Sequence[Row], total: int) -> Group:
    name, nothing = _WORDS[key]
    return Group(key, name, nothing, tuple(rows), max(total, len(rows)))


def unsolved(steps: QuerySet[Step]) -> QuerySet[Step]:
    """Keep the failed steps of the last weeks that another try may mend."""
    return _failed(steps).exclude(_FINAL)


def _failed(steps: QuerySet[Step]) -> QuerySet[Step]:
    """Keep the failed steps of the last weeks that nothing newer has made up for."""
    later = Step.objects.filter(asset=OuterRef("asset"), pk__gt=OuterRef("pk"))
    same = later.filter(Q(kind=OuterRef("kind")) | Q(kind=Kind.PREPARE))
    since = timezone.now() - timedelta(days=_FAILED_DAYS)
    failed = steps.filter(state=State.FAILED, ended_at__gte=since).exclude(Exists(same))
    # Reading an answer and labelling anew make up for each other.
    return failed.exclude(Q(kind__in=_LOOKS) & Q(Exists(later.filter(kind__in=_LOOKS))))


def busy_count(request: HttpRequest) -> int:
    """Count what the top bar tells of: steps that run or wait, and those that failed."""
    mine = _of(visible_assets(Principals.of(request.user)))
    # Every page asks this: nobody needs the exact number of a long queue there.
    return mine.filter(state__in=OPEN)[:MANY].count() + unsolved(mine)[:MANY].count()


def _of(assets: QuerySet[Asset]) -> QuerySet[Step]:
    """Give the steps of these assets, asked step by step: few steps stand against many assets."""
    return Step.objects.filter(Exists(assets.order_by().filter(pk=OuterRef("asset"))))


def _midnight() -> datetime:
    return timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)


def _ended_today(mine: QuerySet[Step]) -> QuerySet[Step]:
    ended = mine.filter(state=State.DONE, ended_at__gte=_midnight(), kind=Kind.INDEX)
    return ended.filter(asset__state=Asset.State.SEARCHABLE)


def _totals(mine: QuerySet[Step]) -> dict[str, int]:
    return {
        "running": mine.filter(state=State.RUNNING).count(),
        "waiting": mine.filter(state__in=(State.READY, State.WAITING)).count(),
        "failed": unsolved(mine).count(),
        "final": _failed(mine).filter(_FINAL).count(),
        "done": _ended_today(mine).aggregate(n=Count("asset", distinct=True))["n"],
    }


def _waiting(mine: QuerySet[Step]) -> list[Step]:
    """List what waits in the order in which it will run; what waits for something comes last."""
    ready = list(mine.filter(state=State.READY).order_by("-priority", "pk")[:ROWS])
    later = mine.filter(state=State.WAITING).order_by("next_try_at")
    # Both are asked for, so that the number of queries never changes.
    return [*ready, *later[:ROWS]][:ROWS]


def _done_today(mine: QuerySet[Step]) -> list[uuid.UUID]:
    ended = _ended_today(mine).values("asset_id").annotate(at=Max("ended_at")).order_by("-at")
    return [row["asset_id"] for row in ended[:ROWS]]


def _places() -> dict[int, int]:
    """Number the ready steps of all people, each queue for itself."""
    ready = Step.objects.filter(state=State.READY).order_by("-priority", "pk")
    counts: dict[str, int] = {}
    places: dict[int, int] = {}
    for pk, queue in ready.values_list("pk", "queue")[:_COUNTED]:
        counts[queue] = counts.get(queue, 0) + 1
        places[pk] = counts[queue]
    return places


def _known(user: User | AnonymousUser, seen: QuerySet[Asset], ids: set[uuid.UUID]) -> _Known:
    assets = list(with_posters(seen.filter(pk__in=ids).select_related("owner")))
    return _Known(
        cards={a.pk: make_card(a, has_poster=bool(getattr(a, "posters", ()))) for a in assets},
        stages=_stages([asset.pk for asset in assets]),
        editable=frozenset(asset.pk for asset in assets if can_edit(user, asset)),
    )


def _stages(ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, tuple[Stage, ...]]:
    """Give how long the latest run of each stage took, in the order of the road."""
    # By asset alone: with the state in the question engines walk through all that was ever done.
    rows = Step.objects.filter(asset_id__in=ids).order_by("pk")
    columns = ("asset_id", "kind", "state", "started_at", "ended_at")
    took: dict[uuid.UUID, dict[str, int]] = {}
    for asset_id, kind, state, began, end in rows.values_list(*columns):
        if state == State.DONE and began and end:
            took.setdefault(asset_id, {})[kind] = round((end - began).total_seconds() * 1000)
    return {
        asset_id: tuple(
            Stage(name, times[kind])
            for kind, name in _STAGES.items()
            if times.get(kind, 0) >= _WORTH_MS
        )
        for asset_id, times in took.items()
    }


def _running_row(step: Step, known: _Known) -> Row:
    stoppable = step.kind in _STOPPABLE
    stopping = step.cancel_requested
    return Row(
        card=known.cards[step.asset_id],
        step_id=step.pk,
        sentence="Stopping" if stopping else step_sentence(step),
        note="",
        progress=step.progress,
        at=step.started_at,
        stages=known.stages.get(step.asset_id, ()),
        can_cancel=stoppable and not stopping and step.asset_id in known.editable,
    )


def _waiting_row(step: Step, known: _Known, places: dict[int, int]) -> Row:
    editor = step.asset_id in known.editable
    note = ""
    if step.state == State.READY:
        place = places.get(step.pk)
        note = f"number {place} in its queue" if place else f"behind {_COUNTED:,} others"
    return Row(
        card=known.cards[step.asset_id],
        step_id=step.pk,
        sentence=step_sentence(step),
        note=note,
        progress=None,
        at=step.next_try_at,
        stages=known.stages.get(step.asset_id, ()),
        can_cancel=editor and step.kind in _STOPPABLE,
        can_put_first=editor and step.state == State.READY and places.get(step.pk) != 1,
    )


def _failed_row(step: Step, known: _Known, *, is_final: bool = False) -> Row:
    return Row(
        card=known.cards[step.asset_id],
        step_id=step.pk,
        sentence=_FAILED[Kind(step.kind)],
        note=step.detail,
        progress=None,
        at=step.ended_at,
        stages=known.stages.get(step.asset_id, ()),
        can_retry=step.asset_id in known.editable and not is_final,
    )


def _rejected_row(asset_id: uuid.UUID, detail: str, known: _Known) -> Row:
    """Show what no retry will mend."""
    return Row(
        card=known.cards[asset_id],
        step_id=0,
        sentence="It cannot be shown.",
        note=detail or _NOT_SHOWN,
        progress=None,
        at=None,
        stages=(),
    )


def _done_row(asset_id: uuid.UUID, known: _Known) -> Row:
    stages = known.stages.get(asset_id, ())
    return Row(
        card=known.cards[asset_id],
        step_id=0,
        sentence="",
        note="",
        progress=None,
        at=None,
        stages=stages,
    )
