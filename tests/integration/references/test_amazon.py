"""Referenced buckets at Amazon (moto's double of it): regions, signed addresses, the doctor."""

from __future__ import annotations

import contextlib
import io

import boto3
import pytest
from django.core.management import call_command
from moto import mock_aws

from medialib import aws, references, referring, storage
from medialib.exceptions import StorageUnavailable
from medialib.management import doctor_aws
from tests import samples

HERE, THERE = "eu-central-1", "eu-west-1"


@pytest.fixture
def archive(library, settings, monkeypatch):
    """A bucket in another region than the one that is set, beside a library on a disk."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test-double")
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(name, HERE)
    settings.MEDIALIB_REFERENCE_BUCKETS = ["archive"]
    with mock_aws():
        client = boto3.client("s3", region_name=THERE)
        place = {"LocationConstraint": THERE}
        client.create_bucket(Bucket="archive", CreateBucketConfiguration=place)
        client.put_object(Bucket="archive", Key="a.mp4", Body=samples.clip())
        yield client
        aws.forget_clients()
        client.close()


@pytest.fixture
def asset(archive, user):
    return referring.create_reference(owner=user, place="s3://archive/a.mp4", filename="a.mp4")


def test_a_bucket_is_asked_in_its_own_region(asset):
    assert b"".join(storage.stream(asset.original_name)) == samples.clip()
    place = storage.in_bucket(asset.original_name)
    assert (place.bucket, place.region, place.endpoint) == ("archive", THERE, "")
    address = storage.address(asset.original_name, seconds=900, content_type="video/mp4")
    assert address.startswith(f"https://archive.s3.{THERE}.amazonaws.com/a.mp4?")
    assert "X-Amz-Expires=900" in address


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("404", references.OriginalGone),
        ("NoSuchBucket", references.OriginalGone),
        # Who may not list a bucket is told so of what is not there, too.
        ("403", references.OriginalHidden),
        ("AccessDenied", references.OriginalHidden),
        ("SlowDown", StorageUnavailable),
        ("500", StorageUnavailable),
    ],
)
def test_each_refusal_of_a_bucket_has_its_meaning(asset, code, error):
    def refuse(model, **_):
        status = int(code) if code.isdigit() else 400
        body = f"<Error><Code>{code}</Code></Error>".encode()
        return _Refusal(status), {"Error": {"Code": code}, "ResponseMetadata": {}, "body": body}

    client, _ = storage.bucket_call(asset.original_name)
    client.meta.events.register("before-call.s3", refuse)
    try:
        with pytest.raises(error):
            storage.size_of(asset.original_name)
    finally:
        client.meta.events.unregister("before-call.s3", refuse)


class _Refusal:
    """An answer of the wire, as far as Amazon's library looks at it."""

    def __init__(self, status):
        self.status_code = status


def doctor():
    out = io.StringIO()
    with contextlib.suppress(SystemExit):
        call_command("doctor", stdout=out, no_color=True)
    return " ".join(out.getvalue().split())


def test_the_doctor_says_where_a_bucket_is_and_what_that_means(asset, archive, settings):
    said = doctor()
    assert f"ok referenced buckets archive answers from {THERE}." in said
    assert "ok references 1 original outside the library can be read." in said
    entry = settings.LABELLING_BACKENDS["rekognition"]
    options = {**entry["OPTIONS"], "region": HERE}
    settings.LABELLING_BACKENDS = {
        **settings.LABELLING_BACKENDS,
        "rekognition": {**entry, "OPTIONS": options},
    }
    settings.MEDIALIB_LABELLING = "rekognition"
    [found] = doctor_aws.looks()["referenced buckets"]()
    assert found.sentence == f"archive is in {THERE}: Rekognition in {HERE} can't read its videos."
    settings.MEDIALIB_REFERENCE_BUCKETS = ["no-such-bucket"]
    [found] = doctor_aws.looks()["referenced buckets"]()
    assert (found.tone, found.sentence[:31]) == ("bad", "no-such-bucket does not answer ")


def test_a_bucket_that_tells_nothing_of_what_is_gone_is_not_believed(asset):
    """It answers "forbidden" both for what may not be read and for what is not there."""
    lost = references.lost("403")
    assert lost.code == "original_closed"
    assert "It is not there any more, or this service may not read it" in lost.detail
    assert "s3:GetObject and s3:ListBucket" in lost.detail
