"""The gold set: everyday questions, what they mean, and how many of them are understood so.

`tests/data/search_gold.csv` holds the questions. An expected meaning is a search in the language
itself, or `finds:NAME`: the local labeller writes NAME, and the search must find it.
`tests/data/search_gold_scores.json` holds the share that was right before, per group: it may only
rise. `pytest -s` prints the table, beside a baseline that looks every word up as it stands.
"""

from __future__ import annotations

import csv
import datetime
import json
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from labelling.backends.local import LocalBackend
from labelling.taxonomy import Vocabulary
from search.grammar import parse
from search.query import And, InvalidQuery, Label, Not, Or, Query, Then
from search.text import fold, tokens
from search.understand import understand

DATA = Path(__file__).resolve().parents[1] / "data"
VOCABULARY = Vocabulary.from_csv()
# The words that lie in some text of the library the questions are put to.
IN_TEXTS = frozenset(tokens("harbour quayside garden red"))
LEAST_QUESTIONS = 150
TODAY = datetime.date(2026, 3, 14)


def questions() -> list[dict[str, str]]:
    with (DATA / "search_gold.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def ours(question: str) -> Query | None:
    try:
        return understand(question, VOCABULARY, seen_words=IN_TEXTS, today=TODAY).query
    except InvalidQuery:
        return None


def naive(question: str) -> Query | None:
    """Every word that is a label's very name, all of them together."""
    words = [fold(word.strip(",.?!")) for word in question.split()]
    labels = [
        Label(VOCABULARY.names[VOCABULARY.ids[word]]) for word in words if word in VOCABULARY.ids
    ]
    return Query(And(tuple(labels)) if len(labels) > 1 else labels[0]) if labels else None


def shape(node: object) -> object:
    """Bring trees that differ only in the order of parts into one form."""
    if isinstance(node, And | Or):
        flat = [part for one in node.parts for part in _parts(one, type(node))]
        return type(node).__name__, frozenset(shape(part) for part in flat)
    if isinstance(node, Not):
        return "Not", shape(node.part)
    if isinstance(node, Then):
        return "Then", tuple(shape(part) for part in node.parts), node.gaps_ms
    return str(node)


def _parts(node: object, kind: type) -> tuple[object, ...]:
    return node.parts if isinstance(node, kind) else (node,)


def is_right(query: Query | None, expected: str) -> bool:
    if query is None:
        return False
    if expected.startswith("finds:"):
        return _finds(query.tree, fold(expected.removeprefix("finds:")))
    wanted = parse(expected)
    if shape(query.tree) != shape(wanted.tree):
        return False
    return str(Query(None, *_whole(query))) == str(Query(None, *_whole(wanted)))


def _whole(query: Query) -> tuple[object, ...]:
    return query.confidence, query.anywhere, query.moment_length


def _finds(node: object, name: str) -> bool:
    """Tell whether every label asked for is, or stands above, the one that was seen."""
    seen = VOCABULARY.ids[name]
    if isinstance(node, Label):
        return seen in VOCABULARY.with_descendants(VOCABULARY.ids[fold(node.name)])
    if isinstance(node, Or):
        return any(_finds(part, name) for part in node.parts)
    return False


def scores() -> dict[str, tuple[int, int, int]]:
    """Give per group how many we, and the baseline, understand, and how many there are."""
    counted: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for row in questions():
        group = counted[row["group"]]
        group[0] += is_right(ours(row["question"]), row["expected"])
        group[1] += is_right(naive(row["question"]), row["expected"])
        group[2] += 1
    return {name: (right, baseline, all_) for name, (right, baseline, all_) in counted.items()}


def table(found: dict[str, tuple[int, int, int]]) -> str:
    right, baseline, all_ = (sum(column) for column in zip(*found.values(), strict=True))
    lines = ["", "| group | questions | ours | words as they stand |", "|---|---|---|---|"]
    for name, (ours_, naive_, n) in {**found, "**all**": (right, baseline, all_)}.items():
        lines.append(f"| {name} | {n} | {ours_ / n:.0%} | {naive_ / n:.0%} |")
    return "\n".join([*lines, ""])


def test_the_share_of_questions_understood_never_falls() -> None:
    floor = json.loads((DATA / "search_gold_scores.json").read_text(encoding="utf-8"))
    found = scores()
    sys.stdout.write(table(found))
    fallen = {
        name: (right / all_, floor[name])
        for name, (right, _, all_) in found.items()
        if right / all_ < floor[name] - 1e-9
    }
    assert fallen == {}, "understood less than before: (now, before)"
    assert set(found) == set(floor)


def test_the_gold_set_is_large_and_readable() -> None:
    rows = questions()
    assert len(rows) >= LEAST_QUESTIONS
    assert len({(row["group"], row["question"]) for row in rows}) == len(rows)
    for row in rows:
        if not row["expected"].startswith("finds:"):
            assert str(parse(row["expected"])), row


def test_all_names_of_the_local_labeller_are_asked_for() -> None:
    asked = {row["expected"].removeprefix("finds:") for row in questions()}
    assert set(LocalBackend(name="local").labels()) <= asked


@pytest.mark.parametrize(
    "question",
    [
        "cars and people together, then a dog",
        "show me all scenes with people riding bicycles at night",
        "videos without people",
    ],
)
def test_what_people_type_without_knowing_the_syntax_is_understood(question: str) -> None:
    expected = {row["question"]: row["expected"] for row in questions()}[question]
    assert is_right(ours(question), expected)
