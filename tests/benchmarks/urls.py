"""The addresses of the service, and one bare view beside them: signed in, and bytes."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.urls import path

from medialib.urls import urlpatterns as service_urls

answer = b""


@login_required
def bare(request: HttpRequest) -> HttpResponse:
    """Answer the bytes that stand in `answer`."""
    return HttpResponse(answer, content_type="application/json")


urlpatterns = [path("bare/", bare), *service_urls]
