"""The main job in a real browser: search "cars", click a moment, be there with the box on it."""

from __future__ import annotations

import re

import pytest

from tests import samples
from tests.browser.story import (
    LOOKS,
    check_boxes,
    cut_tour,
    find_and_watch,
    open_moment,
    stand_on,
    upload,
    wait_until,
)

pytestmark = pytest.mark.browser
_MARIA = """
from medialib.models import User
if not User.objects.filter(username="maria").exists():
    User.objects.create_user("maria", password="quite-a-secret-9")
"""


def test_the_whole_story(page, demo, tmp_path):
    """Send a tour, watch it become searchable, find its cars, in two looks."""
    tour = tmp_path / "from bottles to a road.mp4"
    cut_tour(tour)
    upload(page, tour)
    for look in LOOKS:
        find_and_watch(page, demo, title=tour.name, look=look)


def test_cars_opens_the_tour_at_the_moment_with_a_box_on_the_car(page, demo):
    start = open_moment(page, words="cars", title="A short tour")
    assert start > 3, "the tour begins with bottles; cars come in the middle"
    now = page.evaluate("document.querySelector('video').currentTime")
    assert now == pytest.approx(start, abs=0.1)

    stand_on(page, int(start * 1000))
    check_boxes(page, demo, label="Car")
    place = (
        "(s => { const b = document.querySelector(s).getBoundingClientRect(); return [b.x, b.y] })"
    )
    assert page.evaluate(f"{place}('canvas.overlay')") == page.evaluate(f"{place}('video')")


def test_the_video_plays_on_from_there_and_the_keys_go_to_the_next_moment(page):
    start = open_moment(page, words="bottles or cars", title="A short tour")
    page.evaluate("document.querySelector('video').play()")
    wait_until(page, f"document.querySelector('video').currentTime > {start + 0.3}")
    page.evaluate("document.querySelector('video').pause()")
    before = page.evaluate("document.querySelector('video').currentTime")
    page.keyboard.press("n")
    wait_until(page, f"Math.abs(document.querySelector('video').currentTime - {before}) > 0.05")


def test_a_copied_link_leads_another_person_to_the_moment(page, demo, chromium):
    demo.manage("shell", "-c", _MARIA)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    start = open_moment(page, words="cars", title="A short tour")
    stand_on(page, round(start * 1000))
    page.get_by_role("button", name="Copy link").click()
    page.get_by_text("It opens for everyone signed in.").wait_for()
    link = page.evaluate("navigator.clipboard.readText()")
    context = chromium.new_context(base_url=demo.url)
    other = context.new_page()
    other.goto(link)
    other.get_by_text("Sign in, and what the link leads to opens.").wait_for()
    other.fill("input[name=username]", "maria")
    other.fill("input[name=password]", "quite-a-secret-9")
    other.get_by_role("button", name="Sign in").click()
    other.wait_for_url(link)
    stand_on(other, round(start * 1000))
    context.close()


def test_only_assets_with_cars_are_listed(page, demo):
    page.goto("/search/?q=cars")
    titles = page.locator("li.row h2").all_inner_texts()
    assert {"A short tour", "On the highway", "Two cars near"} <= {t.strip() for t in titles}
    assert not {"Coffee", "Chelsea"} & {t.strip() for t in titles}


def test_a_clip_uploaded_on_the_page_becomes_searchable(page, demo, tmp_path):
    path = tmp_path / "garden walk.mp4"
    path.write_bytes(samples.clip(seconds=1.7))
    page.goto("/upload/")
    page.set_input_files("input[type=file]", str(path))
    start = page.get_by_role("button", name=re.compile("^(Upload|Start|Send)"))
    if start.count() and start.first.is_visible():
        start.first.click()
    page.get_by_text("searchable", exact=False).first.wait_for(timeout=60_000)

    def find():
        _, found = demo.call("GET", "/api/search/?q=garden")
        return found["total"]["assets"] == 1

    demo.until(find)


def test_a_clip_uploaded_in_the_admin_becomes_searchable(page, demo, tmp_path):
    path = tmp_path / "windermere bell.mp4"
    path.write_bytes(samples.clip(seconds=1.9))
    page.goto("/admin/medialib/asset/add/")
    page.set_input_files("input[name=file]", str(path))
    page.click("input[name=_save]")
    page.wait_for_url("**/change/")
    asset = re.search(r"asset/([0-9a-f-]+)/change", page.url).group(1)
    demo.searchable(asset)
    page.reload()
    assert "Searchable" in page.inner_text("#content")


def test_a_clip_uploaded_by_the_api_becomes_searchable(demo):
    status, asset = demo.upload(samples.clip(seconds=2.1), "island.mp4", title="Zanzibar at noon")
    assert status == 201
    demo.searchable(asset["id"])
    _, found = demo.call("GET", "/api/search/?q=zanzibar")
    assert [row["asset"]["id"] for row in found["results"]] == [asset["id"]]


def test_together_in_time_is_what_a_brute_force_over_the_moments_says(demo):
    """`car and person`, `car not person`: compared with the moments listed by the API."""
    _, listed = demo.call("GET", "/api/assets/?page_size=100")
    spans = {}
    for asset in listed["results"]:
        _, moments = demo.call("GET", f"/api/assets/{asset['id']}/moments/")
        by_label = spans.setdefault(asset["id"], {"Car": set(), "Person": set()})
        for moment in moments["results"]:
            if moment["label"] in by_label:
                end = moment["end_ms"] or 1
                by_label[moment["label"]] |= set(range(moment["start_ms"], end))
    for words, wanted in {
        "car and person": {a for a, s in spans.items() if s["Car"] & s["Person"]},
        "car not person": {a for a, s in spans.items() if s["Car"] - s["Person"]},
        "car or person": {a for a, s in spans.items() if s["Car"] | s["Person"]},
    }.items():
        _, found = demo.call("GET", f"/api/search/?page_size=100&q={words.replace(' ', '+')}")
        assert {row["asset"]["id"] for row in found["results"]} == wanted, words
