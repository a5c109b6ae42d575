"""Use cases of webhooks: make, hand events to them, send with patience, log, give up.

An event is noted for each webhook once; sending is tried again for about a day. A receiver that
was away too long is switched off, and its owner is told.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import random
import secrets
import time
import uuid
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.cache import cache
from django.db.models import F, Max
from django.utils import timezone

from medialib import assets, mails, selectors
from medialib.exceptions import Conflict, Missing, Refused
from medialib.http import outbound
from medialib.models import Delivery, Event, User, Webhook

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

TYPES = (
    "asset.created",
    "asset.searchable",
    "analysis.failed",
    "batch.finished",
    "budget.reached",
)
MOST_ATTEMPTS = 9
_FIRST_DELAY_SECONDS = 10.0
_LONGEST_DELAY_SECONDS = 6 * 3600.0
_FAILURES_TO_DISABLE = 20
_MOST_WEBHOOKS = 20
_AT_ONCE = 8
_ROUND = 32
_ROUND_SECONDS = 6.0
_LOST_AFTER = timedelta(minutes=2)
_RUNNING = "webhooks.running"


def _fernet() -> Fernet:
    from cryptography.fernet import Fernet

    key = hashlib.sha256(b"medialib.webhooks\0" + settings.SECRET_KEY.encode()).digest()
    return Fernet(base64.urlsafe_b64encode(key))


def make(owner: User, *, url: str, types: Iterable[str]) -> tuple[Webhook, str]:
    """Make a webhook; gives it and its secret, the only time that is readable.

    Raises Refused for an address that must not be called or a type that does not exist.
    """
    wanted = list(dict.fromkeys(types))
    unknown = sorted(set(wanted) - set(TYPES))
    if unknown or not wanted:
        raise Refused(f"Types are {', '.join(TYPES)}.", code="invalid", field="types")
    if Webhook.objects.filter(owner=owner).count() >= _MOST_WEBHOOKS:
        raise Conflict(f"You have {_MOST_WEBHOOKS} webhooks: remove one first.")
    outbound.check_address(url)
    secret = f"whsec_{secrets.token_urlsafe(32)}"
    webhook = Webhook.objects.create(
        owner=owner,
        url=url,
        types=wanted,
        secret=_fernet().encrypt(secret.encode()).decode(),
        cursor=Event.objects.aggregate(last=Max("id"))["last"] or 0,
    )
    return webhook, secret


def get(webhook_id: uuid.UUID, *, owner: User) -> Webhook:
    """Give one of the owner's webhooks; other people's are Missing."""
    webhook = Webhook.objects.filter(pk=webhook_id, owner=owner).first()
    if webhook is None:
        raise Missing
    return webhook


def set_active(webhook: Webhook, *, is_active: bool) -> None:
    """Switch a webhook on or off; what happened meanwhile is not made up for."""
    last = Event.objects.aggregate(last=Max("id"))["last"] or 0
    changes: dict[str, Any] = {"disabled_at": None if is_active else timezone.now()}
    if is_active and webhook.disabled_at:
        changes |= {"failures": 0, "cursor": last}
    Webhook.objects.filter(pk=webhook.pk).update(**changes)
    webhook.refresh_from_db()


def redeliver(webhook: Webhook, delivery_id: int) -> Delivery:
    """Send an event once more, whatever became of it; raises Missing for another webhook's."""
    rows = webhook.deliveries.filter(pk=delivery_id)
    if not rows.exclude(state=Delivery.State.SENDING).update(
        state=Delivery.State.PENDING, attempts=0, next_try_at=timezone.now()
    ):
        raise Missing
    return rows.get()


def run_round() -> int:
    """Hand new events out and send what is due, for a few seconds; returns how many were sent.

    One process does it at a time, so that slow receivers hold up one light worker at most.
    """
    if not cache.add(_RUNNING, 1, timeout=60):
        return 0
    try:
        hand_out()
        return _send_due()
    finally:
        cache.delete(_RUNNING)


def hand_out() -> int:
    """Note a delivery of each new event for each webhook that wants it; returns how many.

    A webhook hears only of what its owner may see.
    """
    noted = 0
    for webhook in Webhook.objects.filter(disabled_at=None).select_related("owner"):
        events = selectors.visible_events(webhook.owner, after=webhook.cursor)
        rows = list(events.values_list("id", "type")[:1000])
        if not rows:
            continue
        wanted = [
            Delivery(webhook=webhook, event_id=event_id)
            for event_id, type_ in rows
            if type_ in webhook.types
        ]
        Delivery.objects.bulk_create(wanted, ignore_conflicts=True)
        Webhook.objects.filter(pk=webhook.pk).update(cursor=rows[-1][0])
        noted += len(wanted)
    return noted


