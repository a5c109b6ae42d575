"""A CloudFormation template that makes all that the library needs of Amazon. Calls nothing.

Its policies are those of `policies`, with CloudFormation's own names in the place of ours.
"""

from __future__ import annotations

from typing import Any

from labelling.backends.rekognition_operations import OPERATIONS
from medialib.management import policies

_NAMES = policies.Names(
    account="${AWS::AccountId}",
    region="${AWS::Region}",
    bucket="${BucketName}",
    topic="${NoticesTopic}",
    queue="${NoticesQueue.Arn}",
    role="${RekognitionRole.Arn}",
    origins=("ORIGINS",),
    features=tuple(sorted({feature for feature, _ in OPERATIONS})),
    partition="${AWS::Partition}",
    drops=("${BucketName}/drops",),
    drops_queue="${DropsQueue.Arn}",
)
_KEPT = {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}
_QUEUE_SECONDS = 14 * 24 * 3600
_VISIBILITY_SECONDS = 60
_MOST_TRIES = 20


def template() -> dict[str, Any]:
    """Make the template as a JSON document."""
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "Media library: bucket, queues of news, and the service's policy.",
        "Parameters": _parameters(),
        "Resources": {**_bucket(), **_drops(), **_notices(), **_caller()},
        "Outputs": _outputs(),
    }


def _parameters() -> dict[str, Any]:
    return {
        "BucketName": {
            "Type": "String",
            "Description": "Name of the new bucket for originals, renditions and answers.",
            "AllowedPattern": "^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$",
        },
        "Origins": {
            "Type": "CommaDelimitedList",
            "Description": "Origins of the pages, such as https://media.example.org.",
        },
    }


