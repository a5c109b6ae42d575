"""What is answered when nothing else does: a page for people, a problem document for programs."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views import defaults

from medialib.exceptions import MedialibError
from medialib.http.problems import CONTENT_TYPE, problem

_SENTENCES = {
    HTTPStatus.NOT_FOUND: ("not_found", "There is nothing here under that address."),
    HTTPStatus.INTERNAL_SERVER_ERROR: (
        "error",
        "Something went wrong on our side; what was uploaded is kept. Try again in a moment.",
    ),
}


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer an address that does not exist, or is not yours to see."""
    if request.path.startswith("/api/"):
        return _problem(HTTPStatus.NOT_FOUND)
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer when something broke; the log has the details."""
    if request.path.startswith("/api/"):
        return _problem(HTTPStatus.INTERNAL_SERVER_ERROR)
    return defaults.server_error(request)


def problem_answer(error: MedialibError) -> JsonResponse:
    """Answer one of our errors as a problem document, outside the API."""
    found = problem(error.status, code=error.code, detail=error.detail, title=error.title)
    return JsonResponse(found.data, status=error.status, content_type=CONTENT_TYPE)


def _problem(status: HTTPStatus) -> JsonResponse:
    code, detail = _SENTENCES[status]
    body: dict[str, Any] = {
        "type": f"urn:medialib:problem:{code}",
        "title": status.phrase,
        "status": int(status),
        "detail": detail,
        "code": code,
        "errors": [],
    }
    return JsonResponse(body, status=status, content_type=CONTENT_TYPE)