def _send_due() -> int:
    deadline = time.monotonic() + _ROUND_SECONDS
    sent = 0
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        while time.monotonic() < deadline:
            batch = _claim()
            if not batch:
                break
            calls = [_call_of(delivery) for delivery in batch]
            outcomes = pool.map(lambda call: outbound.post(*call), calls)
            for delivery, outcome in zip(batch, outcomes, strict=True):
                _record(delivery, outcome)
            sent += len(batch)
    return sent


def _claim() -> list[Delivery]:
    """Take a round of due deliveries; one that was lost while sending is due again later."""
    now = timezone.now()
    due = Delivery.objects.filter(
        state__in=[Delivery.State.PENDING, Delivery.State.SENDING],
        next_try_at__lte=now,
        webhook__disabled_at=None,
    )
    ids = list(due.order_by("next_try_at").values_list("pk", flat=True)[:_ROUND])
    taken = []
    for pk in ids:
        row = due.filter(pk=pk)
        if row.update(
            state=Delivery.State.SENDING,
            attempts=F("attempts") + 1,
            next_try_at=now + _LOST_AFTER,
        ):
            taken.append(pk)
    rows = Delivery.objects.filter(pk__in=taken).select_related("webhook", "event")
    return list(rows.order_by("pk"))


def _call_of(delivery: Delivery) -> tuple[str, bytes, dict[str, str]]:
    body = json.dumps(event_data(delivery.event), default=str).encode()
    now = int(time.time())
    secret = _fernet().decrypt(delivery.webhook.secret.encode())
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "medialib-webhooks",
        "Medialib-Event": delivery.event.type,
        "Medialib-Delivery": str(delivery.pk),
        "Medialib-Signature": f"t={now},v1={sign(secret, now, body)}",
    }
    return delivery.webhook.url, body, headers


def sign(secret: bytes, moment: int, body: bytes) -> str:
    """Sign a body at a moment (seconds since 1970): hex HMAC-SHA-256 of `<moment>.<body>`."""
    return hmac.new(secret, str(moment).encode() + b"." + body, hashlib.sha256).hexdigest()


def event_data(event: Event) -> dict[str, Any]:
    """Give an event as feed and webhooks tell it."""
    return {
        "id": event.pk,
        "type": event.type,
        "asset_id": str(event.asset_id) if event.asset_id else None,
        "batch": str(event.batch) if event.batch else None,
        "data": event.data,
        "created_at": event.created_at.isoformat(),
    }


def _record(delivery: Delivery, outcome: outbound.Outcome) -> None:
    now = timezone.now()
    state, next_try = _after(delivery, outcome, now)
    Delivery.objects.filter(pk=delivery.pk).update(
        state=state,
        next_try_at=next_try,
        status_code=outcome.status,
        detail=outcome.detail,
        duration_ms=outcome.duration_ms,
        sent_at=now,
    )
    rows = Webhook.objects.filter(pk=delivery.webhook_id)
    if outcome.is_success:
        rows.exclude(failures=0).update(failures=0)
        return
    rows.update(failures=F("failures") + 1)
    if state == Delivery.State.FAILED:
        _disable_hopeless(delivery.webhook)


def _after(
    delivery: Delivery, outcome: outbound.Outcome, now: datetime
) -> tuple[Delivery.State, datetime]:
    if outcome.is_success:
        return Delivery.State.DELIVERED, now
    if delivery.attempts >= MOST_ATTEMPTS:
        return Delivery.State.FAILED, now
    delay = min(_FIRST_DELAY_SECONDS * 3 ** (delivery.attempts - 1), _LONGEST_DELAY_SECONDS)
    # Spread, so that what failed together does not come back together.
    return Delivery.State.PENDING, now + timedelta(seconds=delay * random.uniform(0.8, 1.2))


def _disable_hopeless(webhook: Webhook) -> None:
    """Switch a webhook off once nothing has arrived there in a long time, and tell its owner."""
    rows = Webhook.objects.filter(pk=webhook.pk, disabled_at=None)
    if rows.filter(failures__gte=_FAILURES_TO_DISABLE).update(disabled_at=timezone.now()):
        assets.note("webhook.disabled", actor=webhook.owner, url=webhook.url)
        mails.webhook_disabled(webhook)
