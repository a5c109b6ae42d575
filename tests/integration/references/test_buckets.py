"""Originals that stay in a bucket, on a real S3 server: read by ranges, labelled, never touched."""

from __future__ import annotations

import hashlib
import io
import json
import urllib.request
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils import timezone

from medialib import references, referring, services, storage
from medialib.environment import storage_options
from medialib.exceptions import Duplicate
from medialib.models import Asset, Step
from medialib.selectors import Principals
from search import services as search
from tests import samples
from tests.servers import versitygw

ROWS = [(0, "Car", 90.0), (500, "Car", 95.0)]
CLIP = samples.clip()
PLACE = "s3://archive/films/Küste 100%.mp4"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    folder = tmp_path_factory.mktemp("s3")
    with versitygw.running(folder, buckets=("media", "archive")) as started:
        yield started


on_both = pytest.mark.parametrize("archive", ["disk", "bucket"], indirect=True)


@pytest.fixture
def archive(request, gateway, library, settings, monkeypatch):
    """A bucket of others, beside a library that keeps its own files on disk or in its bucket."""
    for name, value in gateway.environment.items():
        monkeypatch.setenv(name, value)
    settings.MEDIALIB_S3_ENDPOINT = gateway.url
    settings.MEDIALIB_REFERENCE_BUCKETS = ["archive/films"]
    if getattr(request, "param", "disk") == "bucket":
        settings.MEDIALIB_STORAGE = "s3://media/library"
        own = storage_options(settings.MEDIALIB_STORAGE, library)
        settings.STORAGES = {**settings.STORAGES, "default": own}
    client = gateway.client()
    for key in keys(client):
        client.delete_object(Bucket="archive", Key=key)
    client.put_object(Bucket="archive", Key="films/Küste 100%.mp4", Body=CLIP)
    client.put_object(Bucket="archive", Key="films/Küste 100%.mp4.json", Body=samples.answer(ROWS))
    yield client
    client.close()


def keys(client):
    listed = client.list_objects_v2(Bucket="archive").get("Contents", ())
    return {item["Key"]: (item["ETag"], item["LastModified"], item["Size"]) for item in listed}


def run(*arguments):
    out, err = io.StringIO(), io.StringIO()
    call_command(
        "import_media", *arguments, "--reference", "--parallel", "1", stdout=out, stderr=err
    )
    return out.getvalue(), err.getvalue()


@pytest.fixture
def asset(archive, boss, client):
    """One that is found and played already; the way there is a test of its own."""
    run("s3://archive/films")
    Step.objects.all().delete()
    Asset.objects.update(state=Asset.State.SEARCHABLE, content_type="video/mp4")
    client.force_login(boss)
    return Asset.objects.get()


def fetch(address, **headers):
    with urllib.request.urlopen(urllib.request.Request(address, headers=headers)) as answer:
        return answer.status, answer.headers, answer.read()


@on_both
def test_from_import_to_removal_the_object_is_only_read(archive, boss, drain, client, library):
    before = keys(archive)
    assert "1 imported" in run("s3://archive/films")[0]
    drain()
    asset = Asset.objects.get()
    assert (asset.state, asset.is_reference, asset.source_ref) == ("searchable", True, PLACE)
    assert asset.sha256 == hashlib.sha256(CLIP).hexdigest()
    found = search.search("cars", principals=Principals.of(boss)).results
    assert [result.asset_id for result in found] == [str(asset.pk)]
    client.force_login(boss)
    page = reverse("media-playback", args=[asset.pk])
    status, headers, data = fetch(client.get(page)["Location"], Range="bytes=100-299")
    assert (status, data, headers["Content-Type"]) == (206, CLIP[100:300], "video/mp4")
    here = client.get(page, {"here": "1"}, headers={"Range": "bytes=100-299"})
    assert (here.status_code, b"".join(here.streaming_content)) == (206, CLIP[100:300])
    kept = {name for folder in ("assets/", "analyses/") for name, _ in storage.list_names(folder)}
    assert len(kept) > 3
    services.sweep_orphans(older_than=timedelta(0))
    services.trash_asset(asset, actor=boss)
    Asset.objects.update(deleted_at=timezone.now() - timedelta(days=31))
    services.purge_due()
    drain()
    assert not Asset.objects.exists()
    assert not [name for folder in ("assets/", "analyses/") for name in storage.list_names(folder)]
    assert keys(archive) == before
    body = archive.get_object(Bucket="archive", Key="films/Küste 100%.mp4")["Body"]
    assert body.read() == CLIP


@on_both
def test_an_object_is_read_like_any_other(asset, tmp_path):
    name = asset.original_name
    assert storage.size_of(name) == len(CLIP)
    assert storage.exists(name)
    assert storage.modified_at(name) <= timezone.now()
    assert b"".join(storage.stream(name)) == CLIP
    with storage.local_copy(name) as path:
        assert path.read_bytes() == CLIP
    assert not path.exists()
    place = storage.in_bucket(name)
    assert (place.bucket, place.key) == ("archive", PLACE.removeprefix("s3://archive/"))
    for write in (storage.delete, storage.delete_folder, lambda n: storage.write_bytes(n, b"x")):
        with pytest.raises(PermissionError):
            write(name)


