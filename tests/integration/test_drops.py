"""Drops: a bucket that tells a queue (both moto's), and messages that Amazon or others write."""

from __future__ import annotations

import json
import logging
from dataclasses import replace

import boto3
import pytest
from django.core.management import CommandError, call_command

from medialib import drops
from medialib.exceptions import Wait
from medialib.management import doctor_drops, policies
from medialib.models import Asset
from medialib.models.asset import new_id
from tests import samples

pytestmark = pytest.mark.django_db
REGION = "eu-central-1"
CREATED = "ObjectCreated:Put"


class Post:
    """The bucket, its queue, and what tests do with them."""

    def __init__(self, address, settings):
        self.settings = settings
        place = {"endpoint_url": address, "region_name": REGION}
        self.s3, self.sqs = boto3.client("s3", **place), boto3.client("sqs", **place)
        self.bucket = f"post-{new_id().hex}"
        where = {"LocationConstraint": REGION}
        self.s3.create_bucket(Bucket=self.bucket, CreateBucketConfiguration=where)
        self.queue = self.sqs.create_queue(QueueName=self.bucket)["QueueUrl"]
        settings.MEDIALIB_S3_ENDPOINT = address
        settings.MEDIALIB_DROPS = [f"s3://{self.bucket}/in"]
        settings.MEDIALIB_DROPS_QUEUE_URL = self.queue

    def tell(self):
        """Let the bucket tell of what is new, as `iam_policy` prints it."""
        names = self.names()
        self.s3.put_bucket_notification_configuration(
            Bucket=self.bucket,
            NotificationConfiguration=policies.drops_notification(names, bucket=self.bucket),
        )

    def names(self):
        """Give the configured names; the region of moto's queue does not stand in its address."""
        told = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=["QueueArn"])
        return replace(policies.configured(), drops_queue=told["Attributes"]["QueueArn"])

    def put(self, key, data):
        return self.s3.put_object(Bucket=self.bucket, Key=key, Body=data).get("VersionId", "")

    def send(self, body):
        text = body if isinstance(body, str) else json.dumps(body)
        self.sqs.send_message(QueueUrl=self.queue, MessageBody=text)

    def event(self, key, *, name=CREATED, bucket=None, **more):
        item = {"key": key, "size": 1, "eTag": "x", "sequencer": "0A", **more}
        place = {"bucket": {"name": bucket or self.bucket}, "object": item}
        return {"eventVersion": "2.1", "eventSource": "aws:s3", "eventName": name, "s3": place}

    def left(self):
        """Say how many messages are in the queue, hidden ones too."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        told = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=names)
        return sum(int(count) for count in told["Attributes"].values())


@pytest.fixture
def post(moto_url, settings, library, boss, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test-double")
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(name, REGION)
    made = Post(moto_url, settings)
    yield made
    made.sqs.delete_queue(QueueUrl=made.queue)
    made.s3.close()
    made.sqs.close()


def hear(**more):
    """Read the queue once, in this thread: another has no place in a test's transaction."""
    return drops.receive(batch=new_id(), seconds=0, at_once=1, **more)


def test_what_is_dropped_comes_in_with_what_lies_beside_it(post, boss):
    post.tell()
    post.put("in/more/Ça va & 1+1.jpg.json", b'{"title": "Windermere"}')
    post.put("in/more/\u00c7a va & 1+1.jpg", samples.photo())
    post.put("in/letter.txt", b"not media")
    post.put("in/.hidden.jpg", samples.photo(shade=90))
    post.put("out/b.jpg", samples.photo(shade=120))
    call_command("read_drops", "--once", "--parallel=1")
    asset = Asset.objects.get()
    assert (asset.title, asset.owner) == ("Windermere", boss)
    assert asset.original_filename == "\u00c7a va & 1+1.jpg"
    assert asset.source_ref == f"s3://{post.bucket}/in/more/\u00c7a va & 1+1.jpg"
    assert asset.batch is not None
    assert post.left() == 0


def test_messages_that_come_twice_do_no_harm(post, user):
    post.settings.MEDIALIB_DROPS_OWNER = user.username
    post.put("in/a b.jpg", samples.photo())
    told = {"Records": [post.event("in/a+b.jpg")]}
    for body in (told, told, {"Type": "Notification", "Message": json.dumps(told)}):
        post.send(body)
    assert hear() == 3
    assert Asset.objects.get().owner == user
    assert post.left() == 0


def test_a_version_is_taken_as_it_was_and_never_again(post):
    versions = {"Status": "Enabled"}
    post.s3.put_bucket_versioning(Bucket=post.bucket, VersioningConfiguration=versions)
    first = post.put("in/a.jpg", samples.photo(shade=10))
    post.put("in/a.jpg", samples.photo(shade=200))
    told = {"Records": [post.event("in/a.jpg", versionId=first)]}
    post.send(told)
    hear()
    asset = Asset.objects.get()
    assert asset.source_ref.endswith(f"in/a.jpg?versionId={first}")
    assert asset.size == len(samples.photo(shade=10))
    Asset.objects.update(deleted_at=asset.created_at)
    post.send(told)
    assert hear() == 1
    assert Asset.objects.count() == 1


