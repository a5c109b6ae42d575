"""The upload page: folders, titles for all, what is known already, and a network that goes away."""

from __future__ import annotations

import re

import pytest
from django.conf import settings

from tests import samples
from tests.browser.screenshots import sign_in
from tests.browser.story import wait_until

pytestmark = pytest.mark.browser


def choose(page, *paths):
    """Open the page and choose files."""
    page.goto("/upload/")
    page.set_input_files("input[type=file]", [str(path) for path in paths])


def start(page):
    """Send what was chosen."""
    page.get_by_role("button", name=re.compile(r"^Upload \d+ file")).click()


def send_both(page, demo, keyword):
    """Send two files and wait for them; gives what the library then has of this keyword."""
    start(page)
    wait_until(
        page, "document.querySelectorAll('.upload-row[data-tone=ok]').length === 2", seconds=60
    )
    return demo.call("GET", f"/api/assets/?keyword={keyword}")[1]["results"]


def written(folder, name, width):
    """Write a photo of a width of its own, so that no other has its bytes."""
    path = folder / name
    path.write_bytes(samples.photo(size=(width, 180)))
    return path


def test_what_is_known_is_recognised_before_it_is_sent(page, tmp_path):
    path = written(tmp_path, "buoy.jpg", 311)
    choose(page, path)
    start(page)
    page.locator(".upload-row[data-tone=ok]").wait_for(timeout=60_000)
    sent = []
    page.on("request", lambda r: sent.append(r.url) if r.method == "POST" else None)
    choose(page, path)
    start(page)
    row = page.locator(".upload-row[data-tone=warn]")
    row.get_by_text("You have this file already, as “buoy.jpg”.").wait_for()
    assert sent == []
    row.get_by_role("button", name="Keep it twice").click()
    page.locator(".upload-row[data-tone=ok]").wait_for(timeout=60_000)
    assert len(sent) == 1


def test_a_folder_is_walked_and_titles_are_numbered(page, demo, tmp_path):
    folder = tmp_path / "trip"
    (folder / "day two").mkdir(parents=True)
    written(folder, "a.jpg", 312)
    written(folder / "day two", "b.jpg", 313)
    (folder / "notes.txt").write_text("left out")
    page.goto("/upload/")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose a folder").click()
    chooser.value.set_files(str(folder))
    page.get_by_text("1 other file of the folder left out").wait_for()
    page.fill("input[name=title]", "Harbour")
    page.fill("input[name=keywords]", "holiday")
    kept = send_both(page, demo, "holiday")
    assert sorted(row["title"] for row in kept) == ["Harbour 1", "Harbour 2"]


def test_a_folder_that_is_dropped_is_walked_too(page, demo, tmp_path):
    folder = tmp_path / "crossing"
    (folder / "way back").mkdir(parents=True)
    written(folder, "out.jpg", 315)
    written(folder / "way back", "home.jpg", 316)
    (folder / "log.txt").write_text("left out")
    page.goto("/upload/")
    place = page.locator("[data-drop]").bounding_box()
    wire = page.context.new_cdp_session(page)
    dragged = {"items": [], "files": [str(folder)], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        at = {"x": place["x"] + 40, "y": place["y"] + 40}
        wire.send("Input.dispatchDragEvent", {"type": kind, **at, "data": dragged})
        if kind == "dragOver":
            wait_until(page, "document.querySelector('[data-drop]').matches('.over')")
    page.get_by_text("1 other file of the folder left out").wait_for()
    assert not page.evaluate("document.querySelector('[data-drop]').matches('.over')")
    names = page.locator(".upload-row .upload-name").all_inner_texts()
    assert sorted(names) == ["home.jpg", "out.jpg"]
    page.fill("input[name=keywords]", "crossing")
    kept = send_both(page, demo, "crossing")
    assert sorted(row["original_filename"] for row in kept) == ["home.jpg", "out.jpg"]


def test_the_cost_is_said_before_anything_is_sent(chromium, paid, tmp_path):
    page = chromium.new_context(base_url=paid.url).new_page()
    sign_in(page, paid.password)
    sent = []
    page.on("request", lambda r: sent.append(r.url) if r.method == "POST" else None)
    clip = tmp_path / "half a minute.mp4"
    clip.write_bytes(samples.clip(seconds=30.0))
    choose(page, clip, written(tmp_path, "one.jpg", 317), written(tmp_path, "two.jpg", 318))
    said = page.locator("[data-cost]")
    said.get_by_text("USD").wait_for()
    photo = settings.MEDIALIB_PRICES["DetectLabels"][1]
    minute = settings.MEDIALIB_PRICES["StartLabelDetection"][1]
    words = said.inner_text()
    assert "2 photos, 1 video (0.5 min)" in words
    cost = float(re.search(r"about ([\d.]+) USD", words).group(1))
    assert cost == pytest.approx(0.5 * float(minute) + 2 * float(photo), rel=0.01)
    page.locator(".upload-row", has_text="one.jpg").get_by_role("button", name="Remove").click()
    said.get_by_text("1 photo, 1 video").wait_for()
    assert sent == []
    page.context.close()
