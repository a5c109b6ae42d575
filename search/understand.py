"""Gives words a meaning: labels, kinds, operators, text. Pure; explicit syntax always wins.

Words are read from left to right, the longest that is a label first. What is left over is looked
up as a typing mistake, then in the texts that the asker may see, else it is left out by name.
"""

from __future__ import annotations

import datetime
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

from labelling.taxonomy import Vocabulary
from search.alternatives import also_in_texts
from search.grammar import build
from search.lexicon import Lexicon, Nearest
from search.query import Category, Label, Phrase, Query, Word
from search.reader import GONE, Reader
from search.results import Understood
from search.text import tokens
from search.tidy import tidy
from search.tokens import Sign, Token, tokenise

_MAX_SUGGESTIONS = 3
# Pages, facets and sorts of one search are asked for one after another, in the same words.
_REMEMBERED = 256


@dataclass(frozen=True, slots=True)
class Understanding:
    """What a search was understood as."""

    query: Query
    understood: tuple[Understood, ...]
    suggestions: tuple[str, ...]


class _Kept:
    """The lexicon of a vocabulary and what was understood by it lately."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        # Making one takes some ten milliseconds.
        self.lexicon = Lexicon.of(vocabulary)
        self.understand = lru_cache(_REMEMBERED)(partial(_understand, self.lexicon))


# Those of the vocabulary asked for last.
_kept: list[_Kept] = []


def _kept_of(vocabulary: Vocabulary) -> _Kept:
    kept = _kept[0] if _kept else None
    if kept is None or kept.lexicon.vocabulary is not vocabulary:
        kept = _Kept(vocabulary)
        _kept[:] = [kept]
    return kept


def lexicon_of(vocabulary: Vocabulary) -> Lexicon:
    """Give the lexicon of a vocabulary, made once."""
    return _kept_of(vocabulary).lexicon


@lru_cache(_REMEMBERED)
def plain_words(text: str) -> frozenset[str]:
    """List the tokens of the bare words in a search: those worth asking the texts for."""
    bare = [token.value for token in tokenise(text) if token.sign is Sign.WORD]
    return frozenset(cut for word in bare if isinstance(word, Word) for cut in tokens(word.text))


def understand(
    text: str,
    vocabulary: Vocabulary,
    *,
    seen_words: Collection[str] = (),
    today: datetime.date | None = None,
    nearest: Nearest | None = None,
) -> Understanding:
    """Understand a search; `seen_words` are those tokens that occur in a text the asker may see.

    `today` is what "yesterday" and "last year" are counted from; None: they are words like others.
    `nearest` lists labels by meaning, for words that are in no label and no text.

    Raises InvalidQuery for what can't be read and for labels and categories that aren't known.
    """
    return _understand(lexicon_of(vocabulary), text, frozenset(seen_words), today, nearest)


def understood_before(
    text: str,
    vocabulary: Vocabulary,
    seen_words: frozenset[str],
    today: datetime.date,
    nearest: Nearest | None,
) -> Understanding:
    """Do what `understand` does, but once for the same words."""
    return _kept_of(vocabulary).understand(text, seen_words, today, nearest)


def _understand(
    lexicon: Lexicon,
    text: str,
    seen_words: frozenset[str],
    today: datetime.date | None,
    nearest: Nearest | None,
) -> Understanding:
    given = tokenise(text)
    # Explicit syntax must be right before words get a meaning.
    build(given)
    begin = partial(Reader, text, lexicon, seen_words, today=today, nearest=nearest)
    reader = begin()
    read = reader.read(given)
    if reader.left_out and not _says_what(read):
        # Nothing else says what is looked for: finding nothing is honest, finding all is not.
        reader = begin(keep_unknown=True)
        read = reader.read(given)
    if not any(token.sign in (Sign.LEAF, Sign.MODIFIER) for token in read):
        # Words that alone say nothing ("the") are looked for in texts rather than find all.
        reader = Reader(text, lexicon, seen_words)
        read = reader.as_text(given)
    query, chips = also_in_texts(
        build(tidy(read, gone=GONE)), given, read, reader.chips, seen_words=seen_words
    )
    return Understanding(
        query=query,
        understood=tuple(chips),
        suggestions=tuple(dict.fromkeys(reader.suggestions))[:_MAX_SUGGESTIONS],
    )


def _says_what(read: Sequence[Token]) -> bool:
    before = [Token(Sign.END, "", 0), *read]
    return any(
        token.sign is Sign.LEAF
        and isinstance(token.value, Label | Phrase | Category)
        and previous.sign is not Sign.NOT
        for previous, token in zip(before, read, strict=False)
    )
