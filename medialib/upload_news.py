"""Mails owners how their single uploads ended: together, once it is quiet, and each only once.

What came in as a batch has a mail of its own (`batches`).
"""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from medialib import assets, mails
from medialib.models import Asset, Event, User

NEVER, FAILURES, ALWAYS = "never", "failures", "always"
CHOICES = (NEVER, FAILURES, ALWAYS)
QUIET = timedelta(seconds=30)
_ENDS = ("asset.searchable", "asset.rejected", "asset.failed")
_BUSY = (Asset.State.PREPARING, Asset.State.LABELLING)
# Nobody waits for another upload's end for longer than this.
_PATIENCE = timedelta(hours=1)
_LOOK_BACK = timedelta(days=1)
_TOLD = "uploads.mailed"


def tell() -> int:
    """Mail every owner whose uploads have ended since the last mail; returns how many mails."""
    if settings.MEDIALIB_MAIL_UPLOADS == NEVER:
        return 0
    now = timezone.now()
    ended = Event.objects.filter(
        type__in=_ENDS,
        batch=None,
        created_at__gt=now - _LOOK_BACK,
        asset__is_demo=False,
        asset__deleted_at=None,
    ).exclude(asset__owner__email="")
    owners = ended.order_by().values("asset__owner").annotate(last=Max("id"), at=Max("created_at"))
    return sum(
        _tell(row["asset__owner"], up_to=row["last"])
        for row in owners
        if row["at"] < now - QUIET and not _is_busy(row["asset__owner"])
    )


def _is_busy(owner_id: int) -> bool:
    fresh = Asset.objects.filter(owner=owner_id, batch=None, deleted_at=None, is_demo=False)
    since = timezone.now() - _PATIENCE
    return fresh.filter(state__in=_BUSY, created_at__gt=since).exists()


def _tell(owner_id: int, *, up_to: int) -> bool:
    with transaction.atomic():
        owner = User.objects.select_for_update().get(pk=owner_id)
        told = Event.objects.filter(type=_TOLD, actor=owner).order_by("-id").first()
        after = told.data["up_to"] if told else 0
        if after >= up_to:
            return False
        ended = Asset.objects.filter(
            owner=owner,
            batch=None,
            deleted_at=None,
            is_demo=False,
            events__type__in=_ENDS,
            events__id__gt=after,
            events__id__lte=up_to,
            events__created_at__gt=timezone.now() - _LOOK_BACK,
        ).distinct()
        found = [asset for asset in ended.order_by("created_at") if asset.state not in _BUSY]
        # Noted before it is sent: a mail that gets lost is better than one that comes twice.
        assets.note(_TOLD, actor=owner, up_to=up_to, assets=len(found))
    wanted = [asset for asset in found if _is_wanted(asset)]
    if wanted:
        mails.uploads_ended(owner, wanted)
    return bool(wanted)


def _is_wanted(asset: Asset) -> bool:
    """Tell whether its owner is to hear of it: what went wrong, or whatever has ended."""
    return settings.MEDIALIB_MAIL_UPLOADS == ALWAYS or bool(asset.detail)
