"""Uploads in parts, on disk and in a bucket: any order, any break, nothing twice, nothing lost."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import time
import uuid
from datetime import timedelta

import pytest
from django.core import signing
from django.core.files.storage import default_storage
from django.urls import reverse
from django.utils import timezone

from medialib import parts, services, storage, uploads
from medialib.intake import fingerprint_of
from medialib.models import ApiToken, Asset, Upload
from tests import samples


@pytest.fixture(autouse=True)
def _small_parts(settings):
    # The protocol is the same for any part size; small ones keep the tests quick.
    settings.MEDIALIB_PART_BYTES = 1000


@pytest.fixture
def mine(client, user, library):
    client.force_login(user)
    return client


@pytest.fixture
def clip():
    return samples.clip()


def call(client, method, name, *arguments, query="", **body):
    address = reverse(name, args=arguments) + query
    send = getattr(client, method)
    if method in ("get", "delete"):
        return send(address)
    return send(address, json.dumps(body), content_type="application/json")


def begin(client, data, *, query="", **more):
    said = {"filename": "clip.mp4", "size": len(data), "content_type": "video/mp4"} | more
    return call(client, "post", "api-uploads", query=query, **said)


def addresses(client, upload, numbers):
    answer = call(client, "post", "api-upload-parts", upload["id"], numbers=list(numbers))
    assert answer.status_code == 200, answer.content
    return answer.json()


def put(client, address, data, **headers):
    path = address["url"].removeprefix("http://testserver")
    return client.put(path, data, content_type="application/octet-stream", headers=headers)


def piece(data, upload, number):
    start = (number - 1) * upload["part_size"]
    return data[start : start + upload["part_size"]]


def send_all(client, upload, data, numbers=None):
    numbers = numbers or range(1, upload["part_count"] + 1)
    for address in addresses(client, upload, numbers):
        answer = put(client, address, piece(data, upload, address["number"]))
        assert answer.status_code == 204, answer.content


def complete(client, upload):
    return call(client, "post", "api-upload-complete", upload["id"])


def fingerprint(data):
    return fingerprint_of(len(data), data[: 1024**2], data[-(1024**2) :])


def test_parts_in_any_order_become_the_asset_without_a_second_copy(mine, clip, drain, fresh):
    upload = begin(mine, clip, title="Windermere", keywords=["sea"]).json()
    assert upload["part_count"] > 2
    send_all(mine, upload, clip, reversed(range(1, upload["part_count"] + 1)))
    [part_file] = [name for name, _ in storage.list_names("uploads/") if name.endswith("data")]
    inode = os.stat(default_storage.path(part_file)).st_ino
    answer = complete(mine, upload)
    assert answer.status_code == 201
    asset = Asset.objects.get(pk=answer.json()["id"])
    assert answer["Location"] == reverse("api-asset", args=[asset.pk])
    assert os.stat(default_storage.path(asset.original_name)).st_ino == inode
    assert b"".join(storage.stream(asset.original_name)) == clip
    assert list(storage.list_names("uploads/")) == []
    drain()
    asset = fresh(asset)
    assert (asset.state, asset.title) == ("searchable", "Windermere")
    assert asset.sha256 == hashlib.sha256(clip).hexdigest()
    assert asset.fingerprint == fingerprint(clip)


def test_what_arrived_is_said_and_the_rest_can_follow(mine, clip):
    upload = begin(mine, clip).json()
    send_all(mine, upload, clip, [2])
    seen = call(mine, "get", "api-upload", upload["id"]).json()
    assert seen["arrived"] == [2]
    assert seen["arrived_bytes"] == 1000
    answer = complete(mine, upload)
    assert answer.status_code == 409
    assert "have not arrived" in answer.json()["detail"]
    send_all(mine, upload, clip)
    assert complete(mine, upload).status_code == 201
    assert complete(mine, upload).json()["id"] == upload["id"]
    assert Asset.objects.count() == 1
    assert call(mine, "get", "api-upload", upload["id"]).json()["asset_url"]


def test_a_part_sent_twice_counts_once_and_a_broken_one_not_at_all(mine, clip):
    upload = begin(mine, clip).json()
    [first] = addresses(mine, upload, [1])
    whole = piece(clip, upload, 1)
    assert put(mine, first, whole).status_code == 204
    assert put(mine, first, whole).status_code == 204
    short = put(mine, first, whole[:-1])
    assert short.status_code == 422
    assert short.json()["code"] == "wrong_part_size"
    good = base64.b64encode(hashlib.sha256(whole).digest()).decode()
    assert put(mine, first, whole, **{"Content-Digest": f"sha-256=:{good}:"}).status_code == 204
    other = b"x" * len(whole)
    damaged = put(mine, first, other, **{"Content-Digest": f"sha-256=:{good}:"})
    assert damaged.json()["code"] == "checksum"
    assert call(mine, "get", "api-upload", upload["id"]).json()["arrived"] == []


def test_addresses_are_for_their_part_and_their_time_only(mine, clip, client):
    upload = begin(mine, clip).json()
    first, second = addresses(mine, upload, [1, 2])
    ticket = first["url"].split("?")[1]
    swapped = {"url": second["url"].split("?")[0] + "?" + ticket}
    assert put(mine, swapped, piece(clip, upload, 2)).json()["code"] == "address_invalid"
    assert put(mine, {"url": first["url"][:-3]}, b"x").json()["code"] == "address_invalid"
    client.logout()
    assert put(client, first, piece(clip, upload, 1)).status_code == 204


def test_the_right_to_one_upload_is_none_to_another(mine, clip, client, other):
    theirs = begin(mine, clip).json()
    client.force_login(other)
    [own] = addresses(client, begin(client, clip).json(), [1])
    ticket = own["url"].split("?")[1]
    foreign = {"url": f"{reverse('api-upload-part', args=[theirs['id'], 1])}?{ticket}"}
    assert put(client, foreign, clip[:1000]).json()["code"] == "address_invalid"
    assert parts.arrived(uploads.plan_of(Upload.objects.get(pk=theirs["id"]))) == []


def test_an_address_ends_after_its_hour(mine, clip, monkeypatch):
    upload = begin(mine, clip).json()
    plan = uploads.plan_of(Upload.objects.get(pk=upload["id"]))
    earlier = time.time() - parts.ADDRESS_SECONDS - 1
    with monkeypatch.context() as clock:
        clock.setattr(signing.time, "time", lambda: earlier)
        ticket = parts.ticket(plan, 1)
    old = {"url": f"{reverse('api-upload-part', args=[upload['id'], 1])}?ticket={ticket}"}
    assert put(mine, old, clip[:1000]).json()["code"] == "address_expired"
    send_all(mine, upload, clip, [1])


def test_numbers_that_are_no_parts_are_named(mine, clip):
    upload = begin(mine, clip).json()
    answer = call(mine, "post", "api-upload-parts", upload["id"], numbers=[9999])
    assert answer.status_code == 422
    assert answer.json()["code"] == "no_such_part"
    for wrong in ([], [0], list(range(1, 102)), ["one"]):
        answer = call(mine, "post", "api-upload-parts", upload["id"], numbers=wrong)
        assert answer.status_code == 400


def test_a_file_you_have_is_refused_before_anything_is_sent(mine, user, clip):
    import io

    asset = services.create_asset(owner=user, file=io.BytesIO(clip), filename="a.mp4")
    for known in ({"sha256": asset.sha256}, {"fingerprint": fingerprint(clip)}):
        answer = begin(mine, clip, **known)
        assert answer.status_code == 409
        assert answer.json()["asset_id"] == str(asset.pk)
        assert begin(mine, clip, query="?force=true", **known).status_code == 201
    assert list(Upload.objects.values_list("state", flat=True)) == ["open", "open"]


def test_a_duplicate_nobody_announced_ends_rejected(mine, user, clip, drain):
    import io

    first = services.create_asset(owner=user, file=io.BytesIO(clip), filename="a.mp4")
    upload = begin(mine, clip).json()
    send_all(mine, upload, clip)
    assert complete(mine, upload).status_code == 201
    drain()
    asset = Asset.objects.get(pk=upload["id"])
    assert (asset.state, asset.code) == ("rejected", "duplicate")
    assert asset.duplicate_of_id == first.pk


def test_other_bytes_than_announced_are_refused_and_gone(mine, clip, library):
    upload = begin(mine, clip, sha256="0" * 64).json()
    send_all(mine, upload, clip)
    answer = complete(mine, upload)
    assert answer.status_code == 422
    assert answer.json()["code"] == "checksum"
    assert [path for path in library.rglob("*") if path.is_file()] == []
    assert call(mine, "get", "api-upload", upload["id"]).status_code == 404


def test_what_is_not_media_is_refused_and_gone(mine, library):
    data = b"PK\x03\x04" + bytes(25_000)
    upload = begin(mine, data).json()
    send_all(mine, upload, data)
    answer = complete(mine, upload)
    assert answer.status_code == 422
    assert answer.json()["code"] == "not_media"
    assert [path for path in library.rglob("*") if path.is_file()] == []
    assert begin(mine, data, content_type="application/zip").json()["code"] == "not_media"


def test_sizes_and_names_are_checked_before_sending(mine, settings, clip):
    settings.MEDIALIB_MAX_UPLOAD_BYTES = 1000
    assert begin(mine, clip).status_code == 413
    settings.MEDIALIB_MAX_UPLOAD_BYTES = 10**9
    assert begin(mine, clip, size=0).json()["code"] == "not_media"
    assert begin(mine, clip, sha256="not hex").status_code == 422
    assert begin(mine, clip, visibility="everyone").status_code == 400
    named = begin(mine, clip, filename="../../etc/\u202egp4.exe\x07").json()
    assert "/" not in named["filename"]
    assert "\u202e" not in named["filename"]


def test_nobody_keeps_more_than_the_quota(mine, settings, clip):
    settings.MEDIALIB_QUOTA_BYTES = int(len(clip) * 1.5)
    assert begin(mine, clip).status_code == 201
    answer = begin(mine, clip)
    assert answer.status_code == 413
    assert answer.json()["code"] == "quota"


def test_a_full_disk_is_said_before_sending(mine, settings, clip):
    settings.MEDIALIB_MIN_FREE_BYTES = 2**62
    assert begin(mine, clip).status_code == 507
    assert Upload.objects.count() == 0


def test_other_peoples_uploads_are_not_there(mine, clip, other, client):
    upload = begin(mine, clip).json()
    client.force_login(other)
    for method, name, body in (
        ("get", "api-upload", {}),
        ("delete", "api-upload", {}),
        ("post", "api-upload-parts", {"numbers": [1]}),
        ("post", "api-upload-complete", {}),
    ):
        assert call(client, method, name, upload["id"], **body).status_code == 404
    assert call(client, "get", "api-upload", uuid.uuid4()).status_code == 404
    assert call(client, "get", "api-uploads").json()["results"] == []


def test_open_uploads_are_found_again_by_fingerprint(mine, clip):
    upload = begin(mine, clip, fingerprint=fingerprint(clip)).json()
    begin(mine, clip + b"more")
    found = call(mine, "get", "api-uploads", query=f"?fingerprint={fingerprint(clip)}").json()
    assert [row["id"] for row in found["results"]] == [upload["id"]]


def test_what_is_given_up_is_gone(mine, clip, library):
    upload = begin(mine, clip).json()
    [first] = addresses(mine, upload, [1])
    assert call(mine, "delete", "api-upload", upload["id"]).status_code == 204
    assert put(mine, first, piece(clip, upload, 1)).status_code == 404
    assert [path for path in library.rglob("*") if path.is_file()] == []


def test_uploads_that_nobody_came_back_to_are_swept(mine, clip, library):
    upload = begin(mine, clip).json()
    assert uploads.sweep() == 0
    Upload.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert uploads.sweep() == 1
    assert call(mine, "get", "api-upload", upload["id"]).status_code == 404
    lost = library / "uploads" / str(uuid.uuid4())
    lost.mkdir()
    os.utime(lost, (0, 0))
    assert uploads.sweep() == 1
    assert not lost.exists()


def test_a_crash_between_bytes_and_rows_is_mended_by_completing_again(mine, clip):
    upload = begin(mine, clip).json()
    send_all(mine, upload, clip)
    parts.finish(uploads.plan_of(Upload.objects.get(pk=upload["id"])))
    services.sweep_orphans()
    assert complete(mine, upload).status_code == 201


def test_a_part_on_its_way_holds_completion_back(mine, clip):
    from medialib.part_files import PartWriter, Ticket

    upload = begin(mine, clip).json()
    send_all(mine, upload, clip)
    plan = uploads.plan_of(Upload.objects.get(pk=upload["id"]))
    ticket = Ticket(upload["id"], 1, 0, plan.size_of(1))
    with PartWriter(ticket, length=ticket.size) as part:
        answer = complete(mine, upload)
        assert answer.status_code == 409
        part.write(piece(clip, upload, 1))
        part.finish()
    assert complete(mine, upload).status_code == 201


def test_uploading_needs_the_scope(client, user, library, clip):
    _, token = ApiToken.objects.create(user, name="t", scopes=["read"])
    answer = client.post(
        reverse("api-uploads"),
        "{}",
        "application/json",
        headers={"Authorization": f"Bearer {token}"},
    )
    assert answer.status_code == 403


def test_parts_keep_their_size_up_to_the_largest_number_of_parts():
    assert parts.part_size_for(10**6) == 1000
    assert -(-(2**50) // parts.part_size_for(2**50)) <= parts.MAX_PARTS
