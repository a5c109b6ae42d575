"""What fails half-way is taken back, whatever ended it; what succeeds stays."""

from __future__ import annotations

import pytest

from medialib.undo import on_failure


def test_what_succeeds_stays():
    undone = []
    with on_failure(lambda: undone.append("a")):
        pass
    assert undone == []


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt, GeneratorExit])
def test_any_failure_is_taken_back_and_goes_on(kind):
    undone = []
    with pytest.raises(kind), on_failure(lambda: undone.append("a")):
        raise kind
    assert undone == ["a"]
