"""What was understood, as chips that can be taken away. Pure: words in, words out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

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
_WORDS = {"label": "", "category": "category", "text": "in the words", "filter": "", "relation": ""}


@dataclass(frozen=True, slots=True)
class Chip:
    """One understood piece: what it stands for, where it came from, where it goes when removed."""

    value: str
    kind: str
    typed: str
    reason: str
    negated: bool
    remove_url: str


def make_chips(asked: Asked, understood: Sequence[Understood]) -> list[Chip]:
    """Describe what was understood; relations between pieces can't be removed on their own."""
    return [_chip(asked, piece) for piece in understood]


def _chip(asked: Asked, piece: Understood) -> Chip:
    removable = piece.type != "relation" and piece.text
    rest = without(asked.q, piece.text) if removable else asked.q
    same = piece.text.casefold() == piece.value.casefold()
    return Chip(
        value=piece.value,
        kind=_WORDS.get(piece.type, ""),
        typed="" if same else piece.text,
        reason=piece.reason,
        negated=piece.negated,
        remove_url=asked.address(q=rest) if removable and rest != asked.q else "",
    )


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
