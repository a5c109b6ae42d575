"""Reads what stands behind `name:` in a search. Refuses what it doesn't know, by name."""

from __future__ import annotations

import datetime
import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, cast

from search.query import (
    COUNTS,
    Category,
    Dates,
    InvalidQuery,
    Keyword,
    Kind,
    Label,
    Leaf,
    Length,
    Mark,
    Phrase,
    Span,
)


@dataclass(frozen=True, slots=True)
class Modifier:
    """Something that holds for the whole search, not for one place in it."""

    name: Literal["conf", "within", "dur", "count", "join"]
    value: float | Span | None


_AMOUNTS = re.compile(r"(\d{1,9})(h|ms|m|s)?")
_UNIT_MS = {"h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1, None: 1_000}
MAX_DURATION_MS = 1_000_000 * 3_600_000
_DAY = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?\Z", re.ASCII)


def duration(text: str) -> int | None:
    """Read `10s`, `1m30s`, `500ms`, `90` (seconds) as milliseconds; None if it is none of these."""
    total, position = 0, 0
    while position < len(text):
        match = _AMOUNTS.match(text, position)
        if match is None:
            return None
        total += int(match[1]) * _UNIT_MS[match[2]]
        position = match.end()
    return total if text and total <= MAX_DURATION_MS else None


def confidence(text: str, *, position: int) -> float:
    """Read a confidence from 0 to 100 with at most two decimals."""
    if re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,2})?", text) and float(text) <= 100:
        return float(text)
    raise InvalidQuery(
        f"“{text}” is not a confidence.",
        position=position,
        cure="Give a number from 0 to 100, for instance conf:>80.",
    )


def count(text: str, *, position: int) -> int | None:
    """Read how many at once; None for one, which is what being seen means."""
    number = int(text) if re.fullmatch(r"[0-9]{1,4}", text) else 0
    if number == 1 or number in COUNTS:
        return None if number == 1 else number
    raise InvalidQuery(
        f"“{text}” can't be counted: counts are 1, {', '.join(map(str, COUNTS))}.",
        position=position,
        cure="Write for instance dog#2 or count:>=3.",
    )


def limits(text: str, *, position: int) -> tuple[float | None, int | None]:
    """Read what stands behind a label: `@80`, `#2` or `@80#2`."""
    match = re.fullmatch(r"(?:@([^#]*))?(?:#(.*))?", text, re.DOTALL)
    sure, many = match.groups() if match else (text, None)
    return (
        None if sure is None else confidence(sure, position=position),
        None if many is None else count(many, position=position),
    )


def is_known(name: str) -> bool:
    """Tell whether the language has a field of this name."""
    return name.lower() in _READERS


def read_field(name: str, value: str, *, limit: str, position: int) -> Leaf | Modifier:
    """Read one field; an unknown field or a value it can't have raises InvalidQuery."""
    reader = _READERS.get(name.lower())
    if reader is None:
        raise InvalidQuery(_unknown(name), position=position, cure=_cure(name))
    if not value:
        raise InvalidQuery(
            f"{name}: needs a value.",
            position=position,
            cure=f"Write it right behind the colon, for instance {EXAMPLES[name.lower()]}.",
        )
    if limit and reader is not _label:
        raise InvalidQuery(
            f"{name}: takes no confidence and no count.",
            position=position,
            cure=f"Leave out “{limit}”.",
        )
    return Label(value, *limits(limit, position=position)) if limit else reader(value, position)


def _unknown(name: str) -> str:
    return f"“{name}:” is not known. Known are {', '.join(f'{known}:' for known in EXAMPLES)}."


def _cure(name: str) -> str:
    near = difflib.get_close_matches(name.lower(), EXAMPLES, n=1)
    ask = f"Did you mean {near[0]}:? " if near else ""
    return f"{ask}To search for the words themselves, put them in quotation marks."


def _label(value: str, _position: int) -> Label:
    return Label(value)


def _mark(
    field: Literal["has", "is", "owner", "source"], *known: str
) -> Callable[[str, int], Mark]:
    def read(value: str, position: int) -> Mark:
        given = value.lower() if known else value
        if known and given not in known:
            raise InvalidQuery(
                f"{field}: can't be “{value}”.",
                position=position,
                cure=f"Use {' or '.join(f'{field}:{one}' for one in known)}.",
            )
        return Mark(field, given)

    return read


def _kind(value: str, position: int) -> Kind:
    kind = {"photos": "photo", "videos": "video"}.get(value.lower(), value.lower())
    if kind not in ("photo", "video"):
        raise InvalidQuery(
            f"There is no kind “{value}”.", position=position, cure="Use kind:photo or kind:video."
        )
    return Kind(cast(Literal["photo", "video"], kind))


