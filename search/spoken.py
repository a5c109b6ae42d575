"""Reads numbers, times, dates and shares as people say them: "over 90 percent", "in june 2025".

Pure. Every function looks at the beginning of some folded words and gives how many of them it took
and what they mean, or None.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence

from search.fields import confidence, day_bounds, duration
from search.query import COUNTS, Dates, Span

Words = Sequence[str]

# fmt: off
NUMBERS = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8,
    "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "fifteen": 15, "twenty": 20, "thirty": 30,
    "forty": 40, "sixty": 60, "ninety": 90,
}
# fmt: on
_UNITS = {
    **dict.fromkeys(("second", "seconds", "sec", "secs", "s"), "s"),
    **dict.fromkeys(("minute", "minutes", "min", "mins", "m"), "m"),
    **dict.fromkeys(("hour", "hours", "h"), "h"),
    "ms": "ms",
}
_AT_LEAST = frozenset({"over", "above", "at", "least", "more", "than", "minimum", "min"})
# The longest that fits is taken: at least so many, or one more than that.
_FROM = {("at", "least"): 0, ("a", "minimum", "of"): 0, ("more", "than"): 1, ("over",): 1}
_GROUPS = {
    **dict.fromkeys((("a", "couple", "of"), ("a", "pair", "of"), ("couple", "of")), 2),
    **dict.fromkeys((("pair", "of"), ("pairs", "of"), ("both",)), 2),
    ("several",): 3,
    ("a", "dozen"): 12,
}
_LONGER = (("longer", "than"), ("for", "more", "than"), ("for", "at", "least"), ("lasting", "over"))
_SHORTER = (("shorter", "than"), ("for", "less", "than"), ("lasting", "under"))
_MONTH_NAMES = (
    *("january", "february", "march", "april", "may", "june", "july", "august", "september"),
    *("october", "november", "december"),
)
_MONTHS = {
    **{name: at for at, name in enumerate(_MONTH_NAMES, start=1)},
    **{name[:3]: at for at, name in enumerate(_MONTH_NAMES, start=1)},
}
_MADE = frozenset(("taken", "captured", "shot", "recorded", "filmed", "made"))
_ADDED = frozenset(("uploaded", "added", "imported"))
_DATE_WORDS = frozenset(("in", "from", "on", "since", "until", "before", "after", "of"))
_BEFORE, _SINCE = frozenset(("until", "before")), frozenset(("since", "after"))


def number(word: str) -> int | None:
    """Read a small whole number in letters or digits."""
    if word.isascii() and word.isdecimal() and len(word) <= 3:
        return int(word)
    return NUMBERS.get(word)


def time(words: Words) -> tuple[int, int] | None:
    """Read `10s`, `10 seconds`, `ten seconds`, `a minute`, `half a minute` as milliseconds."""
    half = words[:1] == ["half"] and words[1:2] in (["a"], ["an"])
    at = 2 if half else 0
    first, unit = next(iter(words[at:]), ""), next(iter(words[at + 1 :]), "")
    if half:
        whole = duration(f"1{_UNITS[first]}") if first in _UNITS else None
        return None if whole is None else (3, whole // 2)
    if unit in _UNITS:
        count = 1 if first in ("a", "an") else number(first)
        gap = None if count is None else duration(f"{count}{_UNITS[unit]}")
        if gap is not None:
            return 2, gap
    gap = duration(first)
    return None if gap is None else (1, gap)


def gap(words: Words) -> tuple[int, int] | None:
    """Read `within 10 seconds`."""
    said = time(words[1:]) if words[:1] == ["within"] else None
    return None if said is None else (said[0] + 1, said[1])


def later(words: Words) -> tuple[int, int] | None:
    """Read `and 3 seconds later`: one after the other, at most so far apart."""
    at = int(words[:1] == ["and"])
    said = time(words[at:])
    if said is None or words[at + said[0] : at + said[0] + 1] not in (["later"], ["after"]):
        return None
    return at + said[0] + 1, said[1]


def percent(words: Words, *, position: int) -> tuple[int, float] | None:
    """Read `over 90 percent`, `80%`, `at least 80% confidence`."""
    at = next((i for i, word in enumerate(words) if word not in _AT_LEAST), len(words))
    if at == len(words):
        return None
    share, spelled = words[at].rstrip("%"), words[at + 1 : at + 2] in (["percent"], ["%"])
    if not share.isdecimal() or not (words[at].endswith("%") or spelled):
        return None
    size = at + 1 + spelled
    size += words[size : size + 1] in (["confidence"], ["sure"], ["certain"])
    return size, confidence(share, position=position)


def count(words: Words) -> tuple[int, int] | None:
    """Read `two`, `at least 3`, `more than two`, `a couple of`, `four or more`."""
    for size in (3, 2, 1):
        if grouped := _GROUPS.get(tuple(words[:size])):
            return size, grouped
    for start, more in _FROM.items():
        at = len(start)
        if tuple(words[:at]) == start and words[at:]:
            value = number(words[at])
            return None if value is None else (at + 1, value + more)
    value = number(words[0]) if words else None
    if value is None:
        return None
    return (3 if words[1:3] == ["or", "more"] else 1), value


def kept_count(many: int) -> int | None:
    """Give the most that is at most so many and can be asked for exactly; None for one."""
    return max((count for count in COUNTS if count <= many), default=None)


def count_said(many: int, kept: int | None) -> str:
    """Say what a count means, and so when it is less than what was asked."""
    if kept is None:
        return ""
    least = f"at least {kept} at once"
    return f"{least}, as {many} are not counted apart from {kept}" if many > kept else least


def span(words: Words) -> tuple[int, Span] | None:
    """Read `longer than 5 minutes` and `shorter than 30 seconds`."""
    for starts, longer in ((_LONGER, True), (_SHORTER, False)):
        for start in starts:
            said = time(words[len(start) :]) if tuple(words[: len(start)]) == start else None
            if said is not None:
                found = Span(said[1], None) if longer else Span(None, said[1])
                return len(start) + said[0], found
    return None


def dates(words: Words, *, today: datetime.date | None) -> tuple[int, Dates] | None:
    """Read `in june 2025`, `taken in 2024`, `uploaded since 2026-03`, `last year`, `yesterday`."""
    at = int(words[:1] != [] and words[0] in _MADE | _ADDED)
    added = at == 1 and words[0] in _ADDED
    side = words[at] if words[at:] and words[at] in _DATE_WORDS else ""
    said = _period(words[at + bool(side) :], today)
    # A bare year is more often a name than a date.
    if said is None or (not said[2] and not (at or side)):
        return None
    first, last = said[1]
    first, last = ("", _day_before(first)) if side == "before" else (first, last)
    first = "" if side in _BEFORE else first
    last = "" if side in _SINCE else last
    return at + bool(side) + said[0], Dates("date" if added else "captured", first, last)


def _day_before(first: str) -> str:
    return str(day_bounds(first)[0] - datetime.timedelta(days=1))


def _period(words: Words, today: datetime.date | None) -> tuple[int, tuple[str, str], bool] | None:
    """Give how many words, the first and last day, and whether it can be nothing but a date."""
    first, second = next(iter(words), ""), next(iter(words[1:]), "")
    if first in _MONTHS and _is_year(second):
        month = f"{second}-{_MONTHS[first]:02d}"
        return 2, (month, month), True
    if _is_day(first):
        return 1, (first, first), "-" in first
    if today is None:
        return None
    if first in ("today", "yesterday"):
        day = str(today - datetime.timedelta(days=first == "yesterday"))
        return 1, (day, day), True
    period = _relative(first, second, today)
    return None if period is None else (2, period, True)


def _relative(which: str, unit: str, today: datetime.date) -> tuple[str, str] | None:
    if which not in ("this", "last"):
        return None
    last = which == "last"
    if unit == "year":
        year = f"{today.year - last:04d}"
        return year, year
    if unit == "month":
        day = today.replace(day=1) - datetime.timedelta(days=last)
        month = f"{day.year:04d}-{day.month:02d}"
        return month, month
    if unit == "week":
        monday = today - datetime.timedelta(days=today.weekday() + 7 * last)
        return str(monday), str(monday + datetime.timedelta(days=6))
    return None


def _is_year(text: str) -> bool:
    return len(text) == 4 and text.isascii() and text.isdecimal() and "1900" <= text <= "2100"


def _is_day(text: str) -> bool:
    if not _is_year(text[:4]):
        return False
    try:
        day_bounds(text)
    except ValueError:
        return False
    return True
