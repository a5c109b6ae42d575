"""Settings that can't work are named at start."""

from __future__ import annotations

from pathlib import Path

import pytest

from medialib import checks
from medialib.environment import search_options


def test_the_defaults_pass():
    assert checks.check_choices() == []
    assert checks.check_search() == []
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


@pytest.mark.parametrize(
    "address",
    ["opensearch+https://", "opensearch+http://host:9200/Upper", "opensearch+http://host:port/x"],
)
def test_the_address_of_a_search_server_must_be_readable(settings, address):
    settings.SEARCH_BACKENDS = {"default": search_options(address, Path("unused"))}
    [found] = checks.check_search()
    assert "opensearch+https://user:password@host:9200/prefix" in found.msg


def test_a_search_server_is_not_asked_for_when_its_address_is_checked(settings):
    address = "opensearch+https://someone:secret@search.example.org/library"
    settings.SEARCH_BACKENDS = {"default": search_options(address, Path("unused"))}
    assert checks.check_search() == []


def test_a_lease_shorter_than_two_heartbeats_is_refused(settings):
    settings.MEDIALIB_LEASE_SECONDS = 15
    settings.MEDIALIB_HEARTBEAT_SECONDS = 10
    assert len(checks.check_heartbeat()) == 1
