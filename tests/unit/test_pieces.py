"""The pieces of a hit: made of its ranges, or of moments alone, and moments as they are packed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from search.backends.cutting import columns
from search.backends.opensearch import packed
from search.backends.pieces import joined_pieces, pieces_of
from search.conditions import STEPS
from search.documents import AssetDocument
from search.ranges import union

# Few labels, times and confidences, so that moments touch, overlap and are as sure as others.
ROWS = st.lists(
    st.tuples(
        st.integers(1, 4),
        st.integers(0, 30),
        st.integers(0, 8),
        st.sampled_from([35.0, 62.5, 90.0, 99.25]),
    ).map(lambda row: (row[0], row[1], row[1] + row[2], row[3], 0)),
    max_size=25,
)
STEPS_OF = st.dictionaries(st.integers(1, 5), st.integers(0, len(STEPS) - 1), max_size=4)


def by_label(rows, steps):
    """Look the moments of labels up as one would: row by row."""
    found = {}
    for label, start, end, confidence, _ in rows:
        if label in steps and confidence >= STEPS[steps[label]]:
            found.setdefault(label, []).append((start, end, confidence))
    return found


@given(ROWS, STEPS_OF)
def test_packed_moments_are_given_back_by_label_and_step(rows, steps) -> None:
    document = AssetDocument(
        asset_id="a", generation=1, kind="video", principals=frozenset(), moments=tuple(rows)
    )
    (column,) = packed.pack_moments(columns([document]), 1)
    given_back = packed.moments_of(column.rstrip("="), steps)
    there = {label: sorted(moments) for label, moments in given_back.items() if moments}
    assert there == {label: sorted(moments) for label, moments in by_label(rows, steps).items()}


@given(ROWS)
def test_labels_alone_give_the_pieces_that_their_ranges_give(rows) -> None:
    moments = by_label(rows, dict.fromkeys(range(1, 5), 0))
    ranges = union(*[[row[:2] for row in seen if row[0] < row[1]] for seen in moments.values()])
    lasting = {label: [row for row in seen if row[0] < row[1]] for label, seen in moments.items()}
    assert joined_pieces(moments, video=True) == pieces_of(ranges, lasting, video=True)


@given(ROWS)
def test_a_photo_is_one_piece(rows) -> None:
    moments = by_label(rows, dict.fromkeys(range(1, 5), 0))
    ranges = [(0, 1)] if rows else []
    assert joined_pieces(moments, video=False) == pieces_of(ranges, moments, video=False)


def test_touching_moments_are_one_piece_with_all_that_is_seen_in_it() -> None:
    [first, second] = joined_pieces(
        {1: [(0, 10, 50.0), (10, 20, 80.0)], 2: [(15, 30, 90.0), (40, 50, 60.0)]}, video=True
    )
    assert (first.start_ms, first.end_ms, first.labels) == (0, 30, ((2, 90.0), (1, 80.0)))
    assert (second.start_ms, second.end_ms, second.confidence) == (40, 50, 60.0)
