"""Hears from a queue (S3 → SQS) what was dropped into a bucket, and takes it into the library.

A message leaves the queue only once every file that it names is in the library or can't be; one
that is not understood stays, so that the queue hands it to its dead-letter queue. Messages may come
twice, late and in any order. What leaves a bucket does not leave the library.
"""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import unquote_plus

from django.conf import settings

from medialib import arrivals, aws, imports, services
from medialib.exceptions import StorageUnavailable, Wait
from medialib.models import Asset

log = logging.getLogger(__name__)
_BATCH = 10
# Until a message that was not seen to shows again; the largest files take minutes.
_HIDDEN_SECONDS = 900
_PAUSE_SECONDS = 30
_WHAT = "The drops' queue"


class NotUnderstood(ValueError):
    """A message that S3 does not write."""


@dataclass(frozen=True, slots=True)
class Drop:
    """An object that was laid into a bucket; `version` is empty where only one is kept."""

    bucket: str
    key: str
    size: int
    version: str


def read_message(body: str) -> list[Drop]:
    """Give what a message says was laid into buckets, with or without the envelope of SNS.

    Other news of S3, its test included, are nothing to do. Raises NotUnderstood.
    """
    try:
        told: Any = json.loads(body)
        if isinstance(told, dict) and isinstance(told.get("Message"), str):
            told = json.loads(told["Message"])
    except ValueError:
        raise NotUnderstood from None
    if not isinstance(told, dict):
        raise NotUnderstood
    if told.get("Event") == "s3:TestEvent":
        log.info("The bucket %s has said that it will tell of drops.", told.get("Bucket"))
        return []
    try:
        return list(_drops(told["Records"]))
    except (KeyError, TypeError, ValueError, AttributeError):
        raise NotUnderstood from None


def _drops(records: list[dict[str, Any]]) -> Iterator[Drop]:
    for record in records:
        if not record["eventName"].removeprefix("s3:").startswith("ObjectCreated:"):
            log.debug("%s is nothing to do.", record["eventName"])
            continue
        bucket, item = record["s3"]["bucket"]["name"], record["s3"]["object"]
        # Keys come as forms send them: a space is a plus.
        key = unquote_plus(item["key"])
        yield Drop(bucket, key, int(item.get("size", 0)), item.get("versionId") or "")


def place_of(drop: Drop) -> tuple[str, str]:
    """Give the configured place of a drop and its name there; both empty if it lies in none."""
    address = f"s3://{drop.bucket}/{drop.key}"
    inside = [url for url in settings.MEDIALIB_DROPS if address.startswith(f"{url}/")]
    url = max(inside, key=len, default="")
    return (url, address[len(url) + 1 :]) if url else ("", "")


def receive(*, batch: uuid.UUID, seconds: int = 20, at_once: int = 4) -> int:
    """Take in what the queue tells of now, or within so many seconds; gives how many messages.

    `batch` is what the assets are grouped by. Raises Wait when queue or storage are away; what was
    not seen to comes again.
    """
    address = settings.MEDIALIB_DROPS_QUEUE_URL
    client = aws.queue_client(address)
    with aws.outages(_WHAT):
        got = client.receive_message(
            QueueUrl=address,
            MaxNumberOfMessages=_BATCH,
            WaitTimeSeconds=seconds,
            VisibilityTimeout=_HIDDEN_SECONDS,
        )
    messages = got.get("Messages", ())
    if not messages:
        return 0
    details = services.Details(batch=batch)
    terms = arrivals.Terms(arrivals.owner_named(settings.MEDIALIB_DROPS_OWNER), details)
    buckets = {url: imports.BucketPlace(url) for url in settings.MEDIALIB_DROPS}
    work = partial(_see_to, client=client, buckets=buckets, terms=terms)
    troubles = [trouble for trouble in arrivals.several(work, messages, at_once=at_once) if trouble]
    if troubles:
        raise Wait("storage", seconds=_PAUSE_SECONDS, detail=troubles[0])
    return len(messages)


def _see_to(
    message: dict[str, str],
    *,
    client: Any,
    buckets: dict[str, imports.BucketPlace],
    terms: arrivals.Terms,
) -> str:
    """Do what a message asks for, then delete it; says what keeps it in the queue for later."""
    try:
        for drop in read_message(message["Body"]):
            _take(drop, buckets=buckets, terms=terms)
    except NotUnderstood:
        log.warning("%s holds a message that is not S3's; it is left there.", _WHAT)
        return ""
    except StorageUnavailable as outage:
        return outage.detail
    with aws.outages(_WHAT):
        client.delete_message(
            QueueUrl=settings.MEDIALIB_DROPS_QUEUE_URL, ReceiptHandle=message["ReceiptHandle"]
        )
    return ""


def _take(drop: Drop, *, buckets: dict[str, imports.BucketPlace], terms: arrivals.Terms) -> None:
    url, name = place_of(drop)
    if not url:
        log.warning("s3://%s/%s lies in no place of MEDIALIB_DROPS.", drop.bucket, drop.key)
        return
    if not imports.is_shown(name):
        return
    place, ref = buckets[url], f"s3://{drop.bucket}/{drop.key}"
    if drop.version:
        place = place.at_version(name, drop.version)
        ref = f"{ref}?versionId={drop.version}"
        # A version never changes: what came of it once, and was thrown away since, stays away.
        if Asset.objects.filter(owner=terms.owner, source_ref=ref).exists():
            return
    found = imports.Found(name, drop.size, ref)
    listing = imports.Listing(place, single=found)
    arrival = arrivals.take_in_found(found, listing=listing, terms=terms)
    for note in arrival.notes:
        log.warning("%s: %s", ref, note)
    log.info("%s: %s", ref, arrival.outcome.value)
