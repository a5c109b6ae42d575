"""Errors as problem documents (RFC 9457). Turns exceptions into answers, raises none."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.http import Http404
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from medialib.exceptions import Duplicate, MedialibError, Missing, Refused, TooLarge

log = logging.getLogger(__name__)
CONTENT_TYPE = "application/problem+json"


def problem(
    status: int,
    *,
    code: str,
    detail: str,
    title: str = "",
    errors: list[dict[str, str]] | None = None,
    extra: dict[str, Any] | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    """Make a problem document answer."""
    body: dict[str, Any] = {
        "type": f"urn:medialib:problem:{code}",
        "title": title or HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        "errors": errors or [],
        **(extra or {}),
    }
    return Response(body, status=status, content_type=CONTENT_TYPE, headers=headers)


def handle(exc: Exception, context: dict[str, Any]) -> Response | None:
    """Answer an exception of the API; what is not expected goes on to Django's error handling."""
    if isinstance(exc, Http404):
        exc = Missing()
    if isinstance(exc, PermissionDenied):
        exc = exceptions.PermissionDenied()
    if isinstance(exc, RequestDataTooBig):
        exc = TooLarge("This is more than one call may carry: send less at once.")
    if not isinstance(exc, MedialibError | exceptions.APIException):
        return None
    set_rollback()
    if isinstance(exc, MedialibError) and exc.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.error("%s: %s", exc.code, exc.detail)
    return answer_of(exc)


def answer_of(exc: MedialibError | exceptions.APIException) -> Response:
    """Give the problem document of an error; does nothing else."""
    return _ours(exc) if isinstance(exc, MedialibError) else _framework(exc)


def _ours(exc: MedialibError) -> Response:
    extra: dict[str, Any] = {}
    errors = []
    code = exc.code
    if isinstance(exc, Duplicate):
        extra = {"asset_id": exc.asset_id, "asset_url": f"/assets/{exc.asset_id}/"}
    if isinstance(exc, Refused):
        code = exc.reason
        # The first character has position 0; only what was typed has positions at all.
        keys = ("position", "cure") if exc.field == "q" else ("cure",)
        extra = {key: value for key in keys if (value := getattr(exc, key, "")) != ""}
        errors = [{"field": exc.field, "message": exc.detail}] if exc.field else []
    return problem(
        exc.status, code=code, detail=exc.detail, title=exc.title, errors=errors, extra=extra
    )


def _framework(exc: exceptions.APIException) -> Response:
    headers = {}
    if getattr(exc, "auth_header", None):
        headers["WWW-Authenticate"] = exc.auth_header  # type: ignore[attr-defined]
    if getattr(exc, "wait", None):
        headers["Retry-After"] = str(int(exc.wait))  # type: ignore[attr-defined]
    if isinstance(exc, exceptions.ValidationError):
        errors = _flat(exc.detail)
        first = errors[0]
        where = f"{first['field']}: " if first["field"] else ""
        detail = f"{where}{first['message']}"
        return problem(
            HTTPStatus.BAD_REQUEST, code="invalid", detail=detail, errors=errors, headers=headers
        )
    detail = str(exc.detail)
    code = getattr(exc.detail, "code", None) or exc.default_code
    return problem(exc.status_code, code=str(code), detail=detail, headers=headers)


def _flat(detail: Any, field: str = "") -> list[dict[str, str]]:
    if isinstance(detail, dict):
        found = []
        for name, inner in detail.items():
            name = "" if name == "non_field_errors" else str(name)
            found += _flat(inner, f"{field}.{name}".strip("."))
        return found
    if isinstance(detail, list):
        return [entry for inner in detail for entry in _flat(inner, field)]
    return [{"field": field, "message": str(detail)}]
