"""A network that goes away in the middle: each page says so and offers another try."""

from __future__ import annotations

import pytest

from tests.browser.story import open_moment, wait_until
from tests.browser.test_upload_page import choose, start, written

pytestmark = pytest.mark.browser


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


def test_more_results_can_be_asked_for_again(page, piers):
    page.goto("/search/?q=pier")
    first = page.locator("li.row").count()
    page.context.set_offline(True)
    more = page.get_by_role("link", name="Show more")
    more.click()
    page.get_by_text("The network is away. Try again in a moment.").wait_for()
    page.context.set_offline(False)
    more.click()
    wait_until(page, f"document.querySelectorAll('li.row').length > {first}")
    page.errors.clear()


def test_a_link_that_has_run_out_is_renewed_where_the_person_was(page):
    """What a bucket says of an address that has run out; the jump behind it is not lost."""
    slow = {"offline": False, "latency": 0, "downloadThroughput": 150e3, "uploadThroughput": -1}
    page.context.new_cdp_session(page).send("Network.emulateNetworkConditions", slow)
    open_moment(page, words="bottles", title="A short tour")
    asked = []

    def run_out(route):
        asked.append(route.request.url)
        if len(asked) == 1:
            route.fulfill(status=403, body="Request has expired")
        else:
            route.continue_()

    page.route("**/playback", run_out)
    page.evaluate("document.querySelector('media-player').seek(20000)")
    at = "Number(document.querySelector('canvas.overlay').dataset.at)"
    wait_until(page, f"Math.abs({at} - 20000) <= 40", seconds=60)
    assert len(asked) >= 2
    assert page.locator("[data-broken]").is_hidden()
    page.errors.clear()