def test_what_has_to_be_converted_is_and_the_object_stays(archive, boss, drain):
    old = samples.clip(codec="mpeg4", format_="matroska")
    archive.put_object(Bucket="archive", Key="films/old.mkv", Body=old)
    before = keys(archive)
    asset = referring.create_reference(
        owner=boss, place="s3://archive/films/old.mkv", filename="old.mkv"
    )
    drain()
    assert asset.renditions.filter(kind="playback").exists()
    assert keys(archive) == before


def test_only_buckets_and_folders_that_are_named_are_read(asset, archive, boss, settings):
    for place in ("s3://archive", "s3://archive/films-2", "s3://archive/other", "s3://media"):
        with pytest.raises(CommandError, match="MEDIALIB_REFERENCE_BUCKETS"):
            run(place)
    settings.MEDIALIB_REFERENCE_BUCKETS = []
    with pytest.raises(references.OriginalClosed):
        storage.read_range(asset.original_name, 0, 10)
    settings.MEDIALIB_STORAGE = "s3://archive/films"
    settings.MEDIALIB_REFERENCE_BUCKETS = ["archive"]
    with pytest.raises(CommandError, match="own storage"):
        run("s3://archive/films")


def test_a_second_run_skips_what_is_there_and_takes_what_has_changed(asset, archive, drain):
    assert "1 already there" in run("s3://archive/films")[0]
    archive.put_object(Bucket="archive", Key="films/copy.mp4", Body=CLIP)
    assert "2 already there" in run("s3://archive/films")[0]
    archive.put_object(Bucket="archive", Key="films/Küste 100%.mp4", Body=CLIP[:-1] + b"\xff")
    assert "1 imported" in run("s3://archive/films")[0]
    drain()
    assert Asset.objects.count() == 2


def test_a_dry_run_says_what_would_stay(archive, boss):
    assert f"would refer to {PLACE}" in run("s3://archive/films", "--dry-run")[0]
    assert not Asset.objects.exists()


def change(archive, key):
    archive.put_object(Bucket="archive", Key=key, Body=samples.clip(seconds=1.7))


def remove(archive, key):
    archive.delete_object(Bucket="archive", Key=key)


@pytest.mark.parametrize(
    ("lose", "code", "sentence"),
    [
        (remove, "original_gone", "is not there any more"),
        (change, "original_changed", "has changed since it was imported"),
    ],
)
def test_a_lost_object_is_said_everywhere(asset, archive, client, lose, code, sentence):
    lose(archive, "films/Küste 100%.mp4")
    for here in ({}, {"here": "1"}):
        answer = client.get(reverse("media-playback", args=[asset.pk]), here)
        assert (answer.status_code, answer.json()["code"]) == (410, code)
        assert sentence in answer.json()["detail"]
    status = client.get(reverse("api-asset", args=[asset.pk])).json()["status"]
    assert (status["state"], status["code"]) == ("searchable", code)
    assert sentence in client.get(reverse("asset", args=[asset.pk])).content.decode()
    out = io.StringIO()
    with pytest.raises(SystemExit):
        call_command("doctor", stdout=out, no_color=True)
    assert sentence in " ".join(out.getvalue().split())


def test_an_object_that_changes_between_two_reads_is_noticed(asset, archive):
    with storage.open_source(asset.original_name) as source:
        assert source.read_at(0, 10) == CLIP[:10]
        change(archive, "films/Küste 100%.mp4")
        with pytest.raises(references.OriginalChanged):
            source.read_at(10, 10)


def test_the_same_bytes_at_another_key_mend_what_is_lost(asset, archive, boss):
    archive.put_object(Bucket="archive", Key="films/moved.mp4", Body=CLIP)
    remove(archive, "films/Küste 100%.mp4")
    with pytest.raises(Duplicate):
        referring.create_reference(
            owner=boss, place="s3://archive/films/moved.mp4", filename="moved.mp4"
        )
    asset.refresh_from_db()
    assert storage.exists(asset.original_name)


def test_policies_let_referenced_objects_be_read_and_no_more(settings):
    settings.MEDIALIB_REFERENCE_BUCKETS = ["archive/films", "old"]
    out = io.StringIO()
    call_command("iam_policy", "--only", "caller_policy", stdout=out, stderr=io.StringIO())
    about = [
        statement
        for statement in json.loads(out.getvalue())["Statement"]
        if any(action.startswith("s3:") for action in statement["Action"])
    ]
    assert about == [
        {
            "Sid": "ReferencedOriginals",
            "Effect": "Allow",
            "Action": ["s3:GetObject"],
            "Resource": ["arn:aws:s3:::archive/films/*", "arn:aws:s3:::old/*"],
        }
    ]
