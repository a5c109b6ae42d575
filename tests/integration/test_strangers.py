"""Two people, every address the router knows: what is one's own is not there for the other."""

from __future__ import annotations

import io
import re
import uuid
from collections.abc import Iterator

import pytest
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from medialib import services, tokens, uploads
from medialib.models import ApiToken, Delivery, Webhook
from tests import samples

ROWS = [(0, "Car", 90.0), (500, "Car", 95.0)]
# Django's administration asks for staff by itself; it is looked at as one.
LEFT_OUT = ("admin/",)
# Ids that nobody has, by the type of those that somebody has.
NOBODYS = {uuid.UUID: uuid.UUID(int=7), int: 987_654_321, str: "0" * 128}


@pytest.fixture
def ids(user, library, drain):
    asset = services.create_asset(
        owner=user,
        file=io.BytesIO(samples.clip()),
        filename="clip.mp4",
        details=services.Details(title="Windermere", visibility="private"),
        answer=io.BytesIO(samples.answer(ROWS)),
    )
    drain()
    tokens.make(user, name="mine", scopes=["read"])
    upload = uploads.begin(user, uploads.Announced("b.mp4", 5000))
    webhook = Webhook.objects.create(owner=user, url="https://example.org/", secret="x")
    delivery = Delivery.objects.create(webhook=webhook, event=asset.events.first())
    return {
        "webhook_id": webhook.pk,
        "delivery_id": delivery.pk,
        "asset_id": asset.pk,
        "analysis_id": asset.analyses.get().pk,
        "upload_id": upload.pk,
        "token_id": ApiToken.objects.get().pk,
        "step_id": asset.steps.first().pk,
        "number": 1,
        "at_ms": 0,
    }


def routes(resolver: URLResolver, prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    for entry in resolver.url_patterns:
        path = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from routes(entry, path)
        elif not path.startswith(LEFT_OUT):
            yield path, entry


def addresses(ids) -> Iterator[tuple[str, str, URLPattern]]:
    """Give each route that names something of a person, with the first person's ids in it."""
    for path, entry in routes(get_resolver()):
        names = re.findall(r"<(?:\w+:)?(\w+)>", path)
        if not names or not set(names) <= set(ids):
            continue
        for name in names:
            path = re.sub(rf"<(?:\w+:)?{name}>", str(ids[name]), path)
        yield f"/{path}", str(entry.name), entry


def test_every_route_with_an_id_is_in_the_matrix(ids):
    known = {name for _, name, _ in addresses(ids)}
    assert len(known) >= 20
    with_ids = {str(entry.name) for path, entry in routes(get_resolver()) if "_id>" in path}
    assert with_ids - known == set()


@pytest.mark.parametrize("method", ["get", "head", "post", "put", "patch", "delete"])
def test_what_is_one_persons_own_is_as_if_it_were_not_there(client, other, ids, method):
    client.force_login(other)
    call = getattr(client, method)
    more = {"data": "{}", "content_type": "application/json"}
    more = {} if method in ("get", "head") else more
    nobodys = {name: NOBODYS.get(type(value), value) for name, value in ids.items()}
    seen = {}
    for (address, name, _), (made_up, _, _) in zip(addresses(ids), addresses(nobodys), strict=True):
        seen[name] = call(address, **more).status_code, call(made_up, **more).status_code
    assert {name: codes for name, codes in seen.items() if codes[0] != codes[1]} == {}
    # A part's address is signed: without the signature it is none, whoever asks for whichever.
    assert seen.pop("api-upload-part")[0] == (422 if method == "put" else 405)
    # 403 is the answer to a method that the address does not have, whoever asks.
    assert {codes[0] for codes in seen.values()} <= {403, 404, 405}


def test_nor_for_a_stranger(client, ids):
    for address, _, _ in addresses(ids):
        answer = client.get(address)
        # 302 leads to the sign-in page, and says the same of what is not there at all.
        assert answer.status_code in {302, 401, 404, 405}, address


def test_nor_in_lists_search_facets_and_suggestions(client, other, ids):
    client.force_login(other)
    assert client.get(reverse("api-assets")).json()["results"] == []
    assert client.get(reverse("api-uploads")).json()["results"] == []
    body = client.get(reverse("api-search"), {"q": "car"}).json()
    assert body["total"]["assets"] == 0
    assert not any(body["facets"].values())
    assert client.get(reverse("api-labels"), {"prefix": "ca"}).json()["results"] == []
    for page in ("library", "activity", "upload", "tokens"):
        content = client.get(reverse(page)).content
        assert b"Windermere" not in content, page
        assert str(ids["asset_id"]).encode() not in content, page


def test_the_owner_reaches_all_of_it(client, user, ids):
    client.force_login(user)
    found = [
        client.get(address).status_code
        for address, name, _ in addresses(ids)
        if name in ("asset", "api-asset", "api-upload", "api-analysis", "media-poster")
    ]
    assert found == [200] * len(found)
