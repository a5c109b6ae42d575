"""The few mails the library sends. One that can't be sent is a line in the log, never an error."""

from __future__ import annotations

import logging
import smtplib
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.mail import send_mail

if TYPE_CHECKING:
    from medialib.models import Event, User, Webhook

log = logging.getLogger(__name__)


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
        send_mail(subject, "\n".join(filter(None, lines)), None, [owner.email])
    except (smtplib.SMTPException, OSError) as error:
        log.warning("A mail to %s was not sent: %s", owner.get_username(), error)
