"""While search is away nothing else stops, nobody hears "nothing found", and all is made up for."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests import samples, service
from tests.servers import long

NOTHING_LOOKED_FOR = 3
COULD_NOT_CHECK = 2


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """A service whose index can't be opened: a folder stands where its file should be."""
    folder = tmp_path_factory.mktemp("service")
    (folder / "search" / "index.sqlite3").mkdir(parents=True)
    with service.running(folder) as started:
        yield started


def run(running, *arguments):
    own = {"MEDIALIB_URL": running.url, "MEDIALIB_TOKEN": running.token}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=service.ROOT,
        env={"PATH": os.environ["PATH"], **running.environment, **own},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@long
def test_uploads_go_on_while_search_is_away_and_are_found_when_it_is_back(running):
    status, asset = running.upload(samples.clip(seconds=1.0), "clip.mp4", title="Windermere")
    assert status == 201

    def waits():
        _, seen = running.call("GET", f"/api/assets/{asset['id']}/")
        return seen if seen["status"]["waiting_for"] == "search" else None

    seen = running.until(waits)
    assert seen["poster_url"]
    assert seen["status"]["state"] == "labelling", "not searchable before search has it"
    status, problem = running.call("GET", "/api/search/?q=windermere")
    assert (status, problem["code"]) == (503, "search_unavailable")
    code, told, sentence = run(running, "-m", "medialib.client", "search", "windermere")
    assert (code, told) == (NOTHING_LOOKED_FOR, "")
    assert "index" in sentence
    for command in ("check_search_index", "rebuild_search_index"):
        code, told, _ = run(running, "manage.py", command)
        assert (code, "as the database says" in told) == (COULD_NOT_CHECK, False)

    place = running.environment["MEDIALIB_DATA_DIR"]
    os.rmdir(f"{place}/search/index.sqlite3")
    running.searchable(asset["id"])
    _, found = running.call("GET", "/api/search/?q=windermere")
    assert [result["asset"]["id"] for result in found["results"]] == [asset["id"]]
    code, told, sentence = run(running, "-m", "medialib.client", "search", "nothing-of-the-kind")
    assert (code, told) == (0, "")
    assert sentence.startswith("Nothing found")
