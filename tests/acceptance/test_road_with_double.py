"""The main job in production's shape over HTTP: media in S3 (versitygw), labels by the double.

The double stands in for Rekognition; that Rekognition itself answers like it is not proved here.
"""

from __future__ import annotations

import contextlib
import http.client
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests import service
from tests.servers.rekognition.running import cloud

DEMO = Path(__file__).resolve().parents[2] / "medialib" / "demo_data"


@pytest.fixture(scope="module")
def sky(tmp_path_factory):
    with cloud(tmp_path_factory.mktemp("cloud"), speed=10) as made:
        yield made


@pytest.fixture(scope="module")
def running(sky, tmp_path_factory):
    with service.running(tmp_path_factory.mktemp("service"), **sky.environment) as started:
        yield started


def status_of(running, asset_id):
    _, asset = running.call("GET", f"/api/assets/{asset_id}/")
    return asset["status"]


def fetch(url):
    """Fetch an address as a browser without a session would: status, where it sends to, bytes."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=30)
    with contextlib.closing(connection):
        connection.request("GET", f"{parts.path}?{parts.query}")
        response = connection.getresponse()
        return response.status, response.headers.get("Location"), response.read()


def test_photo_and_video_wait_for_a_cap_and_are_then_found_and_played(sky, running):
    clip = (DEMO / "big-buck-bunny.mp4").read_bytes()
    _, video = running.upload(clip, "bunny.mp4", visibility="public")
    _, photo = running.upload((DEMO / "chelsea.png").read_bytes(), "chelsea.png")
    for asset in (video, photo):
        running.until(lambda a=asset: status_of(running, a["id"])["waiting_for"] == "budget")
    assert sky.double.paid == [], "nothing paid runs until a cap is set"

    running.manage("costs", "--cap", "5")
    for asset in (video, photo):
        running.searchable(asset["id"])
    assert sorted(name for name, _ in sky.double.paid) == ["DetectLabels", "StartLabelDetection"]

    def find(words):
        _, found = running.call("GET", f"/api/search/?q={words}")
        return found if found["total"]["assets"] else None

    [result] = running.until(lambda: find("wildlife"))["results"]
    assert result["asset"]["id"] == video["id"]
    assert all(0 <= m["start_ms"] < m["end_ms"] <= 5300 for m in result["moments"])
    [result] = running.until(lambda: find("cat"))["results"]
    assert result["asset"]["id"] == photo["id"]
    _, boxes = running.call("GET", f"/api/assets/{photo['id']}/detections/?start_ms=0&end_ms=1")
    assert "Cat" in str(boxes)

    # Played: our address sends the browser to the bucket, which has the very bytes.
    _, asset = running.call("GET", f"/api/assets/{video['id']}/")
    status, place, _ = fetch(running.url + urlsplit(asset["playback_url"]).path)
    assert (status, fetch(place)[2]) == (302, clip)
