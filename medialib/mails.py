"""The few mails the library sends. One that can't be sent is a line in the log, never an error."""

from __future__ import annotations

import logging
import smtplib
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.mail import send_mail

if TYPE_CHECKING:
    from medialib.models import Asset, Event, User, Webhook

log = logging.getLogger(__name__)
_MOST_LISTED = 20
_LONGEST_NAME = 100
_ENDED = {"rejected": "Can't be shown", "failed": "Failed"}


def batch_finished(owner: User, event: Event) -> None:
    """Tell an owner how an import ended."""
    told = event.data
    lines = [
        f"All {told['assets']} files of your import have been dealt with:",
        f"{told['searchable']} searchable, {told['rejected']} can't be shown, "
        f"{told['failed']} failed.",
        _link("/activity/"),
    ]
    _send(owner, f"Import finished: {told['searchable']} of {told['assets']} searchable", lines)


def uploads_ended(owner: User, ended: list[Asset]) -> None:
    """Tell an owner how single uploads ended, all of them in one mail."""
    bad = [asset for asset in ended if asset.detail]
    lines = []
    for asset in (*bad, *(asset for asset in ended if not asset.detail))[:_MOST_LISTED]:
        lines += [f"{asset}: {asset.detail or 'searchable.'}", _link(f"/assets/{asset.pk}/"), " "]
    if len(ended) > _MOST_LISTED:
        lines += [f"… and {len(ended) - _MOST_LISTED} more.", _link("/activity/")]
    if len(ended) == 1:
        [asset] = ended
        name = str(asset)[:_LONGEST_NAME]
        subject = f"{_ENDED.get(asset.state, 'Searchable')}: {name}"
        if asset.state == asset.State.SEARCHABLE and bad:
            subject = f"Not labelled: {name}"
    else:
        subject = f"{len(ended) - len(bad)} of {len(ended)} uploads searchable"
    _send(owner, subject, lines)


def webhook_disabled(webhook: Webhook) -> None:
    """Tell an owner that their webhook was switched off."""
    lines = [
        f"Nothing has arrived at {webhook.url} for about a day, so it was switched off.",
        "Switch it on again by the API once it answers; events of the meantime stay in the feed.",
        _link("/api/docs/"),
    ]
    _send(webhook.owner, "A webhook was switched off", lines)


def _link(path: str) -> str:
    address: str = settings.MEDIALIB_PUBLIC_URL
    return address.rstrip("/") + path if address else ""


def _send(owner: User, subject: str, lines: list[str]) -> None:
    if not owner.email:
        return
    try:
        # Titles are people's: no line break of theirs may begin a header.
        send_mail(" ".join(subject.split()), "\n".join(filter(None, lines)), None, [owner.email])
    except (smtplib.SMTPException, OSError) as error:
        log.warning("A mail to %s was not sent: %s", owner.get_username(), error)
