"""The query language's tree and how it is printed. Reads no text and knows no labels.

`str(query)` gives the canonical text; parsing that text gives the same tree again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from medialib.exceptions import Refused

MAX_LENGTH = 1_000
MAX_DEPTH = 20
MAX_TERMS = 48
DEFAULT_GAP_MS = 10_000
# How many at once can be asked for, exactly; one is what "seen" means.
COUNTS = (2, 3, 4, 5, 10)


class InvalidQuery(Refused):
    """This search can't be read."""

    code = "invalid_query"
    status = 400
    title = "This search can't be read"

    def __init__(
        self, detail: str, *, position: int = 0, cure: str = "", code: str = "invalid_query"
    ) -> None:
        super().__init__(f"{detail} {cure}".strip(), code=code, field="q")
        self.position = position
        self.cure = cure


@dataclass(frozen=True, slots=True)
class Word:
    """A bare word and, as in `car@80#2`, its own confidence limit and count."""

    text: str
    confidence: float | None = None
    count: int | None = None

    def __str__(self) -> str:
        return self.text + limits(self.confidence, self.count)


@dataclass(frozen=True, slots=True)
class Words:
    """Words beside each other that nobody has given a meaning yet."""

    words: tuple[Word, ...]

    def __str__(self) -> str:
        return " ".join(map(str, self.words))


@dataclass(frozen=True, slots=True)
class Label:
    """`label:Car` or `label:"Traffic Light"@80#2`: the label and everything below it.

    `#2` asks for moments in which at least two are seen at once.
    """

    name: str
    confidence: float | None = None
    count: int | None = None

    def __str__(self) -> str:
        return f"label:{quoted(self.name)}{limits(self.confidence, self.count)}"


@dataclass(frozen=True, slots=True)
class Phrase:
    """`"red car"`: these words, in this order, in the text of an asset (or its file name only)."""

    text: str
    field: Literal["", "file"] = ""

    def __str__(self) -> str:
        text = in_quotes(self.text)
        return f"{self.field}:{text}" if self.field else text


@dataclass(frozen=True, slots=True)
class Kind:
    """`kind:photo` or `kind:video`."""

    value: Literal["photo", "video"]

    def __str__(self) -> str:
        return f"kind:{self.value}"


@dataclass(frozen=True, slots=True)
class Category:
    """`category:"Animals and Pets"`: some label of the asset is in the category."""

    name: str

    def __str__(self) -> str:
        return f"category:{quoted(self.name)}"


@dataclass(frozen=True, slots=True)
class Keyword:
    """`keyword:holiday`: a person gave the asset this keyword."""

    name: str

    def __str__(self) -> str:
        return f"keyword:{quoted(self.name)}"


@dataclass(frozen=True, slots=True)
class Mark:
    """`has:boxes`, `is:failed`, `owner:me`, `source:"Nikon Z6"`: a fact that an asset has or not.

    A source is the person's or the camera's word for where the asset comes from.
    """

    field: Literal["has", "is", "owner", "source"]
    value: str

    def __str__(self) -> str:
        return f"{self.field}:{quoted(self.value)}"


@dataclass(frozen=True, slots=True)
class Dates:
    """`date:2026-06..2026-08` (uploaded) or `captured:2026`; both ends are included, UTC."""

    field: Literal["date", "captured"]
    first: str
    last: str

    def __str__(self) -> str:
        span = self.first if self.first == self.last else f"{self.first}..{self.last}"
        return f"{self.field}:{span}"


@dataclass(frozen=True, slots=True)
class Span:
    """At least `low_ms`, at most `high_ms`; None leaves a side open."""

    low_ms: int | None
    high_ms: int | None

    def __str__(self) -> str:
        if self.high_ms is None:
            return f">{print_duration(self.low_ms or 0)}"
        if self.low_ms is None:
            return f"<{print_duration(self.high_ms)}"
        return f"{print_duration(self.low_ms)}..{print_duration(self.high_ms)}"


