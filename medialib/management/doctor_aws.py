"""What `manage.py doctor` looks at in Amazon: credentials, bucket, region, permissions, notices.

Every call is one that costs nothing: looks, and requests that can't succeed. Changes nothing.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from labelling.backends.rekognition_operations import OPERATIONS, Operation, method_name
from medialib import storage
from medialib.management import policies
from medialib.management.findings import BAD, NOTE, OK, Finding, Look

_OLD_KEY = timedelta(days=90)
_ADMINISTRATOR = "AdministratorAccess"
_POLICY = "Allow what `manage.py iam_policy --only caller_policy` prints."
_NO_JOB = "0" * 64


def looks() -> dict[str, Look]:
    """Name what is to be looked at: nothing where Amazon is not used."""
    found: dict[str, Look] = {}
    bucket = not storage.on_disk()
    if bucket or _referenced() or _uses_rekognition():
        found["credentials"] = _credentials
    if bucket:
        found["bucket"] = _bucket
    if _referenced():
        found["referenced buckets"] = _referenced_buckets
    if _uses_rekognition():
        found["region"] = _region
        found["permissions"] = _permissions
        found["notices"] = _notices
    return found


def _uses_rekognition() -> bool:
    return bool(settings.MEDIALIB_LABELLING == "rekognition")


def _options() -> dict[str, Any]:
    return policies.options()


def _elsewhere() -> bool:
    """Tell whether media lie on a server that is not Amazon's."""
    return bool(storage.bucket_endpoint() or (_referenced() and settings.MEDIALIB_S3_ENDPOINT))


def _referenced() -> list[str]:
    """Name the buckets whose objects may be kept by reference."""
    return sorted({entry.partition("/")[0] for entry in settings.MEDIALIB_REFERENCE_BUCKETS})


def _client(service: str, region: str = "", endpoint: str = "") -> Any:
    from medialib import aws

    return aws.client(service, region=region or None, endpoint_url=endpoint or None)


def _ask(client: Any, operation: str, **wanted: Any) -> Any:
    from medialib import aws

    return aws.ask(client, operation, **wanted)


# ---- credentials --------------------------------------------------------------------------------


def _credentials() -> Iterator[Finding]:
    """Say who this service is for Amazon, and whether its keys are old or may do anything."""
    if not _uses_rekognition() and _elsewhere():
        yield Finding("credentials", NOTE, "Media lie on a server of its own: not looked at.")
        return
    who = _ask(_client("sts", _options()["region"] or "us-east-1"), "get_caller_identity")
    if not who.ok:
        cure = "Give the machine a role, or set credentials where Amazon's tools look for them."
        yield Finding("credentials", BAD, f"Amazon does not know them ({who.code}).", cure)
        return
    arn = str(who.value["Arn"])
    if arn.endswith(":root"):
        cure = "Make a role or a user with the policy that `manage.py iam_policy` prints."
        yield Finding("credentials", BAD, "They are the account's own (root).", cure)
    else:
        yield Finding("credentials", OK, f"Amazon knows them as {arn.split(':', 5)[-1]}.")
    if ":user/" in arn:
        yield from _keys_of(arn.rpartition("/")[-1])


def _keys_of(user: str) -> Iterator[Finding]:
    iam = _client("iam")
    keys = _ask(iam, "list_access_keys", UserName=user)
    for key in keys.value.get("AccessKeyMetadata", ()) if keys.ok else ():
        age = timezone.now() - key["CreateDate"]
        if key["Status"] == "Active" and age > _OLD_KEY:
            words = f"The access key …{key['AccessKeyId'][-4:]} is {age.days} days old."
            cure = "Make a new key, set it here, then delete this one; a role needs none at all."
            yield Finding("credentials", NOTE, words, cure)
    attached = _ask(iam, "list_attached_user_policies", UserName=user)
    if any(p["PolicyName"] == _ADMINISTRATOR for p in attached.value.get("AttachedPolicies", ())):
        words = f"The user {user} is an administrator: far more than the library needs."
        yield Finding("credentials", NOTE, words, f"Use a user of its own. {_POLICY}")
    if not (keys.ok and attached.ok):
        words = "How old the keys are, and what they may do, could not be looked up."
        yield Finding("credentials", NOTE, words, _POLICY)


# ---- bucket -------------------------------------------------------------------------------------


def _bucket() -> Iterator[Finding]:
    client, place = storage.bucket_call("doctor")
    bucket = place["Bucket"]
    head = _ask(client, "head_bucket", Bucket=bucket)
    if not head.ok:
        yield _no_bucket(bucket, head)
        return
    headers = head.value.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    region = headers.get("x-amz-bucket-region", "")
    yield Finding("bucket", OK, f"{bucket} answers{f' from {region}' if region else ''}.")
    yield _writable(client, place)
    wanted = _options()["region"]
    if _uses_rekognition() and not _elsewhere() and region and wanted and region != wanted:
        words = f"The bucket is in {region}, Rekognition is asked in {wanted}: videos can't be read"
        cure = f"Set MEDIALIB_REKOGNITION_REGION={region}, or use a bucket in {wanted}."
        yield Finding("bucket", BAD, f"{words}.", cure)
    if not _elsewhere():
        yield from _bucket_rules(client, bucket)


