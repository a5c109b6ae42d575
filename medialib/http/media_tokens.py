"""Lets programs fetch pictures and videos with their token, at the addresses the API gives."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from medialib.http.authentication import BearerAuthentication

_PREFIX = "/media/"


class MediaTokenMiddleware:
    """Signs in who brings a token with the scope `read`, for media addresses only."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Serve a request; a token that is wrong or lacks the scope is refused."""
        if request.path.startswith(_PREFIX) and "Authorization" in request.headers:
            try:
                found = BearerAuthentication().authenticate(Request(request))
            except AuthenticationFailed as error:
                return HttpResponse(
                    str(error.detail), status=401, headers={"WWW-Authenticate": "Bearer"}
                )
            if found is not None:
                user, token = found
                if "read" not in token.scopes:
                    return HttpResponse("This token lacks the scope read.", status=403)
                request.user = user
        return self._get_response(request)
