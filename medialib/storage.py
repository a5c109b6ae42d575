"""All we ask of media storage ourselves, on disk or S3 through django-storages. Knows no models.

Originals outside the library (references) are read by the same functions; those that write or
remove refuse them.
"""

from __future__ import annotations

import contextlib
import gzip
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import IO, Any, cast

from django.conf import settings
from django.core.files import File
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from medialib import places, references
from medialib.exceptions import Missing, StorageFull, StorageUnavailable
from medialib.places import BucketObject as BucketObject
from medialib.places import bucket_call as bucket_call
from medialib.places import bucket_endpoint as bucket_endpoint
from medialib.places import in_bucket as in_bucket
from medialib.places import on_disk as on_disk
from medialib.places import translated as translated
from medialib.references import Reference, is_reference
from medialib.undo import on_failure

CHUNK = 1024 * 1024


class DiskSource:
    """The bytes of a stored object that is a local file."""

    def __init__(self, path: Path, descriptor: int | None = None) -> None:
        self.path: Path | None = path
        self._file = path.open("rb") if descriptor is None else os.fdopen(descriptor, "rb")
        self.size = os.fstat(self._file.fileno()).st_size

    def read_at(self, offset: int, length: int) -> bytes:
        """Give up to `length` bytes from `offset` (fewer at the end)."""
        return os.pread(self._file.fileno(), length, offset)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class BucketSource:
    """The bytes of a stored object in a bucket, read by ranges; nothing is downloaded whole."""

    path: Path | None = None

    def __init__(self, name: str) -> None:
        self._name = name
        self.size = size_of(name)

    def read_at(self, offset: int, length: int) -> bytes:
        """Give up to `length` bytes from `offset` (fewer at the end)."""
        end = min(offset + length, self.size)
        return read_range(self._name, offset, end - offset) if end > offset else b""

    def close(self) -> None:
        """Nothing stays open between reads."""


def _refuse_reference(name: str) -> None:
    """Stop whoever would write or remove an original that is not ours."""
    if is_reference(name):
        raise PermissionError(f"An original outside the library is only read: {name}")


def take_reference(asset_id: uuid.UUID, place: str) -> str:
    """Take down an original where it lies (a path or s3://bucket/key) as it is now; gives its name.

    Raises OriginalLost, StorageUnavailable, or Refused for a path that is too long.
    """
    if not place.startswith("s3://"):
        with translated(place):
            return references.name_of(asset_id, references.refer_to_file(Path(place)))
    blank = references.name_of(asset_id, Reference(place, 0, ""))
    with translated(blank):
        client, call = bucket_call(blank)
        head = client.head_object(**call)
    found = Reference(place, head["ContentLength"], references.tag_of(head))
    return references.name_of(asset_id, found)


def check_reference(name: str) -> None:
    """Raise OriginalLost if a referenced original can't be read as it was. Others are not asked."""
    if is_reference(name):
        size_of(name)


def check_room(size: int) -> None:
    """Raise StorageFull when `size` bytes would leave the disk with too little free space."""
    folder = settings.MEDIA_ROOT if on_disk() else settings.FILE_UPLOAD_TEMP_DIR
    if shutil.disk_usage(folder).free - size < settings.MEDIALIB_MIN_FREE_BYTES:
        raise StorageFull


def write_file(name: str, file: IO[bytes] | File[bytes]) -> int:
    """Store a file under a fresh name, whole or not at all; returns its size in bytes."""
    _refuse_reference(name)
    content: File[bytes] = file if isinstance(file, File) else File(file)
    size = int(content.size)
    if on_disk():
        check_room(size)
    # A half-written file must never be found under its name.
    with translated(name), on_failure(partial(_delete_if_there, name)):
        stored = default_storage.save(name, content)
    if stored != name:
        default_storage.delete(stored)
        raise StorageUnavailable(f"The name {name} is taken already.")
    return size


def _delete_if_there(name: str) -> None:
    with contextlib.suppress(OSError, *places.provider_errors(name)):
        default_storage.delete(name)


def write_path(name: str, path: Path) -> int:
    """Store a local file under a fresh name; returns its size in bytes."""
    with path.open("rb") as file:
        return write_file(name, File(file))


def write_bytes(name: str, data: bytes) -> int:
    """Store bytes under a fresh name; returns their number."""
    return write_file(name, ContentFile(data))


def size_of(name: str) -> int:
    """Give the size of a stored object in bytes, or raise Missing."""
    with translated(name):
        if not is_reference(name):
            return int(default_storage.size(name))
        if on_disk(name):
            return places.path_of(name).stat().st_size
        return int(places.head(name)["ContentLength"])


def exists(name: str) -> bool:
    """Tell whether an object lies under this name."""
    if is_reference(name):
        try:
            check_reference(name)
        except references.OriginalLost:
            return False
        return True
    with translated(name):
        return bool(default_storage.exists(name))


def delete(name: str) -> None:
    """Remove an object; one that is gone already is success."""
    _refuse_reference(name)
    with contextlib.suppress(Missing), translated(name):
        default_storage.delete(name)


def delete_folder(prefix: str) -> None:
    """Remove every object under a prefix that ends with a slash."""
    _refuse_reference(prefix)
    for name, _ in list(list_names(prefix)):
        delete(name)
    if on_disk():
        # Empty folders are nothing in a bucket, but they would gather on a disk.
        shutil.rmtree(default_storage.path(prefix), ignore_errors=True)