def _bucket() -> dict[str, Any]:
    properties = {
        "BucketName": {"Ref": "BucketName"},
        "BucketEncryption": {
            "ServerSideEncryptionConfiguration": [
                {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
            ]
        },
        "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
        "PublicAccessBlockConfiguration": {
            "BlockPublicAcls": True,
            "BlockPublicPolicy": True,
            "IgnorePublicAcls": True,
            "RestrictPublicBuckets": True,
        },
        **_bucket_rules(),
    }
    tls = {"Bucket": {"Ref": "Bucket"}, "PolicyDocument": _filled(policies.bucket_policy(_NAMES))}
    return {
        "Bucket": {
            "Type": "AWS::S3::Bucket",
            **_KEPT,
            # The bucket tries whether it may write to the queue.
            "DependsOn": "DropsQueuePolicy",
            "Properties": properties,
        },
        "BucketPolicy": _made("AWS::S3::BucketPolicy", tls),
    }


def _bucket_rules() -> dict[str, Any]:
    """Say CORS and lifecycle in CloudFormation's names, which differ from those of S3 itself."""
    cors = policies.bucket_cors(_NAMES)["CORSRules"][0]
    rule = policies.bucket_lifecycle(_NAMES)["Rules"][0]
    allowed = {
        "AllowedOrigins": {"Ref": "Origins"},
        "AllowedMethods": cors["AllowedMethods"],
        "AllowedHeaders": cors["AllowedHeaders"],
        "ExposedHeaders": cors["ExposeHeaders"],
        "MaxAge": cors["MaxAgeSeconds"],
    }
    unfinished = {
        "Id": rule["ID"],
        "Status": rule["Status"],
        "AbortIncompleteMultipartUpload": rule["AbortIncompleteMultipartUpload"],
    }
    return {
        "CorsConfiguration": {"CorsRules": [allowed]},
        "LifecycleConfiguration": {"Rules": [unfinished]},
        "NotificationConfiguration": {"QueueConfigurations": [_told()]},
    }


def _told() -> dict[str, Any]:
    told = policies.drops_notification(_NAMES, bucket=_NAMES.bucket)["QueueConfigurations"][0]
    return {
        "Event": told["Events"][0],
        "Queue": _filled("${DropsQueue.Arn}"),
        "Filter": {"S3Key": {"Rules": told["Filter"]["Key"]["FilterRules"]}},
    }


def _drops() -> dict[str, Any]:
    """Make the queue of drops, and one for messages that nobody understands or can see to."""
    kept_for = {"MessageRetentionPeriod": _QUEUE_SECONDS, "SqsManagedSseEnabled": True}
    redrive = {
        "deadLetterTargetArn": _filled("${DropsDeadLetters.Arn}"),
        "maxReceiveCount": _MOST_TRIES,
    }
    allowed = _filled(policies.drops_queue_policy(_NAMES))
    return {
        "DropsDeadLetters": _queue(kept_for),
        "DropsQueue": _queue({**kept_for, "RedrivePolicy": redrive}),
        "DropsQueuePolicy": _made(
            "AWS::SQS::QueuePolicy",
            {"Queues": [{"Ref": "DropsQueue"}], "PolicyDocument": allowed},
        ),
    }


def _queue(properties: dict[str, Any]) -> dict[str, Any]:
    made = _made("AWS::SQS::Queue", properties)
    return {**made, "DeletionPolicy": "Delete", "UpdateReplacePolicy": "Delete"}


def _notices() -> dict[str, Any]:
    topic, queue = {"Ref": "NoticesTopic"}, {"Ref": "NoticesQueue"}
    kept_for = {
        "MessageRetentionPeriod": _QUEUE_SECONDS,
        "VisibilityTimeout": _VISIBILITY_SECONDS,
        "SqsManagedSseEnabled": True,
    }
    heard = {
        "TopicArn": topic,
        "Protocol": "sqs",
        "Endpoint": {"Fn::GetAtt": ["NoticesQueue", "Arn"]},
    }
    return {
        "NoticesTopic": {"Type": "AWS::SNS::Topic"},
        "NoticesQueue": _queue(kept_for),
        "RekognitionRole": _role(),
        "NoticesTopicPolicy": _made(
            "AWS::SNS::TopicPolicy",
            {"Topics": [topic], "PolicyDocument": _filled(policies.topic_policy(_NAMES))},
        ),
        "NoticesQueuePolicy": _made(
            "AWS::SQS::QueuePolicy",
            {"Queues": [queue], "PolicyDocument": _filled(policies.queue_policy(_NAMES))},
        ),
        "NoticesSubscription": {
            **_made("AWS::SNS::Subscription", heard),
            "DependsOn": "NoticesQueuePolicy",
        },
    }


def _role() -> dict[str, Any]:
    announce = {"PolicyName": "announce", "PolicyDocument": _filled(policies.role_policy(_NAMES))}
    trust = _filled(policies.role_trust(_NAMES))
    return _made("AWS::IAM::Role", {"AssumeRolePolicyDocument": trust, "Policies": [announce]})


def _made(kind: str, properties: dict[str, Any]) -> dict[str, Any]:
    return {"Type": kind, "Properties": properties}


def _caller() -> dict[str, Any]:
    return {
        "CallerPolicy": {
            "Type": "AWS::IAM::ManagedPolicy",
            "Properties": {
                "Description": "What the media library's own credentials may do.",
                "PolicyDocument": _filled(policies.caller_policy(_NAMES)),
            },
        }
    }


def _outputs() -> dict[str, Any]:
    """Say what to set: each output is a line of the service's environment."""
    values = {
        "StorageVariable": "MEDIALIB_STORAGE=s3://${Bucket}",
        "RegionVariable": "AWS_REGION=${AWS::Region}",
        "LabellingVariable": "MEDIALIB_LABELLING=rekognition",
        "TopicVariable": "MEDIALIB_NOTICES_TOPIC_ARN=${NoticesTopic}",
        "RoleVariable": "MEDIALIB_NOTICES_ROLE_ARN=${RekognitionRole.Arn}",
        "QueueVariable": "MEDIALIB_NOTICES_QUEUE_URL=${NoticesQueue}",
        "DropsVariable": "MEDIALIB_DROPS=s3://${Bucket}/drops",
        "DropsQueueVariable": "MEDIALIB_DROPS_QUEUE_URL=${DropsQueue}",
    }
    found: dict[str, Any] = {name: {"Value": _filled(text)} for name, text in values.items()}
    found["CallerPolicy"] = {
        "Description": "Attach it to the role of the machines (or the user) the service runs as.",
        "Value": {"Ref": "CallerPolicy"},
    }
    return found


def _filled(value: Any) -> Any:
    """Let CloudFormation fill in what stands between braces, but Amazon's policy variables."""
    if isinstance(value, dict):
        return {name: _filled(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner) for inner in value]
    if isinstance(value, str) and "${" in value:
        return {"Fn::Sub": value.replace("${aws:", "${!aws:")}
    return value
