"""The library page: order, keywords, table, many at once with undo, and the demo that goes."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse

from medialib.models import Asset, Keyword
from tests.page_rows import make_asset, text_of

SELECTED = "/library/selected/"


@pytest.fixture
def mine(client, user):
    client.force_login(user)
    return client


def titles_of(response):
    return re.findall(r'asset-title">([^<]+)<', response.content.decode())


def walk(client, address):
    """Give the titles of all pages, following "Show more"."""
    seen = []
    while address:
        response = client.get(address)
        seen += titles_of(response)
        found = re.search(r'href="(\?[^"]*before=[^"]+)"', response.content.decode())
        address = "/" + found[1].replace("&amp;", "&") if found else None
    return seen


def give(asset, *words):
    for word in words:
        asset.keywords.add(Keyword.objects.get_or_create(name=word, folded=word.casefold())[0])
    return asset


@pytest.mark.parametrize("view", ["", "table"])
@pytest.mark.parametrize("sort", ["newest", "oldest", "title", "longest", "largest"])
def test_every_order_is_paged_without_gaps_or_doubles(mine, user, sort, view):
    for number in range(60):
        make_asset(user, title=f"Clip {number * 7 % 60:02}", duration_ms=1000 * (number % 5))
    seen = walk(mine, f"/?sort={sort}&view={view}")
    assert sorted(seen) == [f"Clip {number:02}" for number in range(60)]
    if sort == "title":
        assert seen == sorted(seen)


def test_an_asset_without_a_title_is_sorted_by_its_file(mine, user):
    for title in ("Quay", "anchor", ""):
        asset = make_asset(user, title=title)
        if not title:
            Asset.objects.filter(pk=asset.pk).update(original_filename="mast.mp4")
    assert titles_of(mine.get("/?sort=title")) == ["anchor", "mast.mp4", "Quay"]


def test_a_keyword_narrows_and_only_seen_ones_are_offered(mine, user, other):
    give(make_asset(user, title="Ferry"), "Sea")
    make_asset(user, title="Crane")
    give(make_asset(other, title="Hidden", visibility="private"), "Secret")
    page = mine.get("/")
    assert "Sea (1)" in text_of(page)
    assert "Secret" not in text_of(page)
    assert titles_of(mine.get("/?keyword=SEA")) == ["Ferry"]
    assert "Nothing here with these filters" in text_of(mine.get("/?keyword=snow"))


def test_only_what_one_may_change_can_be_selected(mine, user, other):
    own, foreign = make_asset(user), make_asset(other)
    page = mine.get("/").content.decode()
    assert f'value="{own.pk}" form="selected"' in page
    assert f'value="{foreign.pk}" form="selected"' not in page


def test_many_get_keywords_and_keep_theirs(mine, user):
    assets = [give(make_asset(user, title=f"Clip {n}"), f"own {n}") for n in range(3)]
    response = mine.post(
        SELECTED,
        {
            "action": "keywords",
            "asset": [asset.pk for asset in assets],
            "keywords": "beach, summer",
            "back": "sort=title",
        },
    )
    assert response["Location"] == "/?sort=title"
    for number, asset in enumerate(assets):
        names = sorted(keyword.name for keyword in asset.keywords.all())
        assert names == ["beach", f"own {number}", "summer"]


def test_many_go_to_the_trash_and_come_back(mine, user):
    assets = [make_asset(user, title=f"Clip {n}") for n in range(3)]
    ids = [str(asset.pk) for asset in assets[:2]]
    page = mine.post(SELECTED, {"action": "remove", "asset": ids}, follow=True)
    assert "2 assets moved to the trash" in text_of(page)
    assert titles_of(page) == ["Clip 2"]
    undo = re.search(r'<form class="notice notice-ok undo".*?</form>', page.content.decode(), re.S)
    offered = re.findall(r'name="asset" value="([^"]+)"', undo[0])
    assert offered == ids
    page = mine.post(SELECTED, {"action": "restore", "asset": offered}, follow=True)
    assert sorted(titles_of(page)) == ["Clip 0", "Clip 1", "Clip 2"]
    assert "Undo" not in text_of(page)


def test_what_cannot_be_done_now_is_counted_with_its_reason(mine, user):
    ready = make_asset(user, title="Ready")
    early = make_asset(user, title="Early", state="preparing")
    page = mine.post(
        SELECTED, {"action": "label-again", "asset": [ready.pk, early.pk]}, follow=True
    )
    words = text_of(page)
    assert "1 asset being labelled again" in words
    assert "1 asset left as before: This can be labelled once it is prepared." in words


def test_other_peoples_assets_are_not_changed_by_the_dozen(mine, user, other):
    shown, hidden = make_asset(other), make_asset(other, visibility="private")
    for asset, status in ((shown, 403), (hidden, 404)):
        response = mine.post(SELECTED, {"action": "remove", "asset": [asset.pk]})
        assert response.status_code == status
    assert not Asset.objects.exclude(deleted_at=None).exists()


@pytest.mark.parametrize("data", [{}, {"action": "burn"}, {"action": "remove", "asset": "x"}])
def test_nothing_selected_is_a_sentence(mine, user, data):
    make_asset(user)
    assert "Select something first." in text_of(mine.post(SELECTED, data, follow=True))


def test_the_demo_explains_itself_and_goes_with_one_click(client, user, boss):
    make_asset(boss, title="Tour", is_demo=True)
    client.force_login(user)
    words = text_of(client.get("/"))
    assert "This is the demo" in words
    assert "Search and be there" in words
    assert "Remove the demo" not in words
    assert client.post(reverse("remove-demo")).status_code == 403
    client.force_login(boss)
    assert "Remove the demo" in text_of(client.get("/"))
    page = client.post(reverse("remove-demo"), follow=True)
    assert "The demo is gone: 1 asset moved" in text_of(page)
    assert "Your library is empty" in text_of(page)
