"""The addresses of the service, and one bare view beside them: token checked, and bytes."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import path
from rest_framework.request import Request

from medialib.http.authentication import BearerAuthentication
from medialib.urls import urlpatterns as service_urls

answer = b""


def bare(request: HttpRequest) -> HttpResponse:
    """Answer the bytes that stand in `answer` to whoever has a token."""
    if BearerAuthentication().authenticate(Request(request)) is None:
        return HttpResponse(status=401)
    return HttpResponse(answer, content_type="application/json")


urlpatterns = [path("bare/", bare), *service_urls]
