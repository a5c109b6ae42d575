"""Reads pages of JSON that may be too large for one piece, row by row, in little memory.

Takes one page, a list of pages, or pages one after the other (JSON lines). The rows, under "Labels"
or another name, come in batches; all the rest of a page is small. Rows are decoded by the standard
library's own scanner, and their text is passed on beside them: keeping an answer needs no encoding.
"""

from __future__ import annotations

import codecs
import contextlib
import gc
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

BATCH = 1000
CHUNK = 1 << 20
# One row, or all of a page but its rows, is never this long.
LONGEST_VALUE = 16 << 20
_SPACE = " \t\n\r"
# What a cut leaves of a word or a number ("fals", "1.5e-") is at most this long.
_LONGEST_STUMP = 8
_AFTER_VALUE = frozenset(" \t\n\r,:]}")


class JsonInvalid(ValueError):
    """These bytes are not JSON. `cut` says that they end too early."""

    def __init__(self, message: str, *, cut: bool = False) -> None:
        super().__init__(message)
        self.cut = cut


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a page with at most `BATCH` rows; the page's other fields are in its last part."""

    page: dict[str, Any]
    # The same as one line of JSON.
    line: str


_resting = threading.Lock()
_readers = 0


@contextlib.contextmanager
def cycles_left() -> Iterator[None]:
    """Let Python's search for cycles rest in this process while answers are read.

    Rows are trees, so counting references frees them at once; to search the many small parts of
    each page again and again took half of the time of reading. Searching goes on with the last.
    """
    global _readers
    with _resting:
        _readers += 1
        gc.disable()
    try:
        yield
    finally:
        with _resting:
            _readers -= 1
            if not _readers:
                gc.enable()


def read_pieces(file: IO[bytes], *, rows: str = "Labels", chunk: int = CHUNK) -> Iterator[Piece]:
    """Read every page in parts. Raises JsonInvalid, at the place where the trouble is.

    `rows` is the name of a page's list of rows.
    """
    text = _Text(file, chunk)
    first = text.peek()
    if first == "[":
        text.take("[")
        while text.peek() != "]":
            yield from _read_page(text, rows)
            if text.peek() != "]":
                text.take(",")
        text.take("]")
    elif first:
        while text.peek():
            yield from _read_page(text, rows)
    if text.peek():
        raise JsonInvalid("There is more after the end.")


def _read_page(text: _Text, key: str) -> Iterator[Piece]:
    text.take("{")
    fields: dict[str, tuple[Any, str]] = {}
    rows: list[Any] = []
    lines: list[str] = []
    has_rows = False
    while text.peek() != "}":
        name, _ = text.value()
        text.take(":")
        if name == key and text.peek() == "[":
            has_rows = True
            for row, line in _read_rows(text):
                if len(rows) == BATCH:
                    yield _piece({}, key, rows, lines)
                    rows, lines = [], []
                rows.append(row)
                lines.append(line)
        else:
            fields[str(name)] = text.value()
        if text.peek() != "}":
            text.take(",")
    text.take("}")
    yield _piece(fields, key if has_rows else "", rows, lines)


def _read_rows(text: _Text) -> Iterator[tuple[Any, str]]:
    text.take("[")
    while text.peek() != "]":
        yield text.value()
        if text.peek() != "]":
            text.take(",")
    text.take("]")


def _piece(
    fields: dict[str, tuple[Any, str]], key: str, rows: list[Any], lines: list[str]
) -> Piece:
    page = {name: value for name, (value, _) in fields.items()}
    parts = [f"{json.dumps(name)}:{text}" for name, (_, text) in fields.items()]
    if key:
        page[key] = rows
        parts.append(f"{json.dumps(key)}:[{','.join(lines)}]")
    line = "{" + ",".join(parts) + "}"
    # Line breaks can only stand between tokens, so blanks say the same on one line.
    return Piece(page, line.replace("\r", " ").replace("\n", " "))


class _Text:
    """A window over the text of a file, with a place in it."""

    def __init__(self, file: IO[bytes], chunk: int) -> None:
        self._file = file
        self._chunk = chunk
        self._decode = codecs.getincrementaldecoder("utf-8-sig")().decode
        self._scan = json.JSONDecoder(parse_constant=_refuse_constant).raw_decode
        self._buffer = ""
        self._place = 0
        self._ended = False

    def _fill(self, size: int) -> None:
        data = self._file.read(size)
        self._ended = not data
        try:
            more = self._decode(data, not data)
        except UnicodeDecodeError:
            raise JsonInvalid("It is not text.", cut=not data) from None
        self._buffer = self._buffer[self._place :] + more
        self._place = 0

    def peek(self) -> str:
        """Give the next character that is no blank, without taking it; empty at the end."""
        while True:
            for place in range(self._place, len(self._buffer)):
                if self._buffer[place] not in _SPACE:
                    self._place = place
                    return self._buffer[place]
            self._place = len(self._buffer)
            if self._ended:
                return ""
            self._fill(self._chunk)

    def take(self, expected: str) -> None:
        """Take one character, which must be this one."""
        found = self.peek()
        if found != expected:
            raise JsonInvalid(f"“{expected}” is missing.", cut=not found)
        self._place += 1

    def value(self) -> tuple[Any, str]:
        """Take one value; give it with its text."""
        if not self.peek():
            raise JsonInvalid("A value is missing.", cut=True)
        more = self._chunk
        while (found := self._try_value()) is None:
            if len(self._buffer) - self._place > LONGEST_VALUE:
                raise JsonInvalid("One value is too long.")
            self._fill(more)
            more *= 2
        value, end = found
        line = self._buffer[self._place : end]
        self._place = end
        return value, line

    def _try_value(self) -> tuple[Any, int] | None:
        """Decode the value at this place and tell where it ends; None if the window is short."""
        try:
            value, end = self._scan(self._buffer, self._place)
        except json.JSONDecodeError as error:
            if not self._ended:
                return None
            near_end = error.pos >= len(self._buffer) - _LONGEST_STUMP
            cut = near_end or error.msg.startswith("Unterminated")
            raise JsonInvalid(error.msg, cut=cut) from None
        except RecursionError:
            raise JsonInvalid("It is nested too deeply.") from None
        # A number may go on behind the window, even after its point.
        if self._ended or self._buffer[end : end + 1] in _AFTER_VALUE:
            return value, end
        return None


def _refuse_constant(name: str) -> None:
    raise JsonInvalid(f"{name} is not JSON.")