@dataclass(frozen=True, slots=True)
class Length:
    """`length:<10m`: how long the asset is; photos have no length."""

    span: Span

    def __str__(self) -> str:
        return f"length:{self.span}"


@dataclass(frozen=True, slots=True)
class Not:
    """`NOT a`, `-a`: what is left without the part."""

    part: Node

    def __str__(self) -> str:
        return f"NOT {_inside(self.part, (And, Or, Then, Words))}"


@dataclass(frozen=True, slots=True)
class And:
    """`a AND b`: both at the same time."""

    parts: tuple[Node, ...]

    def __str__(self) -> str:
        return " AND ".join(_inside(part, (And, Or, Then)) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Or:
    """`a OR b`: either, or both."""

    parts: tuple[Node, ...]

    def __str__(self) -> str:
        return " OR ".join(_inside(part, (Or, Then)) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Then:
    """`a THEN b WITHIN 10s`: b starts after a starts and at most the gap after a ends."""

    parts: tuple[Node, ...]
    gaps_ms: tuple[int, ...]

    def __str__(self) -> str:
        text = _inside(self.parts[0], (Then,))
        for part, gap in zip(self.parts[1:], self.gaps_ms, strict=True):
            text += f" THEN {_inside(part, (Then,))} WITHIN {print_duration(gap)}"
        return text


Leaf = Words | Label | Phrase | Kind | Category | Keyword | Mark | Dates | Length
Node = Leaf | Not | And | Or | Then


@dataclass(frozen=True, slots=True)
class Query:
    """A whole search: the tree and what holds for all of it. No tree: nothing was asked for.

    `count` holds for every label that is looked for, not for those that are taken away; found
    ranges at most `join_ms` apart become one.
    """

    tree: Node | None = None
    confidence: float | None = None
    anywhere: bool = False
    moment_length: Span | None = None
    count: int | None = None
    join_ms: int | None = None

    def __str__(self) -> str:
        parts = [] if self.tree is None else [str(self.tree)]
        if self.confidence is not None:
            parts.append(f"conf:{number(self.confidence)}")
        if self.anywhere:
            parts.append("within:asset")
        if self.moment_length is not None:
            parts.append(f"dur:{self.moment_length}")
        if self.count is not None:
            parts.append(f"count:>={self.count}")
        if self.join_ms is not None:
            parts.append(f"join:{print_duration(self.join_ms)}")
        return " ".join(parts)


def leaves(node: Node | None) -> Iterator[Leaf]:
    """Give the leaves of a tree in order."""
    if isinstance(node, Not):
        yield from leaves(node.part)
    elif isinstance(node, And | Or | Then):
        for part in node.parts:
            yield from leaves(part)
    elif node is not None:
        yield node


def _inside(part: Node, loose: tuple[type, ...]) -> str:
    return f"({part})" if isinstance(part, loose) else str(part)


_PLAIN = re.compile(r"[^\W_][\w'&/.+-]*\Z")


def quoted(text: str) -> str:
    """Put a value in quotation marks unless it can stand without them."""
    return text if _PLAIN.match(text) and not text.endswith(".") else in_quotes(text)


def in_quotes(text: str) -> str:
    """Put a text in quotation marks; marks and backslashes inside are escaped."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def number(value: float) -> str:
    """Print a confidence without needless zeros."""
    return f"{value:g}"


def limits(confidence: float | None, count: int | None) -> str:
    """Print a term's own confidence limit and count, nothing if it has none."""
    sure = "" if confidence is None else f"@{number(confidence)}"
    return sure if count is None else f"{sure}#{count}"


_UNITS = (("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1))


def print_duration(milliseconds: int) -> str:
    """Print a duration as the language writes it: `1h2m3s4ms`, `0s`."""
    text, rest = "", milliseconds
    for unit, size in _UNITS:
        count, rest = divmod(rest, size)
        text += f"{count}{unit}" if count else ""
    return text or "0s"
