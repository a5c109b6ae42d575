"""What a program does with a library: upload, wait, search, moments, watch, download."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from medialib.client import sending
from medialib.client.answers import Asset, Event, Moment, SearchAnswer
from medialib.client.connection import Connection

_ENDED = ("searchable", "rejected", "failed")


class Library:
    """A library at an address, asked with a token."""

    def __init__(self, url: str, token: str, *, timeout: float = 60.0) -> None:
        self.connection = Connection(url, token, timeout)

    def upload(
        self,
        path: str | Path,
        *,
        force: bool = False,
        on_progress: sending.Progress | None = None,
        **details: Any,
    ) -> Asset:
        """Send a file in parts and give its asset; call it again after a break to go on."""
        return sending.upload(
            self.connection, Path(path), details=details, force=force, on_progress=on_progress
        )

    def asset(self, asset_id: str) -> Asset:
        """Give an asset."""
        asset: Asset = self.connection.call("GET", f"/api/assets/{asset_id}/")
        return asset

    def wait(self, asset_id: str, *, seconds: float = 600.0) -> Asset:
        """Wait until all that was asked of an asset has ended, and give it; or TimeoutError."""
        deadline = time.monotonic() + seconds
        delay = 0.3
        while (asset := self.asset(asset_id))["status"]["state"] not in _ENDED:
            if time.monotonic() > deadline:
                raise TimeoutError(f"It is still {asset['status']['state']}.")
            self.connection.stopped.wait(delay)
            delay = min(delay * 1.3, 5.0)
        return asset

    def search(self, text: str, **filters: Any) -> SearchAnswer:
        """Give one page of what is found; `cursor` of its `next` gives the following one."""
        found: SearchAnswer = self.connection.call(
            "GET", "/api/search/", query={"q": text, **filters}
        )
        return found

    def moments(self, asset_id: str, **filters: Any) -> list[Moment]:
        """Give the moments of an asset."""
        path = f"/api/assets/{asset_id}/moments/"
        return cast(list[Moment], list(self.connection.pages(path, filters)))

    def watch(
        self, *, after: int = 0, every: float = 2.0, stop: threading.Event | None = None
    ) -> Iterator[Event]:
        """Give events as they happen, from the one after `after` on, until `stop` is set."""
        stop = stop or self.connection.stopped
        address = self.connection.address("/api/events/", {"after": after})
        while not stop.is_set():
            page = self.connection.call("GET", address)
            yield from page["results"]
            address = page["next"]
            if not page["results"]:
                stop.wait(every)

    def download(self, asset_id: str, target: str | Path, *, what: str = "original") -> int:
        """Write an asset's `original` or `playback` into a file, whole or not at all."""
        target = Path(target)
        partial = target.with_name(f"{target.name}.partial")
        with partial.open("wb") as file:
            written = self.connection.fetch(f"/media/{asset_id}/{what}", file)
        partial.replace(target)
        return written

    def delete(self, asset_id: str) -> None:
        """Put an asset into the trash."""
        self.connection.call("DELETE", f"/api/assets/{asset_id}/")
