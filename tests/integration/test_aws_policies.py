"""The printed policies allow every call that the code can make, and not one more."""

from __future__ import annotations

import json
from io import BytesIO, StringIO

import pytest
from botocore import xform_name
from cfnlint import api as cfnlint
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from moto import mock_aws

from medialib import storage
from medialib.environment import storage_options
from medialib.management import policies
from medialib.management.template import template
from tests import aws_calls

ACCOUNT = "123456789012"
REGION = "eu-central-1"
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:notices"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/rekognition"
DROPS = f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/drops"
QUEUE = f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/notices"


NO_DROPS = {"MEDIALIB_DROPS": [], "MEDIALIB_DROPS_QUEUE_URL": ""}


@pytest.fixture
def amazon(settings):
    """Everything switched on."""
    entry = settings.LABELLING_BACKENDS["rekognition"]
    options = {**entry["OPTIONS"], "region": REGION, "topic": TOPIC, "role": ROLE}
    settings.LABELLING_BACKENDS = {
        **settings.LABELLING_BACKENDS,
        "rekognition": {**entry, "OPTIONS": options},
    }
    settings.MEDIALIB_LABELLING = "rekognition"
    settings.MEDIALIB_STORAGE = "s3://media/library"
    settings.MEDIALIB_NOTICES_QUEUE_URL = QUEUE
    settings.MEDIALIB_DROPS = ["s3://media/drops", "s3://other"]
    settings.MEDIALIB_DROPS_QUEUE_URL = DROPS
    return settings


