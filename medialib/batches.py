"""Notices when all files of a batch have been dealt with, tells it once, and mails its owner."""

from __future__ import annotations

import uuid
from datetime import timedelta

from django.db import transaction
from django.db.models import Count, Max, Q
from django.utils import timezone

from medialib import assets, mails
from medialib.models import Asset, Event, User

_STATES = Asset.State
# An import that is still going on adds files all the time; one this quiet is over.
QUIET = timedelta(seconds=30)
_LOOK_BACK = timedelta(days=7)


def finish_batches() -> int:
    """Note `batch.finished` for every batch that has just ended; returns how many."""
    now = timezone.now()
    busy = Q(state__in=[_STATES.PREPARING, _STATES.LABELLING])
    rows = (
        Asset.objects.filter(batch__isnull=False, updated_at__gt=now - _LOOK_BACK)
        .order_by()
        .values("batch", "owner")
        .annotate(open=Count("pk", filter=busy), last=Max("created_at"))
        .filter(open=0, last__lt=now - QUIET)
    )
    told = set(
        Event.objects.filter(type="batch.finished", created_at__gt=now - _LOOK_BACK).values_list(
            "batch", "actor"
        )
    )
    fresh = [row for row in rows if (row["batch"], row["owner"]) not in told]
    for row in fresh:
        _finish(row["batch"], User.objects.get(pk=row["owner"]))
    return len(fresh)


def _finish(batch: uuid.UUID | None, owner: User) -> None:
    mine = Asset.objects.filter(batch=batch, owner=owner)
    counts = dict(mine.order_by().values_list("state").annotate(count=Count("pk")))
    with transaction.atomic():
        User.objects.select_for_update().get(pk=owner.pk)
        noted = Event.objects.filter(type="batch.finished", batch=batch, actor=owner)
        if noted.exists():
            return
        event = assets.note(
            "batch.finished",
            actor=owner,
            batch=batch,
            assets=sum(counts.values()),
            searchable=counts.get(_STATES.SEARCHABLE, 0),
            rejected=counts.get(_STATES.REJECTED, 0),
            failed=counts.get(_STATES.FAILED, 0),
        )
    mails.batch_finished(owner, event)
