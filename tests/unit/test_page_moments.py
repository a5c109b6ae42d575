"""The asset page arranges moments: by label, by time, as lanes, light enough for a long video."""

import pytest

from medialib.templatetags import medialib_words as words
from medialib.views.moments import LANES, ROWS_BY_TIME, SPANS_PER_LABEL, Found, arrange


def moment(label, start, *, boxes=1, sure=80.0):
    return Found(label, start, start + 500, sure, boxes)


def test_labels_asked_for_are_on_in_their_order():
    rows = [moment("Car", 0), moment("Dog", 1000), moment("Person", 2000)]
    moments = arrange(rows, wanted=["dog", "Boat", "CAR"])
    assert [(row.name, row.lane) for row in moments.labels] == [
        ("Dog", 1),
        ("Car", 2),
        ("Person", 0),
    ]
    assert [row.name for row, _ in moments.lanes] == ["Dog", "Car"]


def test_without_a_wish_labels_with_boxes_come_first():
    rows = [moment("Road", n * 1000, boxes=0) for n in range(9)] + [moment("Car", 500)]
    assert arrange(rows).labels[0].name == "Car"


def test_more_labels_than_lanes_stay_off():
    rows = [moment(f"L{n}", n) for n in range(20)]
    lanes = [row.lane for row in arrange(rows, wanted=[f"L{n}" for n in range(20)]).labels]
    assert sorted(lane for lane in lanes if lane) == list(range(1, LANES + 1))


def test_long_lists_are_cut_and_say_so():
    moments = arrange(moment("Car", n * 600) for n in range(ROWS_BY_TIME + 7))
    (car,) = moments.labels
    assert len(car.spans) == SPANS_PER_LABEL
    assert car.hidden == ROWS_BY_TIME + 7 - SPANS_PER_LABEL
    assert (len(moments.by_time), moments.hidden_by_time) == (ROWS_BY_TIME, 7)
    assert len(moments.data[0]["moments"]) == ROWS_BY_TIME + 7


def test_totals_of_a_label_are_exact():
    (car,) = arrange([moment("Car", 0, sure=61.0), moment("Car", 4000, sure=96.4)]).labels
    assert (car.count, car.screen_ms, car.best) == (2, 1000, 96.4)


def test_nothing_found_is_an_answer_too():
    assert arrange([]).total == 0


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0:00"), (12_900, "0:12"), (761_000, "12:41"), (3_723_000, "1:02:03"), (None, "0:00")],
)
def test_times_read_as_on_a_player(value, text):
    assert words.clock(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (400, "0.4 s"),
        (7_000, "7 s"),
        (72_000, "1 min 12 s"),
        (60_000, "1 min"),
        (7_500_000, "2 h 5 min"),
    ],
)
def test_lengths_carry_their_units(value, text):
    assert words.duration(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(12_400, "12.4"), (15_000, "15"), (0, "0"), (1, "0.001")]
)
def test_fragments_are_seconds_without_needless_digits(value, text):
    assert words.fragment(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(99.97, "99"), (100, "100"), (95.5, "96"), (None, "0")]
)
def test_nothing_short_of_certain_is_printed_as_certain(value, text):
    assert words.confidence(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(1, "1 byte"), (840, "840 bytes"), (12_400_000, "12.4 MB"), (3 * 10**9, "3.0 GB")],
)
def test_sizes_carry_their_units(value, text):
    assert words.size(value) == text
