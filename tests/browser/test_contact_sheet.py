"""Pictures that are taken away: a frame with its boxes, a contact sheet of numbered frames."""

from __future__ import annotations

from itertools import pairwise

import pytest
from PIL import Image, ImageChops, ImageStat

from tests.browser.story import open_moment, wait_until

pytestmark = pytest.mark.browser
# Four columns of 400 x 225 with 12 between them; 72 above, 28 below each for its words.
WIDTH, ROW = 4 * 412 + 12, 225 + 28 + 12


def tile(sheet, number):
    """Cut one frame out of a sheet."""
    left, top = 12 + number % 4 * 412, 72 + number // 4 * ROW
    return sheet.crop((left, top, left + 400, top + 225))


def differ(one, other):
    """Tell how far two pictures are apart, 0 to 255 on average."""
    return max(ImageStat.Stat(ImageChops.difference(one, other)).mean)


def make(page, of):
    """Ask for a sheet; gives its file's name and picture."""
    page.keyboard.press("g")
    wait_until(page, "document.getElementById('sheet').open")
    page.select_option("#sheet-of", of)
    with page.expect_download() as saved:
        page.get_by_role("button", name="Make and save").click()
    wait_until(page, "!document.getElementById('sheet').open")
    with Image.open(saved.value.path()) as picture:
        return saved.value.suggested_filename, picture.convert("RGB")


def test_a_sheet_holds_a_numbered_frame_for_each_step(page):
    open_moment(page, words="cars", title="A short tour")
    name, sheet = make(page, "5")
    assert name == "A short tour contact sheet.jpg"
    # 22 s in steps of 5 s: five frames in two rows.
    assert sheet.size == (WIDTH, 72 + 2 * ROW)
    frames = [tile(sheet, number) for number in range(5)]
    for before, after in pairwise(frames):
        assert differ(before, after) > 5
    assert differ(tile(sheet, 5), Image.new("RGB", (400, 225), "white")) < 1, "no sixth"


def test_a_sheet_of_the_moments_that_are_on_shows_their_boxes(page):
    open_moment(page, words="bottles or cars", title="A short tour")
    count = page.locator("[data-hits]").inner_text().split(" of ")[1]
    with_boxes = make(page, "moments")[1]
    page.locator(".label-toggle[aria-pressed=true]").first.wait_for()
    for toggle in page.locator(".label-toggle[aria-pressed=true]").all()[::-1]:
        toggle.click()
    without = make(page, "5")[1]
    assert int(count) >= 2
    assert with_boxes.width == max(2, min(4, int(count))) * 412 + 12
    # The first frame is the same in both, but for the boxes of the bottles.
    marked = ImageChops.difference(tile(with_boxes, 0), tile(without, 0)).convert("L")
    assert sum(marked.histogram()[60:]) > 300