def _no_bucket(bucket: str, head: Any) -> Finding:
    if head.code in ("404", "NoSuchBucket"):
        cure = "Make it (manage.py aws_template), or correct MEDIALIB_STORAGE."
        return Finding("bucket", BAD, f"There is no bucket {bucket}.", cure)
    if head.is_denied:
        return Finding("bucket", BAD, f"{bucket} may not be looked at (s3:ListBucket).", _POLICY)
    cure = "Check AWS_REGION, MEDIALIB_S3_ENDPOINT and the network."
    return Finding("bucket", BAD, f"{bucket} does not answer ({head.code}).", cure)


def _writable(client: Any, place: dict[str, str]) -> Finding:
    """Begin an upload in parts and give it up: that needs the right to write and stores nothing."""
    target = {"Bucket": place["Bucket"], "Key": f"{place['Key']}/{uuid.uuid4().hex}"}
    begun = _ask(client, "create_multipart_upload", **target)
    if not begun.ok:
        return Finding("bucket", BAD, f"It can't be written ({begun.code}, s3:PutObject).", _POLICY)
    ended = _ask(client, "abort_multipart_upload", **target, UploadId=begun.value["UploadId"])
    if not ended.ok:
        words = f"An upload can't be given up ({ended.code}, s3:AbortMultipartUpload)."
        return Finding("bucket", BAD, words, _POLICY)
    return Finding("bucket", OK, "It can be written.")


def _bucket_rules(client: Any, bucket: str) -> Iterator[Finding]:
    rules = _ask(client, "get_bucket_lifecycle_configuration", Bucket=bucket)
    if rules.is_denied:
        yield Finding("bucket", NOTE, "Its rules could not be looked up.", _POLICY)
        return
    if not any("AbortIncompleteMultipartUpload" in r for r in rules.value.get("Rules", ())):
        cure = "Set what `manage.py iam_policy --only bucket_lifecycle` prints."
        yield Finding("bucket", NOTE, "Parts of unfinished uploads stay for ever.", cure)
    cors = _ask(client, "get_bucket_cors", Bucket=bucket)
    methods = {m for rule in cors.value.get("CORSRules", ()) for m in rule["AllowedMethods"]}
    if not {"GET", "PUT"} <= methods:
        cure = "Set what `manage.py iam_policy --only bucket_cors` prints."
        yield Finding("bucket", NOTE, "Browsers may not send large files straight to it.", cure)


def _referenced_buckets() -> Iterator[Finding]:
    """Look where the buckets are whose objects stay there; whether one is there needs no right."""
    from medialib import aws

    wanted = _options()["region"]
    for bucket in _referenced():
        client = aws.bucket_client(bucket, endpoint=settings.MEDIALIB_S3_ENDPOINT)
        head = _ask(client, "head_bucket", Bucket=bucket)
        region = client.meta.region_name
        if not (head.ok or head.is_denied):
            cure = "Correct MEDIALIB_REFERENCE_BUCKETS, or look whether the bucket is there."
            words = f"{bucket} does not answer ({head.code})."
            yield Finding("referenced buckets", BAD, words, cure)
        elif _uses_rekognition() and not _elsewhere() and wanted and region != wanted:
            words = f"{bucket} is in {region}: Rekognition in {wanted} can't read its videos."
            cure = "Label them here (backend “local”), or import them by copy."
            yield Finding("referenced buckets", NOTE, words, cure)
        else:
            yield Finding("referenced buckets", OK, f"{bucket} answers from {region}.")


# ---- Rekognition --------------------------------------------------------------------------------


def _region() -> Iterator[Finding]:
    from medialib import aws

    region, known = _options()["region"], aws.regions_of("rekognition")
    if not region:
        cure = "Set AWS_REGION (or MEDIALIB_REKOGNITION_REGION) to the bucket's region."
        yield Finding("region", BAD, "No region is set.", cure)
    elif region not in known and not _options()["endpoint"]:
        words = f"Rekognition is not known to be in {region}."
        yield Finding("region", BAD, words, f"Use one of: {', '.join(known)}.")
    else:
        yield Finding("region", OK, f"Rekognition is asked in {region}.")
    if storage.on_disk() and not _referenced():
        cure = "Set MEDIALIB_STORAGE to a bucket in the same region, or label videos here."
        yield Finding("region", NOTE, "Media lie on a disk: only photos can be labelled.", cure)


def _permissions() -> Iterator[Finding]:
    """Make requests that can't succeed: who may not ask is told so before anything is looked at."""
    from medialib import aws

    region, endpoint = _options()["region"], _options()["endpoint"]
    if not endpoint and region not in aws.regions_of("rekognition"):
        return
    client = _client("rekognition", region, endpoint)
    for operation in OPERATIONS.values():
        if operation.is_job and storage.on_disk() and not _referenced():
            continue
        for name in (operation.start, operation.read):
            if name:
                yield _may(client, operation, name)


