"""The main job over HTTP on the real service, nothing patched: upload, wait, search, play."""

from __future__ import annotations

import os
import random
import signal
import threading

import pytest

from tests import samples, service
from tests.servers import long

ROWS = [(0, "Car", 90.0), (500, "Car", 95.0), (1000, "Person", 80.0), (1500, "Person", 85.0)]


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with service.running(tmp_path_factory.mktemp("service")) as started:
        yield started


def test_a_clip_goes_from_upload_to_a_moment_found(running, tmp_path):
    status, asset = running.upload(samples.clip(seconds=2.0), "clip.mp4", title="Windermere")
    assert status == 201
    running.searchable(asset["id"])
    answer = tmp_path / "answer.json"
    answer.write_bytes(samples.answer(ROWS))
    running.manage("import_labels", asset["id"], str(answer))

    def find():
        _, found = running.call("GET", "/api/search/?q=cars")
        return found if found["total"]["assets"] else None

    found = running.until(find)
    [result] = found["results"]
    assert result["asset"]["id"] == asset["id"]
    [moment] = result["moments"]
    assert (moment["label"], moment["start_ms"], moment["end_ms"]) == ("Car", 0, 1000)
    _, nothing = running.call("GET", "/api/search/?q=car+and+person")
    assert nothing["total"]["assets"] == 0


def test_a_folder_is_imported_from_the_command_line(running, tmp_path):
    (tmp_path / "a.mp4").write_bytes(samples.clip(seconds=1.5))
    (tmp_path / "a.mp4.json").write_bytes(samples.answer([(0, "Dog", 91.0)], duration_ms=1500))
    (tmp_path / "letter.txt").write_text("not media")
    said = running.manage("import_media", str(tmp_path))
    assert "1 imported" in said

    def find():
        _, found = running.call("GET", "/api/search/?q=dogs")
        return found["total"]["assets"] == 1

    running.until(find)
    assert "1 already there" in running.manage("import_media", str(tmp_path))


@long
def test_killed_workers_lose_nothing(running):
    """Uploads, each with a worker killed at a random point of it; all become searchable.

    The supervisor waits twice as long after each death: with ten of them that is most of the time.
    """
    chance = random.Random(20)
    for number in range(10):
        slow = samples.clip(seconds=3.0 + number / 10, codec="mpeg4", format_="matroska")
        status, asset = running.upload(slow, f"clip-{number}.mkv")
        assert status == 201
        threading.Event().wait(chance.uniform(0.0, 2.5))
        workers = running.until(running.workers, seconds=30)
        os.kill(chance.choice(workers), signal.SIGKILL)
        running.searchable(asset["id"], seconds=120)
    assert any("starts again" in line for line in running.lines)
