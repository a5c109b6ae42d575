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
