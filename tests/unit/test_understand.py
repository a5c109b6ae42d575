"""Words become what people mean by them, and the search says why."""

import datetime
import time
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelling.taxonomy import Vocabulary
from search.grammar import parse
from search.query import InvalidQuery
from search.text import fold
from search.understand import understand

VOCABULARY = Vocabulary.from_csv()
PEOPLE = "(label:People OR label:Person)"


def canonical(text, *, seen=()):
    return str(understand(text, VOCABULARY, seen_words=seen).query)


def chips(text, *, seen=()):
    return understand(text, VOCABULARY, seen_words=seen).understood


@pytest.mark.parametrize(
    ("text", "understood"),
    [
        # Plurals, irregulars, verb forms, aliases, spelling.
        ("cars", "label:Car"),
        ("women", "label:Woman"),
        ("mice", "label:Mouse"),
        ("people", "label:People OR label:Person"),
        ("automobile", "label:Car"),
        ("jogging", "label:Running"),
        ("dance", "label:Dancing"),
        ("fire engine", 'label:"Fire Truck"'),
        ("trafficlight", 'label:"Traffic Light"'),
        ("t shirts", "label:T-Shirt"),
        # The longest match first.
        ("traffic lights", 'label:"Traffic Light"'),
        ("light", "label:Light"),
        ("a birthday cake", 'label:"Birthday Cake"'),
        ("animals and pets", 'category:"Animals and Pets"'),
        # Operators in words.
        ("car and person", "label:Car AND label:Person"),
        ("cars with people", f"label:Car AND {PEOPLE}"),
        ("dogs next to (cats or birds)", "label:Dog AND (label:Cat OR label:Bird)"),
        ("cars without people", f"label:Car AND NOT {PEOPLE}"),
        ("car not person", "label:Car AND NOT label:Person"),
        ("cars -people", f"label:Car AND NOT {PEOPLE}"),
        ("people without hats or glasses", f"{PEOPLE} AND NOT (label:Hat OR label:Glasses)"),
        ("dog then car within 10s", "label:Dog THEN label:Car WITHIN 10s"),
        ("dogs followed by cats within 5 seconds", "label:Dog THEN label:Cat WITHIN 5s"),
        ("dog after car", "label:Car THEN label:Dog WITHIN 10s"),
        (
            "cars and people together, then a dog",
            f"label:Car AND {PEOPLE} THEN label:Dog WITHIN 10s",
        ),
        # Requests, containers, kinds, confidence.
        (
            "show me all scenes with people riding bicycles at night",
            f'{PEOPLE} AND label:"Riding Bicycle" AND label:Night',
        ),
        ("videos without people", f"kind:video AND NOT {PEOPLE}"),
        ("please find me photos of dogs", "kind:photo AND label:Dog"),
        ("dog videos", "kind:video AND label:Dog"),
        ("photos", "kind:photo"),
        ("over 90 percent cars", "label:Car conf:90"),
        ("cars at least 80%", "label:Car conf:80"),
        ("traffic light@80 people", f'label:"Traffic Light"@80 AND {PEOPLE}'),
        # How many.
        ("photos of two dogs", "kind:photo AND label:Dog#2"),
        ("more than two cars", "label:Car#3"),
        ("six dogs and one cat", "label:Dog#5 AND label:Cat"),
        ("two@80 dogs", "label:Dog"),
        ("dogs#3 without cats", "label:Dog#3 AND NOT label:Cat"),
        ("90 percent", "conf:90"),
        # Times and dates in words.
        ("videos longer than two minutes", "kind:video AND length:>2m"),
        ("dogs for more than 3 seconds", "label:Dog dur:>3s"),
        ("a cat and ten seconds later a dog", "label:Cat THEN label:Dog WITHIN 10s"),
        ("dogs taken since june 2025", "label:Dog AND captured:2025-06.."),
        ("dogs uploaded before 2025", "label:Dog AND date:..2024-12-31"),
        # Ordinary words are not mistyped labels; said with an apostrophe, a NOT is a NOT.
        ("a person wearing a hat", "label:Person AND label:Hat"),
        ("photos that don\u2019t show dogs", "kind:photo AND NOT label:Dog"),
        # Typing mistakes.
        ("automobil", "label:Car"),
        ("trafic lights", 'label:"Traffic Light"'),
        # What is in no label and in no text is left out; the rest stays.
        ("blorp cars", "label:Car"),
        ("cars NOT blorp", "label:Car"),
        ("cars and (blorp) dogs", "label:Car AND label:Dog"),
        ("-blorp cars", "label:Car"),
        ("cars then blorp within 5s", "label:Car"),
        ("cars or", "label:Car"),
        # Alone, it finds nothing rather than everything.
        ("blorp", '"blorp"'),
        ("photos of blorp", 'kind:photo AND "blorp"'),
        ("the", '"the"'),
        ("", ""),
    ],
)
def test_words_are_understood_as_people_mean_them(text, understood):
    assert canonical(text) == understood


