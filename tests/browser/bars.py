"""The bars that a page in Chromium is held to: no barrier, no sideways scroll, nothing that jumps.

Steps for tests, not tests themselves.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

from tests.browser.story import wait_until

MOST_SHIFT = 0.05

# Sums the layout shifts that follow no input, from the first paint on.
_WATCH_SHIFTS = """
window.shifted = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifted += entry.value;
}).observe({type: "layout-shift", buffered: true});
"""
# axe-core reads contrast from rgb() only: give it every colour of the page in that form.
_PLAIN_COLOURS = """() => {
  const pen = Object.assign(document.createElement("canvas"), {width: 1, height: 1})
    .getContext("2d", {willReadFrequently: true});
  const known = new Map();
  const plain = (colour) => {
    if (!known.has(colour)) {
      pen.clearRect(0, 0, 1, 1);
      pen.fillStyle = colour;
      pen.fillRect(0, 0, 1, 1);
      const [r, g, b, a] = pen.getImageData(0, 0, 1, 1).data;
      known.set(colour, `rgba(${r}, ${g}, ${b}, ${a / 255})`);
    }
    return known.get(colour);
  };
  const all = [...document.querySelectorAll("*")].map((element) => {
    const {color, backgroundColor} = getComputedStyle(element);
    return [element, plain(color), plain(backgroundColor)];
  });
  for (const [element, color, backgroundColor] of all) {
    Object.assign(element.style, {color, backgroundColor, transition: "none"});
  }
}"""
_BARRIERS = """async () => {
  const found = await axe.run(document);
  const contrast = found.incomplete.find((one) => one.id === "color-contrast");
  if (contrast && !contrast.nodes.length) return ["contrast could not be looked at"];
  return found.violations.map((one) =>
    `${one.id}: ${one.nodes.slice(0, 3).map((node) => node.html.slice(0, 160)).join(" | ")}`);
}"""


@cache
def _axe_source() -> str:
    """Give the script of axe-core out of its package."""
    spec = find_spec("axe_core_python")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).with_name("axe.min.js").read_text()


@contextlib.contextmanager
def watched(chromium: Browser, url: str, **look: Any) -> Iterator[tuple[Page, list[str]]]:
    """Open a page of a look that sums its layout shifts; gives it and the console's errors."""
    context = chromium.new_context(base_url=url, **look)
    context.add_init_script(_WATCH_SHIFTS)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
    try:
        yield page, errors
    finally:
        context.close()


def look_at(page: Page, address: str) -> list[str]:
    """Open a page; gives what is wrong with it, in words."""
    page.goto(address)
    return whats_wrong(page)


def whats_wrong(page: Page) -> list[str]:
    """Say what is wrong with the page that is open, in words."""
    page.wait_for_load_state("networkidle")
    wait_until(page, "document.fonts.status === 'loaded'")
    wrong = []
    too_wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    if too_wide > 0:
        wrong.append(f"{too_wide} px too wide")
    shifted = page.evaluate("window.shifted")
    if shifted > MOST_SHIFT:
        wrong.append(f"layout shift of {shifted:.3f}")
    page.evaluate(_PLAIN_COLOURS)
    page.evaluate(_axe_source())
    return [*wrong, *page.evaluate(_BARRIERS)]
