"""Adds what all our calls share to the OpenAPI schema: scopes, and every problem it may answer.

What a call alone may answer stands at its view in `problem_statuses`, by method; what a decorator
adds, at the method.
"""

from __future__ import annotations

from typing import Any, Literal

from drf_spectacular.openapi import AutoSchema
from rest_framework import exceptions, serializers

from medialib.exceptions import (
    Conflict,
    MedialibError,
    Missing,
    Outdated,
    Refused,
    StorageFull,
    StorageUnavailable,
    TooLarge,
)
from medialib.http.problems import CONTENT_TYPE, answer_of
from medialib.http.scopes import ScopePermission, scope_of

_ANYBODY = {"429": "Too many calls; see Retry-After"}
_SIGNED_IN = {
    "400": "Bad input",
    "401": "Not signed in",
    "403": "Scope is missing",
    "406": "Asked for something else than JSON",
}
_WITH_ID = {"404": "Not there, or not yours to see"}
_WITH_BODY = {"413": "A body that is too large", "415": "A body of another type"}


_EXAMPLES: dict[str, exceptions.APIException | MedialibError] = {
    "400": exceptions.ValidationError({"page_size": ["A valid integer is required."]}),
    "401": exceptions.NotAuthenticated(),
    "403": exceptions.PermissionDenied(ScopePermission.message),
    "404": Missing(),
    "406": exceptions.NotAcceptable(),
    "409": Conflict(),
    "412": Outdated(),
    "413": TooLarge(),
    "415": exceptions.UnsupportedMediaType("text/plain"),
    "422": Refused("Write a time of the file, in milliseconds.", code="invalid", field="end_ms"),
    "429": exceptions.Throttled(wait=30),
    "503": StorageUnavailable(),
    "507": StorageFull(),
}


class FieldErrorSerializer(serializers.Serializer[Any]):
    """What is wrong with one field."""

    field = serializers.CharField(help_text="Name of the field; empty for the whole request.")
    message = serializers.CharField(help_text="What is wrong, as a sentence.")


class ProblemSerializer(serializers.Serializer[Any]):
    """An error (RFC 9457)."""

    type = serializers.CharField(help_text="A name of the kind of problem.")
    title = serializers.CharField(help_text="The kind of problem in a few words.")
    status = serializers.IntegerField(help_text="The HTTP status.")
    detail = serializers.CharField(help_text="What is wrong here, as a sentence.")
    code = serializers.CharField(help_text="A short name for programs.")
    errors = FieldErrorSerializer(  # type: ignore[assignment]
        many=True, help_text="The fields that are wrong."
    )


class ProblemSchema(AutoSchema):
    """Names the scope of each call and lists the errors it may answer."""

    def get_description(self) -> str:  # type: ignore[override]
        """Put the scope at the end of the description."""
        text = super().get_description() or ""
        scope = scope_of(self.view, self.method)
        return f"{text}\n\nScope: `{scope}`." if scope else text

    def _get_response_bodies(self, direction: Literal["request", "response"] = "response") -> Any:
        bodies = super()._get_response_bodies(direction)
        component = self.resolve_serializer(ProblemSerializer, direction)
        for status, description in self._problems().items():
            example = {"value": example_of(status), "summary": description}
            content = {"schema": component.ref, "examples": {"problem": example}}
            said = {"description": description, "content": {CONTENT_TYPE: content}}
            bodies.setdefault(status, said)
        return bodies

    def _problems(self) -> dict[str, str]:
        """Give the statuses of errors that this call may answer, with what each means."""
        method = getattr(self.view, self.method.lower())
        own = getattr(self.view, "problem_statuses", {}).get(self.method, {})
        statuses = dict(_ANYBODY)
        if "{" in self.path:
            statuses |= _WITH_ID
        # Where a signed address is the right, nobody signs in, and bytes come as they are.
        if self.view.permission_classes:
            statuses |= _SIGNED_IN
            body = self._get_request_body()  # type: ignore[no-untyped-call]
            statuses |= _WITH_BODY if body else {}
        return dict(sorted((statuses | getattr(method, "problem_statuses", {}) | own).items()))


def example_of(status: str) -> dict[str, Any]:
    """Give the problem document that a status comes with most often."""
    return dict(answer_of(_EXAMPLES[status]).data)