def _dates(field: Literal["date", "captured"]) -> Callable[[str, int], Dates]:
    def read(value: str, position: int) -> Dates:
        first, dots, last = value.partition("..")
        last = last if dots else first
        if not (first or last) or not all(_is_day(part) for part in (first, last) if part):
            raise InvalidQuery(
                f"“{value}” is not a date.",
                position=position,
                cure=f"Write {field}:2026, {field}:2026-06, {field}:2026-06-14 "
                f"or {field}:2026-06..2026-08.",
            )
        if first and last and day_bounds(first)[0] >= day_bounds(last)[1]:
            raise InvalidQuery(
                f"“{value}” ends before it begins.",
                position=position,
                cure=f"Write {field}:{last}..{first}.",
            )
        return Dates(field, first, last)

    return read


def _is_day(text: str) -> bool:
    try:
        day_bounds(text)
    except ValueError:
        return False
    return True


def day_bounds(text: str) -> tuple[datetime.date, datetime.date]:
    """Give the first day of a year, month or day and the day after its last one."""
    match = _DAY.match(text)
    if match is None:
        raise ValueError(text)
    year, month, day = (int(part) if part else None for part in match.groups())
    start = datetime.date(cast(int, year), month or 1, day or 1)
    if day:
        return start, start + datetime.timedelta(days=1)
    if month:
        return start, (start + datetime.timedelta(days=31)).replace(day=1)
    return start, start.replace(year=start.year + 1)


def _span(value: str, position: int, *, name: str) -> Span:
    low, dots, high = value.partition("..")
    if dots:
        span = Span(duration(low), duration(high))
        good = span.low_ms is not None and span.high_ms is not None and span.low_ms <= span.high_ms
    else:
        amount = duration(value.lstrip("<>="))
        good = amount is not None and value[0] in "<>"
        span = Span(None, amount) if value.startswith("<") else Span(amount, None)
    if not good:
        raise InvalidQuery(
            f"“{value}” is not a length of time.",
            position=position,
            cure=f"Write {name}:>5s (at least), {name}:<10m (at most) or {name}:5s..10s.",
        )
    return span


def _length(value: str, position: int) -> Length:
    return Length(_span(value, position, name="length"))


def _moment_length(value: str, position: int) -> Modifier:
    return Modifier("dur", _span(value, position, name="dur"))


def _conf(value: str, position: int) -> Modifier:
    return Modifier(
        "conf", confidence(value.removeprefix(">").removeprefix("="), position=position)
    )


def _count(value: str, position: int) -> Modifier:
    more = re.match(r"(>=|>|=)?", value)
    sign = more[0] if more else ""
    number = value.removeprefix(sign)
    if sign == ">" and re.fullmatch(r"[0-9]{1,4}", number):
        number = str(int(number) + 1)
    return Modifier("count", count(number, position=position))


def _join(value: str, position: int) -> Modifier:
    gap = duration(value)
    if gap is None:
        raise InvalidQuery(
            f"“{value}” is not a length of time.",
            position=position,
            cure="Write for instance join:2s.",
        )
    return Modifier("join", gap)


def _within(value: str, position: int) -> Modifier:
    if value.lower() not in ("asset", "moment"):
        raise InvalidQuery(
            f"within: can't be “{value}”.",
            position=position,
            cure="Use within:asset or within:moment.",
        )
    return Modifier("within", 1.0 if value.lower() == "asset" else None)


def _phrase(value: str, position: int, *, field: Literal["", "file"]) -> Phrase:
    if not any(ch.isalnum() for ch in value):
        raise InvalidQuery(
            "There are no words to look for here.", position=position, cure="Write a word."
        )
    return Phrase(value, field)


_READERS: dict[str, Callable[[str, int], Leaf | Modifier]] = {
    "label": _label,
    "kind": _kind,
    "category": lambda value, _position: Category(value),
    "keyword": lambda value, _position: Keyword(value),
    "text": lambda value, position: _phrase(value, position, field=""),
    "file": lambda value, position: _phrase(value, position, field="file"),
    "date": _dates("date"),
    "captured": _dates("captured"),
    "length": _length,
    "dur": _moment_length,
    "conf": _conf,
    "within": _within,
    "count": _count,
    "join": _join,
    "has": _mark("has", "boxes"),
    "is": _mark("is", "unlabelled", "failed"),
    "owner": _mark("owner", "me"),
    "source": _mark("source"),
}
# One example of each field, for cures and for suggestions.
EXAMPLES = {
    "label": "label:Car",
    "kind": "kind:video",
    "category": 'category:"Animals and Pets"',
    "keyword": "keyword:holiday",
    "text": "text:harbour",
    "file": "file:harbour",
    "date": "date:2026-06",
    "captured": "captured:2026-06",
    "length": "length:<10m",
    "dur": "dur:>5s",
    "conf": "conf:>80",
    "within": "within:asset",
    "count": "count:>=3",
    "join": "join:2s",
    "has": "has:boxes",
    "is": "is:unlabelled",
    "owner": "owner:me",
    "source": "source:Nikon",
}
