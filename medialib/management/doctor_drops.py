"""What `manage.py doctor` looks at of drops: owner, queue, what buckets tell. Changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.conf import settings

from medialib import arrivals
from medialib.exceptions import Refused
from medialib.management import policies
from medialib.management.findings import BAD, NOTE, OK, Finding, Look

_POLICY = "Allow what `manage.py iam_policy --only caller_policy` prints."


def looks() -> dict[str, Look]:
    """Name what is to be looked at: nothing where no drops are configured."""
    return {"drops": _drops} if settings.MEDIALIB_DROPS_QUEUE_URL else {}


def _drops() -> Iterator[Finding]:
    try:
        owner = arrivals.owner_named(settings.MEDIALIB_DROPS_OWNER)
    except Refused as error:
        yield Finding("drops", BAD, error.detail, "Set MEDIALIB_DROPS_OWNER to a user name.")
    else:
        yield Finding("drops", OK, f"What is dropped belongs to {owner.get_username()}.")
    names = policies.configured()
    yield from _queue(names)
    for bucket in names.drops_buckets:
        yield _bucket(names, bucket)


def _queue(names: policies.Names) -> Iterator[Finding]:
    from medialib import aws

    address = settings.MEDIALIB_DROPS_QUEUE_URL
    wanted = ["Policy", "RedrivePolicy", "ApproximateNumberOfMessages"]
    found = aws.ask(
        aws.queue_client(address),
        "get_queue_attributes",
        QueueUrl=address,
        AttributeNames=wanted,
    )
    if not found.ok:
        yield _unseen("The queue", found)
        return
    told = found.value["Attributes"]
    for bucket in names.drops_buckets:
        if f':{bucket}"' not in told.get("Policy", ""):
            cure = "Set what `manage.py iam_policy --only drops_queue_policy` prints."
            yield Finding("drops", BAD, f"The bucket {bucket} may not write to the queue.", cure)
    if not told.get("RedrivePolicy"):
        cure = "Give it a dead-letter queue (as in manage.py aws_template)."
        yield Finding("drops", NOTE, "What is not understood comes back again and again.", cure)
    waiting = told["ApproximateNumberOfMessages"]
    yield Finding("drops", OK, f"The queue is there; {waiting} messages lie in it.")


def _bucket(names: policies.Names, bucket: str) -> Finding:
    from medialib import aws

    client = aws.client("s3", endpoint_url=settings.MEDIALIB_S3_ENDPOINT or None)
    found = aws.ask(client, "get_bucket_notification_configuration", Bucket=bucket)
    if not found.ok:
        return _unseen(f"What the bucket {bucket} tells", found)
    queue = names.drops_queue.rpartition(":")[-1]
    for entry in found.value.get("QueueConfigurations", ()):
        events = "".join(entry["Events"])
        if entry["QueueArn"].rpartition(":")[-1] == queue and "ObjectCreated" in events:
            return Finding("drops", OK, f"The bucket {bucket} tells of new objects.")
    cure = f"Set what `manage.py iam_policy --only drops_notification_{bucket}` prints."
    return Finding("drops", BAD, f"The bucket {bucket} tells the queue nothing.", cure)


def _unseen(what: str, found: Any) -> Finding:
    if found.is_denied:
        return Finding("drops", NOTE, f"{what} could not be looked up.", _POLICY)
    words = f"{what} could not be found ({found.code})."
    return Finding("drops", BAD, words, "Make it (manage.py aws_template), or correct its name.")