def modified_at(name: str) -> datetime:
    """Tell when an object was written."""
    with translated(name):
        if not is_reference(name):
            return default_storage.get_modified_time(name)
        if on_disk(name):
            return datetime.fromtimestamp(places.path_of(name).stat().st_mtime, UTC)
        return cast(datetime, places.head(name)["LastModified"])


@contextlib.contextmanager
def open_source(name: str) -> Iterator[DiskSource | BucketSource]:
    """Open a stored object for reads and seeks, for the cage."""
    with translated(name):
        source = _disk_source(name) if on_disk(name) else BucketSource(name)
    try:
        yield source
    finally:
        source.close()


def _disk_source(name: str) -> DiskSource:
    if not is_reference(name):
        return DiskSource(places.path_of(name))
    descriptor = references.open_file(references.parse(name))
    # Not by its name: another file could lie there by the time that the cage opens it.
    return DiskSource(Path(f"/dev/fd/{descriptor}"), descriptor)


def read_range(name: str, offset: int, length: int) -> bytes:
    """Give `length` bytes of an object from `offset`, in one storage read."""
    if length <= 0:
        return b""
    with translated(name):
        if on_disk(name):
            with contextlib.closing(_disk_source(name)) as source:
                return source.read_at(offset, length)
        client, call = bucket_call(name)
        answer = client.get_object(**call, Range=f"bytes={offset}-{offset + length - 1}")
        with contextlib.closing(answer["Body"]) as body:
            if is_reference(name):
                references.check_tag(references.parse(name), answer)
            return bytes(body.read())


def stream(name: str, *, start: int = 0, end: int | None = None) -> Iterator[bytes]:
    """Give the bytes [start, end) of an object in chunks."""
    end = size_of(name) if end is None else end
    while start < end:
        data = read_range(name, start, min(CHUNK, end - start))
        if not data:
            return
        start += len(data)
        yield data


@contextlib.contextmanager
def local_copy(name: str) -> Iterator[Path]:
    """Give an object as a local file: itself on disk, else a copy made after a free-space check."""
    if is_reference(name) and on_disk(name):
        with open_source(name) as source:
            assert source.path is not None
            yield source.path
        return
    if on_disk(name):
        path = places.path_of(name)
        if not path.exists():
            raise Missing(f"The stored file {name} is gone.")
        yield path
        return
    check_room(size_of(name))
    folder = Path(tempfile.mkdtemp(dir=settings.FILE_UPLOAD_TEMP_DIR))
    try:
        path = folder / "copy"
        with path.open("wb") as file:
            for chunk in stream(name):
                file.write(chunk)
        yield path
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def scratch_folder() -> Iterator[Path]:
    """Give a private temporary folder beside the media; it is removed whatever happens."""
    folder = Path(tempfile.mkdtemp(dir=settings.FILE_UPLOAD_TEMP_DIR))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def address(
    name: str, *, seconds: int, content_type: str, disposition: str = "inline"
) -> str | None:
    """Give a presigned address of an object in a bucket (None on disk), good for `seconds`."""
    if on_disk(name):
        return None
    parameters = {
        "ResponseContentType": content_type,
        "ResponseContentDisposition": disposition,
    }
    with translated(name):
        if is_reference(name):
            # An address can't say which bytes are meant: they are looked at before it is given.
            places.head(name)
        client, call = bucket_call(name)
        wanted = {**call, **parameters}
        return str(client.generate_presigned_url("get_object", Params=wanted, ExpiresIn=seconds))


def list_names(prefix: str) -> Iterator[tuple[str, int]]:
    """Give name and size (bytes) of every object under a prefix that ends with a slash."""
    with translated(prefix):
        if not on_disk():
            yield from _bucket_names(prefix)
            return
        root = Path(default_storage.path(""))
        for folder, _, files in os.walk(root / prefix):
            for file in sorted(files):
                path = Path(folder) / file
                yield path.relative_to(root).as_posix(), path.stat().st_size


def _bucket_names(prefix: str) -> Iterator[tuple[str, int]]:
    folder = prefix.rstrip("/")
    client, call = bucket_call(folder)
    location = call["Key"].removesuffix(folder)
    pages: Iterable[Any] = client.get_paginator("list_objects_v2").paginate(
        Bucket=call["Bucket"], Prefix=f"{call['Key']}/"
    )
    for page in pages:
        for item in page.get("Contents", ()):
            yield item["Key"][len(location) :], int(item["Size"])


def write_gzip(name: str, lines: Iterable[bytes]) -> int:
    """Store lines compressed, streaming through a temporary file; returns the stored size."""
    with scratch_folder() as folder:
        path = folder / "lines.gz"
        # No time in its head: the same lines give the same bytes wherever they are stored.
        with gzip.GzipFile(path, "wb", compresslevel=3, mtime=0) as file:
            for line in lines:
                file.write(line)
                file.write(b"\n")
        return write_path(name, path)


@contextlib.contextmanager
def open_gzip(name: str) -> Iterator[IO[bytes]]:
    """Open a compressed object for reading as a stream."""
    with local_copy(name) as path, gzip.open(path, "rb") as file:
        yield file  # type: ignore[misc]
