"""The API answers anything at all as its OpenAPI schema says, and never with a server error."""

from __future__ import annotations

import ipaddress
import json
import re

import pytest
import schemathesis
from django.core.wsgi import get_wsgi_application
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer
from hypothesis import HealthCheck, given, settings, strategies
from schemathesis.checks import CHECKS, load_all_checks

from tests import client_types

EXAMPLES = 6
# Parts are bytes behind a signed address: looked at in test_uploads.
LEFT_OUT = re.compile(r"/parts/\{number\}/$")

load_all_checks()
PROMISES = CHECKS.get_by_names(
    [
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_headers_conformance",
        "response_schema_conformance",
    ]
)


def load():
    """Make the schema as the service does; no database is needed for it."""
    document = SchemaGenerator().get_schema(request=None, public=True)
    return json.loads(OpenApiJsonRenderer().render(document))


SCHEMA = schemathesis.openapi.from_dict(load())
OPERATIONS = [
    found.ok() for found in SCHEMA.get_all_operations() if not LEFT_OUT.search(found.ok().path)
]


@pytest.mark.parametrize("operation", OPERATIONS, ids=[found.label for found in OPERATIONS])
def test_every_answer_fits_the_schema(operation, there):
    ids, token = there
    application = get_wsgi_application()

    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
    @given(data=strategies.data())
    def ask(data):
        case = data.draw(operation.as_strategy())
        # Else nearly every answer would be a 404.
        if data.draw(strategies.booleans()):
            case.path_parameters |= {k: v for k, v in ids.items() if k in case.path_parameters}
        headers = {"Authorization": f"Bearer {token}"}
        case.validate_response(case.call(app=application, headers=headers), checks=PROMISES)

    ask()


def test_every_field_and_parameter_is_described():
    document = load()
    silent = []
    for name, component in document["components"]["schemas"].items():
        for field, said in component.get("properties", {}).items():
            if not said.get("description") and "$ref" not in said and "oneOf" not in said:
                silent.append(f"{name}.{field}")
    for path, methods in document["paths"].items():
        for method, call in methods.items():
            assert call["description"], (path, method)
            for parameter in call.get("parameters", ()):
                if parameter["in"] != "path" and not parameter.get("description"):
                    silent.append(f"{method} {path} {parameter['name']}")
    assert silent == []


def types_of(said):
    """Give the types of a field: one, or several where it may be null."""
    told = said.get("type", ())
    return {told} if isinstance(told, str) else set(told)


# A number is said with what it counts or is measured in, or with the range that it keeps to.
UNIT_OR_RANGE = re.compile(
    r"byte|millisecond|pixel|seconds|characters|number|ratio|dollar|status|\d\D+\d", re.I
)


def test_every_number_has_a_unit_or_a_range():
    bare = [
        f"{name}.{field}: {said.get('description')}"
        for name, component in load()["components"]["schemas"].items()
        for field, said in component.get("properties", {}).items()
        if {"integer", "number"} & types_of(said)
        and not {"minimum", "maximum"} & set(said)
        and not UNIT_OR_RANGE.search(said.get("description", ""))
    ]
    assert bare == []


def test_the_types_of_the_client_are_those_of_the_schema():
    """After a change of the schema: `python -m tests.client_types` writes them anew."""
    assert client_types.TARGET.read_text(encoding="utf-8") == client_types.written(load())


def request_examples():
    for path, methods in load()["paths"].items():
        for method, call in methods.items():
            for kind, content in call.get("requestBody", {}).get("content", {}).items():
                if kind == "application/json":
                    for example in content.get("examples", {}).values():
                        yield pytest.param(method, path, example["value"], id=call["operationId"])


def test_every_json_body_has_an_example():
    asked = [
        call["operationId"]
        for methods in load()["paths"].values()
        for call in methods.values()
        if "application/json" in call.get("requestBody", {}).get("content", {})
    ]
    assert sorted(asked) == sorted({example.id for example in request_examples()})


@pytest.mark.parametrize(("method", "path", "body"), list(request_examples()))
def test_the_examples_of_the_schema_are_accepted(method, path, body, there, client, settings):
    ids, token = there
    if "url" in body:
        # The example's host must not be asked for; this machine stands for it.
        settings.MEDIALIB_WEBHOOK_NETWORKS = [ipaddress.ip_network("127.0.0.0/8")]
        body = body | {"url": "http://127.0.0.1/media"}
    address = path.format(**ids)
    headers = {"Authorization": f"Bearer {token}"}
    answer = getattr(client, method)(address, json.dumps(body), "application/json", headers=headers)
    assert 200 <= answer.status_code < 300, answer.content
