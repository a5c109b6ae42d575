"""Settings that can't work are named at start."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from medialib import checks
from medialib.environment import (
    reference_buckets,
    reference_roots,
    search_options,
    storage_options,
)


def test_the_defaults_pass():
    assert checks.check_choices() == []
    assert checks.check_search() == []
    assert checks.check_heartbeat() == []
    assert checks.check_drops() == []
    assert checks.check_parts() == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MEDIALIB_LABELLING", "rekognitoin"),
        ("MEDIALIB_SEARCH", "elastic"),
        ("MEDIALIB_DEFAULT_VISIBILITY", "everyone"),
        ("MEDIALIB_MAIL_UPLOADS", "sometimes"),
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


@pytest.mark.parametrize(
    ("storage", "drops", "queue", "words"),
    [
        ("disk", ["media/drops"], "https://q", "places are such as"),
        ("disk", ["s3://"], "https://q", "places are such as"),
        ("disk", ["s3://media"], "", "together"),
        ("disk", [], "https://q", "together"),
        ("s3://media", ["s3://media"], "https://q", "writes into"),
        ("s3://media/library/", ["s3://media"], "https://q", "writes into"),
    ],
)
def test_drops_that_can_not_work_are_named(settings, storage, drops, queue, words):
    settings.MEDIALIB_STORAGE = storage
    settings.MEDIALIB_DROPS = drops
    settings.MEDIALIB_DROPS_QUEUE_URL = queue
    [found] = checks.check_drops()
    assert words in found.msg


def test_drops_into_a_folder_of_the_librarys_own_bucket_are_fine(settings):
    settings.MEDIALIB_STORAGE = "s3://media"
    settings.MEDIALIB_DROPS = ["s3://media/drops", "s3://media-2"]
    settings.MEDIALIB_DROPS_QUEUE_URL = "https://q"
    assert checks.check_drops() == []


def test_a_lease_shorter_than_two_heartbeats_is_refused(settings):
    settings.MEDIALIB_LEASE_SECONDS = 15
    settings.MEDIALIB_HEARTBEAT_SECONDS = 10
    assert len(checks.check_heartbeat()) == 1


def test_parts_that_storage_would_refuse_are_named(settings):
    settings.MEDIALIB_PART_BYTES = 0
    assert len(checks.check_parts()) == 1
    settings.MEDIALIB_PART_BYTES = 5 * 1024**2 - 1
    assert checks.check_parts() == []
    place = storage_options("s3://media/library", Path("unused"))
    settings.STORAGES = {**settings.STORAGES, "default": place}
    [found] = checks.check_parts()
    assert "5242880" in found.msg


@pytest.mark.parametrize("value", ["archive", "/mnt/archive,films", "/"])
def test_references_are_allowed_in_whole_paths_only(monkeypatch, value):
    monkeypatch.setenv("MEDIALIB_REFERENCE_ROOTS", value)
    with pytest.raises(ImproperlyConfigured, match="MEDIALIB_REFERENCE_ROOTS"):
        reference_roots()


def test_places_of_references_are_read_as_people_write_them(monkeypatch):
    monkeypatch.setenv("MEDIALIB_REFERENCE_ROOTS", "/mnt/archive,/srv/films/")
    monkeypatch.setenv("MEDIALIB_REFERENCE_BUCKETS", "s3://archive/films/,old")
    assert reference_roots() == ["/mnt/archive", "/srv/films/"]
    assert reference_buckets() == ["archive/films", "old"]
