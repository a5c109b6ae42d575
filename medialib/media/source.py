"""The bytes of one stored object, wherever they lie. Opens nothing remote: storage does that."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self


class Source(Protocol):
    """Bytes that can be read at any place; the context manager that gave it also closes it."""

    @property
    def size(self) -> int:
        """Length in bytes."""

    @property
    def path(self) -> Path | None:
        """The local file that holds the bytes, if there is one."""

    def read_at(self, offset: int, length: int) -> bytes:
        """Return up to `length` bytes from `offset`; fewer only at the end."""


class LocalSource:
    """A file on this machine."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._size = os.fstat(self._fd).st_size

    @property
    def size(self) -> int:
        """Length in bytes, as it was when the file was opened."""
        return self._size

    @property
    def path(self) -> Path | None:
        """The file itself."""
        return self._path

    def read_at(self, offset: int, length: int) -> bytes:
        """Return up to `length` bytes from `offset`."""
        return os.pread(self._fd, length, offset)

    def close(self) -> None:
        """Give the file back; reading afterwards fails."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class BytesSource:
    """Bytes in memory, read like an object in a bucket: there is no local file."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    @property
    def size(self) -> int:
        """Length in bytes."""
        return len(self._data)

    @property
    def path(self) -> Path | None:
        """Nothing: there is no file."""
        return None

    def read_at(self, offset: int, length: int) -> bytes:
        """Return up to `length` bytes from `offset`."""
        return self._data[offset : offset + length]
