"""What joining samples into moments promises; checked against a painted time line."""

from __future__ import annotations

import statistics
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelling.moments import build_moments, join_spans, sample_spacing


def sample(label, time_ms, confidence=80.0, boxes=0, share=0.0):
    return (label, time_ms, confidence, boxes, share)


def spans(samples, *, duration_ms=60_000):
    found = build_moments(samples, duration_ms=duration_ms)
    return [(moment.label, moment.start_ms, moment.end_ms) for moment in found]


@pytest.mark.parametrize("distance", [200, 500, 520, 1001])
def test_neighbouring_samples_are_one_moment_at_every_known_distance(distance):
    times = range(0, 10 * distance, distance)
    assert spans([sample("Car", at) for at in times]) == [("Car", 0, 10 * distance)]


def test_a_single_sample_stands_for_half_a_second():
    assert spans([sample("Car", 2000)]) == [("Car", 2000, 2500)]


def test_a_gap_of_a_second_is_bridged_and_a_longer_one_is_not():
    others = [sample("Sky", at) for at in range(0, 8000, 500)]
    assert ("Car", 0, 2000) in spans([*others, sample("Car", 0), sample("Car", 1500)])
    assert ("Car", 0, 500) in spans([*others, sample("Car", 0), sample("Car", 1501)])


def test_moments_end_with_the_video():
    times = (0, 500, 1000)
    assert spans([sample("Car", at) for at in times], duration_ms=1200) == [("Car", 0, 1200)]


def test_a_sample_after_the_end_makes_no_moment():
    rows = [sample("Car", 0), sample("Car", 500), sample("Dog", 1000), sample("Dog", 1500)]
    assert spans(rows, duration_ms=1000) == [("Car", 0, 1000)]


def test_lone_samples_far_apart_do_not_stand_for_the_time_between_them():
    assert spans([sample("Car", 1000), sample("Car", 30_000)]) == [
        ("Car", 1000, 1500),
        ("Car", 30_000, 30_500),
    ]


def test_a_label_twice_at_one_time_counts_once():
    (moment,) = build_moments(
        [sample("Car", 0, 60, 1, 0.2), sample("Car", 0, 90, 3, 0.1), sample("Car", 500, 30)],
        duration_ms=9000,
    )
    assert (moment.confidence, moment.mean_confidence) == (90, 60)
    assert (moment.instances, moment.screen_share) == (3, pytest.approx(0.1))


def test_a_photo_has_one_moment_for_each_label():
    found = build_moments(
        [sample("Car", 0, 60, 2, 0.4), sample("Vehicle", 0, 70)], duration_ms=0, is_photo=True
    )
    assert [(moment.label, moment.start_ms, moment.end_ms) for moment in found] == [
        ("Car", 0, 0),
        ("Vehicle", 0, 0),
    ]
    assert found[0].instances == 2


def test_spans_of_a_provider_are_joined_and_cut_alike():
    found = join_spans(
        [("Car", 0, 1000, 70.0), ("Car", 2000, 3000, 90.0), ("Car", 4001, 9000, 50.0)],
        duration_ms=5000,
    )
    assert [(moment.start_ms, moment.end_ms, moment.confidence) for moment in found] == [
        (0, 3000, 90.0),
        (4001, 5000, 50.0),
    ]


def test_a_span_without_length_stands_for_one_sample():
    (moment,) = join_spans([("Car", 1000, 1000, 70.0)], duration_ms=5000)
    assert (moment.start_ms, moment.end_ms) == (1000, 1500)


_rows = st.lists(
    st.tuples(
        st.sampled_from(["Car", "Dog", "Sky"]),
        st.integers(0, 150).map(lambda step: step * 100),
        st.integers(0, 100).map(float),
        st.integers(0, 4),
        st.sampled_from([0.0, 0.25, 0.5]),
    ),
    max_size=60,
)


def painted(rows, *, duration_ms):
    """Work the same out by painting a time line, a tenth of a second a cell."""
    times = sorted({row[1] for row in rows})
    distances = [after - before for before, after in pairwise(times)]
    spacing = int(statistics.median(distances)) if distances else 500
    spacing = spacing if spacing <= 2000 else 500
    moments = []
    for label in sorted({row[0] for row in rows}):
        seen = sorted({row[1] for row in rows if row[0] == label})
        cells = [False] * 40_000
        for at in seen:
            for cell in range(at // 50, (at + spacing) // 50):
                cells[cell] = True
        lit = [cell for cell, is_lit in enumerate(cells) if is_lit]
        groups: list[list[int]] = []
        for cell in lit:
            if groups and (cell - groups[-1][-1] - 1) * 50 <= 1000:
                groups[-1].append(cell)
            else:
                groups.append([cell])
        for group in groups:
            start, end = group[0] * 50, min((group[-1] + 1) * 50, duration_ms)
            if end > start:
                moments.append((label, start, end))
    return moments


@settings(max_examples=120, deadline=None)
@given(rows=_rows, duration_ms=st.integers(1, 320).map(lambda step: step * 50))
def test_moments_equal_a_painted_time_line(rows, duration_ms):
    # Half cells would need a finer brush; even distances keep to the grid.
    rows = [(label, at // 100 * 100, *others) for label, at, *others in rows]
    found = build_moments(rows, duration_ms=duration_ms)
    assert [(moment.label, moment.start_ms, moment.end_ms) for moment in found] == painted(
        rows, duration_ms=duration_ms
    )


@settings(max_examples=80, deadline=None)
@given(rows=_rows, seed=st.randoms(use_true_random=False))
def test_the_order_of_rows_and_reading_a_page_twice_change_nothing(rows, seed):
    shuffled = [*rows, *rows[: len(rows) // 2]]
    seed.shuffle(shuffled)
    again = build_moments(shuffled, duration_ms=20_000)
    for left, right in zip(build_moments(rows, duration_ms=20_000), again, strict=True):
        assert (left.label, left.start_ms, left.end_ms) == (
            right.label,
            right.start_ms,
            right.end_ms,
        )
        assert left.mean_confidence == pytest.approx(right.mean_confidence)
        assert left.mean_confidence <= left.confidence == right.confidence
        assert left.instances == right.instances
        assert 0 <= left.screen_share <= 1


def test_spacing_is_the_median_of_the_distances():
    assert sample_spacing([0, 520, 1000, 1520, 2000]) == 500
    assert sample_spacing([0, 500, 1001, 1501]) == 500
    assert sample_spacing([]) == 500
