"""Small questions about tokens of words: which word, folded how, limited, printed how. Pure.

Gives words no meaning; that is `search.reader`'s matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import cast

from search import everyday
from search.fields import Modifier
from search.query import Category, Label, Phrase, Word
from search.text import fold
from search.tokens import Sign, Token


def word_of(token: Token) -> Word:
    """Give the word that a token of words carries."""
    return cast(Word, token.value)


def folded(token: Token) -> str:
    """Fold a word; apostrophes become straight ones."""
    return _folded(word_of(token).text)


@lru_cache(maxsize=4_096)
def _folded(text: str) -> str:
    # Each word of a search is asked for some ten times.
    return fold(text).replace("\u2019", "'")


def taken_apart(token: Token) -> list[Token]:
    """Put "no person" in the place of "nobody"."""
    compound = everyday.COMPOUNDS.get(folded(token)) if token.sign is Sign.WORD else None
    if compound is None:
        return [token]
    return [replace(token, value=Word(part)) for part in compound]


def limited(words: Sequence[Token]) -> bool:
    """Tell whether one of these words has a confidence or a count of its own."""
    given = [word_of(word) for word in words]
    return any(word.confidence is not None or word.count is not None for word in given)


def printed(modifier: Modifier) -> str:
    """Print the value of what holds for the whole search."""
    return f"{modifier.value:g}" if isinstance(modifier.value, float) else str(modifier.value)


def is_order(token: Token) -> bool:
    """Tell whether a word gives order to others, or says nothing."""
    plain = folded(token)
    return (plain,) in everyday.OPERATORS or plain in everyday.STOP_WORDS


def type_of(token: Token) -> str:
    """Name the type of chip that explicit syntax gets."""
    if isinstance(token.value, Label):
        return "label"
    if isinstance(token.value, Category):
        return "category"
    return "text" if isinstance(token.value, Phrase) else "filter"


def value_of(token: Token) -> str:
    """Print what explicit syntax stands for."""
    if isinstance(token.value, Label | Category):
        return token.value.name
    if isinstance(token.value, Phrase):
        return token.value.text
    return token.text if token.sign is Sign.MODIFIER else str(token.value)
