"""The least that Amazon must allow: policies for the configured names, and no more. Calls nothing.

Every statement follows from what is switched on: media in a bucket, Rekognition, drops. A test
compares the actions with the calls that the code can make.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from labelling.backends.rekognition_operations import OPERATIONS

Document = dict[str, Any]
_REKOGNITION = "rekognition.amazonaws.com"
_ABORT_DAYS = 3
_ADDRESS_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Names:
    """The names that policies speak of; an empty one means that this part is not in use."""

    account: str
    region: str
    bucket: str = ""
    # Ends with a slash, or is empty for the whole bucket.
    prefix: str = ""
    topic: str = ""
    queue: str = ""
    role: str = ""
    key: str = ""
    origins: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    # Buckets, with or without a folder, whose objects are kept by reference: `archive/films`.
    referenced: tuple[str, ...] = ()
    partition: str = "aws"
    # Places of drops without s3://, and the queue that tells of them.
    drops: tuple[str, ...] = ()
    drops_queue: str = ""

    @property
    def bucket_arn(self) -> str:
        """Name the bucket."""
        return f"arn:{self.partition}:s3:::{self.bucket}"

    @property
    def drops_buckets(self) -> list[str]:
        """Name the buckets that tell of drops, each once."""
        return list(dict.fromkeys(place.partition("/")[0] for place in self.drops))

    @property
    def has_notices(self) -> bool:
        """Tell whether finished jobs are announced."""
        return bool(self.features and self.reads_buckets and self.topic and self.role)

    @property
    def reads_buckets(self) -> bool:
        """Tell whether media lie in any bucket, so that videos can be labelled there."""
        return bool(self.bucket or self.referenced)


def options() -> dict[str, Any]:
    """Give the settings of the backend for Rekognition."""
    backends: dict[str, dict[str, Any]] = settings.LABELLING_BACKENDS
    found: dict[str, Any] = backends["rekognition"]["OPTIONS"]
    return found


def configured(*, account: str = "", origins: Sequence[str] = (), key: str = "") -> Names:
    """Gather the names from the settings; the account is read off the names that hold it."""
    asked = options()
    bucket, _, prefix = settings.MEDIALIB_STORAGE.removeprefix("s3://").strip("/").partition("/")
    if not settings.MEDIALIB_STORAGE.startswith("s3://"):
        bucket = prefix = ""
    uses = settings.MEDIALIB_LABELLING == "rekognition"
    topic, role = asked["topic"], asked["role"]
    drops_queue = queue_arn(settings.MEDIALIB_DROPS_QUEUE_URL)
    told = (arn.split(":")[4] for arn in (role, topic, drops_queue) if arn.count(":") > 4)
    found = account or next(told, "")
    return Names(
        account=found or "ACCOUNT_ID",
        region=asked["region"] or "REGION",
        bucket=bucket,
        prefix=f"{prefix}/" if prefix else "",
        topic=topic if uses else "",
        role=role if uses else "",
        queue=queue_arn(settings.MEDIALIB_NOTICES_QUEUE_URL) if uses else "",
        key=key,
        origins=tuple(origins or settings.CSRF_TRUSTED_ORIGINS),
        referenced=tuple(settings.MEDIALIB_REFERENCE_BUCKETS),
        features=tuple(sorted({feature for feature, _ in OPERATIONS})) if uses else (),
        drops=tuple(url.removeprefix("s3://") for url in settings.MEDIALIB_DROPS),
        drops_queue=drops_queue,
    )


def queue_arn(address: str) -> str:
    """Turn https://sqs.eu-west-1.amazonaws.com/1234/name into the queue's ARN."""
    parts = address.split("/")
    if len(parts) < 5:
        return ""
    host = parts[2].split(".")
    region = host[1] if host[0] == "sqs" and len(host) > 2 else "REGION"
    return f"arn:aws:sqs:{region}:{parts[-2]}:{parts[-1]}"