@pytest.mark.parametrize(
    ("text", "understood"),
    [
        ("dogs from yesterday", "label:Dog AND captured:2026-02-28"),
        ("dogs last month", "label:Dog AND captured:2026-02"),
        ("dogs uploaded last week", "label:Dog AND date:2026-02-16..2026-02-22"),
        ("photos from last year", "kind:photo AND captured:2025"),
    ],
)
def test_days_are_counted_from_today(text, understood):
    today = datetime.date(2026, 3, 1)
    assert str(understand(text, VOCABULARY, today=today).query) == understood


def test_what_cannot_be_counted_apart_is_said():
    [chip] = chips("six dogs")
    assert (chip.text, chip.value) == ("six dogs", "Dog")
    assert "at least 5 at once" in chip.reason


def test_words_in_visible_texts_are_looked_for_in_texts():
    assert canonical("cars quayside", seen={"quaysid"}) == 'label:Car AND "quayside"'
    assert canonical("cars quayside") == "label:Car"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("cars", "“cars” is a form of Car"),
        ("automobile", "“automobile” is another word for Car"),
        ("automobil", "looks like a typing mistake for “automobile”"),
        ("vehicle", "finds 18-wheeler Truck, "),
        ("blorp cars", "left out"),
    ],
)
def test_every_piece_says_why_it_was_understood_so(text, reason):
    assert reason in chips(text)[0].reason


def test_what_is_taken_away_is_marked():
    marked = {chip.value: chip.negated for chip in chips("cars without (dogs or cats) or hats")}
    assert marked == {"Car": False, "Dog": True, "Cat": True, "Hat": False}


def test_an_ambiguous_mistake_is_asked_about_not_guessed():
    understood = understand("cras", VOCABULARY)
    assert str(understood.query) == '"cras"'
    assert "Car" in understood.suggestions


def test_suggestions_are_whole_searches():
    assert "big Car" in understand("big cras", VOCABULARY).suggestions


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("label:Carr", 'Did you mean label:"Car"?'),
        ("category:Animls", "There is no category “Animls”"),
        ("dogs label:Zzzzzzzz", "There is no label “Zzzzzzzz”"),
    ],
)
def test_unknown_names_are_refused_by_name(text, words):
    with pytest.raises(InvalidQuery, match="There is no") as refused:
        canonical(text)
    assert words in str(refused.value)


_SCRAPS = st.sampled_from(
    [
        *("cars", "people", "traffic", "lights", "dogs@80", "blorp", "the", "photos", "of", "show"),
        *("and", "or", "not", "without", "then", "within", "10s", "over", "90", "percent"),
        *("(", ")", "-", "NOT", "OR", "THEN", "label:Car", "kind:photo", "conf:80", '"red car"'),
    ]
)


@given(st.lists(_SCRAPS, max_size=9).map(" ".join))
@settings(max_examples=400, deadline=None)
def test_what_was_understood_is_printed_in_the_language_and_understood_the_same_again(text):
    try:
        query = understand(text, VOCABULARY).query
    except InvalidQuery:
        return
    assert parse(str(query)) == query
    assert understand(str(query), VOCABULARY).query == query


@given(st.text(max_size=120))
@settings(max_examples=200, deadline=None)
def test_any_text_is_understood_or_refused(text):
    with suppress(InvalidQuery):
        understand(text, VOCABULARY)


def test_understanding_takes_no_noticeable_time():
    understand("warm up", VOCABULARY)
    longest = " ".join(["xyloph qwertz"] * 20)
    began = time.process_time()
    understand(longest, VOCABULARY)
    # Forty mistyped words: each is compared with every form of a similar length.
    assert time.process_time() - began < 0.5


@pytest.mark.parametrize(
    ("text", "seen", "expected"),
    [
        ("garden", {"garden"}, 'label:Garden OR "garden"'),
        (
            "garden walk",
            {"garden", "walk"},
            'label:Garden AND label:Walking OR "garden" AND "walk"',
        ),
        ("garden walk", {"garden"}, "label:Garden AND label:Walking"),
        ("garden and walk", {"garden", "walk"}, "label:Garden AND label:Walking"),
        ("garden not walk", {"garden", "walk"}, "label:Garden AND NOT label:Walking"),
        ("garden@80", {"garden"}, "label:Garden@80"),
        ("label:Garden", {"garden"}, "label:Garden"),
        ("photos of a garden", {"garden"}, "kind:photo AND label:Garden"),
    ],
)
def test_plain_words_are_looked_for_in_texts_as_well(text, seen, expected):
    understood = canonical(text, seen=seen)
    assert understood == expected
    assert str(parse(understood)) == understood


def test_a_person_is_told_where_plain_words_were_looked_for():
    [chip] = understand("garden", VOCABULARY, seen_words={"garden"}).understood
    assert "titles" in chip.reason


@given(st.text(st.characters(codec="ascii")))
def test_plain_letters_fold_by_the_short_way_as_by_the_long(text):
    assert fold(text) == fold(f"{text}é")[:-1]
