"""The client from a shell against the real service; what README promises is run as it stands."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest

from medialib.client.connection import ApiError
from medialib.client.library import Library
from tests import samples, service

ROWS = [(0, "Car", 90.0), (500, "Car", 95.0)]


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with service.running(tmp_path_factory.mktemp("service")) as started:
        yield started


@pytest.fixture
def library(running):
    return Library(running.url, running.token)


def shell(running):
    own = {"MEDIALIB_URL": running.url, "MEDIALIB_TOKEN": running.token}
    return {"PATH": os.environ["PATH"], "PYTHONUNBUFFERED": "1", **own}


def cli(running, *arguments, check=True):
    done = subprocess.run(
        [sys.executable, "-m", "medialib.client", *arguments],
        cwd=service.ROOT,
        env=shell(running),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert not check or done.returncode == 0, done.stderr
    return done.stdout if check else done


def test_the_round_trip_from_a_shell(running, tmp_path):
    path = tmp_path / "clip.mp4"
    path.write_bytes(samples.clip(seconds=2.0))
    line = cli(running, "--json", "upload", str(path), "--title", "Windermere", "--wait")
    asset = json.loads(line)
    assert (asset["state"], asset["title"]) == ("searchable", "Windermere")
    answer = tmp_path / "answer.json"
    answer.write_bytes(samples.answer(ROWS))
    running.manage("import_labels", asset["id"], str(answer))
    running.until(lambda: "Windermere\tCar\t0\t" in cli(running, "search", "cars"))
    [moment] = cli(running, "moments", asset["id"]).splitlines()
    assert moment.startswith("Car\t0\t1000\t")
    cli(running, "download", asset["id"], str(tmp_path / "back.mp4"))
    assert (tmp_path / "back.mp4").read_bytes() == path.read_bytes()
    again = cli(running, "upload", str(path), check=False)
    assert again.returncode == 1
    assert "already" in again.stderr


def test_events_come_as_they_happen(running, library, tmp_path):
    path = tmp_path / "clip.mp4"
    path.write_bytes(samples.clip(seconds=1.3))
    events = library.watch(every=0.1)
    asset = library.upload(path)
    seen = []
    for event in events:
        if event["asset_id"] == asset["id"]:
            seen.append(event["type"])
        if event["type"] == "asset.searchable" and event["asset_id"] == asset["id"]:
            break
    assert seen[0] == "asset.created"
    library.delete(asset["id"])
    with pytest.raises(ApiError) as caught:
        library.asset(asset["id"])
    assert caught.value.status == 404


def test_the_examples_of_the_readme_work(running, tmp_path):
    """Runs every curl line of README against the service."""
    readme = (service.ROOT / "README.md").read_text()
    lines = [line for line in readme.splitlines() if line.startswith("curl ")]
    assert len(lines) >= 2
    (tmp_path / "clip.mp4").write_bytes(samples.clip(seconds=1.4))
    for line in lines:
        line = line.replace("http://127.0.0.1:8000", running.url)
        line = re.sub(r"^curl ", "curl -sS --fail-with-body ", line)
        done = subprocess.run(
            ["bash", "-c", line],
            cwd=tmp_path,
            env={**os.environ, "TOKEN": running.token},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, (line, done.stdout, done.stderr)
        json.loads(done.stdout)


def test_a_wrong_token_is_one_sentence(running):
    done = cli(running, "--token", "ml_wrong", "search", "cars", check=False)
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1


def test_media_open_with_a_token_that_may_read_and_with_no_other(running, library, tmp_path):
    path = tmp_path / "pier.mp4"
    path.write_bytes(samples.clip(seconds=1.1))
    asset_id = library.upload(path)["id"]
    upload_only = running.manage("create_token", "admin", "--scopes", "upload").split()[-1]
    for token, status in (("ml_wrong", 401), (upload_only, 403)):
        with pytest.raises(ApiError) as caught:
            Library(running.url, token).download(asset_id, tmp_path / "x", what="poster.jpg")
        assert caught.value.status == status
