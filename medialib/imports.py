"""Walks folders and buckets for an import and pairs media with what lies beside them.

Beside `clip.mp4` may lie `clip.mp4.json` (or `clip.json`): a labelling answer, or title and
keywords; and in the folder a table `media.csv`. Writes no rows.
"""

from __future__ import annotations

import copy
import csv
import io
import json
import os
import stat
import tempfile
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Any

from django.conf import settings

from medialib import aws, references
from medialib.exceptions import Missing, Refused, StorageUnavailable
from medialib.media import probe, sniff
from medialib.models import Asset

TABLE = "media.csv"
_HEAD = 64 * 1024
_MOST_SAID = 1024 * 1024
_NEVER_MEDIA = (".json", ".csv", ".txt", ".xml", ".md", ".ini", ".db")
_SAID = ("title", "description", "keywords", "visibility")


@dataclass(frozen=True, slots=True)
class Found:
    """A file at a place: its path there, its size in bytes, and where it is for good.

    `stamp` changes with its bytes: the time of its last change in ns, or an object's ETag.
    """

    name: str
    size: int
    ref: str
    stamp: str = ""


class Place(ABC):
    """Where an import takes files from; names are paths with slashes below the place."""

    @abstractmethod
    def list(self) -> Iterator[Found]:
        """Give every file, by name, hidden ones left out."""

    @abstractmethod
    def beside(self, name: str) -> set[str]:
        """Name what may lie beside a file, and may say more of it."""

    @abstractmethod
    def address(self, name: str) -> str:
        """Give the whole address of a file, for a reference to it."""

    @abstractmethod
    def read_at(self, name: str, offset: int, length: int) -> bytes:
        """Give up to `length` bytes of a file from `offset`, in one read of the place."""

    def head(self, name: str) -> bytes:
        """Give a file's first bytes."""
        return self.read_at(name, 0, _HEAD)

    @abstractmethod
    def open(self, name: str) -> AbstractContextManager[IO[bytes]]:
        """Open a file for reading and seeking."""


class FolderPlace(Place):
    """A folder, or one file; links that lead out of it are left out.

    What may not be looked at is listed, too, a folder as if it were a file: who opens it is told.
    """

    def __init__(self, text: str) -> None:
        root = Path(text)
        if not root.exists():
            raise Refused(f"There is no file or folder {text}.")
        self._root = root if root.is_dir() else root.parent
        self._only = None if root.is_dir() else root

    def list(self) -> Iterator[Found]:
        """Give every file below the folder."""
        paths = [self._only] if self._only else sorted(self._paths())
        inside = self._root.resolve()
        for path in paths:
            name = path.relative_to(self._root)
            if any(part.startswith(".") for part in name.parts):
                continue
            real = path.resolve()
            if self._only or real.is_relative_to(inside):
                # Names that are no text are kept as far as they are.
                ref = os.fsencode(real).decode(errors="replace")
                if told := _told(path):
                    yield Found(name.as_posix(), told[0], ref, told[1])

    def _paths(self) -> Iterator[Path]:
        """Give the files below the folder, and the folders into which nobody may look."""
        closed: list[OSError] = []
        for folder, _, files in os.walk(self._root, onerror=closed.append):
            yield from (Path(folder, file) for file in files)
        yield from (Path(os.fsdecode(error.filename)) for error in closed if error.filename)

    def beside(self, name: str) -> set[str]:
        """Name the files of a file's folder."""
        folder = (self._root / name).parent
        try:
            files = [path for path in folder.iterdir() if path.is_file()]
        except PermissionError:
            words = f"This account may not list the folder of {name}, where more may be said of it."
            raise Refused(words) from None
        return {path.relative_to(self._root).as_posix() for path in files}

    def read_at(self, name: str, offset: int, length: int) -> bytes:
        """Give some bytes of a file."""
        with self.open(name) as file:
            file.seek(offset)
            return file.read(length)

    def address(self, name: str) -> str:
        """Give a file's path, links resolved."""
        return str((self._root / name).resolve())

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        """Open a file."""
        with ExitStack() as stack:
            try:
                file = stack.enter_context((self._root / name).open("rb"))
            except FileNotFoundError:
                raise Missing(f"{name} is gone.") from None
            except PermissionError:
                what = "this folder" if name == "." else name
                raise Refused(f"This account may not read {what}.") from None
            except OSError as error:
                raise Refused(f"{name} can't be read ({error.strerror}).") from None
            yield file


