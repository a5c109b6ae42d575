"""The story in production's shape, chosen by environment only, from an upload in the admin on.

PostgreSQL, Redis, OpenSearch and an S3 server are real; Rekognition is a double, which answers for
the tour what stands in `answer_for_the_tour`. That Amazon answers so is not proved here.
"""

from __future__ import annotations

import json
import shutil

import pytest

from tests import production_shape, service
from tests.browser.screenshots import sign_in
from tests.browser.story import CUTS, LOOKS, cut_tour, find_and_watch
from tests.servers import long
from tests.servers.rekognition import answers

pytestmark = [pytest.mark.browser, long]
NAME = "from bottles to a road.mp4"
# Where the cars of the highway's first seconds are, as the local labeller saw them.
_HIGHWAY = {"Left": 0.303, "Top": 0.555, "Width": 0.042, "Height": 0.049}


def answer_for_the_tour():
    """Compose Rekognition's answer: cars on the highway and on the road, a cat between them."""
    rows, begins = [], 0
    for name, seconds in CUTS:
        length = int(seconds * 1000)
        if name == "highway.mp4":
            seen = [{"BoundingBox": _HIGHWAY, "Confidence": 81.0}]
            label = {"Name": "Car", "Confidence": 81.0, "Instances": seen, "Parents": []}
            told = [{"Timestamp": at, "Label": label} for at in range(0, length, 500)]
        else:
            path = answers.OWN / f"{name.split('.')[0]}.labels.json"
            told = json.loads(path.read_text())["Labels"]
        if name.endswith(".png"):
            told = [{"Timestamp": at, "Label": one} for one in told for at in range(0, length, 500)]
        rows += [
            {**row, "Timestamp": begins + row["Timestamp"]}
            for row in told
            if row["Timestamp"] < length
        ]
        begins += length
    rows.sort(key=lambda row: row["Timestamp"])
    return {"Origin": "local labeller", "LabelModelVersion": "3.0", "Labels": rows}


@pytest.fixture(scope="module")
def shape(tmp_path_factory):
    """Everything outside the service: gives the variables that choose it, and the tour."""
    place = tmp_path_factory.mktemp("production")
    tour = place / "tour" / NAME
    tour.parent.mkdir()
    cut_tour(tour)
    tour.with_name("from bottles to a road.labels.json").write_text(
        json.dumps(answer_for_the_tour())
    )
    with production_shape.servers(place) as around:
        around.sky.double.registry.load(tour.parent)
        yield around.environment, tour


def opened(chromium, running, password):
    """Open a page, signed in, that notes every error of its console."""
    page = chromium.new_context(base_url=running.url).new_page()
    page.errors = []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.on("console", lambda m: page.errors.append(m.text) if m.type == "error" else None)
    sign_in(page, password)
    return page


def upload_in_the_admin(page, running, tour):
    """Add the tour in the admin and wait until it is searchable."""
    page.goto("/admin/medialib/asset/add/")
    page.set_input_files("input[type=file]", str(tour))
    page.click("input[name=_save]")
    page.wait_for_url("**/change/", timeout=120_000)
    running.searchable(page.url.split("/asset/")[1].split("/")[0], seconds=180)


def test_the_story_starts_in_the_admin_and_outlives_the_local_disk(chromium, shape, tmp_path):
    variables, tour = shape
    with service.running(tmp_path / "first", **variables) as running:
        password = running.password
        running.manage("costs", "--cap", "5")
        page = opened(chromium, running, password)
        upload_in_the_admin(page, running, tour)
        for look in LOOKS:
            find_and_watch(page, running, title=NAME, look=look)
        # A frame that came from the bucket is saved all the same.
        page.go_forward()
        page.wait_for_url("**/assets/**")
        page.locator("canvas.overlay[data-at]").wait_for()
        with page.expect_download() as saved:
            page.keyboard.press("s")
        assert saved.value.suggested_filename.startswith(NAME)
        assert page.errors == []
        page.context.close()
    shutil.rmtree(tmp_path / "first")
    with service.running(tmp_path / "second", **variables) as running:
        page = opened(chromium, running, password)
        find_and_watch(page, running, title=NAME, look=LOOKS[0])
        assert page.errors == []
        page.context.close()
