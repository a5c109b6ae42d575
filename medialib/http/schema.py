"""Adds what all our calls share to the OpenAPI schema: problem documents and scopes."""

from __future__ import annotations

from typing import Any, Literal

from drf_spectacular.openapi import AutoSchema
from rest_framework import serializers

from medialib.http.scopes import scope_of


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

    problem_statuses = {
        "400": "Bad input",
        "401": "Not signed in",
        "403": "Scope is missing",
        "429": "Too many calls; see Retry-After",
    }

    def get_description(self) -> str:  # type: ignore[override]
        """Put the scope at the end of the description."""
        text = super().get_description() or ""
        scope = scope_of(self.view, self.method)
        return f"{text}\n\nScope: `{scope}`." if scope else text

    def _get_response_bodies(self, direction: Literal["request", "response"] = "response") -> Any:
        bodies = super()._get_response_bodies(direction)
        statuses = dict(self.problem_statuses)
        if "{" in self.path:
            statuses["404"] = "Not there, or not yours to see"
        statuses |= getattr(self.view, "problem_statuses", {}).get(self.method, {})
        component = self.resolve_serializer(ProblemSerializer, direction)
        for status, description in statuses.items():
            bodies.setdefault(
                status,
                {
                    "description": description,
                    "content": {"application/problem+json": {"schema": component.ref}},
                },
            )
        return bodies
