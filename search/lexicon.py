"""Finds labels for words as people write them: plurals, verb forms, typing mistakes. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from rapidfuzz import process
from rapidfuzz.distance import OSA

from labelling.taxonomy import Vocabulary
from search.text import fold

MAX_WINDOW = 5
_IRREGULAR = {
    "people": "person",
    "persons": "person",
    "men": "man",
    "women": "woman",
    "children": "child",
    "kids": "kid",
    "mice": "mouse",
    "geese": "goose",
    "feet": "foot",
    "teeth": "tooth",
    "oxen": "ox",
    "dice": "die",
    "cacti": "cactus",
    "fungi": "fungus",
    "policemen": "policeman",
    "firemen": "fireman",
    "snowmen": "snowman",
    "riding": "ride",
    "ran": "run",
    "swam": "swim",
    "sat": "sit",
    "sang": "sing",
    "slept": "sleep",
    "ate": "eat",
    "drove": "drive",
    "rode": "ride",
    "flew": "fly",
    "fought": "fight",
    "buses": "bus",
    "gases": "gas",
    **dict.fromkeys(
        ("someone", "anyone", "anybody", "everyone", "everybody", "somebody"), "person"
    ),
}
# Words inside a window that a label has not: "riding a bicycle" is Riding Bicycle.
_BETWEEN = frozenset(("a", "an", "the", "his", "her", "their", "my", "our", "some"))
# Plurals that are labels of their own beside their singular: both are meant.
_BOTH = frozenset({"people"})
_DOUBLE = re.compile(r"(.)\1")
_SPLIT = re.compile(r"[^\w]+|_")
_SHORT = 5
_EXAMPLES = 3


# How near in meaning a label must be to be taken, and to be suggested; RESULTS.md says how often
# that is right.
NEAR_ENOUGH, NEAR_TO_SUGGEST = 0.60, 0.50


class NearLabel(Protocol):
    """A label that is near in meaning to a word."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def cosine(self) -> float:
        """How near it is, from 0 to 1."""


# Lists the labels of a vocabulary nearest in meaning to a word, nearest first.
Nearest = Callable[[str, Vocabulary], Sequence[NearLabel]]


@dataclass(frozen=True, slots=True)
class Meaning:
    """What words stand for: names of labels, or of one category, and how they were recognised."""

    names: tuple[str, ...]
    how: Literal["name", "form", "alias", "typo", "near"]
    type: Literal["label", "category"] = "label"
    # For a typing mistake: the form that it was taken for.
    form: str = ""
    # For what is only near in meaning: how near, from 0 to 1.
    cosine: float = 0.0