@pytest.fixture
def bucket(settings, tmp_path, monkeypatch):
    """Moto's S3 behind our storage, and the list of operations that reach it."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test-double")
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(name, REGION)
    with mock_aws():
        options = storage_options("s3://media/library", tmp_path)
        settings.STORAGES = {**settings.STORAGES, "default": options}
        client = default_storage.connection.meta.client
        client.create_bucket(
            Bucket="media", CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        seen: set[str] = set()
        client.meta.events.register(
            "before-call.s3", lambda model, **_: seen.add(xform_name(model.name))
        )
        yield seen
        client.close()


def printed(*arguments: str):
    out = StringIO()
    call_command("iam_policy", *arguments, stdout=out, stderr=StringIO())
    return json.loads(out.getvalue())


def actions(document):
    return {action for statement in document["Statement"] for action in statement["Action"]}


def calls_of_django_storages(seen):
    """Do all that we ask of django-storages, on a small and on a large file."""
    storage.write_bytes("assets/a/small", b"small")
    default_storage.save("assets/a/large", BytesIO(bytes(9 * 1024 * 1024)))
    assert storage.exists("assets/a/large")
    assert not storage.exists("assets/a/none")
    storage.modified_at("assets/a/small")
    list(storage.stream("assets/a/small"))
    list(storage.list_names("assets/"))
    storage.address("assets/a/small", seconds=60, content_type="image/jpeg")
    storage.delete("assets/a/small")
    return frozenset(seen)


def test_the_caller_may_make_every_call_of_the_code_and_no_other(amazon, bucket):
    calls = aws_calls.calls_in_source() | calls_of_django_storages(bucket)
    assert {"upload_part", "delete_object", "head_bucket", "receive_message"} <= calls
    policy = printed("--only", "caller_policy")
    # The library aborts a large upload that breaks off.
    needed = aws_calls.actions_for(calls | {"abort_multipart_upload"})
    assert actions(policy) == needed


def test_no_statement_is_wider_than_its_names(amazon):
    found = printed()
    for statement in found["caller_policy"]["Statement"]:
        assert "*" not in "".join(statement["Action"])
        if statement["Resource"] == "*":
            # Rekognition's label operations know no narrower resource.
            assert all(action.startswith("rekognition:") for action in statement["Action"])
            assert statement["Condition"]["StringEquals"] == {"aws:RequestedRegion": REGION}
    trust = found["rekognition_role_trust"]["Statement"][0]
    assert trust["Principal"] == {"Service": "rekognition.amazonaws.com"}
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
    assert found["rekognition_role_policy"]["Statement"][0]["Resource"] == TOPIC
    queue = found["queue_policy"]["Statement"][0]
    assert queue["Resource"] == f"arn:aws:sqs:{REGION}:{ACCOUNT}:notices"
    assert queue["Condition"] == {"ArnEquals": {"aws:SourceArn": TOPIC}}
    assert "AbortIncompleteMultipartUpload" in found["bucket_lifecycle"]["Rules"][0]


@pytest.mark.parametrize(
    ("off", "gone"),
    [
        ({"MEDIALIB_NOTICES_QUEUE_URL": ""}, {"sqs:"}),
        ({"MEDIALIB_LABELLING": "local"}, {"rekognition:", "sqs:", "sns:", "iam:PassRole"}),
        ({"MEDIALIB_STORAGE": "disk"}, {"s3:", "rekognition:Start", "rekognition:Get", "sqs:"}),
        ({}, {"s3:GetBucketNotification"}),
    ],
)
def test_what_is_switched_off_is_not_allowed(amazon, off, gone):
    for name, value in {**NO_DROPS, **off}.items():
        setattr(amazon, name, value)
    allowed = actions(printed("--only", "caller_policy"))
    assert allowed
    assert not [action for action in allowed if action.startswith(tuple(gone))]


def test_drops_alone_need_their_objects_and_their_queue(settings):
    settings.MEDIALIB_DROPS = ["s3://media/in", "s3://media/more", "s3://other"]
    settings.MEDIALIB_DROPS_QUEUE_URL = DROPS
    found = printed()
    assert (
        actions(found["caller_policy"])
        - {
            *("s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket", "s3:GetBucketNotification"),
            *("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"),
            *("iam:ListAccessKeys", "iam:ListAttachedUserPolicies"),
        }
        == set()
    )
    drops = next(s for s in found["caller_policy"]["Statement"] if s["Sid"] == "Drops")
    assert drops["Resource"] == [f"arn:aws:s3:::{n}/*" for n in ("media/in", "media/more", "other")]
    [statement] = found["drops_queue_policy"]["Statement"]
    assert statement["Condition"] == {
        "ArnEquals": {"aws:SourceArn": ["arn:aws:s3:::media", "arn:aws:s3:::other"]},
        "StringEquals": {"aws:SourceAccount": ACCOUNT},
    }
    rules = [
        entry["Filter"]["Key"]["FilterRules"][0]["Value"]
        for entry in found["drops_notification_media"]["QueueConfigurations"]
    ]
    assert rules == ["in/", "more/"]
    [whole] = found["drops_notification_other"]["QueueConfigurations"]
    assert whole["Filter"]["Key"]["FilterRules"] == [{"Name": "prefix", "Value": ""}]


def test_without_amazon_there_is_nothing_to_allow(settings):
    assert printed() == {}
    with pytest.raises(CommandError):
        printed("--only", "caller_policy")


def test_an_unknown_account_is_asked_for(settings):
    errors = StringIO()
    settings.MEDIALIB_STORAGE = "s3://media/library"
    call_command("iam_policy", stdout=StringIO(), stderr=errors)
    assert "--account" in errors.getvalue()
    key = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1"
    found = printed("--account", ACCOUNT, "--origin", "https://a.example", "--kms-key", key)
    assert "ACCOUNT_ID" not in json.dumps(found)
    assert found["bucket_cors"]["CORSRules"][0]["AllowedOrigins"] == ["https://a.example"]
    assert {"kms:Decrypt", "kms:GenerateDataKey"} <= actions(found["caller_policy"])


def test_the_template_passes_the_linter():
    out = StringIO()
    call_command("aws_template", stdout=out)
    found = cfnlint.lint_all(out.getvalue())
    # Errors and warnings; what begins with I is advice.
    assert [str(match) for match in found if not match.rule.id.startswith("I")] == []


def test_the_template_allows_what_the_policy_allows(amazon):
    made = template()["Resources"]["CallerPolicy"]["Properties"]["PolicyDocument"]
    assert actions(made) == actions(policies.caller_policy(policies.configured()))


@pytest.mark.filterwarnings("ignore:Tried to parse")
def test_the_template_makes_a_stack_that_the_settings_fit(monkeypatch):
    import boto3

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test-double")
    with mock_aws():
        stacks = boto3.client("cloudformation", region_name=REGION)
        stacks.create_stack(
            StackName="media-library",
            TemplateBody=json.dumps(template()),
            Capabilities=["CAPABILITY_IAM"],
            Parameters=[
                {"ParameterKey": "BucketName", "ParameterValue": "my-media"},
                {"ParameterKey": "Origins", "ParameterValue": "https://media.example.org"},
            ],
        )
        stack = stacks.describe_stacks(StackName="media-library")["Stacks"][0]
        assert stack["StackStatus"] == "CREATE_COMPLETE"
        lines = [output["OutputValue"] for output in stack["Outputs"]]
        assert "MEDIALIB_STORAGE=s3://my-media" in lines
        assert any(line.startswith("MEDIALIB_NOTICES_QUEUE_URL=http") for line in lines)
        assert "MEDIALIB_DROPS=s3://my-media/drops" in lines
        assert any(line.startswith("MEDIALIB_DROPS_QUEUE_URL=http") for line in lines)
        role = next(line.split("=", 1)[1] for line in lines if "ROLE_ARN" in line)
        iam = boto3.client("iam", region_name=REGION)
        made = iam.get_role(RoleName=role.rpartition("/")[-1])["Role"]
        assert ACCOUNT in json.dumps(made["AssumeRolePolicyDocument"])
        s3 = boto3.client("s3", region_name=REGION)
        s3.head_bucket(Bucket="my-media")
