"""What nobody should send to search: refused in a sentence, at its place, without much work."""

import base64
import json
import math
import sys

import pytest
from django.urls import reverse

from search.backends.base import SORTS
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


def cursor_of(address):
    return address.rpartition("cursor=")[2].partition("&")[0]


@pytest.mark.parametrize("sort", SORTS)
def test_every_sort_goes_on_to_the_end_by_its_own_cursors(mine, user, sort):
    titles = ["Émile", "👩‍🚀", ""]
    made = [library.make_asset(user, ("Car", 0, 1_000, 90.0), title=title) for title in titles]
    library.services.index_assets([asset.pk for asset in made])
    address, seen = f"{reverse('api-search')}?q=car&page_size=1&sort={sort}", []
    while address:
        page = mine.get(address).json()
        seen += [result["asset"]["id"] for result in page["results"]]
        address = page["next"]
    assert len(seen) == len(set(seen)) == 4


def forged(cursor, value):
    """Put another sort value into a cursor, as a person might who tries what happens."""
    version, mark, _, asset_id = json.loads(base64.urlsafe_b64decode(cursor + "=" * 3))
    body = json.dumps([version, mark, value, asset_id])
    return base64.urlsafe_b64encode(body.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    ("sort", "value"),
    [
        ("relevance", math.nan),
        ("relevance", math.inf),
        ("newest", 10**400),
        ("moments", -(10**30)),
        ("moments", True),
        ("title", "\ud800"),
        ("title", 3),
    ],
)
def test_a_cursor_that_was_tampered_with_is_refused(ask, user, sort, value):
    made = [library.make_asset(user, ("Car", 0, 1_000, 90.0)) for _ in range(3)]
    library.services.index_assets([asset.pk for asset in made])
    following = ask(q="car", page_size=2, sort=sort).json()["next"]
    answer = ask(q="car", page_size=2, sort=sort, cursor=forged(cursor_of(following), value))
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "cursor"


def test_a_cursor_of_another_layout_has_expired_and_says_what_to_do(ask, user):
    made = [library.make_asset(user, ("Car", 0, 1_000, 90.0)) for _ in range(3)]
    library.services.index_assets([asset.pk for asset in made])
    cursor = cursor_of(ask(q="car", page_size=2).json()["next"])
    _, *rest = json.loads(base64.urlsafe_b64decode(cursor + "=" * 3))
    old = base64.urlsafe_b64encode(json.dumps(["0", *rest]).encode()).decode()
    body = ask(q="car", page_size=2, cursor=old).json()
    assert "Start without a cursor" in body["cure"]


@pytest.mark.parametrize("name", ["label", "text", "category", "keyword", "source", "file", "date"])
@pytest.mark.parametrize("value", ["\ud800", "\x00", "x" * 5_000, ""])
def test_odd_texts_in_a_tree_are_answered_or_refused(mine, name, value):
    assert post(mine, {name: value}).status_code in (200, 400)


@pytest.mark.parametrize(
    "given",
    [
        {"month": "2026-13"},
        {"month": "0000-00"},
        {"month": "9999-99"},
        {"category": "\x00"},
        {"label": "x" * 5_000},
        {"min_confidence": "1e999"},
    ],
)
def test_odd_filters_are_answered_or_refused(ask, given):
    assert ask(q="car", **given).status_code in (200, 400)


def work(call):
    """Count the calls that something takes: a clock would measure the machine's other work."""
    calls = 0

    def count(_frame, event, _argument):
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        result = call()
    finally:
        sys.setprofile(None)
    return calls, result


@pytest.mark.parametrize(
    "text",
    [
        "x" * 5_000,
        NESTED,
        " OR ".join("a" * 500),
        " OR ".join("a" * 150),
        "car conf:>9000",
        "date:2026-13..",
        "(a+)+$" * 160,
        "not " * 240,
    ],
)
def test_refusing_takes_no_more_than_a_few_plain_searches(ask, text):
    plain, answer = work(lambda: ask(q="car and dog"))
    assert answer.status_code == 200
    refused, answer = work(lambda: ask(q=text))
    assert answer.status_code == 400
    # A plain search takes some milliseconds, so this stays far below fifty.
    assert refused < 3 * plain


def test_halves_of_characters_as_names_are_refused(mine):
    answer = post(mine, {"\ud800": "Car", "label": "Car"})
    assert answer.status_code == 400
    assert "does not belong here" in answer.json()["detail"]
