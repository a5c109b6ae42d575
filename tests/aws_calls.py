"""Which calls of Amazon the code can make, found in its source; and what each needs to be allowed.

The table is Amazon's own (service authorization reference), for the operations that occur.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import botocore.session
from botocore import xform_name

from labelling.backends.rekognition_operations import OPERATIONS
from labelling.backends.rekognition_operations import method_name as rekognition_method

ROOT = Path(__file__).resolve().parents[1]
SERVICES = ("iam", "rekognition", "s3", "sns", "sqs", "sts")
# Functions of ours and of the library that take an operation's name as a text.
BY_NAME = {"_ask", "ask", "get_paginator", "generate_presigned_url"}
NEEDS: dict[str, tuple[str, ...]] = {
    "get_caller_identity": (),
    "list_access_keys": ("iam:ListAccessKeys",),
    "list_attached_user_policies": ("iam:ListAttachedUserPolicies",),
    "get_role": ("iam:GetRole",),
    "head_bucket": ("s3:ListBucket",),
    "list_objects_v2": ("s3:ListBucket",),
    "list_objects": ("s3:ListBucket",),
    "head_object": ("s3:GetObject",),
    "get_object": ("s3:GetObject",),
    "put_object": ("s3:PutObject",),
    "delete_object": ("s3:DeleteObject",),
    "create_multipart_upload": ("s3:PutObject",),
    "upload_part": ("s3:PutObject",),
    "complete_multipart_upload": ("s3:PutObject",),
    "abort_multipart_upload": ("s3:AbortMultipartUpload",),
    "list_parts": ("s3:ListMultipartUploadParts",),
    "list_multipart_uploads": ("s3:ListBucketMultipartUploads",),
    "get_bucket_cors": ("s3:GetBucketCORS",),
    "get_bucket_lifecycle_configuration": ("s3:GetLifecycleConfiguration",),
    "get_topic_attributes": ("sns:GetTopicAttributes",),
    "list_subscriptions_by_topic": ("sns:ListSubscriptionsByTopic",),
    "get_queue_attributes": ("sqs:GetQueueAttributes",),
    "receive_message": ("sqs:ReceiveMessage",),
    "delete_message": ("sqs:DeleteMessage",),
    "get_bucket_notification_configuration": ("s3:GetBucketNotification",),
    "delete_message_batch": ("sqs:DeleteMessage",),
    "detect_labels": ("rekognition:DetectLabels", "s3:GetObject", "s3:GetObjectVersion"),
    # A job reads its video with our permission and is handed the role of the notices.
    "start_label_detection": (
        "rekognition:StartLabelDetection",
        "s3:GetObject",
        "s3:GetObjectVersion",
        "iam:PassRole",
    ),
    "get_label_detection": ("rekognition:GetLabelDetection",),
}


def client_methods() -> frozenset[str]:
    """Name every operation of the services in use, as clients call them."""
    session = botocore.session.get_session()
    names = (session.get_service_model(service).operation_names for service in SERVICES)
    return frozenset(xform_name(name) for group in names for name in group)


def calls_in_source() -> frozenset[str]:
    """Find the operations that our code can call: by name, by text, and by Rekognition's table."""
    methods = client_methods()
    found = {
        rekognition_method(name)
        for operation in OPERATIONS.values()
        for name in (operation.start, operation.read)
        if name
    }
    for package in ("medialib", "labelling", "search"):
        for path in (ROOT / package).rglob("*.py"):
            found |= set(_calls(ast.parse(path.read_text()))) & methods
    return frozenset(found)


def _calls(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        yield name
        if name in BY_NAME:
            yield from (a.value for a in node.args if isinstance(a, ast.Constant))


def actions_for(calls: frozenset[str]) -> frozenset[str]:
    """Turn calls into the permissions they need; an operation that is not in the table fails."""
    return frozenset(action for call in calls for action in NEEDS[call])