def documents(names: Names) -> dict[str, Document]:
    """Make every document that the parts in use need, by name; none where Amazon is not used."""
    if not (names.reads_buckets or names.features or names.drops):
        return {}
    found = {"caller_policy": caller_policy(names)}
    if names.has_notices:
        found["rekognition_role_trust"] = role_trust(names)
        found["rekognition_role_policy"] = role_policy(names)
        found["topic_policy"] = topic_policy(names)
        if names.queue:
            found["queue_policy"] = queue_policy(names)
    if names.bucket:
        found["bucket_policy"] = bucket_policy(names)
        found["bucket_cors"] = bucket_cors(names)
        found["bucket_lifecycle"] = bucket_lifecycle(names)
    if names.drops:
        found["drops_queue_policy"] = drops_queue_policy(names)
        for bucket in names.drops_buckets:
            found[f"drops_notification_{bucket}"] = drops_notification(names, bucket=bucket)
    return found


def caller_policy(names: Names) -> Document:
    """Say what this service's own credentials may do."""
    statements: list[Document] = []
    if names.bucket:
        statements += _media(names)
    if names.referenced:
        statements.append(_referenced(names))
    if names.features:
        statements += _looking(names)
    if names.has_notices:
        statements += _notices(names)
    if names.drops:
        statements += _drops(names)
    statements += _doctor(names)
    return _policy(statements)


def _media(names: Names) -> list[Document]:
    objects = [
        "s3:AbortMultipartUpload",
        "s3:DeleteObject",
        "s3:GetObject",
        "s3:ListMultipartUploadParts",
        "s3:PutObject",
    ]
    if names.features:
        # Rekognition reads with our permission, and we name the version where there are several.
        objects.append("s3:GetObjectVersion")
    found = [
        _allow("MediaObjects", sorted(objects), f"{names.bucket_arn}/{names.prefix}*"),
        # Without a condition on the prefix: with one, a missing object would answer 403, not 404.
        _allow("MediaBucket", ["s3:ListBucket", "s3:ListBucketMultipartUploads"], names.bucket_arn),
    ]
    if names.key:
        found.append(_allow("MediaKey", ["kms:Decrypt", "kms:GenerateDataKey"], names.key))
    return found


def _referenced(names: Names) -> Document:
    """Let objects that stay where they are be read; nothing there is listed, written or removed."""
    places = [f"arn:{names.partition}:s3:::{entry}/*" for entry in names.referenced]
    return _allow("ReferencedOriginals", ["s3:GetObject"], places)


def _looking(names: Names) -> list[Document]:
    used = (op for (feature, _), op in OPERATIONS.items() if feature in names.features)
    # Videos are read from a bucket only: without one their operations can't be called.
    kinds = [op.actions for op in used if names.reads_buckets or not op.is_job]
    actions = sorted({action for group in kinds for action in group})
    here = {"StringEquals": {"aws:RequestedRegion": names.region}}
    return [_allow("Labelling", actions, "*", here)]


def _notices(names: Names) -> list[Document]:
    passed = {"StringEquals": {"iam:PassedToService": _REKOGNITION}}
    found = [_allow("HandRoleToRekognition", ["iam:PassRole"], names.role, passed)]
    if names.queue:
        found.append(_allow("Notices", ["sqs:DeleteMessage", "sqs:ReceiveMessage"], names.queue))
    return found


def _drops(names: Names) -> list[Document]:
    arn = f"arn:{names.partition}:s3:::"
    objects = [f"{arn}{place}/*" for place in names.drops]
    buckets = [f"{arn}{bucket}" for bucket in names.drops_buckets]
    # A drop is read in the version that was announced, where there are several.
    return [
        _allow("Drops", ["s3:GetObject", "s3:GetObjectVersion"], objects),
        _allow("DropsBuckets", ["s3:GetBucketNotification", "s3:ListBucket"], buckets),
        _allow(
            "DropsQueue",
            ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"],
            names.drops_queue,
        ),
    ]


def _doctor(names: Names) -> list[Document]:
    """Say what `manage.py doctor` looks up; it works without them too, and then says less."""
    own = f"arn:{names.partition}:iam::{names.account}:user/${{aws:username}}"
    found = [_allow("DoctorKeys", ["iam:ListAccessKeys", "iam:ListAttachedUserPolicies"], own)]
    if names.bucket:
        looks = ["s3:GetBucketCORS", "s3:GetLifecycleConfiguration"]
        found.append(_allow("DoctorBucket", looks, names.bucket_arn))
    if names.has_notices:
        looks = ["sns:GetTopicAttributes", "sns:ListSubscriptionsByTopic"]
        found.append(_allow("DoctorTopic", looks, names.topic))
        found.append(_allow("DoctorRole", ["iam:GetRole"], names.role))
        if names.queue:
            found.append(_allow("DoctorQueue", ["sqs:GetQueueAttributes"], names.queue))
    return found


