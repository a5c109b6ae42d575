"""What was understood, as chips that can be taken away. Pure: words in, words out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from search.forms import Asked
from search.results import Understood

_JOINS = r"(?:and|or|then|with|while|next\s+to|followed\s+by|after|&|,)"
_NEGATION = re.compile(
    r"(?:\b(?:and\s+)?(?:not|without|no)\s+(?:an?\s+|the\s+|any\s+)?|(?:^|(?<=\s))-)\Z",
    re.IGNORECASE,
)
_DANGLING = (
    re.compile(rf"^(?:{_JOINS}(?:\s+|$))+", re.IGNORECASE),
    re.compile(rf"(?:(?:^|\s+){_JOINS}|,)+$", re.IGNORECASE),
    re.compile(r"\(\s*\)"),
)
_DOUBLED = re.compile(rf"\b({_JOINS})(?:\s+{_JOINS})+(?=\s)", re.IGNORECASE)
# "within 10s" belongs to a THEN: it goes when nothing follows anything any more.
_FOLLOWS = re.compile(r"\S\s+(?:then|after|followed\s+by)\s+(?!within\b)\S", re.IGNORECASE)
_NOTHING_FOLLOWS = re.compile(r"\b(?:then|after|followed\s+by)\s+(?=within\s+\d)", re.IGNORECASE)
_WITHIN = re.compile(
    r"\s*\bwithin\s+\d\S*(?:\s+(?:seconds?|minutes?|hours?|s|m|h)\b)?", re.IGNORECASE
)
_FILTERS = {
    "kind:video": "videos only",
    "kind:photo": "photos only",
    "within:asset": "anywhere in it",
}


@dataclass(frozen=True, slots=True)
class Chip:
    """One understood piece: what it stands for, where it came from, where it goes when removed."""

    value: str
    note: str
    typed: str
    reasons: tuple[str, ...]
    negated: bool
    remove_url: str


def make_chips(asked: Asked, understood: Sequence[Understood]) -> list[Chip]:
    """Describe what was understood; a word that stands for several labels is one chip."""
    groups = groupby(understood, key=lambda piece: (piece.text, piece.type, piece.negated))
    return [_chip(asked, list(pieces)) for _, pieces in groups]


def _chip(asked: Asked, pieces: Sequence[Understood]) -> Chip:
    piece = pieces[0]
    # A relation can't be taken away on its own: its two sides would be left.
    removable = piece.type != "relation" and piece.text
    rest = without(asked.q, piece.text) if removable else asked.q
    value = " or ".join(_value(one) for one in pieces)
    return Chip(
        value=value,
        note=(piece.reason or "in the words") if piece.type == "text" else "",
        typed=piece.text if _is_news(piece, value) else "",
        reasons=tuple(one.reason for one in pieces if one.reason),
        negated=piece.negated,
        remove_url=asked.address(q=rest) if removable and rest != asked.q else "",
    )


def _value(piece: Understood) -> str:
    if piece.type != "filter":
        return piece.value
    name, _, amount = piece.value.partition(":")
    return f"≥ {amount} %" if name == "conf" else _FILTERS.get(piece.value, piece.value)


def _is_news(piece: Understood, value: str) -> bool:
    """Tell whether it is worth saying what was typed."""
    return piece.type in ("label", "category") and piece.text.casefold() != value.casefold()


def without(text: str, piece: str) -> str:
    """Take a piece out of a search, with the joining word that would be left dangling."""
    found = re.search(rf"(?<!\w){re.escape(piece)}(?!\w)", text, re.IGNORECASE)
    if found is None:
        return text
    before = _NEGATION.sub("", text[: found.start()])
    rest = f"{before} {text[found.end() :]}"
    rest = _DANGLING[2].sub(" ", rest)
    rest = _NOTHING_FOLLOWS.sub("", rest)
    if not _FOLLOWS.search(rest):
        rest = _WITHIN.sub("", rest)
    rest = _DOUBLED.sub(r"\1", " ".join(rest.split()))
    for pattern in _DANGLING[:2]:
        rest = pattern.sub("", rest).strip()
    return rest
