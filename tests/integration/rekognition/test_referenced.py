"""Videos that stay in a bucket of others are labelled there, by the double over moto's S3."""

from __future__ import annotations

import pytest

from medialib import referring
from medialib.models import Asset
from medialib.models.asset import new_id
from tests import samples
from tests.integration.rekognition.conftest import REGION, SECONDS

pytestmark = pytest.mark.django_db


@pytest.fixture
def archive(cloud, settings):
    """A bucket of others that keeps versions, beside a library on a disk."""
    settings.MEDIALIB_S3_ENDPOINT = cloud.moto
    place = {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": str(settings.MEDIA_ROOT), "base_url": None},
    }
    settings.STORAGES = {**settings.STORAGES, "default": place}
    bucket = f"archive-{new_id().hex}"
    client = cloud.client("s3")
    client.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    client.put_object(Bucket=bucket, Key="films/a.mp4", Body=samples.clip(seconds=SECONDS))
    settings.MEDIALIB_REFERENCE_BUCKETS = [bucket]
    yield bucket
    client.close()


def refer(cloud, bucket):
    asset = referring.create_reference(
        owner=cloud.owner, place=f"s3://{bucket}/films/a.mp4", filename="a.mp4"
    )
    facts = {"duration_ms": int(SECONDS * 1000), "width": 320, "height": 180}
    Asset.objects.filter(pk=asset.pk).update(state=Asset.State.LABELLING, **facts)
    return Asset.objects.get(pk=asset.pk)


def test_a_referenced_video_is_labelled_where_it_lies(cloud, archive):
    analysis = cloud.queue(refer(cloud, archive))
    cloud.finish(analysis)
    assert analysis.status == "SUCCEEDED"
    # No version is named: that would need a right that is not asked for.
    place = analysis.parameters["request"]["Video"]["S3Object"]
    assert place == {"Bucket": archive, "Name": "films/a.mp4"}


def test_a_video_in_another_region_is_refused_before_anything_is_paid(cloud, archive):
    cloud.configure(region="eu-west-1")
    analysis = cloud.queue(refer(cloud, archive))
    cloud.finish(analysis)
    assert (analysis.status, analysis.code) == ("FAILED", "other_region")
    assert "eu-west-1" in analysis.detail
    assert not cloud.double.paid


def test_a_video_that_changed_is_not_labelled(cloud, archive):
    asset = refer(cloud, archive)
    cloud.client("s3").put_object(Bucket=archive, Key="films/a.mp4", Body=samples.clip())
    analysis = cloud.queue(asset)
    cloud.finish(analysis)
    assert (analysis.status, analysis.code) == ("FAILED", "original_changed")
    assert not cloud.double.paid
