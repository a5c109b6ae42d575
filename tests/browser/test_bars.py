"""What every page keeps to: no barrier, no sideways scroll, nothing that jumps, few bytes."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from tests import service
from tests.browser.bars import MOST_SHIFT, look_at, watched
from tests.browser.screenshots import addresses, sign_in
from tests.browser.story import wait_until
from tests.servers import long

pytestmark = pytest.mark.browser
STATIC = service.ROOT / "medialib" / "static" / "medialib"


def visit(chromium, demo, *, width, theme, contrast):
    """Look at every page; gives what is wrong by page, and the errors of the console."""
    look = {
        "viewport": {"width": width, "height": 800},
        "color_scheme": theme,
        "reduced_motion": "reduce",
        "contrast": contrast,
    }
    with watched(chromium, demo.url, **look) as (page, errors):
        wrong = {"sign-in": look_at(page, "/sign-in/")}
        sign_in(page, demo.password)
        for name, address in addresses(page).items():
            wrong[name] = look_at(page, address)
    return {name: found for name, found in wrong.items() if found}, errors


@pytest.mark.parametrize(
    ("width", "theme", "contrast"),
    [
        (1280, "light", "no-preference"),
        pytest.param(1280, "dark", "more", marks=long),
        pytest.param(360, "light", "more", marks=long),
        (360, "dark", "no-preference"),
    ],
)
def test_no_page_has_barriers_or_scrolls_sideways_or_jumps(chromium, demo, width, theme, contrast):
    wrong, errors = visit(chromium, demo, width=width, theme=theme, contrast=contrast)
    assert wrong == {}
    assert errors == []


# A slow line: pages come in pieces and are painted in between.
_SLOW_LINE = {
    "offline": False,
    "latency": 20,
    "downloadThroughput": 20_000,
    "uploadThroughput": 20_000,
}
_QUICK_LINE = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}


@long
@pytest.mark.parametrize("width", [1280, 360])
def test_no_page_jumps_while_it_comes_in_slowly(chromium, demo, width):
    viewport = {"width": width, "height": 800}
    jumps = {}
    with watched(chromium, demo.url, viewport=viewport) as (page, _):
        sign_in(page, demo.password)
        line = page.context.new_cdp_session(page)
        for name, address in addresses(page).items():
            # What stays in the browser's cache is there; the page itself crawls.
            line.send("Network.emulateNetworkConditions", _QUICK_LINE)
            page.goto(address, wait_until="networkidle")
            line.send("Network.emulateNetworkConditions", _SLOW_LINE)
            page.goto(address, wait_until="networkidle")
            jumps[name] = page.evaluate("window.shifted")
    assert {name: by for name, by in jumps.items() if by > MOST_SHIFT} == {}


_COLOUR = "(name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim()"


def test_more_contrast_strengthens_lines_and_quiet_text(page):
    page.goto("/search/")
    before = page.evaluate(_COLOUR, "--line")
    page.emulate_media(contrast="more")
    assert page.evaluate(_COLOUR, "--line") != before
    assert page.evaluate(_COLOUR, "--text-2") == page.evaluate(_COLOUR, "--text-1")


_MOVING = """() => [...document.querySelectorAll("*")].filter((element) => {
  const {transitionDuration, animationName} = getComputedStyle(element);
  const longest = Math.max(...transitionDuration.split(",").map(parseFloat));
  return longest > 0 || animationName !== "none";
}).length"""


def test_nothing_moves_for_those_who_do_not_want_it(page):
    page.goto("/search/?q=cars")
    assert page.evaluate(_MOVING) > 0
    page.emulate_media(reduced_motion="reduce")
    page.reload()
    assert page.evaluate(_MOVING) == 0
    picture = page.locator("li.row", has_text="A short tour").locator("a.picture").first
    picture.hover()
    page.wait_for_timeout(500)
    assert picture.locator(".film").count() == 0, "no storyboard plays"


def packed(folder, suffix):
    """Give the gzipped size of all files of a kind, each packed by itself as servers do."""
    return sum(len(gzip.compress(path.read_bytes())) for path in (STATIC / folder).glob(suffix))


def test_scripts_and_styles_stay_small():
    assert packed("js", "*.js") <= 60_000
    assert packed("css", "*.css") <= 30_000


def focused(page):
    """Describe what has the focus."""
    return page.evaluate(
        """() => {
          const at = document.activeElement;
          const outline = getComputedStyle(at).outlineStyle;
          return {tag: at.tagName, text: at.textContent.trim().slice(0, 60), href: at.href ?? "",
                  seen: outline !== "none" && at.getBoundingClientRect().height > 0};
        }"""
    )


def tab_to(page, wanted, *, most=60):
    """Press Tab until the focus is where `wanted` says; every stop must be visible."""
    for _ in range(most):
        page.keyboard.press("Tab")
        at = focused(page)
        # After the last stop the focus leaves the page for the browser itself.
        assert at["seen"] or at["tag"] == "BODY", f"the focus on {at} is not to be seen"
        if wanted(at):
            return at
    raise AssertionError("The keyboard does not get there.")


def test_the_story_needs_no_mouse(page):
    page.keyboard.press("/")
    page.keyboard.type("cars")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search/**")
    tab_to(page, lambda at: "Skip the filters" in at["text"])
    page.keyboard.press("Enter")
    tab_to(page, lambda at: "#t=" in at["href"])
    page.keyboard.press("Enter")
    page.wait_for_url("**/assets/**")
    wait_until(page, "document.querySelector('video').readyState >= 2")
    page.keyboard.press("k")
    wait_until(page, "!document.querySelector('video').paused")
    page.keyboard.press("k")
    wait_until(page, "document.querySelector('video').paused")
    page.keyboard.press("?")
    wait_until(page, "document.getElementById('keys').open")
    page.keyboard.press("Escape")
    wait_until(page, "!document.getElementById('keys').open")
    tab_to(page, lambda at: "By time" in at["text"] or "By label" in at["text"])
    page.keyboard.press("ArrowRight")
    assert focused(page)["text"] == "By time"


def test_a_frame_is_saved_with_its_boxes(page):
    page.goto("/search/?q=cars")
    page.locator("li.row", has_text="A short tour").locator("a.picture").first.click()
    page.wait_for_url("**/assets/**")
    wait_until(page, "Number(document.querySelector('canvas.overlay').dataset.boxes) > 0")
    with page.expect_download() as saved:
        page.keyboard.press("s")
    assert saved.value.suggested_filename.startswith("A short tour")
    assert Path(saved.value.path()).read_bytes().startswith(b"\x89PNG")
