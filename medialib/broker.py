"""Kombu's filesystem transport with whole files only: what is half written is never read.

The library creates a file and locks it afterwards, so a reader in between finds it empty and its
worker dies. Here files appear under their names by one rename. Nothing else is changed.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from queue import Empty
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, filesystem


def _write_whole(path: Path, text: str) -> None:
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    part.write_text(text)
    part.replace(path)


class Channel(filesystem.Channel):
    """A channel whose messages and bindings appear whole."""

    def _put(  # type: ignore[override]
        self, queue: str, message: Any, **_: Any
    ) -> None:
        """Put a message onto a queue; the name's order is the order of sending."""
        name = f"{time.time_ns()}_{uuid.uuid4()}.{queue}.msg"
        _write_whole(Path(self.data_folder_out) / name, json.dumps(message))

    def _get(self, queue: str, timeout: float | None = None) -> Any:
        """Claim the oldest message of a queue by renaming it; raises Empty when there is none."""
        folder = Path(self.data_folder_in)
        for name in sorted(os.listdir(folder)):
            if name.startswith(".") or name.partition(".")[2] != f"{queue}.msg":
                continue
            claimed = folder / f".{name}.{uuid.uuid4().hex}"
            try:
                (folder / name).rename(claimed)
            except FileNotFoundError:
                # Another worker was quicker.
                continue
            text = claimed.read_text()
            claimed.unlink()
            return json.loads(text)
        raise Empty

    def _queue_bind(self, exchange: str, routing_key: str, pattern: str, queue: str) -> None:
        """Add a binding to an exchange's table, one process at a time."""
        path = self._exchange_file(exchange)  # type: ignore[no-untyped-call]
        self.control_folder.mkdir(exist_ok=True)
        binding = [routing_key or "", pattern or "", queue or ""]
        with self._one_at_a_time():
            table = [list(row) for row in self.get_table(exchange)]  # type: ignore[no-untyped-call]
            if binding not in table:
                _write_whole(path, json.dumps([binding, *table]))

    @contextlib.contextmanager
    def _one_at_a_time(self) -> Iterator[None]:
        with (self.control_folder / ".lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


class Transport(filesystem.Transport):
    """The `filesystem://` transport of the embedded service."""

    Channel = Channel


def register() -> None:
    """Make `filesystem://` mean this transport."""
    TRANSPORT_ALIASES["filesystem"] = "medialib.broker:Transport"
