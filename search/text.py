"""Cuts, folds and stems text once, in Python, so that every engine indexes the same tokens."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from itertools import chain

_WORDS = re.compile(r"[^\W_]+")
_HUMPS = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
# A token no text can contain: phrases must not run across the border between two keywords.
BORDER = "␞"
_VOWELS = frozenset("aeiouy")
_IRREGULAR = {
    "men": "man",
    "women": "woman",
    "children": "child",
    "people": "person",
    "mice": "mouse",
    "geese": "goose",
    "feet": "foot",
    "teeth": "tooth",
    "leaves": "leaf",
    "knives": "knife",
    "wolves": "wolf",
    "shelves": "shelf",
    "wives": "wife",
    "lives": "life",
    "halves": "half",
    "ran": "run",
    "running": "run",
    "news": "news",
    "bus": "bus",
    "gas": "gas",
}


def fold(text: str) -> str:
    """Take case and accents away: “Éclair” becomes “eclair”."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(ch for ch in decomposed if not unicodedata.combining(ch))
    return unicodedata.normalize("NFKC", plain).casefold()


def tokens(text: str) -> tuple[str, ...]:
    """Cut a text into folded, stemmed tokens, in order."""
    return tuple(stem(word) for word in _WORDS.findall(fold(text)))


def file_tokens(name: str) -> tuple[str, ...]:
    """Cut a file name, also where case changes; a word that was cut is kept whole as well."""
    return tuple(chain.from_iterable(map(_tokens_of_word, _WORDS.findall(name))))


@lru_cache(maxsize=10_000)
def _tokens_of_word(raw: str) -> tuple[str, ...]:
    parts = _HUMPS.split(raw)
    found = tuple(token for part in parts for token in tokens(part))
    return found + tokens(raw) if len(parts) > 1 else found


@lru_cache(maxsize=10_000)
def stem(word: str) -> str:
    """Bring a folded word to the form that its plural and its -ing and -ed forms share."""
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if len(word) < 4 or not word.isalpha() or not word.isascii():
        return word
    return _without_verb_ending(_without_plural(word))


def _without_plural(word: str) -> str:
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "shes", "ches", "xes", "zzes")):
        return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def _without_verb_ending(word: str) -> str:
    for ending in ("ing", "ed"):
        root = word[: -len(ending)]
        if not word.endswith(ending) or len(root) < 3 or not _VOWELS & set(root):
            continue
        if root[-1] == root[-2] and root[-1] not in "lsz":
            return root[:-1]
        # "riding" and "rides" meet at "rid": a silent e goes from every form alike.
        return root
    return word[:-1] if word.endswith("e") and len(word) > 3 else word
