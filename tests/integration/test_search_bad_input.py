"""What nobody should send to search: refused in a sentence, at its place, without much work."""

import json
import sys

import pytest
from django.urls import reverse

from search.query import MAX_LENGTH
from tests.integration import test_search_services as library

pytestmark = pytest.mark.usefixtures("index", "street")
index, street = library.index, library.street
NESTED = "(" * 200 + "car" + ")" * 200


@pytest.fixture
def mine(client, user):
    client.force_login(user)
    return client


@pytest.fixture
def ask(mine):
    return lambda **given: mine.get(reverse("api-search"), given)


@pytest.mark.parametrize(
    ("text", "position", "words"),
    [
        ("x" * 5_000, MAX_LENGTH, "at most 1,000 characters"),
        ("car " * 1_250, MAX_LENGTH, "at most 1,000 characters"),
        (NESTED, 20, "at most 20 deep"),
        (" OR ".join("a" * 500), MAX_LENGTH, "at most 1,000"),
        (" OR ".join("a" * 150), 240, "at most 48 terms"),
        ("car conf:>9000", 4, "not a confidence"),
        ("date:2026-13..", 0, "not a date"),
        ('car "unclosed', 4, "quotation mark"),
        ("count:>=9000", 0, "counts are"),
        ("source:nowhere", 0, "There is no source"),
    ],
)
def test_what_cannot_be_read_is_a_400_with_a_sentence_and_its_position(ask, text, position, words):
    answer = ask(q=text)
    body = answer.json()
    assert (answer.status_code, body["position"]) == (400, position)
    assert words in body["detail"]
    assert body["cure"]


@pytest.mark.parametrize(
    "text", ["car\x00dog", "(a+)+$" * 100, "*" * 900, "\u202ecar\u2066", "%_'--;", "car\ufffd"]
)
def test_odd_texts_are_words_like_others(ask, text):
    assert ask(q=text).status_code in (200, 400)


def test_half_a_surrogate_is_no_reason_to_fail(mine):
    assert mine.get(reverse("api-search") + "?q=car%ED%A0%80").status_code in (200, 400)


@pytest.mark.parametrize(
    "given",
    [
        {"page_size": "0"},
        {"page_size": "1000000"},
        {"page_size": "many"},
        {"min_confidence": "101"},
        {"min_confidence": "nan"},
        {"cursor": "x" * 5_000},
        {"cursor": "eyJ2IjoxfQ"},
        {"cursor": "%%%"},
        {"sort": "random"},
        {"month": "2026-1"},
        {"label": "Nothing of the kind"},
    ],
)
def test_parameters_out_of_bounds_are_a_400_that_names_them(ask, given):
    answer = ask(q="car", **given)
    assert answer.status_code == 400
    [name] = given
    assert name in {error["field"] for error in answer.json()["errors"]}


def test_a_cursor_of_another_search_is_refused(ask, user):
    made = [library.make_asset(user, ("Car", 0, 1_000, 90.0)) for _ in range(3)]
    library.services.index_assets([asset.pk for asset in made])
    following = ask(q="car", page_size=2).json()["next"]
    cursor = following.rpartition("cursor=")[2].partition("&")[0]
    assert ask(q="car", page_size=2, cursor=cursor).status_code == 200
    answer = ask(q="dog", page_size=2, cursor=cursor)
    assert answer.status_code == 400
    assert "another search" in answer.json()["detail"]


@pytest.mark.parametrize("text", ["x" * 5_000, NESTED, " OR ".join("a" * 150), "car conf:>9000"])
def test_refusing_takes_little_work(ask, text):
    """Count the calls that refusing takes: a clock would measure the machine's other work."""
    ask(q=text)
    calls = 0

    def count(_frame, event, _argument):
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        answer = ask(q=text)
    finally:
        sys.setprofile(None)
    assert answer.status_code == 400
    # Some 10 ms on a slow machine, most of it the request itself.
    assert calls < 40_000


def post(client, query, **given):
    body = json.dumps({"query": query, **given})
    return client.post(reverse("api-search"), body, content_type="application/json")


@pytest.mark.parametrize(
    ("tree", "canonical"),
    [
        ({"label": "Car"}, "label:Car"),
        ({"label": "dog", "min_confidence": 60, "count": 1}, "label:Dog@60"),
        (
            {"all": [{"label": "Car"}, {"none": [{"label": "Pet"}, {"kind": "photo"}]}]},
            "label:Car AND NOT label:Pet AND NOT kind:photo",
        ),
        ({"any": [{"label": "Dog"}, {"text": "harbour"}]}, 'label:Dog OR "harbour"'),
        (
            {"then": [{"label": "Car"}, {"label": "Dog"}], "within_ms": 9_000},
            "label:Car THEN label:Dog WITHIN 9s",
        ),
    ],
)
def test_programs_may_send_a_tree(mine, street, tree, canonical):
    body = post(mine, tree, page_size=5).json()
    assert body["query"]["canonical"] == canonical
    assert [result["asset"]["id"] for result in body["results"]] == [str(street.pk)]


def test_the_next_page_of_a_tree_is_an_address(mine, user):
    made = [library.make_asset(user, ("Car", 0, 1_000, 90.0)) for _ in range(3)]
    library.services.index_assets([asset.pk for asset in made])
    first = post(mine, {"label": "Car"}, page_size=2, sort="title").json()
    second = mine.get(first["next"]).json()
    seen = [result["asset"]["id"] for result in (*first["results"], *second["results"])]
    assert len(seen) == len(set(seen)) == 4


@pytest.mark.parametrize(
    ("tree", "field", "words"),
    [
        ([], "query", "object is needed"),
        ({"labl": "Car"}, "query", "Known are label"),
        ({"all": []}, "query.all", "list of 1 to"),
        ({"any": [{"label": "Car"}, {"label": 3}]}, "query.any[1].label", "text is needed"),
        ({"label": "Car", "min_confidence": 101}, "query", "not a confidence"),
        ({"label": "Car", "count": 7}, "query", "counts are"),
        ({"all": [{"label": "Car"}], "any": []}, "query", "does not belong here"),
        ({"then": [{"label": "Car"}]}, "query.then", "needs two"),
        ({"conf": ">80"}, "query", "whole search"),
        ({"label": "Carr"}, "q", "There is no label"),
    ],
)
def test_a_tree_that_cannot_be_read_is_a_400_that_names_the_place(mine, tree, field, words):
    answer = post(mine, tree)
    body = answer.json()
    assert answer.status_code == 400, body
    assert words in body["detail"]
    assert body["errors"][0]["field"] == field


def test_trees_without_end_are_refused(mine):
    deep = {"label": "Car"}
    for _ in range(30):
        deep = {"all": [deep]}
    assert "20 deep" in post(mine, deep).json()["detail"]
    endless = '{"query": ' + "[" * 50_000 + "]" * 50_000 + "}"
    answer = mine.post(reverse("api-search"), endless, content_type="application/json")
    assert answer.status_code == 400
