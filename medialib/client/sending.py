"""Sends files in parts, several at a time; goes on after any break where it had stopped."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from medialib.client.answers import Asset, Upload
from medialib.client.connection import ApiError, Connection, Unreachable, send

_EDGE = 1024 * 1024
_MOST_NUMBERS = 100
_TRIES = 8

Progress = Callable[[int, int], None]


def fingerprint(path: Path) -> str:
    """Give SHA-256 (hex) of a file's size in digits, its first MiB and its last MiB."""
    size = path.stat().st_size
    with path.open("rb") as file:
        first = file.read(_EDGE)
        file.seek(max(0, size - _EDGE))
        last = file.read(_EDGE)
    return hashlib.sha256(str(size).encode() + first + last).hexdigest()


@dataclass(slots=True)
class _Sender:
    connection: Connection
    path: Path
    upload: Upload
    on_progress: Progress | None
    addresses: dict[int, str] = field(default_factory=dict)
    sent: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def number(self, number: int) -> None:
        """Send one part, again and again while the connection breaks."""
        size = self.upload["part_size"]
        with self.path.open("rb") as file:
            data = os.pread(file.fileno(), size, (number - 1) * size)
        for tried in range(1, _TRIES + 1):
            status = self._put(number, data)
            if 200 <= status < 300:
                break
            if status == 404 or tried == _TRIES:
                raise Unreachable(f"Part {number} was not taken ({status or 'no answer'}).")
            with self.lock:
                # The address may have expired: the next try asks for a new one.
                self.addresses.pop(number, None)
            self.connection.pause(tried)
        with self.lock:
            self.sent += len(data)
            if self.on_progress:
                self.on_progress(self.sent, self.upload["size"])

    def _put(self, number: int, data: bytes) -> int:
        try:
            answer = send("PUT", self._address(number), data, {}, timeout=self.connection.timeout)
        except OSError:
            return 0
        return answer.status

    def _address(self, number: int) -> str:
        with self.lock:
            if number not in self.addresses:
                last = min(number + _MOST_NUMBERS, self.upload["part_count"] + 1)
                rows = self.connection.call(
                    "POST",
                    f"/api/uploads/{self.upload['id']}/parts/",
                    {"numbers": list(range(number, last))},
                )
                self.addresses |= {row["number"]: row["url"] for row in rows}
            return self.addresses[number]


def upload(
    connection: Connection,
    path: Path,
    *,
    details: dict[str, Any] | None = None,
    force: bool = False,
    at_once: int = 4,
    on_progress: Progress | None = None,
) -> Asset:
    """Send a file and give its asset; an upload of it that was begun before is gone on with.

    `details` may hold title, description, keywords and visibility; `on_progress` gets bytes sent
    and bytes in all. Raises ApiError (409 with `asset_url` when you have the file) or Unreachable.
    """
    begun = _find(connection, path, details or {}, force=force)
    sender = _Sender(connection, path, begun, on_progress, sent=begun["arrived_bytes"])
    there = set(begun["arrived"])
    missing = [n for n in range(1, begun["part_count"] + 1) if n not in there]
    with ThreadPoolExecutor(at_once) as pool:
        waiting = [pool.submit(sender.number, number) for number in missing]
        try:
            for future in waiting:
                future.result()
        finally:
            # After a failure no further part is begun; after the last one there is none.
            pool.shutdown(cancel_futures=True)
    asset: Asset = connection.call("POST", f"/api/uploads/{begun['id']}/complete/")
    return asset


def _find(connection: Connection, path: Path, details: dict[str, Any], *, force: bool) -> Upload:
    mark, size = fingerprint(path), path.stat().st_size
    for row in connection.pages("/api/uploads/", {"fingerprint": mark}):
        if row["size"] == size:
            return cast(Upload, row)
    said = {"filename": path.name, "size": size, "fingerprint": mark, **details}
    query = {"force": "true"} if force else None
    begun: Upload = connection.call("POST", "/api/uploads/", said, query=query)
    return begun


__all__ = ["ApiError", "Unreachable", "fingerprint", "upload"]