def _told(path: Path) -> tuple[int, str] | None:
    """Give a file's size and stamp, nothing in them if it may not be looked at.

    None for what is gone, and for pipes and the like.
    """
    try:
        told = path.stat()
    except FileNotFoundError:
        return None
    except OSError:
        return 0, ""
    closed = stat.S_ISDIR(told.st_mode)
    return (told.st_size, str(told.st_mtime_ns)) if closed or stat.S_ISREG(told.st_mode) else None


class BucketPlace(Place):
    """A prefix of a bucket; files are fetched into a temporary file each."""

    def __init__(self, url: str) -> None:
        self._bucket, _, prefix = url.removeprefix("s3://").partition("/")
        if not self._bucket:
            raise Refused("Give a bucket such as s3://bucket/folder.")
        self._prefix = f"{prefix.rstrip('/')}/" if prefix.strip("/") else ""
        self._versions: dict[str, str] = {}
        self._client = aws.bucket_client(self._bucket, endpoint=settings.MEDIALIB_S3_ENDPOINT)

    def at_version(self, name: str, version: str) -> BucketPlace:
        """Give the same place with one of its objects as it was in that version."""
        place = copy.copy(self)
        place._versions = {**self._versions, name: version}
        return place

    @contextmanager
    def _translated(self, name: str = "") -> Iterator[None]:
        try:
            yield
        except self._client.exceptions.ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            if name and code in ("NoSuchKey", "NoSuchVersion", "404"):
                raise Missing(f"{name} is gone.") from None
            raise StorageUnavailable(f"The bucket {self._bucket} said {code}.") from error
        except aws.UNREACHABLE as error:
            words = f"The bucket {self._bucket} can't be reached ({type(error).__name__})."
            raise StorageUnavailable(words) from error

    def list(self) -> Iterator[Found]:
        """Give every object below the prefix."""
        for item in self._items():
            name = item["Key"][len(self._prefix) :]
            if is_shown(name):
                tag = references.tag_of(item)
                yield Found(name, item["Size"], self.address(name), tag)

    def beside(self, name: str) -> set[str]:
        """Name the objects whose names begin as a file's does, and its folder's table."""
        folder, slash, file = name.rpartition("/")
        begins = (folder + slash + file.rpartition(".")[0], folder + slash + TABLE)
        found = (item["Key"] for prefix in begins for item in self._items(prefix))
        return {key[len(self._prefix) :] for key in found}

    def _items(self, prefix: str = "") -> Iterator[dict[str, Any]]:
        with self._translated():
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=self._prefix + prefix
            )
            for page in pages:
                yield from page.get("Contents", ())

    def _get(self, name: str, **how: Any) -> Any:
        if name in self._versions:
            how["VersionId"] = self._versions[name]
        return self._client.get_object(Bucket=self._bucket, Key=self._prefix + name, **how)

    def read_at(self, name: str, offset: int, length: int) -> bytes:
        """Give some bytes of an object; nothing else of it is fetched."""
        span = f"bytes={offset}-{offset + length - 1}"
        with self._translated(name):
            return bytes(self._get(name, Range=span)["Body"].read())

    def address(self, name: str) -> str:
        """Give an object's address."""
        return f"s3://{self._bucket}/{self._prefix}{name}"

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        """Fetch an object into a temporary file and open that."""
        with tempfile.TemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR) as file:
            with self._translated(name):
                for chunk in self._get(name)["Body"].iter_chunks(1024 * 1024):
                    file.write(chunk)
            file.seek(0)
            yield file


def is_shown(name: str) -> bool:
    """Tell whether a name is a file's, and neither it nor a folder above it is hidden."""
    hidden = any(part.startswith(".") for part in name.split("/"))
    return bool(name) and not name.endswith("/") and not hidden


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file that looks like media, what is said of it, and the answer beside it, if any."""

    place: Place
    found: Found
    said: dict[str, Any] = field(default_factory=dict)
    answer: str = ""

    @property
    def filename(self) -> str:
        """The file's own name."""
        return PurePosixPath(self.found.name).name


