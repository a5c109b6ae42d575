"""Cuts a search into tokens, each with its place in the text. Knows no labels and no order."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from enum import Enum

from search import fields
from search.query import MAX_LENGTH, InvalidQuery, Leaf, Phrase, Word


class Sign(Enum):
    """What a token is."""

    WORD = "word"
    LEAF = "leaf"
    MODIFIER = "modifier"
    AND = "AND"
    OR = "OR"
    NOT = "NOT"
    THEN = "THEN"
    AFTER = "AFTER"
    WITHIN = "WITHIN"
    OPEN = "("
    CLOSE = ")"
    END = "end"


@dataclass(frozen=True, slots=True)
class Token:
    """A token and where it stands; `soft` operators come from plain words, not from syntax."""

    sign: Sign
    text: str
    position: int
    value: Word | Leaf | fields.Modifier | int | None = None
    soft: bool = field(default=False, compare=False)
    reason: str = field(default="", compare=False)


_OPERATORS = {
    "AND": Sign.AND,
    "&": Sign.AND,
    "&&": Sign.AND,
    "OR": Sign.OR,
    "|": Sign.OR,
    "||": Sign.OR,
    "NOT": Sign.NOT,
    "THEN": Sign.THEN,
    "AFTER": Sign.AFTER,
}
_TOKEN = re.compile(
    r"""(?P<space>\s+)
    | (?P<bracket>[()])
    | (?P<field>[A-Za-z_]+):"(?P<value>(?:[^"\\]|\\.)*)"(?P<limit>[@\#][^\s()"]*)?
    | "(?P<phrase>(?:[^"\\]|\\.)*)"
    | (?P<minus>-(?=[^\s)-]))
    | (?P<word>[^\s()"]+)
    """,
    re.VERBOSE | re.DOTALL,
)
_FIELD = re.compile(r"([A-Za-z_]+):(.*)\Z", re.DOTALL)
# "car", "car@80", "car#2", "car@80#2"
_LIMIT = re.compile(r"(.+?)((?:@[0-9]+(?:\.[0-9]+)?)?(?:#[0-9]+)?)\Z", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_EDGES = ",.;:!?…"
_WITHIN_DURATION = re.compile(r"\s+([^\s()]+)")


def clean(text: str) -> str:
    """Turn control characters, lone surrogates and other unprintables into spaces."""
    if text.isprintable():
        return text
    return "".join(" " if unicodedata.category(ch) in ("Cc", "Cs", "Cn") else ch for ch in text)


def tokenise(text: str) -> list[Token]:
    """Cut the text; the last token is END. Raise InvalidQuery where it can't be cut."""
    if len(text) > MAX_LENGTH:
        raise InvalidQuery(
            f"A search has at most {MAX_LENGTH:,} characters; this one has {len(text):,}.",
            position=MAX_LENGTH,
            cure="Make it shorter.",
            code="query_too_long",
        )
    text = clean(text)
    tokens: list[Token] = []
    position = 0
    while position < len(text):
        token, position = _next(text, position)
        if token is not None:
            tokens.append(token)
    tokens.append(Token(Sign.END, "", len(text)))
    return tokens


def _next(text: str, position: int) -> tuple[Token | None, int]:
    match = _TOKEN.match(text, position)
    if match is None:
        raise InvalidQuery(
            "A quotation mark is opened and never closed.",
            position=position,
            cure='Close it with another ".',
        )
    end = match.end()
    if match["space"]:
        return None, end
    if match["bracket"]:
        return Token(Sign(match[0]), match[0], position), end
    if match["minus"]:
        return Token(Sign.NOT, "-", position), end
    if match["phrase"] is not None:
        return Token(Sign.LEAF, match[0], position, _phrase(match["phrase"], position)), end
    if match["field"]:
        value = unescaped(match["value"])
        limit = (match["limit"] or "").rstrip(_EDGES)
        return _field(match["field"], value, limit, match[0], position), end
    return _word(text, match[0], position, end)


def unescaped(text: str) -> str:
    """Take the backslashes out of a quoted text and even out its spaces."""
    return " ".join(_ESCAPED.sub(r"\1", text).split())


def _phrase(raw: str, position: int) -> Phrase:
    text = unescaped(raw)
    if not any(ch.isalnum() for ch in text):
        raise InvalidQuery(
            "There are no words between these quotation marks.",
            position=position,
            cure="Write words between them, or leave them out.",
        )
    return Phrase(text)


def _word(text: str, raw: str, position: int, end: int) -> tuple[Token | None, int]:
    word = raw.lstrip(_EDGES + "-").rstrip(_EDGES)
    if word in _OPERATORS:
        return Token(_OPERATORS[word], word, position), end
    if word == "WITHIN":
        return _within(text, position, end)
    # A colon at the edge is looked at too: "kind:" is a field whose value was forgotten.
    named = _FIELD.match(raw.lstrip(_EDGES + "-"))
    if named is not None and (named[2].rstrip(_EDGES) or fields.is_known(named[1])):
        # A full stop ends a sentence, but ".." is an open end: "date:2026-06..".
        value = named[2].rstrip(_EDGES.replace(".", ""))
        value = value if value.endswith("..") else value.rstrip(_EDGES)
        limit = ""
        if named[1].lower() == "label" and (limited := _LIMIT.match(value)):
            value, limit = limited[1], limited[2]
        return _field(named[1], value, limit, raw, position), end
    limited = _LIMIT.match(word)
    bare = limited[1].rstrip(_EDGES) if limited is not None and limited[2] else ""
    if limited is not None and _says_something(bare):
        sure, count = fields.limits(limited[2], position=position)
        return Token(Sign.WORD, word, position, Word(bare, sure, count)), end
    if not _says_something(word):
        return None, end
    return Token(Sign.WORD, word, position, Word(word)), end


def _says_something(word: str) -> bool:
    return any(ch.isalnum() for ch in word)


def _within(text: str, position: int, end: int) -> tuple[Token, int]:
    match = _WITHIN_DURATION.match(text, end)
    gap = fields.duration(match[1].rstrip(_EDGES)) if match else None
    if match is None or gap is None:
        raise InvalidQuery(
            "WITHIN needs a time after it.",
            position=position,
            cure="Write for instance WITHIN 10s.",
        )
    return Token(Sign.WITHIN, f"WITHIN {match[1]}", position, gap), match.end()


def _field(name: str, value: str, limit: str, raw: str, position: int) -> Token:
    read = fields.read_field(name, value, limit=limit, position=position)
    sign = Sign.MODIFIER if isinstance(read, fields.Modifier) else Sign.LEAF
    return Token(sign, raw, position, read)
