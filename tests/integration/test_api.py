"""The REST API as its contract says: shapes, errors, scopes, other people's ids."""

from __future__ import annotations

import io
import json
import uuid

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import get_resolver, reverse

from medialib import services
from medialib.http.scopes import SCOPES, scope_of
from medialib.models import ApiToken, Asset
from tests import samples

ROWS = [(0, "Car", 90.0), (500, "Car", 95.0), (1000, "Person", 80.0), (1500, "Person", 85.0)]


@pytest.fixture
def asset(user, library, drain, fresh):
    made = services.create_asset(
        owner=user,
        file=io.BytesIO(samples.clip()),
        filename="clip.mp4",
        details=services.Details(title="Windermere", keywords=("sea", "Sea"), visibility="private"),
        answer=io.BytesIO(samples.answer(ROWS)),
    )
    drain()
    return fresh(made)


@pytest.fixture
def mine(client, user):
    client.force_login(user)
    return client


def bearer(user, *scopes):
    _, token = ApiToken.objects.create(user, name="test", scopes=list(scopes))
    return {"Authorization": f"Bearer {token}"}


def upload(client, data=None, *, name="clip.mp4", query="", headers=None, **fields):
    file = SimpleUploadedFile(name, samples.clip() if data is None else data)
    address = reverse("api-assets") + query
    return client.post(address, {"file": file, **fields}, headers=headers or {})


def test_an_upload_answers_201_with_the_asset(mine, library):
    response = upload(mine, title="Windermere", keywords="sea, boats", visibility="private")
    assert response.status_code == 201
    asset = response.json()
    assert asset["title"] == "Windermere"
    assert sorted(asset["keywords"]) == ["boats", "sea"]
    assert asset["visibility"] == "private"
    assert asset["status"]["state"] == "preparing"
    assert response["Location"] == reverse("api-asset", args=[asset["id"]])
    assert mine.get(asset["url"].split("testserver")[1]).status_code == 200


def test_what_is_not_media_is_422_with_a_sentence(mine, library):
    response = upload(mine, b"just text")
    assert response.status_code == 422
    problem = response.json()
    assert response["Content-Type"] == "application/problem+json"
    assert problem["code"] == "not_media"
    assert problem["errors"][0]["field"] == "file"
    assert "Nothing was stored" in problem["detail"]
    assert Asset.objects.count() == 0


def test_an_empty_file_is_422(mine, library):
    assert upload(mine, b"").status_code == 422


def test_the_same_file_twice_is_409_with_the_assets_address(mine, asset):
    response = upload(mine)
    assert response.status_code == 409
    assert response.json()["asset_id"] == str(asset.pk)
    assert response.json()["asset_url"] == f"/assets/{asset.pk}/"
    assert upload(mine, query="?force=true").status_code == 201


def test_a_missing_file_and_a_wrong_visibility_are_named(mine, library):
    response = mine.post(reverse("api-assets"), {})
    assert response.status_code == 400
    assert response.json()["errors"][0]["field"] == "file"
    response = upload(mine, visibility="everyone")
    assert response.json()["errors"][0]["field"] == "visibility"


def test_the_asset_tells_where_it_stands(mine, asset):
    body = mine.get(reverse("api-asset", args=[asset.pk])).json()
    assert body["status"]["state"] == "searchable"
    [analysis] = body["status"]["analyses"]
    assert (analysis["feature"], analysis["status"]) == ("labels", "SUCCEEDED")
    assert body["keywords"] == ["sea"]
    assert (body["width"], body["height"], body["duration_ms"]) == (320, 180, 2000)


def test_moments_come_by_time_or_by_label_with_totals(mine, asset):
    address = reverse("api-asset-moments", args=[asset.pk])
    body = mine.get(address).json()
    assert body["totals"] == {"detections": 4, "moments": 2, "labels": 2}
    spans = [(m["label"], m["start_ms"], m["end_ms"]) for m in body["results"]]
    assert spans == [("Car", 0, 1000), ("Person", 1000, 2000)]
    assert body["results"][1]["url"].endswith(f"/assets/{asset.pk}/#t=1,2")
    only = mine.get(address, {"label": "person", "order": "label"}).json()["results"]
    assert [m["label"] for m in only] == ["Person"]
    assert mine.get(address, {"min_confidence": 101}).status_code == 400


def test_boxes_come_by_window(mine, asset):
    address = reverse("api-asset-detections", args=[asset.pk])
    body = mine.get(address, {"start_ms": 400, "end_ms": 1200}).json()
    assert [(d["time_ms"], d["label"]) for d in body["results"]] == [(500, "Car"), (1000, "Person")]
    assert body["results"][0]["boxes"][0]["left"] == pytest.approx(0.25)
    assert mine.get(address, {"start_ms": 10, "end_ms": 5}).status_code == 422


def test_changes_are_made_and_checked(mine, asset):
    address = reverse("api-asset", args=[asset.pk])

    def patch(data):
        return mine.patch(address, json.dumps(data), content_type="application/json")

    assert patch({"title": "Mill", "keywords": ["windy"]}).json()["title"] == "Mill"
    assert mine.get(address).json()["keywords"] == ["windy"]
    assert patch({"title": "x" * 301}).status_code == 400
    assert patch({"visibility": "everyone"}).status_code == 400


