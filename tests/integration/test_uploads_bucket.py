"""Uploads in parts straight to a real S3 server: nothing of the file passes through us."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.urls import reverse
from django.utils import timezone

from medialib import parts, storage, uploads
from medialib.environment import storage_options
from medialib.models import Asset, Upload
from tests import samples
from tests.servers import versitygw

PART = 5 * 1024**2


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    with versitygw.running(tmp_path_factory.mktemp("s3")) as started:
        yield started


@pytest.fixture
def mine(client, user, library, gateway, settings, monkeypatch):
    for name, value in gateway.environment.items():
        monkeypatch.setenv(name, value)
    settings.MEDIALIB_PART_BYTES = PART
    place = storage_options("s3://media/library", library)
    settings.STORAGES = {**settings.STORAGES, "default": place}
    client.force_login(user)
    yield client
    for upload in Upload.objects.exclude(provider_upload_id=""):
        uploads.abandon(upload)


@pytest.fixture
def data():
    clip = samples.clip()
    padding = 2 * PART + 1000
    return clip + padding.to_bytes(4, "big") + b"free" + os.urandom(padding - 8)


def call(client, name, *arguments, **body):
    return client.post(
        reverse(name, args=arguments), json.dumps(body), content_type="application/json"
    )


def begin(client, data, **more):
    return call(client, "api-uploads", filename="a.mp4", size=len(data), **more).json()


def put(url, data):
    parted = urlsplit(url)
    connection = http.client.HTTPConnection(parted.netloc, timeout=30)
    with contextlib.closing(connection):
        try:
            connection.request("PUT", f"{parted.path}?{parted.query}", body=data)
            answer = connection.getresponse()
        except ConnectionError:
            # It refuses by the signature, before it has read the bytes.
            return 403
        answer.read()
        return answer.status


def addresses(client, upload, numbers):
    rows = call(client, "api-upload-parts", upload["id"], numbers=numbers).json()
    return {row["number"]: row["url"] for row in rows}


def piece(data, number):
    return data[(number - 1) * PART : number * PART]


def test_parts_go_straight_to_the_bucket_and_become_the_asset(mine, data, gateway, drain, fresh):
    upload = begin(mine, data)
    found = addresses(mine, upload, [3, 1, 2])
    assert all(url.startswith(gateway.url) for url in found.values())
    assert put(found[3], piece(data, 3)) == 200
    assert put(found[1], piece(data, 1)) == 200
    seen = mine.get(reverse("api-upload", args=[upload["id"]])).json()
    assert seen["arrived"] == [1, 3]
    early = call(mine, "api-upload-complete", upload["id"])
    assert early.status_code == 409
    assert put(found[2], piece(data, 2)) == 200
    assert put(found[2], piece(data, 2)) == 200
    answer = call(mine, "api-upload-complete", upload["id"])
    assert answer.status_code == 201
    asset = Asset.objects.get(pk=answer.json()["id"])
    assert b"".join(storage.stream(asset.original_name)) == data
    again = call(mine, "api-upload-complete", upload["id"])
    assert again.json()["id"] == answer.json()["id"]


def test_an_address_takes_no_other_size(mine, data):
    upload = begin(mine, data)
    [url] = addresses(mine, upload, [1]).values()
    assert put(url, piece(data, 1)[:-1]) == 403
    other = url.replace("partNumber=1", "partNumber=2")
    assert put(other, piece(data, 2)) == 403
    assert mine.get(reverse("api-upload", args=[upload["id"]])).json()["arrived"] == []


def test_a_crash_after_joining_is_mended_by_completing_again(mine, data):
    upload = begin(mine, data)
    for number, url in addresses(mine, upload, [1, 2, 3]).items():
        put(url, piece(data, number))
    parts.finish(uploads.plan_of(Upload.objects.get(pk=upload["id"])))
    assert call(mine, "api-upload-complete", upload["id"]).status_code == 201


def test_other_bytes_than_announced_end_rejected(mine, data, drain):
    upload = begin(mine, data, sha256="0" * 64)
    for number, url in addresses(mine, upload, [1, 2, 3]).items():
        put(url, piece(data, number))
    assert call(mine, "api-upload-complete", upload["id"]).status_code == 201
    drain()
    asset = Asset.objects.get(pk=upload["id"])
    assert (asset.state, asset.code) == ("rejected", "checksum")


def test_what_is_given_up_or_lost_leaves_no_parts_in_the_bucket(mine, data, gateway):
    client = gateway.client()

    def unfinished():
        return client.list_multipart_uploads(Bucket="media").get("Uploads") or []

    before = len(unfinished())
    upload = begin(mine, data)
    lost = begin(mine, data)
    assert len(unfinished()) == before + 2
    assert mine.delete(reverse("api-upload", args=[upload["id"]])).status_code == 204
    Upload.objects.filter(pk=lost["id"]).delete()
    future = timezone.now() + timedelta(hours=1)
    assert parts.sweep(known=set(), older_than=future) >= 1
    assert unfinished() == []
    client.close()
