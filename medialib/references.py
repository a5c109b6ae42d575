"""Originals that stay where they are, outside the library: their names, and where they may lie.

A name says which bytes are meant: `ref/<asset id>/<size>-<mtime or ETag>/<path or s3 address>`.
Whether a place is allowed, and whether the bytes are still those, is looked at on every read.
Only reads: there is nothing here that writes, moves or deletes.
"""

from __future__ import annotations

import errno
import os
import stat
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote, unquote, unquote_to_bytes

from django.conf import settings

from medialib.exceptions import Missing, Refused, StorageUnavailable

PREFIX = "ref/"
_BUCKET = "s3://"
# What PostgreSQL takes into the index that keeps names unique.
MAX_NAME = 2500
# No system has longer paths, and no bucket longer addresses; what has is refused, never cut.
MAX_PLACE = 5000
_NOT_THERE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
_FORBIDDEN = (errno.EACCES, errno.EPERM)
_GONE_CODES = ("404", "NoSuchKey", "NoSuchBucket", "NotFound")
_CLOSED_CODES = ("403", "AccessDenied")


class OriginalLost(Missing):
    """The original of this lies outside the library and can't be read any more."""

    code: ClassVar[str] = "original_lost"
    status = 410
    title = "The original can't be read"
    sentence: ClassVar[str] = ""

    def __init__(self) -> None:
        super().__init__(self.sentence or None)


class OriginalGone(OriginalLost):
    """The file is not where it was."""

    code = "original_gone"
    sentence = (
        "The original lies outside the library and is not there any more. "
        "Put it back, or import it from where it is now."
    )


class OriginalChanged(OriginalLost):
    """There is another file now, or the same with other bytes."""

    code = "original_changed"
    sentence = (
        "The original lies outside the library and has changed since it was imported. "
        "Put the old file back, or import the new one."
    )


class OriginalClosed(OriginalLost):
    """Settings or rights keep us from reading it."""

    code = "original_closed"
    sentence = (
        "The original lies outside the library, where this service may not read it. "
        "An administrator can allow it: MEDIALIB_REFERENCE_ROOTS for folders, "
        "MEDIALIB_REFERENCE_BUCKETS for buckets, and the right to read."
    )


class OriginalHidden(OriginalClosed):
    """A bucket answers "forbidden": it does so for what is not there, too."""

    sentence = (
        "The original lies in a bucket outside the library. It is not there any more, or this "
        "service may not read it: the bucket tells only who may list it which of the two. "
        "Put it back, or let an administrator allow s3:GetObject and s3:ListBucket there."
    )


LOST_CODES = (OriginalGone.code, OriginalChanged.code, OriginalClosed.code)


@dataclass(frozen=True, slots=True)
class Reference:
    """Where an original lies, an absolute path or s3://bucket/key, and which bytes were there.

    `size` is in bytes; `stamp` is a file's time of change in ns, or an object's ETag.
    """

    place: str
    size: int
    stamp: str

    @property
    def in_bucket(self) -> bool:
        """Tell whether it lies in a bucket."""
        return self.place.startswith(_BUCKET)

    @property
    def call(self) -> dict[str, str]:
        """Give bucket and key as arguments for calls."""
        bucket, _, key = self.place.removeprefix(_BUCKET).partition("/")
        return {"Bucket": bucket, "Key": key}


def is_reference(name: str) -> bool:
    """Tell whether a stored name is that of an original outside the library."""
    return name.startswith(PREFIX)


def parse(name: str) -> Reference:
    """Read a reference's name."""
    _, _, bytes_, place = name.split("/", 3)
    size, _, stamp = unquote(bytes_).partition("-")
    return Reference(os.fsdecode(unquote_to_bytes(place)), int(size), stamp)


def name_of(asset_id: uuid.UUID, reference: Reference) -> str:
    """Make the name of a reference; raises Refused for an address that is too long to keep."""
    stamp = quote(f"{reference.size}-{reference.stamp}", safe="")
    name = f"{PREFIX}{asset_id}/{stamp}/{quote(os.fsencode(reference.place), safe='/')}"
    if len(name) > MAX_NAME:
        raise Refused(
            "This path is too long for a reference. Import it without --reference, or from a "
            "folder with a shorter path.",
            code="path_too_long",
        )
    return name


