"""The search page, and what pages may cost: the same queries for any number of rows, few bytes."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.template.loader import render_to_string
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from labelling.boxes import BoxesWriter
from labelling.models import Analysis, Label
from medialib import assets, storage
from medialib.exceptions import SearchUnavailable
from medialib.management import startup
from medialib.models import Keyword
from medialib.selectors import Principals, get_asset
from medialib.views.asset_context import asset_page
from search import services as search
from search.backends import get_backend
from tests.page_rows import make_asset, see, text_of


@pytest.fixture
def mine(client, user):
    client.force_login(user)
    return client


@pytest.fixture
def cars(user, library):
    assets = [see(make_asset(user, title=f"Clip {n:03}"), "Car", "Person") for n in range(3)]
    search.index_assets([asset.pk for asset in assets])
    return assets


def test_search_shows_moments_that_open_the_video_there(mine, cars):
    page = mine.get(reverse("search"), {"q": "cars"}).content.decode()
    assert page.count('class="row card"') == 3
    address = reverse("asset", args=[cars[0].pk])
    assert f"{address}?q=cars&amp;label=Car#t=0,2" in page
    assert reverse("media-frame", args=[cars[0].pk, 0]) in page


def test_a_keyword_leads_to_all_that_carry_it(mine, user, library):
    asset = make_asset(user)
    asset.keywords.add(Keyword.objects.create(name="summer 2026", folded="summer 2026"))
    search.index_assets([asset.pk])
    page = mine.get(reverse("asset", args=[asset.pk])).content.decode()
    link = re.search(r'href="(/search/\?q=keyword:[^"]+)"', page)[1]
    assert "Harbour" in text_of(mine.get(link))


def test_a_hidden_label_is_found_by_its_name_only(mine, admin_client, cars):
    """Hidden in the admin: gone from facets, suggestions and the asset's page."""
    principals = Principals(frozenset({"members"}))
    seen = Label.objects.get(name="Person")
    chosen = {"action": "hide", "_selected_action": [seen.pk]}
    admin_client.post(reverse("admin:labelling_label_changelist"), chosen)
    answer = search.search("cars", principals=principals)
    assert "Person" not in {value.value for value in answer.facets["label"]}
    assert "Person" not in {one.label for one in search.suggest("pe", principals=principals)}
    page = mine.get(reverse("asset", args=[cars[0].pk])).content.decode()
    assert 'data-label="Car"' in page
    assert 'data-label="Person"' not in page
    assert search.search("people", principals=principals).total.assets == 3

    chosen["action"] = "show_again"
    admin_client.post(reverse("admin:labelling_label_changelist"), chosen)
    assert "Person" in {one.label for one in search.suggest("pe", principals=principals)}


def test_what_was_understood_can_be_taken_away(mine, cars):
    page = mine.get(reverse("search"), {"q": "cars or people"}).content.decode()
    assert 'href="?q=people"' in page
    assert 'href="?q=cars"' in page


def test_nothing_found_says_what_is_there_and_what_can_be_found(mine, cars):
    response = mine.get(reverse("search"), {"q": "zebra"})
    words = text_of(response)
    assert response.status_code == 200
    assert "Nothing found" in words
    assert "In the library" in words
    assert "80 everyday objects" in words


def test_search_without_words_shows_where_to_begin(mine, cars):
    assert 'href="?q=Car"' in mine.get(reverse("search")).content.decode()


def test_a_search_that_cannot_be_read_says_how_to_mend_it(mine, library):
    response = mine.get(reverse("search"), {"q": "(car"})
    assert response.status_code == 400
    assert "This search cannot be read" in text_of(response)


def test_odd_addresses_never_break_the_page(mine, cars):
    for address in ("?cursor=xyz&q=cars", "?q=%00", "?q=" + "(" * 400, "?kind=x", "?label=Car"):
        assert mine.get(reverse("search") + address).status_code < 500


@pytest.fixture(params=["a folder in the way", "nobody at the port"])
def search_away(request, settings, library, tmp_path):
    """An engine that can't be asked, by its configuration alone."""
    entry = {**settings.SEARCH_BACKENDS["default"], "OPTIONS": {"path": tmp_path}}
    if request.param == "nobody at the port":
        address = "opensearch+http://127.0.0.1:9/library"
        entry = {
            "BACKEND": "search.backends.opensearch.OpenSearchBackend",
            "OPTIONS": {"url": address},
        }
    settings.SEARCH_BACKENDS = {"default": entry}
    yield
    get_backend().close()


@pytest.mark.parametrize("query", ["?q=cars", "?kind=video", "", "?q=cars&cursor=x"])
def test_when_search_is_away_the_page_says_so_and_lists_the_library(
    mine, other, user, search_away, query
):
    seen = make_asset(user, title="Harbour")
    make_asset(other, title="Not yours", visibility="private")
    response = mine.get(reverse("search") + query)
    page, words = response.content.decode(), text_of(response)
    assert response.status_code == SearchUnavailable.status
    assert "Search is away for a moment" in words
    assert "Nothing found" not in words
    assert f'href="{reverse("asset", args=[seen.pk])}"' in page
    assert "Harbour" in words
    assert "Not yours" not in words


