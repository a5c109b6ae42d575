"""Selecting many on the library page, by mouse and by keys, and taking a mistake back."""

from __future__ import annotations

import pytest

from tests.browser.story import wait_until

pytestmark = pytest.mark.browser


def chosen(page):
    """Say which boxes are ticked, by their place."""
    return page.evaluate(
        "[...document.querySelectorAll('.pick input')].flatMap((box, n) => box.checked ? [n] : [])"
    )


def says(page, words):
    """Wait until the bar says how many are selected."""
    wait_until(page, f"document.querySelector('[data-count]').textContent === '{words}'")


@pytest.mark.parametrize("address", ["/?kind=photo", "/?kind=photo&view=table"])
def test_shift_selects_a_range_and_the_bar_counts(page, address):
    page.goto(address)
    bar = page.locator(".selected-bar")
    assert bar.is_hidden()
    boxes = page.locator(".pick input")
    assert boxes.count() >= 3
    boxes.nth(0).click()
    says(page, "1 selected")
    assert bar.is_visible()
    boxes.nth(2).click(modifiers=["Shift"])
    assert chosen(page) == [0, 1, 2]
    says(page, "3 selected")
    boxes.nth(1).click(modifiers=["Shift"])
    assert chosen(page) == [0], "what is taken out with Shift is a range, too"
    page.get_by_role("button", name="None").click()
    assert chosen(page) == []
    assert bar.is_hidden()


def test_the_keyboard_selects_as_well(page):
    page.goto("/?kind=photo")
    count = page.locator(".pick input").count()
    page.locator(".pick input").first.focus()
    page.keyboard.press("Space")
    assert chosen(page) == [0]
    # The next box is behind the link of the first card.
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Shift+Space")
    assert chosen(page) == [0, 1, 2]
    page.keyboard.press("Control+a")
    assert chosen(page) == list(range(count))
    page.keyboard.press("Escape")
    assert chosen(page) == []


def test_what_is_moved_to_the_trash_comes_back_by_undo(page):
    page.goto("/?kind=photo&sort=title")
    before = page.locator(".asset-title").all_inner_texts()
    page.locator(".pick input").nth(0).click()
    page.locator(".pick input").nth(1).click(modifiers=["Shift"])
    page.get_by_role("button", name="Move to the trash").click()
    page.get_by_role("button", name="Undo").wait_for()
    assert page.locator(".asset-title").all_inner_texts() == before[2:]
    page.get_by_role("button", name="Undo").click()
    wait_until(page, f"document.querySelectorAll('.asset-title').length === {len(before)}")
    assert page.locator(".asset-title").all_inner_texts() == before