def check_place(place: str) -> None:
    """Raise Refused, with what to set, where the settings allow no references to what lies there.

    `place` is a folder, a file or s3://bucket/folder.
    """
    try:
        if place.startswith(_BUCKET):
            _check_bucket(f"{place.removeprefix(_BUCKET).strip('/')}/")
        else:
            _check_folder(os.path.realpath(place))
    except OriginalClosed:
        bucket = place.startswith(_BUCKET)
        what, name = ("bucket", "BUCKETS") if bucket else ("folder", "ROOTS")
        raise Refused(
            f"{place} is in no {what} from which files may be kept by reference. Name it in "
            f"MEDIALIB_REFERENCE_{name}, for every process of the service; the library's own "
            "storage can't be one.",
            code="not_allowed",
        ) from None


# ---- Files --------------------------------------------------------------------------------------


def refer_to_file(path: Path) -> Reference:
    """Take down a file as it is now. Raises OriginalLost, StorageUnavailable."""
    descriptor = _open(str(path))
    try:
        found = os.fstat(descriptor)
    finally:
        os.close(descriptor)
    return Reference(os.path.realpath(path), found.st_size, str(found.st_mtime_ns))


def open_file(reference: Reference) -> int:
    """Open the file for reading, if it is the one that was imported; gives the descriptor."""
    descriptor = _open(reference.place)
    found = os.fstat(descriptor)
    if (found.st_size, str(found.st_mtime_ns)) == (reference.size, reference.stamp):
        return descriptor
    os.close(descriptor)
    raise OriginalChanged


def path_of(reference: Reference) -> Path:
    """Give the file's path, if it is the one that was imported."""
    os.close(open_file(reference))
    return Path(reference.place)


def _open(place: str) -> int:
    """Open a regular file in an allowed folder; what links lead to counts, not what they say."""
    real = os.path.realpath(place)
    _check_folder(real)
    try:
        # Never waits for a pipe's other end, nor follows a link that came in between.
        descriptor = os.open(real, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        if error.errno in _NOT_THERE:
            raise OriginalGone from None
        if error.errno in _FORBIDDEN:
            raise OriginalClosed from None
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OriginalGone
    return descriptor


def _check_folder(real: str) -> None:
    # A reference to a file of our own would be removed with the asset that it belongs to.
    if _lies_in(real, str(settings.MEDIALIB_DATA_DIR)) or _lies_in(real, str(settings.MEDIA_ROOT)):
        raise OriginalClosed
    root = next((r for r in settings.MEDIALIB_REFERENCE_ROOTS if _lies_in(real, r)), None)
    if root is None:
        raise OriginalClosed
    if not os.path.isdir(root):
        raise StorageUnavailable(f"The folder {root} is not there. Is its disk mounted?")


def _lies_in(real: str, folder: str) -> bool:
    return Path(real).is_relative_to(os.path.realpath(folder))


# ---- Buckets ------------------------------------------------------------------------------------


def client_of(reference: Reference) -> Any:
    """Give the client for the bucket, in the bucket's own region; raises OriginalClosed."""
    from medialib import aws

    call = reference.call
    address = f"{call['Bucket']}/{call['Key']}"
    _check_bucket(address)
    return aws.bucket_client(call["Bucket"], endpoint=settings.MEDIALIB_S3_ENDPOINT)


def _check_bucket(address: str) -> None:
    own = settings.MEDIALIB_STORAGE
    if own.startswith(_BUCKET) and _below(address, own.removeprefix(_BUCKET)):
        raise OriginalClosed
    if not any(_below(address, entry) for entry in settings.MEDIALIB_REFERENCE_BUCKETS):
        raise OriginalClosed


def _below(address: str, entry: str) -> bool:
    return address.startswith(f"{entry.strip('/')}/")


def check_tag(reference: Reference, answer: dict[str, Any]) -> None:
    """Raise OriginalChanged when an answer about an object is not about the imported bytes."""
    if tag_of(answer) != reference.stamp:
        raise OriginalChanged


def tag_of(answer: dict[str, Any]) -> str:
    """Give the ETag of an object from an answer about it."""
    return str(answer["ETag"]).strip('"')


def lost(code: str) -> OriginalLost | None:
    """Turn a bucket's error code into what it means for an original, None for other trouble.

    Who may not list a bucket is told "forbidden" for an object that is not there, too.
    """
    if code in _GONE_CODES:
        return OriginalGone()
    return OriginalHidden() if code in _CLOSED_CODES else None
