"""What keeping boxes apart promises: any window, in one read, as delivered."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelling.boxes import BoxesWriter, read_window

_ratio = st.integers(-5000, 15_000).map(lambda part: part / 10_000)
_box = st.tuples(_ratio, _ratio, _ratio, _ratio, st.integers(0, 10_000).map(lambda x: x / 100))
_row = st.tuples(
    st.sampled_from(["Car", "Dog", "Überholspur"]),
    st.integers(0, 90_000),
    st.integers(0, 100).map(float),
    st.lists(_box, min_size=1, max_size=3, unique=True),
)


class Reads:
    """A stored object that counts how often it is read, and how much."""

    def __init__(self, data):
        self.data, self.lengths = data, []

    def __call__(self, offset, length):
        self.lengths.append(length)
        return self.data[offset : offset + length]


def written(rows):
    writer = BoxesWriter()
    for label, time_ms, confidence, boxes in rows:
        writer.add(label, time_ms=time_ms, confidence=confidence, boxes=boxes)
    return writer.finish()


@given(
    rows=st.lists(_row, max_size=30, unique_by=lambda row: row[:2]),
    start=st.integers(0, 90_000),
    length=st.integers(1, 60_000),
    wanted=st.none() | st.just({"Car"}),
)
def test_any_window_gives_what_was_written_in_one_read(rows, start, length, wanted):
    data, index = written(rows)
    reads = Reads(data)
    found = read_window(index, start_ms=start, end_ms=start + length, read=reads, labels=wanted)
    expected = sorted(
        (time_ms, label, confidence, len(boxes), boxes[0])
        for label, time_ms, confidence, boxes in rows
        if start <= time_ms < start + length and (not wanted or label in wanted)
    )
    given_back = []
    for entry in found:
        box = entry.boxes[0]
        corners = (box.left, box.top, box.width, box.height, box.confidence)
        given_back.append((entry.time_ms, entry.label, entry.confidence, len(entry.boxes), corners))
    assert [row[:4] for row in given_back] == [row[:4] for row in expected]
    for ours, theirs in zip(given_back, expected, strict=True):
        assert ours[4] == pytest.approx(theirs[4])
    assert len(reads.lengths) <= 1


def test_the_same_detection_twice_is_kept_once():
    first, second = (0.1, 0.1, 0.2, 0.2, 90.0), (0.5, 0.5, 0.2, 0.2, 80.0)
    data, index = written([("Car", 100, 70.0, [first]), ("Car", 100, 75.0, [first, second])])
    (found,) = read_window(index, start_ms=0, end_ms=1000, read=Reads(data))
    assert len(found.boxes) == 2
    assert found.confidence == 75.0


def test_a_minute_of_a_crowded_six_hour_video_is_a_small_read():
    dice, hours, start = random.Random(7), 6 * 3600 * 1000, 3 * 3600 * 1000 - 13_000
    # As crowded as the window itself are the blocks around it.
    end = start + 120_000
    rows = [
        (f"Label {number}", time_ms, 90.0, [(*(dice.random() for _ in range(4)), 80.0)] * 3)
        for time_ms in (*range(0, start, 9000), *range(start, end, 500), *range(end, hours, 9000))
        for number in range(5)
    ]
    data, index = written(rows)
    reads = Reads(data)
    found = read_window(index, start_ms=start + 20_000, end_ms=start + 80_000, read=reads)
    assert len(found) == 120 * 5
    assert len(reads.lengths) == 1
    assert reads.lengths[0] <= 100_000


def test_nothing_is_read_where_nothing_is():
    reads = Reads(b"")
    assert read_window([], start_ms=0, end_ms=1000, read=reads) == []
    assert reads.lengths == []
