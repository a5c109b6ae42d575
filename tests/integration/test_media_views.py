"""Bytes at our addresses: ranges, headers, and access checked for every one of them."""

from __future__ import annotations

import io

import pytest
from django.urls import reverse

from medialib import services
from tests import samples

ROWS = [(0, "Car", 90.0), (500, "Car", 95.0)]


@pytest.fixture
def asset(user, library, drain, fresh):
    made = services.create_asset(
        owner=user,
        file=io.BytesIO(samples.clip()),
        filename='we"ird\u2026.mp4',
        details=services.Details(visibility="private"),
        answer=io.BytesIO(samples.answer(ROWS)),
    )
    drain()
    return fresh(made)


@pytest.fixture
def mine(client, user):
    client.force_login(user)
    return client


def body(response):
    return b"".join(response.streaming_content)


def test_the_whole_file_and_its_headers(mine, asset):
    response = mine.get(reverse("media-playback", args=[asset.pk]))
    assert response.status_code == 200
    assert body(response) == samples.clip()
    assert response["Content-Type"] == "video/mp4"
    assert response["Accept-Ranges"] == "bytes"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in response["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("header", "start", "end"),
    [
        ("bytes=0-99", 0, 100),
        ("bytes=100-", 100, None),
        ("bytes=-50", -50, None),
        ("bytes=7-7", 7, 8),
    ],
)
def test_ranges_give_those_very_bytes(mine, asset, header, start, end):
    whole = samples.clip()
    response = mine.get(reverse("media-playback", args=[asset.pk]), headers={"Range": header})
    assert response.status_code == 206
    expected = whole[start:end]
    assert body(response) == expected
    first = len(whole) + start if start < 0 else start
    assert response["Content-Range"] == f"bytes {first}-{first + len(expected) - 1}/{len(whole)}"
    assert int(response["Content-Length"]) == len(expected)


def test_a_range_past_the_end_is_416(mine, asset):
    url = reverse("media-playback", args=[asset.pk])
    response = mine.get(url, headers={"Range": "bytes=99999999-"})
    assert response.status_code == 416
    assert response["Content-Range"] == f"bytes */{len(samples.clip())}"


@pytest.mark.parametrize("header", ["bytes=0-1,4-5", "bytes=5-2", "lines=1-2", "bytes=abc"])
def test_ranges_we_do_not_serve_give_the_whole_file(mine, asset, header):
    response = mine.get(reverse("media-playback", args=[asset.pk]), headers={"Range": header})
    assert response.status_code == 200
    assert body(response) == samples.clip()


def test_head_answers_headers_alone(mine, asset):
    response = mine.head(reverse("media-playback", args=[asset.pk]))
    assert response.status_code == 200
    assert int(response["Content-Length"]) == len(samples.clip())
    assert response.content == b""


def test_if_range_holds_only_for_the_same_object(mine, asset):
    url = reverse("media-playback", args=[asset.pk])
    etag = mine.head(url)["ETag"]
    same = mine.get(url, headers={"Range": "bytes=0-9", "If-Range": etag})
    assert same.status_code == 206
    assert body(same) == samples.clip()[:10]
    other = mine.get(url, headers={"Range": "bytes=0-9", "If-Range": '"other"'})
    assert other.status_code == 200
    assert body(other) == samples.clip()
    assert mine.get(url, headers={"If-None-Match": etag}).status_code == 304


def test_the_original_is_a_download_with_its_name_quoted(mine, asset):
    response = mine.get(reverse("media-original", args=[asset.pk]))
    assert response["Content-Disposition"].startswith("attachment; filename*=utf-8''we%22ird")
    assert body(response) == samples.clip()


def test_a_moments_picture_is_served_and_a_missing_one_falls_back_to_the_nearest(mine, asset):
    exact = mine.get(reverse("media-frame", args=[asset.pk, 0]))
    near = mine.get(reverse("media-frame", args=[asset.pk, 777]))
    assert exact["Content-Type"] == near["Content-Type"] == "image/jpeg"
    assert body(exact) == body(near)


ADDRESSES = ["media-poster", "media-storyboard", "media-playback", "media-original", "media-frame"]


@pytest.mark.parametrize("name", ADDRESSES)
def test_other_peoples_bytes_are_404(client, asset, other, name):
    client.force_login(other)
    args = [asset.pk, 0] if name == "media-frame" else [asset.pk]
    assert client.get(reverse(name, args=args)).status_code == 404
    client.logout()
    assert client.get(reverse(name, args=args)).status_code == 404


def test_the_public_sees_renditions_of_public_assets_but_never_the_original(client, asset):
    type(asset).objects.filter(pk=asset.pk).update(visibility="public")
    assert client.get(reverse("media-poster", args=[asset.pk])).status_code == 200
    assert client.get(reverse("media-playback", args=[asset.pk])).status_code == 200
    assert client.get(reverse("media-original", args=[asset.pk])).status_code == 404


@pytest.mark.parametrize("name", ADDRESSES)
def test_nothing_of_an_asset_in_the_trash_is_served(mine, asset, user, name):
    services.trash_asset(asset, actor=user)
    args = [asset.pk, 0] if name == "media-frame" else [asset.pk]
    assert mine.get(reverse(name, args=args)).status_code == 404


def test_nginx_may_send_the_bytes(mine, asset, settings):
    settings.MEDIALIB_X_ACCEL_PREFIX = "/protected"
    response = mine.get(reverse("media-playback", args=[asset.pk]))
    assert response["X-Accel-Redirect"] == f"/protected/{asset.original_name}"
    assert response.content == b""
