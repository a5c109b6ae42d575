"""Settings that can't work are named at start."""

from __future__ import annotations

import pytest

from medialib import checks


def test_the_defaults_pass():
    assert checks.check_choices() == []
    assert checks.check_heartbeat() == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MEDIALIB_LABELLING", "rekognitoin"),
        ("MEDIALIB_SEARCH", "elastic"),
        ("MEDIALIB_DEFAULT_VISIBILITY", "everyone"),
    ],
)
def test_a_value_that_does_not_exist_is_named_with_the_choices(settings, name, value):
    setattr(settings, name, value)
    [found] = checks.check_choices()
    assert name in found.msg
    assert value in found.msg
    assert "one of" in found.hint


def test_a_lease_shorter_than_two_heartbeats_is_refused(settings):
    settings.MEDIALIB_LEASE_SECONDS = 15
    settings.MEDIALIB_HEARTBEAT_SECONDS = 10
    assert len(checks.check_heartbeat()) == 1
