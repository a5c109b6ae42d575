"""What the player is measured by: whose box stands on each presented frame, how long a jump takes.

Steps for tests and for `tests/benchmarks/player_by_hand.py`, not tests themselves.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from tests import media_corpus, service
from tests.browser.story import wait_until

FRAMES, FRAME_MS = 150, 40
PAIRS, JUMPS = 7, 6
# A sample for each frame, whose box stands at a place of its own: 0.006 of the width apart.
_STEP, _BOX = 0.006, 0.02

# Notes, around the player's own callback, which frame is presented and whose box is drawn on it.
# The frame is taken before the player draws: on a busy machine the next one comes up meanwhile.
_WATCH = """({bits, step, wanted}) => {
  const video = document.querySelector("video");
  const overlay = document.querySelector("canvas.overlay");
  const pen = Object.assign(document.createElement("canvas"), {width: 192, height: 108})
    .getContext("2d", {willReadFrequently: true});
  window.seen = [];
  const shown = () => {
    const row = pen.getImageData(0, 54, 192, 1).data;
    let number = 0;
    for (let bit = 0; bit < bits; bit += 1) {
      number = number * 2 + (row[Math.floor((bit + 0.5) * 192 / bits) * 4] > 128 ? 1 : 0);
    }
    return number;
  };
  const drawn = () => {
    const {width, height} = overlay;
    const scale = Math.min(width / video.videoWidth, height / video.videoHeight);
    const [w, h] = [video.videoWidth * scale, video.videoHeight * scale];
    const row = overlay.getContext("2d")
      .getImageData(0, Math.round((height - h) / 2 + 0.7 * h), width, 1).data;
    for (let x = 0; x < width; x += 1) {
      if (row[x * 4 + 3] > 40) return Math.round((x + 2 - (width - w) / 2) / w / step);
    }
    return -1;
  };
  const ask = video.requestVideoFrameCallback.bind(video);
  video.requestVideoFrameCallback = (callback) => ask((now, frame) => {
    pen.drawImage(video, 0, 0, 192, 108);
    callback(now, frame);
    if (window.seen.length < wanted) window.seen.push([shown(), drawn()]);
  });
  video.loop = true;
  video.play();
}"""

# Gives the milliseconds from each jump to its frame being presented, each from a page at rest: what
# is drawn after a frame (playhead, list, clock) belongs to the jump before, not to the next one.
_JUMP = """async (times) => {
  const video = document.querySelector("video");
  const player = document.querySelector("media-player");
  const took = [];
  const next = () => new Promise(requestAnimationFrame);
  for (const time of times) {
    await next();
    await next();
    const began = performance.now();
    const shown = new Promise((resolve) => video.requestVideoFrameCallback(resolve));
    if (player) player.seek(time * 1000);
    else video.currentTime = time + 0.001;
    await shown;
    took.push(performance.now() - began);
  }
  return took;
}"""


def _answer() -> str:
    """Write an answer with a sample for each frame of the clip, its box where the number says."""
    labels: list[dict[str, Any]] = []
    for number in range(FRAMES):
        place = {"Left": number * _STEP, "Top": 0.6, "Width": _BOX, "Height": 0.2}
        seen = {"BoundingBox": place, "Confidence": 90.0}
        label = {"Name": "Marker", "Confidence": 90.0, "Instances": [seen], "Parents": []}
        labels.append({"Timestamp": number * FRAME_MS, "Label": label})
    facts = {"DurationMillis": FRAMES * FRAME_MS, "FrameRate": 25, "Codec": "h264",
             "Format": "QuickTime / MOV", "FrameHeight": 108, "FrameWidth": 192}  # fmt: skip
    page = {"JobStatus": "SUCCEEDED", "LabelModelVersion": "3.0", "Labels": labels}
    return json.dumps({**page, "VideoMetadata": facts})


def keep_numbered_clip(running: service.Service, folder: Path) -> str:
    """Upload a clip whose frames carry their numbers, and their boxes; gives its id."""
    clip = folder / "numbered.mp4"
    media_corpus.barcode(clip, frames=FRAMES)
    status, asset = running.upload(clip.read_bytes(), "numbered.mp4")
    assert status == 201
    running.searchable(asset["id"])
    told = folder / "answer.json"
    told.write_text(_answer())
    running.manage("import_labels", asset["id"], str(told))
    moments = f"/api/assets/{asset['id']}/moments/"
    running.until(
        lambda: [m["label"] for m in running.call("GET", moments)[1]["results"]] == ["Marker"]
    )
    return str(asset["id"])


def watch_boxes(page: Page, asset_id: str) -> list[tuple[int, int]]:
    """Play the numbered clip; gives for each presented frame its number and its box's."""
    page.goto(f"/assets/{asset_id}/?label=Marker")
    wait_until(page, "Number(document.querySelector('canvas.overlay').dataset.boxes) === 1")
    wanted = {"bits": media_corpus.BITS, "step": _STEP, "wanted": FRAMES}
    page.evaluate(_WATCH, wanted)
    wait_until(page, f"window.seen.length === {FRAMES}", seconds=60)
    return [(shown, drawn) for shown, drawn in page.evaluate("window.seen")]


def jump_about(page: Page) -> Sequence[tuple[float, float]]:
    """Jump in the demo's tour; gives (ms on its page, ms on a bare page) for each pair."""
    page.goto("/search/?q=cars")
    tour = page.get_by_role("link", name="A short tour", exact=True).first.get_attribute("href")
    assert tour is not None
    playback = f"/media/{tour.split('/')[2]}/playback"
    bare = page.context.new_page()
    html = f'<!doctype html><video muted preload="auto" src="{playback}" width="960"></video>'
    bare.route("**/bare", lambda route: route.fulfill(body=html, content_type="text/html"))
    bare.goto("/bare")
    page.goto(tour.split("#")[0] + "?label=Car")
    for one in (page, bare):
        one.bring_to_front()
        wait_until(one, "document.querySelector('video').readyState >= 2")
    pairs = []
    for pair in range(PAIRS + 1):
        # Times that are apart, other ones in each pair; the first pair warms up.
        times = [(3.1 + 7.3 * jump + 1.7 * pair) % 21 for jump in range(JUMPS)]
        took = {}
        for one in (page, bare) if pair % 2 else (bare, page):
            one.bring_to_front()
            took[one] = statistics.median(one.evaluate(_JUMP, times))
        pairs.append((took[page], took[bare]))
    bare.close()
    return pairs[1:]
