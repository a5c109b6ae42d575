"""Lets plain words be found in texts as well as in pictures: "garden" finds "Garden walk.mp4".

Pure. Only for searches that say nothing but words: whoever writes operators means moments.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from search import everyday
from search.query import And, Or, Phrase, Query, Word
from search.results import Understood
from search.text import fold, tokens
from search.tokens import Sign, Token

REASON = "looked for in titles, keywords, file names and descriptions as well"


def also_in_texts(
    query: Query,
    given: Sequence[Token],
    read: Sequence[Token],
    chips: Sequence[Understood],
    *,
    seen_words: Collection[str],
) -> tuple[Query, list[Understood]]:
    """Give the query that also finds assets with these very words in their texts, and its chips.

    `given` are the tokens as typed, `read` those with a meaning; `seen_words` as in `understand`.
    """
    words = _words(chips)
    if query.tree is None or not words or not _only_words(given, read, chips):
        return query, list(chips)
    if not all(_is_seen(word, seen_words) for word in words):
        return query, list(chips)
    phrases = tuple(Phrase(word) for word in words)
    text = phrases[0] if len(phrases) == 1 else And(phrases)
    parts = query.tree.parts if isinstance(query.tree, Or) else (query.tree,)
    told = [replace(chip, reason="; ".join(filter(None, (chip.reason, REASON)))) for chip in chips]
    return replace(query, tree=Or((*parts, text))), told


def _words(chips: Sequence[Understood]) -> list[str]:
    """List the words that became labels and texts, in their order; none if no label is there."""
    if not any(chip.type == "label" for chip in chips):
        return []
    return list(dict.fromkeys(chip.text for chip in chips))


def _only_words(given: Sequence[Token], read: Sequence[Token], chips: Sequence[Understood]) -> bool:
    plain = all(
        isinstance(token.value, Word)
        and token.value.confidence is None
        and token.value.count is None
        and (fold(token.value.text),) not in everyday.OPERATORS
        for token in given
        if token.sign is not Sign.END
    )
    signs = {token.sign for token in read}
    joined = signs & {Sign.AND, Sign.NOT, Sign.THEN, Sign.AFTER, Sign.WITHIN, Sign.MODIFIER}
    known = {"label", "text"}
    return plain and not joined and all(chip.type in known and not chip.negated for chip in chips)


def _is_seen(word: str, seen_words: Collection[str]) -> bool:
    cut = tokens(word)
    return bool(cut) and all(token in seen_words for token in cut)