def role_trust(names: Names) -> Document:
    """Let Rekognition take the role, for jobs of this account only."""
    return _policy(
        [
            {
                "Effect": "Allow",
                "Principal": {"Service": _REKOGNITION},
                "Action": "sts:AssumeRole",
                "Condition": {"StringEquals": {"aws:SourceAccount": names.account}},
            }
        ]
    )


def role_policy(names: Names) -> Document:
    """Let the role announce finished jobs, and nothing else."""
    return _policy([_allow("Announce", ["sns:Publish"], names.topic)])


def topic_policy(names: Names) -> Document:
    """Let the role alone write to the topic."""
    statement = _allow("Announce", ["sns:Publish"], names.topic)
    return _policy([{**statement, "Principal": {"AWS": names.role}}])


def queue_policy(names: Names) -> Document:
    """Let the topic alone lay messages into the queue."""
    only = {"ArnEquals": {"aws:SourceArn": names.topic}}
    statement = _allow("FromTopic", ["sqs:SendMessage"], names.queue, only)
    return _policy([{**statement, "Principal": {"Service": "sns.amazonaws.com"}}])


def drops_queue_policy(names: Names) -> Document:
    """Let the buckets of drops, of this account alone, lay messages into their queue."""
    arns = [f"arn:{names.partition}:s3:::{bucket}" for bucket in names.drops_buckets]
    only = {
        "ArnEquals": {"aws:SourceArn": arns},
        "StringEquals": {"aws:SourceAccount": names.account},
    }
    statement = _allow("FromBuckets", ["sqs:SendMessage"], names.drops_queue, only)
    return _policy([{**statement, "Principal": {"Service": "s3.amazonaws.com"}}])


def drops_notification(names: Names, *, bucket: str) -> Document:
    """Let a bucket tell of what is new in its places of drops."""
    inside = [place.partition("/") for place in names.drops]
    return {
        "QueueConfigurations": [
            {
                "Id": f"medialib-drops-{number}",
                "QueueArn": names.drops_queue,
                "Events": ["s3:ObjectCreated:*"],
                "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": prefix}]}},
            }
            for number, prefix in enumerate(
                f"{folder}/" if folder else "" for name, _, folder in inside if name == bucket
            )
        ]
    }


def bucket_policy(names: Names) -> Document:
    """Refuse whoever comes without TLS."""
    return _policy(
        [
            {
                "Sid": "OnlyTls",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": [names.bucket_arn, f"{names.bucket_arn}/*"],
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            }
        ]
    )


def bucket_cors(names: Names) -> Document:
    """Let browsers on the pages' own origins read media and send parts of uploads."""
    return {
        "CORSRules": [
            {
                "AllowedOrigins": list(names.origins) or ["https://YOUR-LIBRARY.example.org"],
                "AllowedMethods": ["GET", "HEAD", "PUT"],
                "AllowedHeaders": ["content-length", "content-type", "range"],
                "ExposeHeaders": ["Accept-Ranges", "Content-Range", "ETag"],
                "MaxAgeSeconds": _ADDRESS_SECONDS,
            }
        ]
    }


def bucket_lifecycle(names: Names) -> Document:
    """Drop the parts of uploads that nobody finished: they cost as much as whole ones."""
    return {
        "Rules": [
            {
                "ID": "unfinished-uploads",
                "Status": "Enabled",
                "Filter": {"Prefix": names.prefix},
                "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": _ABORT_DAYS},
            }
        ]
    }


def _policy(statements: list[Document]) -> Document:
    return {"Version": "2012-10-17", "Statement": statements}


def _allow(
    sid: str, actions: list[str], resource: str | list[str], condition: Document | None = None
) -> Document:
    statement: Document = {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resource}
    return {**statement, "Condition": condition} if condition else statement
