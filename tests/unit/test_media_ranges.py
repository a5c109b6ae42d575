"""Range headers as players send them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medialib.media.ranges import OPEN_ENDED_BYTES, UNSATISFIABLE, parse_range


@pytest.mark.parametrize(
    ("header", "size", "answer"),
    [
        (None, 100, None),
        ("", 100, None),
        ("bytes=0-9", 100, (0, 10)),
        ("bytes=0-0", 100, (0, 1)),
        ("bytes=90-200", 100, (90, 100)),
        ("bytes=0-", 100, (0, 100)),
        ("bytes=50-", 100, (50, 100)),
        ("BYTES=50-", 100, (50, 100)),
        ("bytes=0-", 10**9, (0, OPEN_ENDED_BYTES)),
        ("bytes=10-", 10**9, (10, 10 + OPEN_ENDED_BYTES)),
        ("bytes=0-99999999", 10**9, (0, 10**8)),
        ("bytes=-10", 100, (90, 100)),
        ("bytes=-1000", 100, (0, 100)),
        ("bytes=-0", 100, UNSATISFIABLE),
        ("bytes=100-", 100, UNSATISFIABLE),
        ("bytes=200-300", 100, UNSATISFIABLE),
        ("bytes=0-", 0, UNSATISFIABLE),
        ("bytes=-5", 0, UNSATISFIABLE),
        ("bytes=9-3", 100, None),
        ("bytes=0-1,5-6", 100, None),
        ("pages=0-1", 100, None),
        ("bytes=-", 100, None),
        ("bytes=a-b", 100, None),
        ("bytes=" + "9" * 30 + "-", 100, None),
    ],
)
def test_a_header_becomes_a_span_or_nothing_or_416(header, size, answer):
    assert parse_range(header, size) == answer


@given(st.text(max_size=30) | st.from_regex(r"bytes=\d{0,5}-\d{0,5}"), st.integers(0, 10**6))
def test_a_span_always_lies_within_the_file_and_is_never_empty(header, size):
    answer = parse_range(header, size)
    if isinstance(answer, tuple):
        assert 0 <= answer[0] < answer[1] <= size