def test_news_that_are_nothing_to_do_are_read_away(post, caplog):
    caplog.set_level(logging.INFO, "medialib.drops")
    post.send({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": post.bucket})
    post.send({"Records": [post.event("in/a.jpg", name="ObjectRemoved:Delete")]})
    post.send({"Records": [post.event("in/gone.jpg")]})
    post.send({"Records": [post.event("in/folder/", size=0)]})
    post.send({"Records": [post.event("in/a.jpg", bucket="somebody-elses")]})
    post.send({"Records": [post.event("inside/a.jpg"), post.event("../in/a.jpg")]})
    assert hear() == 6
    assert post.left() == 0
    assert not Asset.objects.exists()
    assert f"{post.bucket} has said that it will tell of drops" in caplog.text
    assert "in/gone.jpg: gone" in caplog.text
    assert "s3://somebody-elses/in/a.jpg lies in no place" in caplog.text
    assert f"s3://{post.bucket}/inside/a.jpg lies in no place" in caplog.text


@pytest.mark.parametrize(
    "body",
    [
        "no JSON",
        "[]",
        "{}",
        '{"Records": 1}',
        '{"Records": [{}]}',
        '{"Records": ["x"]}',
        '{"Records": [{"eventName": "ObjectCreated:Put", "s3": {}}]}',
        '{"Records": [{"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": "b"},'
        ' "object": {"key": 1}}}]}',
        '{"Message": "{"}',
    ],
)
def test_what_is_not_understood_is_left_for_the_dead_letters(post, caplog, body):
    post.send(body)
    assert hear() == 1
    assert post.left() == 1
    assert "holds a message that is not S3's; it is left there." in caplog.text


def test_a_message_stays_until_all_its_files_are_in(post, library):
    post.put("in/a.jpg", samples.photo())
    post.put("in/b.jpg", samples.photo(shade=200))
    post.send({"Records": [post.event("in/a.jpg"), post.event("in/b.jpg")]})
    (library / "assets").write_text("no folder can be made here")
    with pytest.raises(Wait):
        hear()
    assert post.left() == 1
    assert not Asset.objects.exists()


def test_what_can_not_be_taken_is_told_and_read_away(post, caplog):
    post.settings.MEDIALIB_MAX_UPLOAD_BYTES = 10
    post.put("in/a.jpg", samples.photo())
    post.send({"Records": [post.event("in/a.jpg")]})
    hear()
    assert post.left() == 0
    assert "in/a.jpg: This file is larger than the limit" in caplog.text


def test_a_queue_or_an_owner_that_is_not_there_is_said(post):
    post.settings.MEDIALIB_DROPS_OWNER = "nobody"
    post.send({"Records": []})
    with pytest.raises(CommandError, match="no user"):
        call_command("read_drops", "--once", "--parallel=1")
    post.settings.MEDIALIB_DROPS_QUEUE_URL = f"{post.queue}-gone"
    with pytest.raises(Wait, match="drops' queue"):
        hear()
    post.settings.MEDIALIB_DROPS_QUEUE_URL = ""
    with pytest.raises(CommandError, match="MEDIALIB_DROPS_QUEUE_URL"):
        call_command("read_drops")


def found():
    [look] = doctor_drops.looks().values()
    return [(finding.tone, finding.sentence) for finding in look()]


def test_the_doctor_sees_what_keeps_drops_out(post):
    assert ("bad", f"The bucket {post.bucket} may not write to the queue.") in found()
    assert ("bad", f"The bucket {post.bucket} tells the queue nothing.") in found()
    assert ("note", "What is not understood comes back again and again.") in found()
    policy = json.dumps(policies.drops_queue_policy(post.names()))
    dead = {"deadLetterTargetArn": post.names().drops_queue, "maxReceiveCount": 20}
    post.sqs.set_queue_attributes(
        QueueUrl=post.queue, Attributes={"Policy": policy, "RedrivePolicy": json.dumps(dead)}
    )
    post.tell()
    assert {tone for tone, _ in found()} == {"ok"}
    post.settings.MEDIALIB_DROPS_OWNER = "nobody"
    post.settings.MEDIALIB_DROPS = ["s3://not-there-at-all"]
    post.settings.MEDIALIB_DROPS_QUEUE_URL = f"{post.queue}-gone"
    assert [tone for tone, _ in found()] == ["bad", "bad", "bad"]
    post.settings.MEDIALIB_DROPS_QUEUE_URL = ""
    assert doctor_drops.looks() == {}
