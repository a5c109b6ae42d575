"""The search page by hand and by keyboard: suggestions, boxes on pictures, Back to one's place."""

from __future__ import annotations

import re

import pytest

from tests.browser.story import wait_until

pytestmark = pytest.mark.browser


def test_the_keyboard_takes_a_suggestion(page):
    page.keyboard.press("/")
    page.keyboard.type("bottle and ca", delay=20)
    page.locator("[role=option][data-label=Cat]").wait_for()
    box = page.locator("header input[type=search]")
    assert box.get_attribute("aria-expanded") == "true"
    names = page.locator("[role=option] span:first-child").all_inner_texts()
    for _ in range(names.index("Cat") + 1):
        page.keyboard.press("ArrowDown")
    active = page.locator(f"#{box.get_attribute('aria-activedescendant')}")
    assert "Cat" in active.inner_text()
    page.keyboard.press("Enter")
    page.wait_for_url("**/search/**")
    assert page.input_value("header input[type=search]") == "bottle and Cat"


def test_a_pause_in_typing_loses_no_suggestion(page):
    # What was asked for in the pause is still on its way when the next words are asked for.
    page.route("**/*prefix=bottle+an*", lambda _route: None)
    page.keyboard.press("/")
    with page.expect_request("**/*prefix=bottle+an*"):
        page.keyboard.type("bottle an")
    page.keyboard.type("d ca")
    page.locator("[role=option][data-label=Cat]").wait_for(timeout=10_000)


def test_a_click_into_the_empty_box_shows_what_there_is_to_look_for(page):
    page.locator("search-box input").click()
    page.locator("search-box [role=option]", has_text="Car").first.wait_for()


def test_escape_closes_the_suggestions_and_fields_are_among_them(page):
    page.keyboard.press("/")
    page.keyboard.type("ki", delay=20)
    page.locator("[role=option]", has_text="kind:").wait_for()
    page.keyboard.press("Escape")
    assert page.locator("[role=option]").count() == 0
    assert page.input_value("header input[type=search]") == "ki"


def test_matched_boxes_are_drawn_on_the_pictures_and_hover_plays_the_storyboard(page):
    page.goto("/search/?q=cars")
    page.locator("svg.boxes rect.lane-1").first.wait_for(state="attached")
    picture = page.locator("li.row", has_text="A short tour").locator("a.picture").first
    picture.hover()
    picture.locator("canvas.film").wait_for()
    page.mouse.move(5, 5)
    wait_until(page, "document.querySelector('canvas.film') === null")


def test_the_slider_says_how_many_would_remain(page):
    page.goto("/search/?q=cars")
    page.focus("#sureness")
    page.keyboard.press("End")
    page.wait_for_url(re.compile("min_confidence=95"))
    assert "≥ 95 %" in page.locator("#sureness-says").inner_text()


def test_the_slider_counts_before_it_is_let_go(page):
    page.goto("/search/?q=cars")
    page.evaluate(
        """() => {
          const slider = document.getElementById("sureness");
          slider.value = 1;
          slider.dispatchEvent(new Event("input", {bubbles: true}));
        }"""
    )
    wait_until(
        page, "/≥ 50 %: \\d+ left/.test(document.getElementById('sureness-says').textContent)"
    )
    assert "min_confidence" not in page.url


def test_filters_are_a_sheet_on_small_screens(page):
    page.set_viewport_size({"width": 800, "height": 700})
    page.goto("/search/?q=cat+or+bottle")
    sheet = page.locator("#filters")
    assert sheet.is_hidden()
    openers = page.get_by_role("link", name="Filters", exact=True)
    openers.click()
    place = sheet.bounding_box()
    assert place["x"] == 0
    assert place["width"] == 800
    assert place["y"] + place["height"] == pytest.approx(700, abs=1)
    page.keyboard.press("Escape")
    sheet.wait_for(state="hidden")
    openers.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('#filters') !== null"), (
        "the focus is in it"
    )
    sheet.get_by_role("link", name="Close").click()
    sheet.wait_for(state="hidden")
    openers.click()
    sheet.get_by_role("link", name=re.compile("^Photo")).click()
    page.wait_for_url("**kind=photo**")
    assert sheet.is_hidden()
    assert page.locator("li.row").count() >= 1
    page.set_viewport_size({"width": 960, "height": 700})
    assert sheet.is_visible(), "beside the results where there is room"
    assert openers.is_hidden()


@pytest.mark.parametrize(
    ("address", "rows"), [("/search/?q=pier", "li.row"), ("/", "li.asset-card")]
)
def test_back_returns_to_the_same_place(page, piers, address, rows):
    page.goto(address)
    first = page.locator(rows).count()
    page.get_by_role("link", name="Show more").click()
    wait_until(page, f"document.querySelectorAll('{rows}').length > {first}")
    page.locator(rows).last.scroll_into_view_if_needed()
    before = page.evaluate("window.scrollY")
    assert before > 500
    page.goto("/upload/")
    page.go_back()
    wait_until(page, f"Math.abs(window.scrollY - {before}) < 3")
