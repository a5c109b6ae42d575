"""Takes pictures of every page, wide and narrow, light and dark, into `screenshots/`. No test.

`make screenshots` runs it; what it finds in the demo library is what it shows. With `--readme` it
makes the README's three pictures instead.
"""

from __future__ import annotations

import argparse
import io
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from tests import service
from tests.browser.chromium import ARGUMENTS, find_chromium

_SIZES = {"wide": (1440, 900), "narrow": (360, 740)}
_OF_README = service.ROOT / "medialib" / "static" / "medialib" / "img"
_THEMES = ("light", "dark")
_PAGES = {
    "library": "/",
    "library-table": "/?view=table",
    "search": "/search/?q=cars",
    "search-wall": "/search/?q=cars&view=wall",
    "search-nothing": "/search/?q=zebra",
    "search-start": "/search/",
    "activity": "/activity/",
    "upload": "/upload/",
    "costs": "/costs/",
    "tokens": "/tokens/",
    "styleguide": "/styleguide/",
}


def sign_in(page: Page, password: str, *, username: str = "admin") -> None:
    """Sign in, as the first person if no other is named."""
    page.goto("/sign-in/")
    page.fill("input[name=username]", username)
    page.fill("input[name=password]", password)
    page.click("button:has-text('Sign in')")
    page.wait_for_url("**/")


def addresses(page: Page) -> dict[str, str]:
    """Name every page worth a picture, with a video and a photo of the library."""
    found = dict(_PAGES)
    page.goto("/search/?q=cars")
    tour = page.get_by_role("link", name="A short tour", exact=True).first
    found["asset"] = tour.get_attribute("href") or "/"
    moment = page.locator("li.row", has=tour).locator("a.picture").first
    found["asset-moment"] = moment.get_attribute("href") or "/"
    page.goto("/search/?q=cat&kind=photo")
    found["photo"] = page.locator("li.row h2 a").first.get_attribute("href") or "/"
    return found


def take(browser: Browser, *, url: str, password: str, folder: Path) -> list[Path]:
    """Take every picture; gives their files."""
    folder.mkdir(parents=True, exist_ok=True)
    taken = []
    for size, (width, height) in _SIZES.items():
        for theme in _THEMES:
            context = browser.new_context(
                viewport={"width": width, "height": height},
                base_url=url,
                color_scheme=theme,
            )
            page = context.new_page()
            page.goto("/sign-in/")
            page.screenshot(path=folder / f"sign-in-{size}-{theme}.png")
            sign_in(page, password)
            for name, address in addresses(page).items():
                page.goto(address)
                page.wait_for_load_state("networkidle")
                page.wait_for_timeout(400)
                taken.append(folder / f"{name}-{size}-{theme}.png")
                page.screenshot(path=taken[-1])
            context.close()
    return taken


def take_for_readme(browser: Browser, *, url: str, password: str, folder: Path) -> None:
    """Take the README's pictures: a search, a moment in its video, a contact sheet."""
    look = {"viewport": {"width": 1280, "height": 800}, "base_url": url}
    for name, theme in (("search", "light"), ("asset", "dark")):
        context = browser.new_context(**look, color_scheme=theme)
        page = context.new_page()
        sign_in(page, password)
        page.goto("/search/?q=bottle+or+car+or+cat")
        if name == "asset":
            _stand_on_the_cars(page)
        page.wait_for_load_state("networkidle")
        _keep(page.screenshot(), folder / f"{name}.jpg")
        if name == "asset":
            page.keyboard.press("g")
            page.select_option("#sheet-of", "2")
            with page.expect_download() as saved:
                page.get_by_role("button", name="Make and save").click()
            _keep(Path(saved.value.path()).read_bytes(), folder / "sheet.jpg")
        context.close()


def _stand_on_the_cars(page: Page) -> None:
    page.goto("/search/?q=bottle+or+car")
    tour = page.locator("li.row", has=page.get_by_role("link", name="A short tour", exact=True))
    tour.locator("ul.pictures a").first.click()
    page.locator("video").wait_for()
    page.locator("[data-label=Car] .spans a").first.click()
    drawn = "Number(document.querySelector('canvas.overlay').dataset.at) > 8000"
    page.wait_for_function(f"{drawn} && document.querySelector('video').readyState >= 2")
    page.mouse.move(0, 0)


def _keep(picture: bytes, path: Path) -> None:
    """Keep a picture small: a README is loaded over all sorts of lines."""
    with Image.open(io.BytesIO(picture)) as opened:
        image = opened.convert("RGB")
    image.thumbnail((1280, 800), Image.Resampling.LANCZOS)
    image.save(path, quality=80, optimize=True, progressive=True)


def main() -> None:
    """Start a service with the demo (or use one that runs) and take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=service.ROOT / "screenshots")
    parser.add_argument("--readme", action="store_true", help="the README's three pictures")
    parser.add_argument("--url", help="a running service instead of one of its own")
    parser.add_argument("--password", default="", help="the password of admin there")
    given = parser.parse_args()
    act = take_for_readme if given.readme else take
    folder = _OF_README if given.readme else given.folder
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as scratch:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=ARGUMENTS)
        if given.url:
            act(browser, url=given.url, password=given.password, folder=folder)
        else:
            with service.running(Path(scratch), demo=True, MEDIALIB_STYLEGUIDE="true") as started:
                started.demo_searchable()
                act(browser, url=started.url, password=started.password, folder=folder)
        browser.close()


if __name__ == "__main__":
    main()