def test_when_search_is_away_programs_are_told_by_a_code(mine, search_away):
    for address in (reverse("api-search") + "?q=cars", reverse("api-labels") + "?prefix=ca"):
        answer = mine.get(address)
        assert (answer.status_code, answer.json()["code"]) == (503, "search_unavailable")
        assert "results" not in answer.json()


def test_when_search_is_away_the_service_starts_and_says_what_works(search_away):
    assert "All else works" in startup.prepare()


def test_nothing_found_says_what_could_not_be_looked_at(mine, other, user, library):
    search.index_assets([see(make_asset(user), "Car").pk])
    ask = {"q": "zebra"}
    assert mine.get(reverse("api-search"), ask).json()["unlooked"] is None
    make_asset(user, title="On its way", state="labelling")
    make_asset(other, title="Not yours", state="labelling", visibility="private")
    plain = [make_asset(user, title=f"Plain {n}") for n in range(2)]
    search.index_assets([asset.pk for asset in plain])
    assets.note("asset.created", plain[0])
    told = mine.get(reverse("api-search"), ask).json()
    assert told["unlooked"] == {"waiting": 1, "unlabelled": 2}
    words = text_of(mine.get(reverse("search"), ask))
    assert "1 asset is still on the way, 2 have no labels" in words
    assert mine.get(reverse("api-search"), {"q": "car"}).json()["unlooked"] is None
    assert "could not look" not in text_of(mine.get(reverse("search"), {"q": "car"}))


def test_a_search_that_is_too_long_is_refused_not_cut(mine, library):
    response = mine.get(reverse("search"), {"q": "car " * 1_250})
    assert response.status_code == 400
    assert "at most 1,000 characters" in text_of(response)


def test_other_peoples_assets_are_not_found(client, other, user, library):
    search.index_assets([see(make_asset(user, visibility="private"), "Car").pk])
    client.force_login(other)
    page = client.get(reverse("search"), {"q": "car"})
    assert "Harbour" not in page.content.decode()


def test_pages_of_results_go_on_without_scripts(mine, user, library):
    assets = [see(make_asset(user, title=f"Clip {n:03}"), "Car") for n in range(45)]
    search.index_assets([asset.pk for asset in assets])
    seen, address = [], "?q=cars"
    while address:
        page = mine.get(reverse("search") + address).content.decode()
        seen += re.findall(r"<bdi>([^<]+)</bdi>", page)
        found = re.search(r'id="more"><a class="button" href="([^"]+)"', page)
        address = found[1].replace("&amp;", "&") if found else None
    assert sorted(seen) == [f"Clip {n:03}" for n in range(45)]


def test_a_part_is_answered_to_the_module_that_asks_for_more(mine, cars):
    page = mine.get(reverse("search"), {"q": "cars"}, headers={"HX-Request": "true"})
    assert b"<html" not in page.content
    assert "HX-Request" in page["Vary"]


@pytest.fixture
def chases(user, library):
    """A clip in which a dog follows a car at once, and one in which it takes four seconds."""
    soon = see(make_asset(user, title="Soon"), "Car", "Dog")
    late = see(make_asset(user, title="Late"), "Car", "Tree", "Bench", "Dog")
    search.index_assets([soon.pk, late.pk])
    return soon, late


def test_what_a_then_just_misses_is_a_list_of_its_own(mine, chases):
    response = mine.get(reverse("search"), {"q": "car then dog within 1s"})
    found, near = response.content.decode().split("Just missed")
    assert (found.count("<bdi>Soon<"), found.count("<bdi>Late<")) == (1, 0)
    assert (near.count("<bdi>Soon<"), near.count("<bdi>Late<")) == (0, 1)
    assert "Car, then Dog, further apart than you asked" in near
    assert f"{reverse('asset', args=[chases[1].pk])}?" in near
    assert "1 found · 1 moment " in text_of(response)


def test_near_misses_are_shown_where_nothing_else_is_found(mine, chases):
    page = text_of(mine.get(reverse("search"), {"q": "tree then dog within 1s"}))
    nothing, near = page.split("Just missed")
    assert "Nothing found" in nothing
    assert "Late" in near
    assert "Soon" not in near


def test_without_near_misses_nothing_is_said_of_them(mine, chases):
    for text in ("car", "car then dog within 10s"):
        assert "Just missed" not in text_of(mine.get(reverse("search"), {"q": text}))


