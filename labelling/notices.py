"""Hears from a queue (SNS → SQS) which jobs have ended, and wakes those who wait for them.

A notice only says that it is time to look: what became of a job is read from the provider itself.
So notices may come twice, late, in any order, for jobs of others, or not at all.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Q

from labelling import starting
from labelling.models import Analysis
from medialib import steps
from medialib.models import Step

log = logging.getLogger(__name__)
_OPEN = (Analysis.Status.QUEUED, Analysis.Status.IN_PROGRESS)
# ERROR is said in notices only, and does not tell whether the job has ended.
_ENDED = ("SUCCEEDED", "FAILED")
_BATCH = 10


@dataclass(frozen=True, slots=True)
class Notice:
    """What a notice says: the provider's job, its status there and our tag, if it carries one."""

    job_id: str
    status: str
    tag: str


def read_notice(body: str) -> Notice | None:
    """Read a message of the queue, with or without the envelope of SNS; None if it is no notice."""
    try:
        told: Any = json.loads(body)
        if isinstance(told, dict) and isinstance(told.get("Message"), str):
            told = json.loads(told["Message"])
    except ValueError:
        return None
    job_id = told.get("JobId") if isinstance(told, dict) else None
    if not isinstance(job_id, str) or not job_id:
        return None
    return Notice(job_id, str(told.get("Status", "")), str(told.get("JobTag", "")))


def take(notice: Notice) -> bool:
    """Wake whoever waits for this job; False if it is none of ours or has been seen to."""
    analysis = Analysis.objects.filter(_meant(notice)).select_related("asset").first()
    if analysis is None:
        return False
    if analysis.status not in _OPEN:
        # Cancelled: it has filled its slot until now.
        starting.free_slot(analysis)
        return False
    if not analysis.job_id:
        # The worker that started it has not said so yet; it looks by itself as soon as it has.
        return False
    if notice.status in _ENDED:
        # Others may start while its answer is still to be read.
        starting.free_slot(analysis)
    steps.add(analysis.asset_id, Step.Kind.COLLECT, analysis_id=str(analysis.pk), priority=1)
    return True


def _meant(notice: Notice) -> Q:
    meant = Q(job_id=notice.job_id)
    try:
        return meant | Q(job_id="", pk=UUID(notice.tag))
    except ValueError:
        return meant


def receive(*, seconds: int = 20) -> int:
    """Take the messages that are in the queue, or come within so many seconds; gives how many.

    A message leaves the queue only after it was seen to.
    """
    from medialib import aws

    address = settings.MEDIALIB_NOTICES_QUEUE_URL
    client = aws.queue_client(address)
    with aws.outages("The notices' queue"):
        got = client.receive_message(
            QueueUrl=address, MaxNumberOfMessages=_BATCH, WaitTimeSeconds=seconds
        )
    messages = got.get("Messages", ())
    for message in messages:
        notice = read_notice(message["Body"])
        if notice is None:
            log.warning("The notices' queue holds a message that is no notice; it is dropped.")
        elif not take(notice):
            log.info("A notice for job %s wakes nobody.", notice.job_id)
    if messages:
        entries = [
            {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
            for number, message in enumerate(messages)
        ]
        with aws.outages("The notices' queue"):
            client.delete_message_batch(QueueUrl=address, Entries=entries)
    return len(messages)
