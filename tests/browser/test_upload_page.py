"""The upload page: folders, titles for all, what is known already, and a network that goes away."""

from __future__ import annotations

import re

import pytest

from tests import samples
from tests.browser.story import wait_until

pytestmark = pytest.mark.browser


def choose(page, *paths):
    """Open the page and choose files."""
    page.goto("/upload/")
    page.set_input_files("input[type=file]", [str(path) for path in paths])


def start(page):
    """Send what was chosen."""
    page.get_by_role("button", name=re.compile(r"^Upload \d+ file")).click()


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
    start(page)
    wait_until(
        page, "document.querySelectorAll('.upload-row[data-tone=ok]').length === 2", seconds=60
    )
    _, listed = demo.call("GET", "/api/assets/?keyword=holiday")
    assert sorted(row["title"] for row in listed["results"]) == ["Harbour 1", "Harbour 2"]


def test_a_cut_network_is_a_sentence_and_another_try(page, tmp_path):
    context = page.context
    choose(page, written(tmp_path, "pier.jpg", 314))
    context.set_offline(True)
    start(page)
    row = page.locator(".upload-row[data-tone=bad]")
    row.get_by_text("The connection broke. Nothing is lost here: try again.").wait_for()
    context.set_offline(False)
    row.get_by_role("button", name="Try again").click()
    page.locator(".upload-row[data-tone=ok]").wait_for(timeout=60_000)
    page.errors.clear()  # Chromium itself notes each request that could not be made.


def test_activity_says_that_nothing_answers_and_looks_again(page):
    page.goto("/activity/")
    page.context.set_offline(True)
    page.evaluate("document.querySelector('live-part').dispatchEvent(new Event('look'))")
    away = page.locator("[data-away-for=activity]")
    away.get_by_text("The library does not answer").wait_for()
    page.context.set_offline(False)
    away.get_by_role("button", name="Try again").click()
    away.wait_for(state="hidden")
    page.errors.clear()


def test_a_video_that_does_not_load_offers_another_try(page):
    page.goto("/search/?q=cars")
    page.route("**/playback", lambda route: route.abort())
    page.get_by_role("link", name="A short tour", exact=True).first.click()
    note = page.locator("[data-broken]")
    note.get_by_text("The video does not load.").wait_for()
    page.unroute("**/playback")
    note.get_by_role("button", name="Try again").click()
    wait_until(page, "document.querySelector('video').readyState >= 2")
    note.wait_for(state="hidden")
    page.errors.clear()
