"""The story that every shape of the service must tell: cut a tour, send it, find the car, be there.

Steps for tests, not tests themselves.
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import imageio_ffmpeg
from playwright.sync_api import Page

from tests import service

FOOTAGE = service.ROOT / "medialib" / "demo_data"
FRAME_MS = 40
# What the tour is cut from: file, seconds. The cat parts the cars into two moments.
CUTS = (
    ("bottle-detection.mp4", 3.0),
    ("highway.mp4", 4.0),
    ("chelsea.png", 3.0),
    ("road.mp4", 1.4),
)
SIZE = "960:540"
# Gives, for each box, whether the lane's colour stands on all its four edges.
_MARKED = """(boxes) => {
  const canvas = document.querySelector("canvas.overlay");
  const video = document.querySelector("video");
  const {width, height} = canvas;
  const scale = Math.min(width / video.videoWidth, height / video.videoHeight);
  const [w, h] = [video.videoWidth * scale, video.videoHeight * scale];
  const [x0, y0] = [(width - w) / 2, (height - h) / 2];
  const data = canvas.getContext("2d").getImageData(0, 0, width, height).data;
  const lane = (x, y) => {
    if (x < 0 || y < 0 || x >= width || y >= height) return false;
    const at = (y * width + x) * 4;
    const [r, g, b, a] = data.slice(at, at + 4);
    return Math.hypot(r - 79, g - 168, b - 232) < 40 && a > 200;
  };
  const near = (x, y) => {
    for (let dx = -3; dx <= 3; dx += 1) for (let dy = -3; dy <= 3; dy += 1) {
      if (lane(Math.round(x) + dx, Math.round(y) + dy)) return true;
    }
    return false;
  };
  return boxes.map((box) => {
    const [x, y] = [x0 + box.left * w, y0 + box.top * h];
    const [bw, bh] = [box.width * w, box.height * h];
    return near(x + bw / 2, y) && near(x + bw / 2, y + bh)
      && near(x, y + bh / 2) && near(x + bw, y + bh / 2);
  });
}"""


@dataclass(frozen=True, slots=True)
class Look:
    """A shape of the window and a theme."""

    width: int
    height: int
    theme: Any


LOOKS = (Look(1280, 600, "light"), Look(360, 640, "dark"))


def cut_tour(path: Path) -> None:
    """Cut a tour together from the footage that is shipped: bottles, highway, cat, road."""
    inputs: list[str] = []
    for name, seconds in CUTS:
        still = ["-loop", "1"] if name.endswith(".png") else []
        inputs += [*still, "-t", str(seconds), "-i", str(FOOTAGE / name)]
    shape = (
        f"scale={SIZE}:force_original_aspect_ratio=decrease,pad={SIZE}:-1:-1,"
        "setsar=1,fps=25,format=yuv420p"
    )
    lanes = [f"[{number}:v]{shape}[v{number}]" for number in range(len(CUTS))]
    joined = "".join(f"[v{number}]" for number in range(len(CUTS)))
    lanes.append(f"{joined}concat=n={len(CUTS)}:v=1[out]")
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *inputs]
    command += ["-filter_complex", ";".join(lanes), "-map", "[out]", "-c:v", "libx264"]
    command += ["-preset", "ultrafast", "-crf", "20", "-g", "25", str(path)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)


def wait_until(page: Page, expression: str, *, seconds: int = 15) -> None:
    """Ask the page again and again; its content policy forbids the driver's own way of waiting."""
    for _ in range(seconds * 20):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"It did not become true: {expression}")


def open_moment(page: Page, *, words: str, title: str) -> float:
    """Search, click the first picture of the asset of this title; gives its start in seconds."""
    page.fill("header input[type=search]", words)
    page.keyboard.press("Enter")
    page.wait_for_url("**/search/**")
    row = page.locator("li.row", has=page.get_by_role("link", name=title, exact=True)).first
    picture = row.locator("ul.pictures a").first
    start = float((picture.get_attribute("href") or "").split("#t=")[1].split(",")[0])
    picture.click()
    page.wait_for_url("**/assets/**")
    wait_until(page, "document.querySelector('video').readyState >= 2")
    return start


def upload(page: Page, path: Path) -> None:
    """Send a file on the upload page and watch it become searchable."""
    page.goto("/upload/")
    page.set_input_files("input[type=file]", str(path))
    page.get_by_role("button", name=re.compile("^Upload 1 file")).click()
    page.locator(".upload-row[data-tone=ok]", has_text="Searchable").wait_for(timeout=120_000)


def shown_at(page: Page) -> int:
    """Give the time of the frame that is shown and drawn for, in ms."""
    return int(page.evaluate("document.querySelector('canvas.overlay').dataset.at"))


def stand_on(page: Page, start: int) -> None:
    """Wait until the frame of a moment's start is shown with its boxes."""
    wait_until(
        page,
        "(({at, boxes}) => boxes > 0 && "
        f"Math.abs(at - {start}) <= {FRAME_MS})(document.querySelector('canvas.overlay').dataset)",
    )


def check_boxes(page: Page, running: service.Service, *, label: str) -> None:
    """Check by its pixels that each box the labeller gave for this frame stands on the picture."""
    asset = page.url.split("/assets/")[1].split("/")[0]
    at = shown_at(page)
    window = f"start_ms={max(0, at - 250)}&end_ms={at + 251}&label={label}"
    _, found = running.call("GET", f"/api/assets/{asset}/detections/?{window}")
    nearest = min(found["results"], key=lambda row: abs(row["time_ms"] - at))
    assert nearest["boxes"], "the labeller saw one there"
    assert all(page.evaluate(_MARKED, nearest["boxes"])), "a box is not where it belongs"


def find_and_watch(page: Page, running: service.Service, *, title: str, look: Look) -> None:
    """Search "cars", click the tour's first moment, go to the next one, come back."""
    page.set_viewport_size({"width": look.width, "height": look.height})
    page.emulate_media(color_scheme=look.theme)
    page.goto("/")
    page.fill("header input[type=search]", "cars")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search/**")
    row = page.locator("li.row", has=page.get_by_role("link", name=title, exact=True)).first
    pictures = row.locator("ul.pictures a.picture")
    hrefs = [link.get_attribute("href") or "" for link in pictures.all()]
    starts = sorted(round(float(href.split("#t=")[1].split(",")[0]) * 1000) for href in hrefs)
    assert len(starts) >= 2, "the highway and the road"
    assert all(after > before for before, after in pairwise(starts))
    assert starts[0] >= 2_500, "bottles come first"
    first = row.locator(f'a[href*="#t={starts[0] / 1000:g}"]').first
    first.scroll_into_view_if_needed()
    page.mouse.wheel(0, 40)
    page.wait_for_timeout(100)
    scrolled = page.evaluate("window.scrollY")
    first.click()
    page.wait_for_url("**/assets/**")
    stand_on(page, starts[0])
    check_boxes(page, running, label="Car")
    page.keyboard.press("n")
    stand_on(page, starts[1])
    check_boxes(page, running, label="Car")
    sideways = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert sideways <= 0
    page.go_back()
    page.wait_for_url("**/search/**")
    wait_until(page, f"Math.abs(window.scrollY - {scrolled}) < 3")