def test_moments_can_be_shown_as_a_wall(mine, cars):
    page = mine.get(reverse("search"), {"q": "cars", "view": "wall"}).content.decode()
    assert page.count('class="wall-asset"') == 3
    assert '<input type="hidden" name="view" value="wall">' in page
    assert 'href="?q=cars"' in page, "back to the list"


def test_the_search_box_suggests_the_fields_of_the_language(mine, db):
    page = mine.get("/").content.decode()
    assert "kind:video|" in page


@pytest.fixture
def boxed(cars):
    writer = BoxesWriter()
    for time_ms in (0, 500, 40_000):
        left = time_ms / 100_000
        writer.add("Car", time_ms=time_ms, confidence=90, boxes=[(left, 0.2, 0.3, 0.4, 90)])
        writer.add("Dog", time_ms=time_ms, confidence=90, boxes=[(0, 0, 1, 1, 90)])
    data, index = writer.finish()
    storage.write_bytes("analyses/boxes.bin", data)
    analyses = Analysis.objects.filter(asset=cars[0])
    analyses.update(boxes_name="analyses/boxes.bin", boxes_index=index)
    return cars[0]


def test_pictures_ask_for_the_boxes_of_what_was_searched(mine, boxed):
    page = mine.get(reverse("search"), {"q": "cars"}).content.decode()
    base = reverse("asset-boxes", args=[boxed.pk])
    address = re.search(rf'data-boxes="({base}[^"]+)"', page)[1].replace("&amp;", "&")
    answer = mine.get(address).json()
    assert (answer["width"], answer["height"]) == (320, 180)
    assert answer["boxes"] == {"0": [[0.0, 0.2, 0.3, 0.4, 1]]}


def test_a_picture_has_the_boxes_of_its_own_time_only(mine, boxed):
    base = reverse("asset-boxes", args=[boxed.pk])
    answer = mine.get(f"{base}?label=Bus&label=Car&at=400&at=40100&at=20000&at=x").json()
    assert answer["boxes"]["400"] == [[0.005, 0.2, 0.3, 0.4, 2]]
    assert answer["boxes"]["40100"] == [[0.4, 0.2, 0.3, 0.4, 2]]
    assert answer["boxes"]["20000"] == []


def test_boxes_of_other_peoples_pictures_are_nobodys(client, other, boxed):
    boxed.visibility = "private"
    boxed.save()
    client.force_login(other)
    assert client.get(reverse("asset-boxes", args=[boxed.pk])).status_code == 404


# ---- What pages cost ---------------------------------------------------------------------------


def _count(client, address):
    with CaptureQueriesContext(connection) as queries:
        assert client.get(address).status_code == 200
    return len(queries)


def test_queries_do_not_grow_with_the_library(mine, user):
    make_asset(user)
    mine.get("/")
    few = _count(mine, "/")
    for number in range(40):
        asset = make_asset(user, title=f"Clip {number}")
        asset.keywords.add(Keyword.objects.get_or_create(name=f"k{number}", folded=f"k{number}")[0])
    assert _count(mine, "/") == few


def test_queries_do_not_grow_with_the_results(mine, user, library):
    address = reverse("search") + "?q=cars"
    search.index_assets([see(make_asset(user), "Car").pk])
    mine.get(address)
    few = _count(mine, address)
    more = [see(make_asset(user, title=f"Clip {n}"), "Car", "Person", "Dog") for n in range(19)]
    search.index_assets([asset.pk for asset in more])
    mine.get(address)
    assert _count(mine, address) == few


def test_queries_do_not_grow_with_the_moments(mine, user):
    asset = see(make_asset(user), "Car")
    address = reverse("asset", args=[asset.pk])
    mine.get(address)
    few = _count(mine, address)
    Analysis.objects.update(current=False)
    see(asset, *(f"Label {n}" for n in range(30)))
    assert _count(mine, address) == few


def test_templates_ask_the_database_nothing(mine, user, django_assert_num_queries):
    asset = get_asset(see(make_asset(user), "Car", "Dog").pk, Principals.of(user))
    page = asset_page(asset, wanted=[], can_edit=True)
    with django_assert_num_queries(0):
        render_to_string("medialib/asset.html", {"page": page})


def test_twenty_results_weigh_little(mine, user, library):
    names = [f"Thing {n}" for n in range(9)]
    assets = [see(make_asset(user, title=f"Clip {n}"), "Car", *names, "Car") for n in range(20)]
    search.index_assets([asset.pk for asset in assets])
    page = mine.get(reverse("search"), {"q": "cars or things"})
    assert len(page.content) <= 80_000


def test_pages_hold_no_inline_styles_or_scripts(mine, cars):
    for address in ("/", "/upload/", "/search/?q=cars", reverse("asset", args=[cars[0].pk])):
        page = mine.get(address).content.decode()
        assert " style=" not in page
        assert not re.search(r"\son[a-z]+=", page)
        for tag in re.findall(r"<script\b[^>]*>", page):
            assert "src=" in tag or "application/json" in tag
