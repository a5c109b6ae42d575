"""Every error that a call may answer stands in the schema, whole, with an example, and comes so."""

from __future__ import annotations

import json
import re
import uuid
from http import HTTPStatus

import pytest
from django.core.cache import caches
from jsonschema import Draft202012Validator

from medialib import tokens
from medialib.http.scopes import SCOPES
from tests.contracts.test_schema import load

SCHEMA = load()
FITS = Draft202012Validator({**SCHEMA, "$ref": "#/components/schemas/Problem"})
PROBLEM = "application/problem+json"
# A signed address is the right to send a part; its bytes are of no type.
PART = "uploads_part_put"
NOBODYS = uuid.UUID(int=7)
ALL = [
    (method, path, call)
    for path, methods in SCHEMA["paths"].items()
    for method, call in methods.items()
]
CALLS = [each for each in ALL if each[2]["operationId"] != PART]


def takes_json(call):
    return "application/json" in call.get("requestBody", {}).get("content", {})


def names_rows(call):
    return "404" in call["responses"]


def asks_storage_of_an_upload(call):
    return call["operationId"] in ("uploads_retrieve", "uploads_complete")


def each(client, there, wanted, *, body=None, kind="application/json", **headers):
    """Call every operation in the same way; gives each with its answer."""
    ids, token = there
    headers = {"Authorization": f"Bearer {token}", **headers}
    for method, path, call in CALLS:
        if wanted(call):
            with_it = {} if body is None else {"data": body, "content_type": kind}
            address = re.sub(r"\{(\w+)\}", lambda found: ids[found[1]], path)
            yield call, getattr(client, method)(address, headers=headers, **with_it)


def wrong(answers, status, code):
    """Name the calls whose answer is not this error, as a whole document that the schema tells."""
    seen, count = {}, 0
    for call, answer in answers:
        count += 1
        told = call["responses"].get(str(status), {}).get("content", {}).get(PROBLEM)
        body = json.loads(answer.content) if answer.content else {}
        fits = told and answer["Content-Type"] == PROBLEM and FITS.is_valid(body)
        if not fits or (answer.status_code, body["status"], body["code"]) != (status, status, code):
            seen[call["operationId"]] = (answer.status_code, body)
    assert count
    return seen


@pytest.mark.parametrize("call", [pytest.param(call, id=call["operationId"]) for *_, call in ALL])
def test_every_error_of_the_schema_is_whole_and_has_an_example(call):
    errors = {status: said for status, said in call["responses"].items() if status >= "400"}
    signed_in = {"400", "401", "403", "406"} if call["operationId"] != PART else {"404", "422"}
    assert signed_in | {"429"} <= set(errors)
    for status, said in errors.items():
        assert said["description"]
        assert list(said["content"]) == [PROBLEM]
        [example] = said["content"][PROBLEM]["examples"].values()
        FITS.validate(example["value"])
        assert example["value"]["status"] == int(status) == HTTPStatus(int(status))
        assert example["value"]["type"] == f"urn:medialib:problem:{example['value']['code']}"
        assert example["value"]["detail"].endswith((".", "seconds."))


def test_a_stranger_is_told_to_sign_in(client, there):
    nobody = each(client, there, bool, Authorization="")
    # Where strangers may look, what is not public is as if it were not there: they may sign in.
    assert wrong(nobody, 401, "not_authenticated") == {}
    made_up = each(client, there, bool, Authorization="Bearer ml_wrong")
    assert wrong(made_up, 401, "authentication_failed") == {}


def test_a_token_without_the_scope_is_told_so(client, there, boss):
    for lacking in ("read", "upload", "edit", "analyse"):
        token = tokens.make(boss, name=lacking, scopes=set(SCOPES) - {lacking})
        less = (there[0], token)
        answers = each(
            client, less, lambda call, s=lacking: f"Scope: `{s}`." in call["description"]
        )
        assert wrong(answers, 403, "permission_denied") == {}


def test_what_is_not_there_is_said(client, there):
    nobodys = {name: str(NOBODYS) for name in there[0]} | {"delivery_id": "7"}
    assert wrong(each(client, (nobodys, there[1]), names_rows), 404, "not_found") == {}


def test_other_types_than_json_are_refused_both_ways(client, there):
    answers = each(client, there, bool, Accept="text/csv")
    assert wrong(answers, 406, "not_acceptable") == {}
    answers = each(client, there, takes_json, body="a,b", kind="text/csv")
    assert wrong(answers, 415, "unsupported_media_type") == {}


def test_json_that_is_none_or_too_much_is_refused(client, there, settings):
    assert wrong(each(client, there, takes_json, body="{"), 400, "parse_error") == {}
    deep = "[" * 100_000
    assert wrong(each(client, there, takes_json, body=deep), 400, "parse_error") == {}
    huge = json.dumps({"title": "x" * settings.DATA_UPLOAD_MAX_MEMORY_SIZE})
    assert wrong(each(client, there, takes_json, body=huge), 413, "too_large") == {}


def test_who_calls_too_often_is_told_when_to_come_back(client, there, settings):
    settings.MEDIALIB_RATE_PER_TOKEN = 1
    caches["rates"].clear()
    list(each(client, there, lambda call: call["operationId"] == "labels_suggest"))
    answers = list(each(client, there, bool))
    assert wrong(answers, 429, "throttled") == {}
    assert all(0 <= int(answer["Retry-After"]) <= 60 for _, answer in answers)


def test_storage_that_is_away_is_said(client, there, library):
    folder = library / "uploads"
    folder.rename(library / "elsewhere")
    folder.write_text("no folder")
    answers = each(client, there, asks_storage_of_an_upload)
    assert wrong(answers, 503, "storage_unavailable") == {}
