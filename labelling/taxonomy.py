"""The vocabulary as a value: names, forms, parents, aliases, categories. Pure; reads no database.

`labelling.vocabulary` keeps the rows behind it and hands this value out.
"""

from __future__ import annotations

import csv
import hashlib
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

VOCABULARY_FILE = Path(__file__).resolve().parent / "data" / "vocabulary.csv"
# The origin of what stands in the shipped file, where a provider's model version would stand.
SHIPPED = "vocabulary.csv"
NAME_LIMIT = 100


@lru_cache(maxsize=16_384)
def fold(name: str) -> str:
    """Bring a name into the form it is compared in: no accents, no case, single spaces."""
    decomposed = unicodedata.normalize("NFKD", name)
    bare = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    return " ".join(bare.casefold().split())


def name_is_fit(name: object) -> bool:
    """Tell whether a foreign name may become a label: 1 to 100 printable characters."""
    if not isinstance(name, str) or not 0 < len(name) <= NAME_LIMIT or not name.isprintable():
        return False
    return 0 < len(fold(name)) <= NAME_LIMIT


@dataclass(frozen=True, slots=True)
class VocabularyRow:
    """One label. `parents` are (name, origin) pairs: who says that this label is a kind of it."""

    label_id: int
    name: str
    parents: tuple[tuple[str, str], ...] = ()
    aliases: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    hidden: bool = False


def read_rows(path: Path = VOCABULARY_FILE) -> list[VocabularyRow]:
    """Read a vocabulary file (columns name, parents, aliases, category); ids count from 1."""

    def parts(text: str) -> tuple[str, ...]:
        return tuple(part.strip() for part in text.split(";") if part.strip())

    with path.open(encoding="utf-8", newline="") as file:
        return [
            VocabularyRow(
                label_id=number,
                name=line["name"],
                parents=tuple((parent, SHIPPED) for parent in parts(line["parents"])),
                aliases=parts(line["aliases"]),
                categories=parts(line["category"]),
            )
            for number, line in enumerate(csv.DictReader(file), start=1)
        ]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """All labels known, by id. Made by `from_rows` or `from_csv`; never changed afterwards.

    Forms are folded words that stand for a label: its name and its aliases.
    """

    version: str
    names: Mapping[int, str]
    # Folded name → id, and folded name or alias → ids (the label that has it as its name first).
    ids: Mapping[str, int]
    forms: Mapping[str, tuple[int, ...]]
    aliases: Mapping[int, tuple[str, ...]]
    categories: Mapping[int, tuple[str, ...]]
    # Folded category → (its name, the labels in it).
    category_labels: Mapping[str, tuple[str, frozenset[int]]]
    # Direct relations only; `ancestors` and `descendants` are their closures, without the label.
    parents: Mapping[int, frozenset[int]]
    children: Mapping[int, frozenset[int]]
    # Labels that people keep out of lists; searching for them by name stays possible.
    hidden: frozenset[int]
    # Another one as soon as any label has other parents or categories.
    lineage: str
    # Everything above each label that has something above it.
    above: Mapping[int, frozenset[int]]
    # The categories of each label and of everything above it.
    inherited_categories: Mapping[int, frozenset[str]]
    _descendants: Mapping[int, frozenset[int]]
    _origins: Mapping[tuple[int, int], str]

    @classmethod
    def from_rows(cls, rows: Iterable[VocabularyRow], *, version: str = "") -> Vocabulary:
        """Build the value. A parent that is no label is left out; cycles are broken quietly."""
        listed = list(rows)
        ids = {fold(row.name): row.label_id for row in listed}
        origins = {
            (row.label_id, ids[fold(parent)]): origin
            for row in listed
            for parent, origin in row.parents
            if fold(parent) in ids and ids[fold(parent)] != row.label_id
        }
        up: defaultdict[int, set[int]] = defaultdict(set)
        down: defaultdict[int, set[int]] = defaultdict(set)
        for label_id, parent_id in origins:
            up[label_id].add(parent_id)
            down[parent_id].add(label_id)
        above = {key: _closure(key, up) for key in list(up)}
        return cls(
            version=version,
            names={row.label_id: row.name for row in listed},
            ids=ids,
            forms=_forms(listed),
            aliases={row.label_id: row.aliases for row in listed if row.aliases},
            categories={row.label_id: row.categories for row in listed if row.categories},
            category_labels=_category_labels(listed),
            parents={key: frozenset(value) for key, value in up.items()},
            children={key: frozenset(value) for key, value in down.items()},
            hidden=frozenset(row.label_id for row in listed if row.hidden),
            lineage=_lineage(up, listed),
            above=above,
            inherited_categories=_inherited_categories(listed, above),
            _descendants={key: _closure(key, down) for key in list(down)},
            _origins=origins,
        )

    @classmethod
    def from_csv(cls, path: Path = VOCABULARY_FILE) -> Vocabulary:
        """Build the value straight from a vocabulary file; ids are 1..n in the file's order."""
        return cls.from_rows(read_rows(path), version=path.name)

    def find(self, word: str) -> tuple[int, ...]:
        """List the labels that a word stands for, by name or alias; empty if there are none."""
        return self.forms.get(fold(word), ())

    def is_name(self, word: str, *, label_id: int) -> bool:
        """Tell whether a word is the label's own name (else it is an alias of it)."""
        return self.ids.get(fold(word)) == label_id

    def ancestors(self, label_id: int) -> frozenset[int]:
        """Give everything above a label, without itself."""
        return self.above.get(label_id, frozenset())

    def descendants(self, label_id: int) -> frozenset[int]:
        """Give everything below a label, without itself."""
        return self._descendants.get(label_id, frozenset())

    def with_descendants(self, label_id: int) -> frozenset[int]:
        """Give a label and everything below it: what a search for it looks for."""
        return self.descendants(label_id) | {label_id}

    def chain(self, label_id: int, *, ancestor: int) -> tuple[int, ...]:
        """Give a shortest way up, both ends included ("Sedan is a Car"); empty if there is none."""
        ways: list[tuple[int, ...]] = [(label_id,)]
        seen = {label_id}
        while ways:
            if found := next((way for way in ways if way[-1] == ancestor), None):
                return found
            longer = []
            for way in ways:
                for parent in sorted(self.parents.get(way[-1], frozenset()) - seen):
                    seen.add(parent)
                    longer.append((*way, parent))
            ways = longer
        return ()

    def origin(self, label_id: int, *, parent_id: int) -> str:
        """Name who says that a label is a kind of its direct parent: a model version or a file."""
        return self._origins.get((label_id, parent_id), "")


