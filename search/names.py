"""Finds labels and categories that are asked for by name; refuses unknown ones by name. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from rapidfuzz import process
from rapidfuzz.distance import OSA

from labelling.taxonomy import Vocabulary
from search.query import InvalidQuery, in_quotes
from search.text import fold

_SHOWN = 100


def label_named(name: str, vocabulary: Vocabulary, *, position: int = 0, field: str = "q") -> str:
    """Give a label's own name for its name or alias; raise InvalidQuery with the nearest one."""
    ids = vocabulary.find(name)
    if not ids:
        raise _unknown("label", name, vocabulary.names.values(), position=position, field=field)
    return vocabulary.names[ids[0]]


def category_named(
    name: str, vocabulary: Vocabulary, *, position: int = 0, field: str = "q"
) -> str:
    """Give a category's own name; raise InvalidQuery with the nearest one."""
    known = vocabulary.category_labels.get(fold(name))
    if known is None:
        names = [known_name for known_name, _ in vocabulary.category_labels.values()]
        raise _unknown("category", name, names, position=position, field=field)
    return known[0]


def source_named(name: str, known: Iterable[str]) -> str:
    """Give a source as it is written; raise InvalidQuery with the nearest of those known."""
    sources = {fold(source): source for source in known}
    if fold(name) not in sources:
        raise _unknown("source", name, sources.values(), position=0, field="q")
    return sources[fold(name)]


def _unknown(
    what: str, name: str, known: Iterable[str], *, position: int, field: str
) -> InvalidQuery:
    folded = {fold(one): one for one in known}
    near = process.extractOne(fold(name), list(folded), scorer=OSA.distance, score_cutoff=3)
    cure = f"Leave out the {what}, or write it without {what}:."
    if near is not None:
        cure = f"Did you mean {what}:{in_quotes(folded[near[0]])}?"
    error = InvalidQuery(
        f"There is no {what} “{name[:_SHOWN]}”.",
        position=position,
        cure=cure,
        code=f"unknown_{what}",
    )
    error.field = field
    return error
