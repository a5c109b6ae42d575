"""ETags (RFC 9110): answer 304 to who has it already, and read what a change expects."""

from __future__ import annotations

import hashlib
from typing import Any

from django.utils.http import parse_etags
from rest_framework.request import Request
from rest_framework.response import Response

from medialib.http.rendering import AnswerRenderer


def tagged(request: Request, data: Any, *, version: str, status: int = 200) -> Response:
    """Answer with an ETag, or with 304 when the caller has this very answer.

    The tag's first part is the `version` that a change may expect; the second part also changes
    with what happens by itself, such as progress.
    """
    body = hashlib.sha256(AnswerRenderer().render(data)).hexdigest()[:16]
    tag = f'"{version}-{body}"'
    asked = parse_etags(request.headers.get("If-None-Match", ""))
    if request.method == "GET" and (tag in asked or f"W/{tag}" in asked or "*" in asked):
        return Response(status=304, headers={"ETag": tag})
    return Response(
        data, status=status, headers={"ETag": tag, "Cache-Control": "private, no-cache"}
    )


def expected_versions(request: Request) -> list[str] | None:
    """Give the versions that `If-Match` allows, None when the call expects none."""
    tags = parse_etags(request.headers.get("If-Match", ""))
    if not tags or "*" in tags:
        return None
    return [tag.strip('"').partition("-")[0] for tag in tags]
