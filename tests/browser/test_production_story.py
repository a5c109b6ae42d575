"""The story in production's shape, chosen by environment only, from an upload in the admin on.

PostgreSQL, Redis, OpenSearch and an S3 server are real; Rekognition is a double, which answers for
the tour what stands in `answer_for_the_tour`. That Amazon answers so is not proved here.
"""

from __future__ import annotations

import hashlib
import json
import re
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
# Opens what is folded and waits for every picture; one that does not load is an error.
_WHOLE = """async () => {
  for (const folded of document.querySelectorAll("main details")) folded.open = true;
  await Promise.all([...document.images].map((picture) => {
    picture.loading = "eager";
    return picture.decode();
  }));
}"""


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
    """Add the tour in the admin and wait until it is searchable; gives its id."""
    page.goto("/admin/medialib/asset/add/")
    page.set_input_files("input[type=file]", str(tour))
    page.click("input[name=_save]")
    page.wait_for_url("**/change/", timeout=120_000)
    asset_id = page.url.split("/asset/")[1].split("/")[0]
    running.searchable(asset_id, seconds=180)
    return asset_id


def all_that_is_seen(page, asset_id):
    """Gather what a person sees and can fetch: the words of pages with all pictures, and files."""
    seen = {}
    # The story before may have ended on a narrow window.
    page.set_viewport_size({"width": 1280, "height": 800})
    pages = ("/", "/?view=table", "/search/?q=cars", "/search/?q=cat&view=wall", "/costs/")
    for address in (*pages, f"/assets/{asset_id}/?label=Car"):
        page.goto(address)
        page.wait_for_load_state("networkidle")
        page.evaluate(_WHOLE)
        # How long the search took is another number each time.
        seen[address] = re.sub(r"· \d+\.\d\d s\b", "", page.locator("main").inner_text())
    page.goto("/activity/")
    seen["done"] = page.get_by_role("region", name="Done today").inner_text()
    for name in ("poster.jpg", "storyboard.jpg", "playback", "original"):
        answer = page.request.get(f"/media/{asset_id}/{name}")
        assert answer.ok, name
        seen[name] = hashlib.sha256(answer.body()).hexdigest()
    for address in (f"/assets/{asset_id}/moments.csv", f"/api/assets/{asset_id}/detections/"):
        answer = page.request.get(address)
        assert answer.ok, address
        seen[address] = answer.text()
    return seen


def test_the_story_starts_in_the_admin_and_outlives_the_local_disk(chromium, shape, tmp_path):
    variables, tour = shape
    with service.running(tmp_path / "first", **variables) as running:
        first, password = running.url, running.password
        running.manage("costs", "--cap", "5")
        page = opened(chromium, running, password)
        asset_id = upload_in_the_admin(page, running, tour)
        for look in LOOKS:
            find_and_watch(page, running, title=NAME, look=look)
        # A frame that came from the bucket is saved all the same.
        page.go_forward()
        page.wait_for_url("**/assets/**")
        page.locator("canvas.overlay[data-at]").wait_for()
        with page.expect_download() as saved:
            page.keyboard.press("s")
        assert saved.value.suggested_filename.startswith(NAME)
        before = all_that_is_seen(page, asset_id)
        assert page.errors == []
        page.context.close()
    shutil.rmtree(tmp_path / "first")
    with service.running(tmp_path / "second", **variables) as running:
        page = opened(chromium, running, password)
        after = all_that_is_seen(page, asset_id)
        assert after.keys() == before.keys()
        for what, seen in before.items():
            assert after[what].replace(running.url, first) == seen, what
        assert NAME in after["/"]
        assert "Car" in after[f"/assets/{asset_id}/moments.csv"]
        find_and_watch(page, running, title=NAME, look=LOOKS[0])
        assert page.errors == []
        page.context.close()
