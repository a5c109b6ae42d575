"""The figures of the player, on a service with the demo and in Chromium; takes some two minutes.

By hand only (`python -m tests.benchmarks.player_by_hand`): it says little on a busy machine.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests import service
from tests.benchmarks.measure import machine, ratio_of
from tests.browser.chromium import ARGUMENTS, find_chromium
from tests.browser.player import FRAMES, PAIRS, jump_about, keep_numbered_clip, watch_boxes
from tests.browser.screenshots import sign_in


def main() -> None:
    """Measure on a service with the demo, seven times each, and print what came out."""
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as scratch:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=ARGUMENTS)
        folder = Path(scratch)
        with service.running(folder / "data", demo=True) as started:
            started.demo_searchable()
            asset_id = keep_numbered_clip(started, folder)
            page = browser.new_context(
                viewport={"width": 1280, "height": 800}, base_url=started.url
            ).new_page()
            sign_in(page, started.password)
            print(f"Measured on: {machine()}; load {os.getloadavg()[0]:.1f}", flush=True)
            runs = [watch_boxes(page, asset_id) for _ in range(PAIRS)]
            right = [sum(shown == drawn for shown, drawn in seen) for seen in runs]
            wrong = [pair for seen in runs for pair in seen if pair[0] != pair[1]]
            print(
                f"boxes on their own frame, of {FRAMES}: {right}; others (frame, box's): {wrong}",
                flush=True,
            )
            for _ in range(3):
                ratio = ratio_of(jump_about(page))
                print(f"a jump ÷ on a bare page: {ratio}, {ratio.verdict(1.3)}", flush=True)
        browser.close()


if __name__ == "__main__":
    main()