def _lineage(parents: Mapping[int, Iterable[int]], rows: Iterable[VocabularyRow]) -> str:
    kept = sorted((key, sorted(above)) for key, above in parents.items())
    categories = sorted((row.label_id, row.categories) for row in rows if row.categories)
    return hashlib.blake2b(repr((kept, categories)).encode(), digest_size=8).hexdigest()


def would_make_cycle(child: int, *, parent: int, parents: Mapping[int, Iterable[int]]) -> bool:
    """Tell whether `child` already stands above `parent`, so that a new relation makes a circle."""
    return child == parent or child in _closure(parent, parents)


def _forms(rows: list[VocabularyRow]) -> dict[str, tuple[int, ...]]:
    forms: dict[str, tuple[int, ...]] = {fold(row.name): (row.label_id,) for row in rows}
    for row in rows:
        for alias in row.aliases:
            known = forms.get(fold(alias), ())
            if row.label_id not in known:
                forms[fold(alias)] = (*known, row.label_id)
    return forms


def _category_labels(rows: list[VocabularyRow]) -> dict[str, tuple[str, frozenset[int]]]:
    members: defaultdict[str, set[int]] = defaultdict(set)
    for row in rows:
        for category in row.categories:
            members[category].add(row.label_id)
    return {fold(name): (name, frozenset(labels)) for name, labels in sorted(members.items())}


def _inherited_categories(
    rows: list[VocabularyRow], above: Mapping[int, Iterable[int]]
) -> dict[int, frozenset[str]]:
    own = {row.label_id: row.categories for row in rows}
    return {
        label: frozenset(own[label]).union(*[own[each] for each in above.get(label, ())])
        for label in own
    }


def _closure(start: int, steps: Mapping[int, Iterable[int]]) -> frozenset[int]:
    seen: set[int] = set()
    open_ends = list(steps.get(start, ()))
    while open_ends:
        label_id = open_ends.pop()
        if label_id not in seen:
            seen.add(label_id)
            open_ends.extend(steps.get(label_id, ()))
    seen.discard(start)
    return frozenset(seen)