def test_trash_and_restore(mine, asset):
    address = reverse("api-asset", args=[asset.pk])
    assert mine.delete(address).status_code == 204
    assert mine.get(address).status_code == 404
    assert mine.post(reverse("api-asset-restore", args=[asset.pk])).status_code == 200
    assert mine.get(address).status_code == 200


def test_labelling_again_is_queued_once(mine, asset):
    address = reverse("api-asset-analyses", args=[asset.pk])
    first = mine.post(address, "{}", content_type="application/json")
    assert first.status_code == 202
    assert first.json()["results"][0]["status"] == "QUEUED"
    assert mine.post(address, "{}", content_type="application/json").status_code == 409
    analysis = first.json()["results"][0]["id"]
    assert mine.get(reverse("api-analysis", args=[analysis])).status_code == 200
    cancelled = mine.post(reverse("api-analysis-cancel", args=[analysis]))
    assert cancelled.json()["status"] == "CANCELLED"


def test_lists_are_cursor_pages_to_the_end(mine, user, asset):
    for number in range(4):
        Asset.objects.create(
            owner=user,
            kind="photo",
            original_filename=f"{number}.jpg",
            original_name=str(number),
            size=1,
        )
    seen, address = [], reverse("api-assets") + "?page_size=2"
    while address:
        page = mine.get(address).json()
        seen += [row["id"] for row in page["results"]]
        address = page["next"]
    assert len(seen) == len(set(seen)) == 5
    assert mine.get(reverse("api-assets"), {"page_size": 0}).status_code == 400
    assert mine.get(reverse("api-assets"), {"cursor": "nonsense"}).status_code == 400
    assert len(mine.get(reverse("api-assets"), {"kind": "video"}).json()["results"]) == 1


def test_search_answers_with_moments_and_addresses(mine, asset):
    body = mine.get(reverse("api-search"), {"q": "cars"}).json()
    assert body["total"] == {"assets": 1, "moments": 1, "exact": True}
    [result] = body["results"]
    assert result["asset"]["id"] == str(asset.pk)
    [moment] = result["moments"]
    assert (moment["start_ms"], moment["end_ms"]) == (0, 1000)
    assert f"/assets/{asset.pk}/" in moment["url"]
    assert "#t=0,1" in moment["url"]


def test_errors_are_problem_documents(client, user, library):
    response = client.get(reverse("api-assets"))
    assert response.status_code == 401
    assert response["Content-Type"] == "application/problem+json"
    client.force_login(user)
    response = client.get(reverse("api-asset", args=[uuid.uuid4()]))
    assert response.status_code == 404
    assert set(response.json()) >= {"type", "title", "status", "detail", "code", "errors"}


def test_an_unknown_address_and_a_broken_server_answer_problem_documents(mine, library):
    response = mine.get("/api/nothing/")
    assert response.status_code == 404
    assert response.json()["code"] == "not_found"
    mine.raise_request_exception = False
    Asset.objects.all().delete()
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE medialib_asset RENAME TO elsewhere")
    try:
        response = mine.get(reverse("api-assets"))
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE elsewhere RENAME TO medialib_asset")
    assert response.status_code == 500
    assert response["Content-Type"] == "application/problem+json"
    assert response.json()["code"] == "error"


def test_a_token_does_what_its_scopes_say_and_nothing_else(client, user, asset):
    read = bearer(user, "read")
    address = reverse("api-asset", args=[asset.pk])
    assert client.get(address, headers=read).status_code == 200
    assert client.delete(address, headers=read).status_code == 403
    assert upload(client, headers=read).status_code == 403
    other = samples.clip(seconds=1.0)
    assert upload(client, other, headers=bearer(user, "upload")).status_code == 201
    assert client.get(address, headers={"Authorization": "Bearer ml_wrong"}).status_code == 401
    assert ApiToken.objects.filter(scopes=["read"]).get().last_used_at is not None


def test_the_session_keeps_csrf(user, library):
    from django.test import Client

    client = Client(enforce_csrf_checks=True)
    client.force_login(user)
    assert upload(client).status_code == 403


def api_views():
    for pattern in get_resolver("medialib.api.urls").url_patterns:
        view = getattr(pattern.callback, "view_class", None)
        if view is not None and not view.__module__.startswith("drf_spectacular"):
            yield pattern, view


def test_every_endpoint_declares_a_scope_for_every_method():
    views = list(api_views())
    assert len(views) >= 10
    for _, view in views:
        for method in ("get", "post", "patch", "put", "delete"):
            if hasattr(view, method):
                assert scope_of(view, method.upper()) in SCOPES, (view, method)


def test_members_may_look_at_the_library_but_not_change_it(client, other, asset):
    Asset.objects.filter(pk=asset.pk).update(visibility="library")
    client.force_login(other)
    address = reverse("api-asset", args=[asset.pk])
    assert client.get(address).status_code == 200
    assert client.delete(address).status_code == 403


def test_the_schema_is_whole_and_the_docs_page_opens(mine, library):
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        schema = mine.get(
            reverse("api-schema"), headers={"Accept": "application/vnd.oai.openapi+json"}
        )
    assert schema.status_code == 200
    document = schema.json()
    assert document["openapi"].startswith("3.1")
    for path, methods in document["paths"].items():
        for method, call in methods.items():
            assert "Scope: `" in call["description"], (path, method)
    assert mine.get(reverse("api-docs")).status_code == 200