def _may(client: Any, operation: Operation, name: str) -> Finding:
    answer = _ask(client, method_name(name), **_hopeless(operation, name))
    if answer.is_denied:
        return Finding("permissions", BAD, f"rekognition:{name} is not allowed.", _POLICY)
    if answer.code in ("Unreachable", "NoCredentials"):
        cure = "Check the network, the region and the credentials."
        return Finding("permissions", BAD, f"{name} does not answer ({answer.code}).", cure)
    return Finding("permissions", OK, f"rekognition:{name} is allowed.")


def _hopeless(operation: Operation, name: str) -> dict[str, Any]:
    """Make a request for something that does not exist."""
    if name == operation.read:
        return {"JobId": _NO_JOB, "MaxResults": 1}
    nothing = {"S3Object": {"Bucket": _some_bucket(), "Name": f"doctor/{uuid.uuid4().hex}"}}
    return {"Video": nothing} if operation.is_job else {"Image": nothing}


def _some_bucket() -> str:
    if not storage.on_disk():
        return storage.bucket_call("doctor")[1]["Bucket"]
    return next(iter(_referenced()), "doctor")


# ---- notices ------------------------------------------------------------------------------------


def _notices() -> Iterator[Finding]:
    topic, role = _options()["topic"], _options()["role"]
    queue = settings.MEDIALIB_NOTICES_QUEUE_URL
    if not (topic or role or queue):
        words = "Polling only: finished jobs are asked about, not announced."
        cure = "For thousands of videos set topic, role and queue (manage.py aws_template)."
        yield Finding("notices", NOTE, words, cure)
        return
    if not (topic and role and queue):
        cure = (
            "Set MEDIALIB_NOTICES_TOPIC_ARN, MEDIALIB_NOTICES_ROLE_ARN and "
            "MEDIALIB_NOTICES_QUEUE_URL together, or none of them."
        )
        yield Finding("notices", BAD, "Topic, role and queue are not all set.", cure)
        return
    yield from _topic(topic, queue)
    yield _role(role)
    yield _queue(queue, topic)


def _topic(topic: str, queue: str) -> Iterator[Finding]:
    region = topic.split(":")[3] if topic.count(":") > 4 else ""
    if region != _options()["region"]:
        cure = f"Use a topic in {_options()['region']}: Rekognition writes to its own region only."
        yield Finding("notices", BAD, f"The topic is in {region or 'no region'}.", cure)
        return
    sns = _client("sns", region)
    found = _ask(sns, "get_topic_attributes", TopicArn=topic)
    if not found.ok:
        yield _unseen("topic", found)
        return
    heard = _ask(sns, "list_subscriptions_by_topic", TopicArn=topic)
    ends = [entry["Endpoint"] for entry in heard.value.get("Subscriptions", ())]
    if heard.ok and policies.queue_arn(queue).rpartition(":")[-1] not in [
        end.rpartition(":")[-1] for end in ends
    ]:
        cure = "Subscribe the queue to the topic (protocol sqs)."
        yield Finding("notices", BAD, "The queue does not listen to the topic.", cure)
    else:
        yield Finding("notices", OK, "The topic is there.")


def _role(role: str) -> Finding:
    found = _ask(_client("iam"), "get_role", RoleName=role.rpartition("/")[-1])
    if not found.ok:
        return _unseen("role", found)
    trust = found.value["Role"]["AssumeRolePolicyDocument"]
    text = json.dumps(trust)
    if "rekognition.amazonaws.com" not in text:
        cure = "Set what `manage.py iam_policy --only rekognition_role_trust` prints."
        return Finding("notices", BAD, "Rekognition may not take the role.", cure)
    if "aws:SourceAccount" not in text:
        cure = "Set what `manage.py iam_policy --only rekognition_role_trust` prints."
        return Finding("notices", NOTE, "Jobs of other accounts could use the role.", cure)
    return Finding("notices", OK, "Rekognition may take the role, for this account only.")


def _queue(address: str, topic: str) -> Finding:
    from medialib import aws

    names = ["QueueArn", "Policy", "ApproximateNumberOfMessages"]
    found = _ask(
        aws.queue_client(address), "get_queue_attributes", QueueUrl=address, AttributeNames=names
    )
    if not found.ok:
        return _unseen("queue", found)
    attributes = found.value["Attributes"]
    if topic not in attributes.get("Policy", ""):
        cure = "Set what `manage.py iam_policy --only queue_policy` prints."
        return Finding("notices", BAD, "The topic may not write to the queue.", cure)
    waiting = attributes["ApproximateNumberOfMessages"]
    return Finding("notices", OK, f"The queue is there; {waiting} notices lie in it.")


def _unseen(what: str, found: Any) -> Finding:
    if found.is_denied:
        return Finding("notices", NOTE, f"The {what} could not be looked up.", _POLICY)
    cure = "Make it (manage.py aws_template), or correct its name."
    return Finding("notices", BAD, f"There is no such {what} ({found.code}).", cure)
