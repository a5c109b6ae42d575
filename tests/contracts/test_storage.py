"""What we ask of media storage, the same on disk and on S3 (moto's double, not Amazon's own)."""

from __future__ import annotations

import io
import os

import pytest
from django.core.files.base import ContentFile

from medialib import storage
from medialib.exceptions import Missing, StorageFull, StorageUnavailable

DATA = bytes(range(256)) * 40


@pytest.fixture(params=["disk", "bucket"])
def place(request, settings, tmp_path, monkeypatch):
    if request.param == "disk":
        options = {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": str(tmp_path), "base_url": None},
        }
        settings.STORAGES = {**settings.STORAGES, "default": options}
        settings.MEDIA_ROOT = tmp_path
        yield "disk"
        return
    from moto import mock_aws

    from medialib.environment import storage_options

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test-double")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    with mock_aws():
        import boto3

        client = boto3.client("s3")
        client.create_bucket(
            Bucket="media", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
        )
        options = storage_options("s3://media/library", tmp_path)
        settings.STORAGES = {**settings.STORAGES, "default": options}
        yield "bucket"
        client.close()


def test_what_was_written_is_read_again(place):
    assert storage.write_bytes("assets/a/one", DATA) == len(DATA)
    assert storage.size_of("assets/a/one") == len(DATA)
    assert storage.exists("assets/a/one")
    assert b"".join(storage.stream("assets/a/one")) == DATA


@pytest.mark.parametrize(
    ("offset", "length"), [(0, 10), (255, 2), (10_000, 240), (10_239, 5), (0, 0)]
)
def test_ranges_are_those_very_bytes(place, offset, length):
    storage.write_bytes("assets/a/one", DATA)
    assert storage.read_range("assets/a/one", offset, length) == DATA[offset : offset + length]


def test_a_source_reads_anywhere(place):
    storage.write_bytes("assets/a/one", DATA)
    with storage.open_source("assets/a/one") as source:
        assert source.size == len(DATA)
        assert source.read_at(100, 50) == DATA[100:150]
        assert source.read_at(len(DATA) - 3, 50) == DATA[-3:]
        assert source.read_at(len(DATA) + 10, 5) == b""
        assert (source.path is not None) == (place == "disk")


def test_a_local_copy_is_the_same_and_goes_away(place):
    storage.write_bytes("assets/a/one", DATA)
    with storage.local_copy("assets/a/one") as path:
        assert path.read_bytes() == DATA
    assert path.exists() == (place == "disk")


def test_what_is_gone_is_missing_and_deleting_it_is_success(place):
    storage.delete("assets/a/none")
    with pytest.raises(Missing):
        storage.size_of("assets/a/none")
    with pytest.raises(Missing):
        storage.read_range("assets/a/none", 0, 5)
    assert not storage.exists("assets/a/none")


def test_names_are_never_taken_twice(place):
    storage.write_bytes("assets/a/one", DATA)
    if place == "disk":
        with pytest.raises(StorageUnavailable):
            storage.write_bytes("assets/a/one", b"other")
        assert b"".join(storage.stream("assets/a/one")) == DATA


def test_names_are_listed_under_a_prefix(place):
    storage.write_bytes("assets/a/one", DATA)
    storage.write_bytes("assets/b/two", b"x")
    storage.write_bytes("analyses/a/three", b"y")
    assert dict(storage.list_names("assets/")) == {"assets/a/one": len(DATA), "assets/b/two": 1}


def test_lines_are_kept_compressed_and_read_as_a_stream(place):
    lines = [f"line {n}".encode() for n in range(1000)]
    size = storage.write_gzip("analyses/a/answer.jsonl.gz", iter(lines))
    assert size < sum(map(len, lines))
    with storage.open_gzip("analyses/a/answer.jsonl.gz") as file:
        assert [line.rstrip(b"\n") for line in file] == lines


def test_an_address_names_the_region_and_expires(place):
    storage.write_bytes("assets/a/one", DATA)
    address = storage.address("assets/a/one", seconds=900, content_type="video/mp4")
    if place == "disk":
        assert address is None
        return
    assert address.startswith("https://media.s3.eu-central-1.amazonaws.com/library/assets/a/one?")
    assert "X-Amz-Expires=900" in address
    assert "response-content-type=video%2Fmp4" in address


def test_a_write_that_breaks_in_the_middle_leaves_nothing(place):
    class Broken(ContentFile):
        def chunks(self, chunk_size=None):
            yield b"half"
            raise OSError(28, os.strerror(28))

        def read(self, size=-1):
            raise OSError(28, os.strerror(28))

    with pytest.raises((StorageFull, StorageUnavailable)):
        storage.write_file("assets/a/half", Broken(b"half"))
    assert not storage.exists("assets/a/half")


def test_a_full_disk_is_said_before_writing(place, settings):
    settings.MEDIALIB_MIN_FREE_BYTES = 2**62
    if place == "disk":
        with pytest.raises(StorageFull):
            storage.write_file("assets/a/one", io.BytesIO(DATA))
    else:
        storage.write_bytes("assets/a/one", DATA)
        with pytest.raises(StorageFull), storage.local_copy("assets/a/one"):
            pass
