"""What every client of the API may rely on: ETags, repeats, sparse answers, limits, ids, tokens."""

from __future__ import annotations

import io
import json
import logging
import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from medialib import services, tokens
from medialib.http.request_ids import RequestIdFilter
from medialib.models import ApiToken, Asset, KeptAnswer, Upload, User
from tests import samples


@pytest.fixture
def asset(user, library):
    return services.create_asset(
        owner=user,
        file=io.BytesIO(samples.clip()),
        filename="clip.mp4",
        details=services.Details(title="Windermere", visibility="private"),
    )


@pytest.fixture
def mine(client, user):
    client.force_login(user)
    return client


@pytest.fixture
def address(asset):
    return reverse("api-asset", args=[asset.pk])


def bearer(user, *scopes, **more):
    token = tokens.make(user, name="test", scopes=scopes or ["read"], **more)
    return {"Authorization": f"Bearer {token}"}


def patch(client, address, data, **headers):
    return client.patch(address, json.dumps(data), "application/json", headers=headers)


def announce(client, key=None, size=5000, **more):
    headers = {"Idempotency-Key": key} if key else {}
    said = {"filename": "a.mp4", "size": size, **more}
    return client.post(
        reverse("api-uploads"), json.dumps(said), "application/json", headers=headers
    )


