"""The algebra of ranges, held against sets of single milliseconds."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from search import ranges

_PIECES = st.lists(
    st.tuples(st.integers(0, 40), st.integers(1, 8)).map(lambda pair: (pair[0], sum(pair))),
    max_size=6,
)
_RANGES = _PIECES.map(ranges.union)


def _times(pieces):
    return {ms for start, end in pieces for ms in range(start, end)}


def _is_maximal(pieces):
    apart = pairwise(pieces)
    return all(start < end for start, end in pieces) and all(a[1] < b[0] for a, b in apart)


@given(_PIECES, _PIECES)
def test_union_covers_the_same_time_with_maximal_ranges(left, right):
    joined = ranges.union(left, right)
    assert _times(joined) == _times(left) | _times(right)
    assert _is_maximal(joined)


@given(_RANGES, _RANGES)
def test_intersection_is_the_time_in_both(left, right):
    both = ranges.intersect(left, right)
    assert _times(both) == _times(left) & _times(right)
    assert _is_maximal(both)


@given(_RANGES, _RANGES)
def test_minus_is_the_time_of_the_first_alone(left, right):
    rest = ranges.minus(left, right)
    assert _times(rest) == _times(left) - _times(right)
    assert _is_maximal(rest)


@given(_RANGES, _RANGES, _RANGES, st.integers(0, 10), st.integers(0, 10))
def test_then_finds_every_chain_and_nothing_else(first, second, third, gap, next_gap):
    chains = [
        (a[0], c[1])
        for a in first
        for b in second
        for c in third
        if a[0] < b[0] <= a[1] + gap and b[0] < c[0] <= b[1] + next_gap
    ]
    assert ranges.then([first, second, third], [gap, next_gap]) == ranges.union(chains)
