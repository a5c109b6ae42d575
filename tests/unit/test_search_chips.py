"""Taking a chip away leaves a search that can still be read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.forms import Asked
from search.results import Understood
from search.views.chips import make_chips, without


@pytest.mark.parametrize(
    ("text", "piece", "rest"),
    [
        ("cars", "cars", ""),
        ("cars and people", "cars", "people"),
        ("cars and people", "people", "cars"),
        ("cars and people and night", "people", "cars and night"),
        ("car not truck", "truck", "car"),
        ("car without a truck", "without a truck", "car"),
        ("car -truck dog", "truck", "car dog"),
        ("dog then car within 10s", "within 10s", "dog then car"),
        ("(cars) people", "cars", "people"),
        ("cars, dogs", "dogs", "cars"),
        ("Cars AND People", "cars", "People"),
        ("car not a truck", "truck", "car"),
        ("dog then car within 10s", "car", "dog"),
        ("dog then car within 10 seconds", "dog", "car"),
        ("dog then car then cat within 10s", "cat", "dog then car within 10s"),
        ("scarf car", "car", "scarf"),
        ("kind:video cars", "kind:video", "cars"),
        ('"red car" dog', '"red car"', "dog"),
        ("cars", "boats", "cars"),
    ],
)
def test_a_piece_goes_with_the_word_that_joined_it(text, piece, rest):
    assert without(text, piece) == rest


_PIECES = st.lists(st.sampled_from(["car", "dog", "and", "or", "not", "then", "night"]), max_size=8)


@given(_PIECES, st.sampled_from(["car", "dog", "and", "night"]))
def test_taking_away_adds_no_word(words, piece):
    rest = without(" ".join(words), piece).split()
    assert all(rest.count(word) <= words.count(word) for word in rest)


def test_a_chip_says_where_it_came_from_and_where_it_goes():
    asked = Asked(q="cars and people", kind="video")
    cars = Understood("cars", "label", "Car", reason="plural of Car")
    (chip,) = make_chips(asked, [cars])
    assert (chip.value, chip.typed, chip.reasons) == ("Car", "cars", ("plural of Car",))
    assert chip.remove_url == "?q=people&kind=video"


def test_what_was_typed_is_not_said_twice():
    (chip,) = make_chips(Asked(q="car"), [Understood("car", "label", "Car")])
    assert chip.typed == ""


def test_a_relation_cannot_be_taken_away_alone():
    (chip,) = make_chips(Asked(q="dog then car"), [Understood("then", "relation", "THEN")])
    assert chip.remove_url == ""


def test_a_word_of_several_labels_is_one_chip():
    pieces = [Understood("people", "label", name) for name in ("People", "Person")]
    (chip,) = make_chips(Asked(q="people"), pieces)
    assert (chip.value, chip.typed) == ("People or Person", "people")


@pytest.mark.parametrize(
    ("value", "words"),
    [("kind:video", "videos only"), ("conf:80", "≥ 80 %"), ("length:>5s", "length:>5s")],
)
def test_filters_are_in_words(value, words):
    (chip,) = make_chips(Asked(q=value), [Understood(value, "filter", value)])
    assert (chip.value, chip.typed) == (words, "")


def test_a_word_that_was_left_out_says_so_on_its_chip():
    left_out = Understood("xyzzy", "text", "xyzzy", reason="left out: in no label")
    (chip,) = make_chips(Asked(q="xyzzy car"), [left_out])
    assert chip.note == "left out: in no label"
