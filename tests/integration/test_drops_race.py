"""Drops taken by several threads, on both databases: equal files, and two readers of one queue."""

from __future__ import annotations

import json
from pathlib import Path

import boto3
import pytest

from medialib.models.asset import new_id
from tests import samples
from tests.manage import Manage
from tests.servers import long

REGION = "eu-central-1"
DISTINCT = 12
BEGIN = """
from django.core.management import call_command
from medialib.models import User
call_command("migrate", verbosity=0)
User.objects.create_superuser("root")
"""
COUNT = """
from datetime import timedelta
from medialib import services
from medialib.models import Asset
print("has", Asset.objects.count(), Asset.objects.values("sha256").distinct().count(),
      "orphans", len(services.sweep_orphans(older_than=timedelta(0))))
"""


@pytest.fixture
def bucket(moto_url, monkeypatch):
    """A bucket with photos, each twice, and a queue that tells of them, of some more than once."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test-double")
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(name, REGION)
    place = {"endpoint_url": moto_url, "region_name": REGION}
    s3, sqs = boto3.client("s3", **place), boto3.client("sqs", **place)
    name = f"post-{new_id().hex}"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    queue = sqs.create_queue(QueueName=name)["QueueUrl"]
    for number in range(DISTINCT):
        for key in (f"in/{number}.png", f"in/twin-{number}.png"):
            s3.put_object(Bucket=name, Key=key, Body=samples.photo("PNG", shade=10 * number))
            told = {"bucket": {"name": name}, "object": {"key": key, "size": 1}}
            event = {"Records": [{"eventName": "ObjectCreated:Put", "s3": told}]}
            for _ in range(2 if number % 4 == 0 else 1):
                sqs.send_message(QueueUrl=queue, MessageBody=json.dumps(event))
    monkeypatch.setenv("MEDIALIB_S3_ENDPOINT", moto_url)
    monkeypatch.setenv("MEDIALIB_DROPS", f"s3://{name}/in")
    monkeypatch.setenv("MEDIALIB_DROPS_QUEUE_URL", queue)
    yield lambda: sqs.get_queue_attributes(
        QueueUrl=queue,
        AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
    )["Attributes"]
    sqs.delete_queue(QueueUrl=queue)
    s3.close()
    sqs.close()


@long
def test_several_threads_of_two_readers_take_each_file_once(
    bucket, database: str, tmp_path: Path
) -> None:
    manage = Manage(database, tmp_path / "data")
    manage("shell", "-v0", "-c", BEGIN)
    readers = [manage.start("read_drops", "--once", "--parallel=4") for _ in range(2)]
    for reader in readers:
        _, wrong = reader.communicate(timeout=120)
        assert reader.returncode == 0, wrong
        assert "Traceback" not in wrong
    said = manage("shell", "-v0", "-c", COUNT)
    # Whoever came second has taken its bytes back.
    assert f"has {DISTINCT} {DISTINCT} orphans 0" in said
    assert set(bucket().values()) == {"0"}