class _PlaceSource:
    """The bytes of a file where an import finds it, for the cage."""

    path: Path | None = None

    def __init__(self, place: Place, found: Found) -> None:
        self._place, self._name, self.size = place, found.name, found.size

    def read_at(self, offset: int, length: int) -> bytes:
        """Give up to `length` bytes from `offset` (fewer at the end)."""
        length = min(length, self.size - offset)
        return self._place.read_at(self._name, offset, length) if length > 0 else b""


def sketch(candidate: Candidate) -> Asset:
    """Make the asset that a file would become, for estimates; it is not saved.

    A video's length is read from the file in the cage. Raises MediaRejected or CageDied for a
    video that can't be shown.
    """
    found = candidate.found
    kind = sniff.sniff(candidate.place.head(found.name)) or ""
    asset = Asset(kind=kind, size=found.size, original_filename=candidate.filename)
    if kind == Asset.Kind.VIDEO:
        asset.duration_ms = probe.probe(_PlaceSource(candidate.place, found)).duration_ms
    return asset


def place_of(text: str) -> Place:
    """Give the place of a path or an address such as s3://bucket/folder; raises Refused."""
    return BucketPlace(text) if text.startswith("s3://") else FolderPlace(text)


class Listing:
    """What lies at a place, listed once; several threads may ask it for candidates."""

    def __init__(
        self,
        place: Place,
        *,
        is_known: Callable[[Found], bool] = lambda _: False,
        only: Collection[Found] | None = None,
        single: Found | None = None,
    ) -> None:
        """List a place; files that are in the library already are not even looked at.

        `only` leaves out what is not among it; with a `single` file
        the place is not listed at all.
        """
        files = [single] if single else list(place.list())
        self._place = place
        self._names = {found.name for found in files}
        if len(files) == 1:
            self._names |= place.beside(files[0].name)
        self._tables: dict[str, dict[str, dict[str, Any]]] = {}
        self._reading = threading.Lock()
        wanted = [found for found in files if only is None or found in only]
        self.new = [found for found in wanted if not is_known(found)]
        self.known = len(wanted) - len(self.new)

    def candidate(self, found: Found) -> Candidate | None:
        """Look at a file's first bytes and at what lies beside it; None if it is not media."""
        if found.name.lower().endswith(_NEVER_MEDIA):
            return None
        if sniff.sniff(self._place.head(found.name)) is None:
            return None
        said, answer = _beside(self._place, found.name, self._names)
        row = self._table(str(PurePosixPath(found.name).parent))
        return Candidate(
            self._place, found, row.get(PurePosixPath(found.name).name, {}) | said, answer
        )

    def candidates(self) -> Iterator[Candidate]:
        """Give the media among the new files by name."""
        return filter(None, map(self.candidate, self.new))

    def _table(self, folder: str) -> dict[str, dict[str, Any]]:
        with self._reading:
            if folder not in self._tables:
                self._tables[folder] = _table(self._place, folder, self._names)
            return self._tables[folder]


def _beside(place: Place, name: str, names: set[str]) -> tuple[dict[str, Any], str]:
    """Look for the JSON beside a file: what it says of the file, or the name of an answer."""
    for beside in (f"{name}.json", f"{name.rpartition('.')[0]}.json"):
        if beside not in names:
            continue
        head = place.head(beside)
        if len(head) < _HEAD:
            try:
                told = json.loads(head)
            except ValueError:
                told = None
            if isinstance(told, dict) and told and set(told) <= set(_SAID):
                return _clean(told), ""
        return {}, beside
    return {}, ""


def _table(place: Place, folder: str, names: set[str]) -> dict[str, dict[str, Any]]:
    """Read the table of a folder: rows by file name; columns file, title, keywords, …"""
    name = TABLE if folder == "." else f"{folder}/{TABLE}"
    if name not in names:
        return {}
    with place.open(name) as file:
        text = file.read(64 * _MOST_SAID).decode("utf-8-sig", errors="replace")
    rows = csv.DictReader(io.StringIO(text))
    return {row["file"]: _clean(row) for row in rows if row.get("file")}


def _clean(told: dict[str, Any]) -> dict[str, Any]:
    said: dict[str, Any] = {name: str(told[name]) for name in _SAID if told.get(name)}
    words = told.get("keywords")
    if isinstance(words, str):
        words = words.replace(";", ",").split(",")
    if isinstance(words, list):
        said["keywords"] = tuple(str(word).strip() for word in words if str(word).strip())
    return said
