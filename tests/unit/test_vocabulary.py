"""What the shipped vocabulary promises, and the value that search builds on."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from labelling.taxonomy import (
    VOCABULARY_FILE,
    Vocabulary,
    VocabularyRow,
    fold,
    name_is_fit,
    read_rows,
    would_make_cycle,
)

LABEL_MAP = VOCABULARY_FILE.parent / "models" / "coco_to_labels.csv"


@pytest.fixture(scope="module")
def rows():
    return read_rows()


@pytest.fixture(scope="module")
def shipped():
    return Vocabulary.from_csv()


def named(vocabulary, ids):
    return {vocabulary.names[label_id] for label_id in ids}


def test_all_names_of_the_taxonomy_are_there_once(rows):
    assert len(rows) == len({fold(row.name) for row in rows}) == 3082


def test_every_parent_is_a_label(rows):
    names = {row.name for row in rows}
    assert [row.name for row in rows for parent, _ in row.parents if parent not in names] == []


def test_no_label_stands_above_itself(rows):
    names = {row.name: row.label_id for row in rows}
    graph = {row.label_id: {names[parent] for parent, _ in row.parents} for row in rows}
    above: dict[int, set[int]] = {}

    def climb(label_id: int, path: tuple[int, ...]) -> set[int]:
        assert label_id not in path
        if label_id not in above:
            direct = graph[label_id]
            above[label_id] = direct.union(*(climb(up, (*path, label_id)) for up in direct))
        return above[label_id]

    for label_id in graph:
        climb(label_id, ())


# Names that people take for one another: asked for by one, both are looked for.
TWINS = {"keyboard", "purse", "handbag", "tie", "necktie"}


def test_every_name_and_alias_is_fit_and_no_alias_is_a_name_but_twins(rows):
    names = {fold(row.name) for row in rows}
    aliases = [alias for row in rows for alias in row.aliases]
    assert all(name_is_fit(alias) for alias in aliases)
    assert {fold(alias) for alias in aliases} & names == TWINS


def test_the_table_is_rich(rows):
    assert sum(1 for row in rows if row.parents or row.aliases) >= 400
    assert sum(1 for row in rows if row.categories) >= 2000


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("jogging", "Running"),
        ("automobile", "Car"),
        ("human", "Person"),
        ("cell phone", "Mobile Phone"),
        ("Television", "TV"),
        ("fire engine", "Fire Truck"),
        ("bike", "Bicycle"),
        ("FOREST", "Woodland"),
        ("casa mila", "Casa Milà"),
    ],
)
def test_everyday_words_find_their_label(shipped, word, name):
    assert named(shipped, shipped.find(word)) == {name}


def test_vehicle_finds_cars_and_says_how(shipped):
    vehicle, sedan = shipped.ids["vehicle"], shipped.ids["sedan"]
    assert {"Car", "Truck", "Sedan", "Bicycle"} <= named(shipped, shipped.descendants(vehicle))
    chain = shipped.chain(sedan, ancestor=shipped.ids["transportation"])
    assert [shipped.names[label_id] for label_id in chain] == [
        "Sedan",
        "Car",
        "Vehicle",
        "Transportation",
    ]
    assert shipped.origin(sedan, parent_id=shipped.ids["car"]) == "vocabulary.csv"
    assert shipped.chain(vehicle, ancestor=sedan) == ()


def test_a_category_lists_its_labels(shipped):
    name, labels = shipped.category_labels["sports"]
    assert name == "Sports"
    assert {"Tennis", "Soccer"} <= named(shipped, labels)


def test_the_local_labeller_speaks_the_same_language(shipped):
    with LABEL_MAP.open(encoding="utf-8", newline="") as file:
        lines = list(csv.reader(file))[1:]
    assert len(lines) == 80
    for _, label, parents, category in lines:
        label_id = shipped.ids[fold(label)]
        above = named(shipped, shipped.ancestors(label_id))
        assert {parent for parent in parents.split(";") if parent} <= above, label
        assert shipped.categories[label_id] == (category,), label


def test_foreign_names_are_checked():
    assert name_is_fit("Big Buck Bunny")
    for name in ("", " ", "x" * 101, "a\nb", "a\u202eb", None, 5):
        assert not name_is_fit(name)


def test_a_circle_is_foreseen():
    parents = {1: {2}, 2: {3}}
    assert would_make_cycle(3, parent=1, parents=parents)
    assert would_make_cycle(1, parent=1, parents=parents)
    assert not would_make_cycle(1, parent=3, parents=parents)


def test_two_labels_may_share_a_word(tmp_path: Path):
    vocabulary = Vocabulary.from_rows(
        [VocabularyRow(7, "Person", aliases=("Human",)), VocabularyRow(9, "Human")]
    )
    assert vocabulary.find("human") == (9, 7)
    assert vocabulary.is_name("HUMAN", label_id=9)
    assert not vocabulary.is_name("human", label_id=7)
