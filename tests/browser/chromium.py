"""Where the system's Chromium is and how it is started, for tests and screenshots."""

from __future__ import annotations

import shutil

_NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def find_chromium() -> str | None:
    """Give the path of Chromium, None where there is none."""
    return next((found for name in _NAMES if (found := shutil.which(name))), None)
