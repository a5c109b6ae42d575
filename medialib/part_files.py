"""Parts of uploads on a local disk: one file per upload, each part written into its own place.

What has arrived is kept beside the file, a byte for each part, so that it outlives any process.
Knows no models: a signed ticket says which bytes of which upload a request may write.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import errno
import fcntl
import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType

from django.core import signing
from django.core.files.storage import default_storage

from medialib import storage
from medialib.exceptions import Conflict, Missing, Refused, StorageFull, StorageUnavailable

TICKET_SECONDS = 3600
_SALT = "medialib.part"
_FOLDER = "uploads/"
_DIGEST = re.compile(r"sha-256=:([A-Za-z0-9+/=]+):")


@dataclass(frozen=True, slots=True)
class Ticket:
    """The right to write one part: `size` bytes at `offset` of an upload's file."""

    upload: str
    number: int
    offset: int
    size: int

    def sign(self) -> str:
        """Give the ticket as text that nobody else can make."""
        return signing.dumps(asdict(self), salt=_SALT)

    @classmethod
    def read(cls, text: str, *, upload: str, number: int) -> Ticket:
        """Check a signed ticket against the address it came with; raises Refused (422)."""
        try:
            ticket = cls(**signing.loads(text, salt=_SALT, max_age=TICKET_SECONDS))
        except signing.SignatureExpired:
            raise Refused(
                "This part's address has expired: ask for a new one.", code="address_expired"
            ) from None
        except signing.BadSignature:
            ticket = None
        if ticket is None or (ticket.upload, ticket.number) != (upload, number):
            raise Refused("This is not the address of a part.", code="address_invalid")
        return ticket


def _folder(upload: str) -> Path:
    return Path(default_storage.path(f"{_FOLDER}{upload}"))


def begin(upload: str, *, size: int, count: int) -> None:
    """Make the file of a new upload, `size` bytes of nothing yet."""
    storage.check_room(size)
    folder = _folder(upload)
    with storage.translated(upload):
        folder.mkdir(parents=True)
        for name, length in (("parts", count), ("data", size)):
            with (folder / name).open("xb") as file:
                file.truncate(length)


def arrived(upload: str) -> list[int]:
    """List the numbers of the parts that have arrived whole, counted from 1. Raises Missing."""
    with storage.translated(upload):
        marks = (_folder(upload) / "parts").read_bytes()
    return [number for number, mark in enumerate(marks, start=1) if mark]


def finish(upload: str, name: str) -> None:
    """Move the whole file to its final name; nothing is copied. Raises Conflict while it grows."""
    folder = _folder(upload)
    target = Path(default_storage.path(name))
    with storage.translated(upload), (folder / "data").open("rb+") as file:
        _lock(file.fileno(), fcntl.LOCK_EX)
        if not all((folder / "parts").read_bytes()):
            raise Conflict("A part of this upload has just been begun anew; send it first.")
        os.fsync(file.fileno())
        target.parent.mkdir(parents=True, exist_ok=True)
        (folder / "data").chmod(0o600)
        (folder / "data").rename(target)
    shutil.rmtree(folder, ignore_errors=True)


def discard(upload: str) -> None:
    """Remove what has arrived of an upload; nothing there is success."""
    shutil.rmtree(_folder(upload), ignore_errors=True)


def uploads_there() -> Iterator[tuple[str, float]]:
    """Give id and last change (seconds since 1970) of every upload that has a folder."""
    root = Path(default_storage.path(_FOLDER))
    with contextlib.suppress(FileNotFoundError):
        for folder in root.iterdir():
            yield folder.name, folder.stat().st_mtime


def _lock(descriptor: int, how: int) -> None:
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Conflict("A part of this upload is still being written; try again.") from None


class PartWriter:
    """Writes one part as its bytes come; only a whole part is marked as arrived."""

    def __init__(self, ticket: Ticket, *, length: int | None, digest: str = "") -> None:
        """Check the announced `length` and `digest` (RFC 9530 Content-Digest) before any byte."""
        if length is None:
            raise Refused("Send the part with its Content-Length.", code="length_required")
        if length != ticket.size:
            raise _wrong_size(ticket, length)
        self._ticket = ticket
        self._expected = _sha256_of(digest)
        self._hash = hashlib.sha256()
        self._written = 0
        self._file = -1

    def __enter__(self) -> PartWriter:
        path = _folder(self._ticket.upload) / "data"
        try:
            self._file = os.open(path, os.O_WRONLY)
            # Shared among parts, exclusive for completion: nothing is written to a finished file.
            _lock(self._file, fcntl.LOCK_SH)
            path.stat()
            self._mark(arrived=False)
        except (FileNotFoundError, Conflict):
            self._close()
            raise Missing("This upload has ended: nothing more can be sent to it.") from None
        return self

    def write(self, data: bytes) -> None:
        """Put the next bytes of the part into their place."""
        if self._written + len(data) > self._ticket.size:
            raise _wrong_size(self._ticket, self._written + len(data))
        if self._expected:
            self._hash.update(data)
        view = memoryview(data)
        while view:
            at = self._ticket.offset + self._written
            try:
                done = os.pwrite(self._file, view, at)
            except OSError as error:
                if error.errno in (errno.ENOSPC, errno.EDQUOT):
                    raise StorageFull from error
                raise StorageUnavailable(f"Storage did not answer ({error.strerror}).") from error
            self._written += done
            view = view[done:]

    def finish(self) -> None:
        """Mark the part as arrived; one that is cut short or damaged is refused."""
        if self._written != self._ticket.size:
            raise _wrong_size(self._ticket, self._written)
        if self._expected and self._hash.digest() != self._expected:
            raise Refused("The part was damaged on its way: send it again.", code="checksum")
        self._mark(arrived=True)

    def _mark(self, *, arrived: bool) -> None:
        marks = os.open(_folder(self._ticket.upload) / "parts", os.O_WRONLY)
        try:
            os.pwrite(marks, b"\x01" if arrived else b"\x00", self._ticket.number - 1)
        finally:
            os.close(marks)

    def _close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()


def _wrong_size(ticket: Ticket, got: int) -> Refused:
    return Refused(
        f"Part {ticket.number} has {ticket.size} bytes, not {got}.", code="wrong_part_size"
    )


def _sha256_of(header: str) -> bytes:
    """Read the SHA-256 of a Content-Digest header; b"" where there is none."""
    found = _DIGEST.search(header)
    if found is None:
        return b""
    try:
        return base64.b64decode(found.group(1), validate=True)
    except binascii.Error:
        raise Refused("This Content-Digest can't be read.", code="checksum") from None