@dataclass(slots=True)
class Lexicon:
    """All forms of a vocabulary, prepared for looking up. Made once per vocabulary."""

    vocabulary: Vocabulary
    # Normal form → label ids; and, glued together, "trafficlight" → "traffic light".
    forms: dict[str, tuple[int, ...]]
    glued: dict[str, str]
    categories: dict[str, str]
    # Length of a form → the forms of that length, of one word and of several; and the forms of a
    # range of lengths, put together when first asked for.
    _by_length: dict[tuple[int, bool], list[str]]
    # What stands before the last word of a form.
    _heads: frozenset[str]
    _in_range: dict[tuple[int, int, bool], list[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, vocabulary: Vocabulary) -> Lexicon:
        """Prepare a vocabulary."""
        forms: dict[str, tuple[int, ...]] = {}
        for form, ids in vocabulary.forms.items():
            for key in _keys(form):
                forms.setdefault(key, ids)
        categories = {normal(key): name for key, (name, _) in vocabulary.category_labels.items()}
        glued = {key.replace(" ", ""): key for key in forms if " " in key}
        by_length: defaultdict[tuple[int, bool], list[str]] = defaultdict(list)
        irregular = (word for word, lemma in _IRREGULAR.items() if lemma in forms)
        for key in dict.fromkeys((*forms, *irregular)):
            by_length[len(key), " " in key].append(key)
        heads = frozenset(key.rpartition(" ")[0] for key in forms)
        return cls(vocabulary, forms, glued, categories, dict(by_length), heads)

    def find(self, words: Sequence[str]) -> Meaning | None:
        """Find what these words, together, stand for; they are cut and folded here."""
        key = normal(" ".join(words))
        if not key:
            return None
        exact = self.forms.get(key, ())
        if exact and key not in _BOTH:
            return self._meaning(key, (*exact, *self._singular(key, exact)), exactly=True)
        # Only the last word is brought to other forms: what stands before it must begin a form.
        lemmas = _lemmas(key) if key.rpartition(" ")[0] in self._heads else ()
        for candidate in (*lemmas, self.glued.get(key.replace(" ", ""), "")):
            found = self.forms.get(candidate, ())
            if found:
                ids = (*exact, *(label for label in found if label not in exact))
                return self._meaning(candidate, ids, exactly=False)
        if exact:
            return self._meaning(key, exact, exactly=True)
        category = self.categories.get(key)
        return Meaning((category,), "name", "category") if category else None

    def _singular(self, key: str, exact: tuple[int, ...]) -> tuple[int, ...]:
        """Give what the singular names where the plural is but another word: mountains, range."""
        names = [normal(self.vocabulary.names[label]) for label in exact]
        if key in names:
            return ()
        lemmas = (one for one in _plain_plural(key) if any(one in name.split() for name in names))
        named = (self.vocabulary.ids.get(lemma) for lemma in lemmas)
        return tuple(label for label in named if label is not None and label not in exact)

    def find_loosely(self, words: Sequence[str]) -> Meaning | None:
        """Find what these words stand for, also without articles and as "dog walking"."""
        found = self.find(words)
        if found is not None or len(words) < 2:
            return found
        folded = [fold(word) for word in words]
        bare = [word for word in folded if word not in _BETWEEN]
        if len(bare) < 2 or folded[0] in _BETWEEN or folded[-1] in _BETWEEN:
            return None
        found = self.find(bare) if len(bare) < len(words) else None
        if found is None and len(bare) == 2 and bare[0].endswith("ing"):
            found = self.find([bare[1], bare[0]])
        return found

    def _meaning(self, key: str, ids: tuple[int, ...], *, exactly: bool) -> Meaning:
        names = tuple(self.vocabulary.names[label] for label in ids)
        if any(normal(name) == key for name in names):
            return Meaning(names, "name" if exactly else "form")
        return Meaning(names, "alias", form=key)

    def explain(self, meaning: Meaning, name: str, text: str) -> str:
        """Say why these words were understood as this name, and what else it finds."""
        if meaning.type == "category":
            return "every label of this category"
        said = {
            "name": [],
            "form": [f"“{text}” is a form of {name}"],
            "alias": [f"“{text}” is another word for {name}"],
            "typo": [f"“{text}” looks like a typing mistake for “{meaning.form}”"],
            "near": [f"“{text}” is near to {name} in meaning ({meaning.cosine:.2f} of 1)"],
        }[meaning.how]
        below = self.vocabulary.descendants(self.vocabulary.ids[fold(name)])
        if below:
            names = sorted(self.vocabulary.names[label] for label in below)
            more = f" and {len(names) - _EXAMPLES} more" if len(names) > _EXAMPLES else ""
            said.append(f"finds {', '.join(names[:_EXAMPLES])}{more} as well")
        return "; ".join(said)

    def near(self, words: Sequence[str], *, limit: int = 3) -> list[tuple[str, int]]:
        """List forms that differ by a typing mistake or two, nearest first, with how far they are.

        Mistakes are counted as Damerau-Levenshtein does, each place being changed once at most;
        half a mistake less where both sound alike ("baloon" is nearer to balloon than to baboon).
        """
        key = normal(" ".join(words))
        allowed = 1 if len(key) <= _SHORT else 2
        # Three letters are near to too many words to mean one of them.
        if len(key) < 4:
            return []
        best: dict[str, int] = {}
        for candidate in dict.fromkeys((key, *_plain_plural(key))):
            found = process.extract(
                candidate,
                self._as_long_as(candidate, allowed, several=" " in key),
                scorer=OSA.distance,
                processor=None,
                score_cutoff=allowed,
                limit=limit * 2,
            )
            sound = _sound(candidate)
            for form, mistakes, _ in found:
                far = 2 * int(mistakes) - (_sound(form) == sound)
                best[form] = min(far, best.get(form, far))
        # People seldom mistype the first letter.
        ordered = sorted(best.items(), key=lambda p: (p[1], p[0][0] != key[0], p[0]))
        return ordered[:limit]

    def _as_long_as(self, word: str, allowed: int, *, several: bool) -> list[str]:
        # A mistake changes the length by one at most: the other forms need not be looked at.
        key = (len(word), allowed, several)
        if key not in self._in_range:
            lengths = range(len(word) - allowed, len(word) + allowed + 1)
            forms = [form for n in lengths for form in self._by_length.get((n, several), ())]
            self._in_range[key] = forms
        return self._in_range[key]

    def named(self, form: str) -> Meaning:
        """Give the meaning of a form that `near` has listed."""
        known = form if form in self.forms else _IRREGULAR[form]
        names = tuple(self.vocabulary.names[label] for label in self.forms[known])
        return Meaning(names, "typo", form=form)


def normal(text: str) -> str:
    """Bring a form into the shape in which forms are compared: folded words, single spaces."""
    return " ".join(_SPLIT.sub(" ", fold(text).replace("'s", "s")).split())


def _sound(text: str) -> str:
    """Write a word roughly as it is heard: letters that are often mistaken become one."""
    for letters, one in (("ph", "f"), ("ck", "k"), ("y", "i"), ("z", "s"), ("dg", "g")):
        text = text.replace(letters, one)
    return _DOUBLE.sub(r"\1", text)


def _keys(form: str) -> Iterator[str]:
    yield normal(form)
    # "Basketball (Ball)" and "Window - Broken" are said without what is behind the sign.
    short = normal(re.split(r"\(", form)[0])
    if short:
        yield short


def _lemmas(key: str) -> Iterator[str]:
    """Give forms that the last word may come from; only those in the vocabulary count."""
    head, space, last = key.rpartition(" ")
    for lemma in _lemmas_of_word(last):
        yield f"{head}{space}{lemma}"


def _lemmas_of_word(word: str) -> Iterator[str]:
    if word in _IRREGULAR:
        yield _IRREGULAR[word]
    yield from _plain_plural(word)
    for ending in ("ing", "ed", "er", "ers"):
        root = word.removesuffix(ending)
        if root != word and len(root) > 2:
            yield from (f"{root}ing", root, f"{root}e")
            if root[-1] == root[-2]:
                yield root[:-1]
    # "dance" for Dancing, "run" for Running, "box" for Boxing.
    if len(word) > 2:
        yield from (f"{word}ing", f"{word.removesuffix('e')}ing", f"{word}{word[-1]}ing")
    yield f"{word}s"


def _plain_plural(word: str) -> Iterator[str]:
    if len(word) < 3 or not word.endswith("s") or word.endswith("ss"):
        return
    yield word[:-1]
    if word.endswith("ies"):
        yield f"{word[:-3]}y"
    if word.endswith("ves"):
        yield from (f"{word[:-3]}f", f"{word[:-3]}fe")
    if word.endswith("es"):
        yield word[:-2]
