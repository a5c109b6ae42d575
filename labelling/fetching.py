"""Fetches the pages of a job into storage, part by part, and goes on where a former try stopped.

What is stored replaces what was stored before; nothing is ever appended to a stored object. Pages
are passed on as they come, so that memory holds one page. Works out nothing of them.
"""

from __future__ import annotations

import gzip
import json
import uuid
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import IO

from django.utils import timezone

from labelling.answers import Page
from labelling.backends.base import LabellingBackend, PagesLost
from labelling.collecting import answer_prefix
from labelling.models import Analysis
from labelling.reading import Piece
from medialib import storage
from medialib.exceptions import Missing, Wait

# A kill costs reading so many pages again; each part costs one write into storage.
_PAGES_A_PART = 10
_AGAIN_SECONDS = 1.0
_GZIP_LEVEL = 1


def fetch(
    analysis: Analysis, backend: LabellingBackend, *, on_end: Callable[[], None]
) -> Iterator[Page]:
    """Give all pages of the job of an analysis, and store its raw answer.

    `on_end` is called when the job is found to have ended. Raises Wait while it goes on, and
    StepFailed; after the last page `analysis.raw_name` names the stored answer.
    """
    with storage.scratch_folder() as folder:
        try:
            yield from _Reading(analysis, backend, folder).pages(on_end)
        except (PagesLost, Missing):
            # The place in the answer is not known any more: begin at the first page.
            names = list(analysis.reading.get("parts", ()))
            _note(analysis, {})
            _delete(names)
            message = "The answer is being read again from its first page."
            raise Wait("provider", seconds=_AGAIN_SECONDS, detail=message) from None


class _Reading:
    """One try at reading an answer: a local file of what is read, and parts of it in storage."""

    def __init__(self, analysis: Analysis, backend: LabellingBackend, folder: Path) -> None:
        self._analysis = analysis
        self._backend = backend
        self._path = folder / "answer.gz"
        self._parts: list[str] = list(analysis.reading.get("parts", ()))
        self._token: str = analysis.reading.get("token", "")
        self._pack = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, 31)
        # Pages are compressed beside the working out of others: the packer takes them in order.
        self._packer = ThreadPoolExecutor(max_workers=1)
        self._packed: list[Future[bytes]] = []

    def pages(self, on_end: Callable[[], None]) -> Iterator[Page]:
        with self._packer:
            yield from self._pages(on_end)

    def _pages(self, on_end: Callable[[], None]) -> Iterator[Page]:
        with self._path.open("wb") as file:
            for name in self._parts:
                for chunk in storage.stream(name):
                    file.write(chunk)
        if self._parts:
            with gzip.open(self._path, "rb") as lines:
                for line in lines:
                    yield json.loads(line)
        with self._path.open("ab") as file:
            try:
                yield from self._read_on(on_end, file)
            except Wait:
                # Put aside in the middle: what is read already is not read again.
                self._keep_part(file)
                raise
            self._end_part(file)
        self._keep_answer()

    def _read_on(self, on_end: Callable[[], None], file: IO[bytes]) -> Iterator[Page]:
        begun = self._analysis.started_at or timezone.now()
        pieces = self._backend.read(
            self._analysis.job_id,
            feature=self._analysis.feature,
            token=self._token,
            waited_seconds=(timezone.now() - begun).total_seconds(),
        )
        first = not self._parts
        for piece in pieces:
            if first:
                on_end()
                first = False
            self._add(piece)
            yield piece.page
            if len(self._packed) >= _PAGES_A_PART and self._token:
                self._keep_part(file)

    def _add(self, piece: Piece) -> None:
        line = piece.line.encode() + b"\n"
        self._packed.append(self._packer.submit(self._pack.compress, line))
        self._token = str(piece.page.get("NextToken") or "")

    def _end_part(self, file: IO[bytes]) -> bytes:
        """Close the compressed member, so that parts one after the other are a whole file."""
        if not self._packed:
            return b""
        data = b"".join(packed.result() for packed in self._packed) + self._pack.flush()
        file.write(data)
        self._pack = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, 31)
        self._packed = []
        return data

    def _keep_part(self, file: IO[bytes]) -> None:
        data = self._end_part(file)
        if not data:
            return
        # A name of its own for each: two readers at once can't spoil each other's parts.
        name = f"{answer_prefix(self._analysis)}part-{uuid.uuid4().hex}.gz"
        storage.write_bytes(name, data)
        self._parts.append(name)
        _note(self._analysis, {"parts": self._parts, "token": self._token})

    def _keep_answer(self) -> None:
        name = f"{answer_prefix(self._analysis)}answer.jsonl.gz"
        storage.delete(name)
        storage.write_path(name, self._path)
        Analysis.objects.filter(pk=self._analysis.pk).update(raw_name=name, reading={})
        self._analysis.raw_name, self._analysis.reading = name, {}
        _delete(self._parts)


def _note(analysis: Analysis, reading: dict[str, object]) -> None:
    analysis.reading = reading
    Analysis.objects.filter(pk=analysis.pk).update(reading=reading)


def _delete(names: list[str]) -> None:
    for name in names:
        storage.delete(name)