def test_who_has_the_answer_already_gets_304(mine, address):
    first = mine.get(address)
    tag = first["ETag"]
    again = mine.get(address, headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    assert again["ETag"] == tag
    patch(mine, address, {"title": "Mill"})
    assert mine.get(address, headers={"If-None-Match": tag}).status_code == 200


def test_nobody_overwrites_what_another_has_changed(mine, address):
    tag = mine.get(address)["ETag"]
    changed = patch(mine, address, {"title": "Mill"}, **{"If-Match": tag})
    assert changed.status_code == 200
    late = patch(mine, address, {"title": "Bell"}, **{"If-Match": tag})
    assert late.status_code == 412
    assert late.json()["code"] == "outdated"
    assert mine.delete(address, headers={"If-Match": tag}).status_code == 412
    assert mine.get(address).json()["title"] == "Mill"
    assert patch(mine, address, {"title": "Bell"}, **{"If-Match": "*"}).status_code == 200
    fresh = mine.get(address)["ETag"]
    assert mine.delete(address, headers={"If-Match": fresh}).status_code == 204


def test_progress_is_no_change_that_a_person_made(mine, asset, address):
    tag = mine.get(address)["ETag"]
    Asset.objects.filter(pk=asset.pk).update(state="labelling")
    assert mine.get(address)["ETag"] != tag
    assert patch(mine, address, {"title": "Mill"}, **{"If-Match": tag}).status_code == 200


def test_only_the_fields_asked_for_come(mine, asset, address):
    assert mine.get(address, {"fields": "id, title"}).json() == {
        "id": str(asset.pk),
        "title": "Windermere",
    }
    rows = mine.get(reverse("api-assets"), {"fields": "kind"}).json()["results"]
    assert rows == [{"kind": "video"}]
    wrong = mine.get(address, {"fields": "id,password"})
    assert wrong.status_code == 400
    assert "password" in wrong.json()["detail"]


def test_a_repeated_call_is_answered_again_and_not_done_again(mine, library):
    first = announce(mine, "k-1")
    again = announce(mine, "k-1")
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json()["id"] == first.json()["id"]
    assert again["Idempotency-Replayed"] == "true"
    assert again["Location"] == first["Location"]
    assert Upload.objects.count() == 1
    assert announce(mine, "k-2").json()["id"] != first.json()["id"]


def test_a_key_belongs_to_one_call_of_one_person(mine, library, client, other):
    announce(mine, "k-1")
    assert announce(mine, "k-1", size=6000).json()["code"] == "idempotency_key_reused"
    assert announce(mine, "x" * 101).status_code == 422
    client.force_login(other)
    assert announce(client, "k-1").status_code == 201
    assert Upload.objects.count() == 2


def test_a_refused_call_may_be_tried_again_with_its_key(mine, library):
    assert announce(mine, "k-1", size=0).status_code == 422
    assert announce(mine, "k-1", size=10).status_code == 201


def test_a_call_still_going_on_is_not_started_twice(mine, library, user):
    announce(mine, "k-1")
    KeptAnswer.objects.update(status=0)
    assert announce(mine, "k-1").status_code == 409


def test_a_form_upload_can_be_repeated_too(mine, library):
    def send():
        file = io.BytesIO(samples.clip())
        file.name = "clip.mp4"
        headers = {"Idempotency-Key": "k-1"}
        return mine.post(reverse("api-assets"), {"file": file, "title": "Mill"}, headers=headers)

    assert send().json()["id"] == send().json()["id"]
    assert Asset.objects.count() == 1


def test_too_many_calls_are_told_when_to_come_back(client, user, library, settings):
    settings.MEDIALIB_RATE_PER_TOKEN = 3
    token, second = bearer(user), bearer(user)
    # Ten calls: more than three of them are in one minute, wherever the minute ends.
    answers = [client.get(reverse("api-assets"), headers=token) for _ in range(10)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert 1 <= int(refused[0]["Retry-After"]) <= 60
    assert refused[0].json()["code"] == "throttled"
    assert client.get(reverse("api-assets"), headers=second).status_code == 200
    settings.MEDIALIB_RATE_PER_TOKEN, settings.MEDIALIB_RATE_PER_ADDRESS = 0, 3
    statuses = [client.get(reverse("api-assets"), headers=second).status_code for _ in range(10)]
    assert 429 in statuses


def test_every_answer_has_an_id_that_the_log_knows(mine, library, caplog):
    made = mine.get(reverse("api-assets"))["X-Request-Id"]
    assert len(made) == 32
    given = mine.get(reverse("api-assets"), headers={"X-Request-Id": "import-2026-11"})
    assert given["X-Request-Id"] == "import-2026-11"
    forged = mine.get(reverse("api-assets"), headers={"X-Request-Id": "a b\tc"})
    assert forged["X-Request-Id"] != "a b\tc"
    record = logging.LogRecord("x", logging.INFO, "", 0, "m", (), None)
    assert RequestIdFilter().filter(record)
    assert record.request_id == "-"


def test_a_token_works_only_from_its_addresses(client, user, library, settings):
    home = bearer(user, addresses=["127.0.0.0/8"])
    away = bearer(user, addresses=["10.0.0.0/8"])
    assert client.get(reverse("api-assets"), headers=home).status_code == 200
    assert client.get(reverse("api-assets"), headers=away).status_code == 401
    forged = away | {"X-Forwarded-For": "10.1.1.1"}
    assert client.get(reverse("api-assets"), headers=forged).status_code == 401
    import ipaddress

    settings.MEDIALIB_TRUSTED_PROXIES = [ipaddress.ip_network("127.0.0.0/8")]
    assert client.get(reverse("api-assets"), headers=forged).status_code == 200


def test_a_token_is_made_on_the_page_and_shown_once(mine, user, library):
    said = {"name": "nightly", "scopes": ["read", "upload"], "days": "30", "addresses": "10.0.0.7"}
    page = mine.post(reverse("tokens"), said)
    assert page.status_code == 200
    [token] = ApiToken.objects.filter(user=user)
    assert token.allowed_addresses == ["10.0.0.7/32"]
    assert (token.name, token.scopes) == ("nightly", ["read", "upload"])
    secret = page.context["made"]
    assert secret.encode() in page.content
    assert secret.encode() not in mine.get(reverse("tokens")).content
    assert b"nightly" in mine.get(reverse("tokens")).content
    assert "no-store" in page["Cache-Control"]


def test_a_token_is_made_in_the_admin_and_shown_once(client, user, boss, library):
    add = reverse("admin:medialib_apitoken_add")
    said = {"user": user.pk, "name": "nightly", "scopes": ["read"], "days": "3"}
    User.objects.filter(pk=user.pk).update(is_staff=True)
    client.force_login(user)
    assert client.post(add, said).status_code == 403
    client.force_login(boss)
    assert client.get(add).status_code == 200
    wrong = client.post(add, {**said, "addresses": "everywhere"}).content
    assert b"Give addresses or networks" in wrong
    listed = client.post(add, {**said, "addresses": "127.0.0.0/8"}, follow=True).content.decode()
    row = ApiToken.objects.get()
    assert (row.user, row.name, row.scopes) == (user, "nightly", ["read"])
    assert row.allowed_addresses == ["127.0.0.0/8"]
    assert timedelta(days=2) < row.expiry - timezone.now() <= timedelta(days=3)
    token = re.search(r"ml_\w+", listed).group()
    client.logout()
    headers = {"Authorization": f"Bearer {token}"}
    assert client.get(reverse("api-assets"), headers=headers).status_code == 200
    client.force_login(boss)
    for page in ("change", "changelist"):
        address = reverse(
            f"admin:medialib_apitoken_{page}", args=[row.pk] if page == "change" else []
        )
        assert token not in client.get(address).content.decode()


def test_nobody_gives_a_token_more_than_they_have(mine, user, boss, client):
    said = {"name": "x", "scopes": ["admin"]}
    assert mine.post(reverse("tokens"), said).status_code == 422
    assert mine.post(reverse("tokens"), {"name": "x"}).status_code == 422
    wrong = {"name": "x", "scopes": ["read"], "addresses": "everywhere"}
    assert mine.post(reverse("tokens"), wrong).status_code == 422
    assert ApiToken.objects.count() == 0
    client.force_login(boss)
    assert client.post(reverse("tokens"), said).status_code == 200


def test_a_revoked_token_opens_nothing_and_only_its_owner_revokes_it(client, user, other, library):
    headers = bearer(user)
    token = ApiToken.objects.get()
    client.force_login(other)
    address = reverse("token-revoke", args=[token.pk])
    assert client.post(address).status_code == 404
    client.force_login(user)
    assert client.post(address).status_code == 302
    client.logout()
    assert client.get(reverse("api-assets"), headers=headers).status_code == 401
