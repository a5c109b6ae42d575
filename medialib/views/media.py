"""Bytes at stable addresses of ours: access is checked on every request, disk or bucket alike."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from email.utils import format_datetime, parsedate_to_datetime
from functools import wraps
from hashlib import sha256
from typing import Any

from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseNotModified,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.shortcuts import redirect
from django.utils.http import content_disposition_header, http_date
from django.views.decorators.http import require_safe

from medialib import pictures, referring, storage
from medialib.exceptions import Missing, StorageUnavailable
from medialib.http.problems import CONTENT_TYPE
from medialib.media.ranges import UNSATISFIABLE, parse_range
from medialib.models import Asset, Rendition
from medialib.references import OriginalLost, is_reference
from medialib.selectors import Principals, can_edit, get_asset, rendition
from medialib.views.errors import problem_answer

_View = Callable[[HttpRequest, uuid.UUID], HttpResponseBase]
_PICTURE_SECONDS = 15 * 60
_MAX_VIDEO_SECONDS = 6 * 3600
_SANDBOX = "sandbox; default-src 'none'"


def _asset(request: HttpRequest, asset_id: uuid.UUID) -> Asset:
    try:
        return get_asset(asset_id, Principals.of(request.user))
    except Missing:
        raise Http404 from None


@require_safe
def poster(request: HttpRequest, asset_id: uuid.UUID) -> HttpResponseBase:
    """Send the asset's picture."""
    return _picture(request, rendition(_asset(request, asset_id), Rendition.Kind.POSTER))


@require_safe
def storyboard(request: HttpRequest, asset_id: uuid.UUID) -> HttpResponseBase:
    """Send the sheet of small pictures along the video."""
    return _picture(request, rendition(_asset(request, asset_id), Rendition.Kind.STORYBOARD))


@require_safe
def web(request: HttpRequest, asset_id: uuid.UUID) -> HttpResponseBase:
    """Send a photo in a size for the page."""
    return _picture(request, rendition(_asset(request, asset_id), Rendition.Kind.WEB))


@require_safe
def frame(request: HttpRequest, asset_id: uuid.UUID, at_ms: int) -> HttpResponseBase:
    """Send the picture at a moment; one that is not made yet is asked for and stood in for."""
    asset = _asset(request, asset_id)
    exact = rendition(asset, Rendition.Kind.FRAME, at=at_ms)
    if exact is not None:
        return _picture(request, exact)
    pictures.want_frame(asset, at_ms)
    shown = pictures.stand_in(asset, at_ms)
    response: HttpResponseBase
    if shown.tile:
        headers = {"Content-Security-Policy": _SANDBOX, "X-Content-Type-Options": "nosniff"}
        response = HttpResponse(shown.tile, content_type="image/jpeg", headers=headers)
    else:
        response = _picture(request, shown.kept)
    if asset.kind == Asset.Kind.VIDEO:
        # The exact picture follows at the same address, so this one must not be kept.
        response["Cache-Control"] = "no-store"
    return response


def _original_may_be_lost(view: _View) -> _View:
    """Say it, and keep it on the asset, when an original outside the library can't be read."""

    @wraps(view)
    def answer(request: HttpRequest, asset_id: uuid.UUID) -> HttpResponseBase:
        try:
            return view(request, asset_id)
        except (OriginalLost, StorageUnavailable) as error:
            referring.notice_original(_asset(request, asset_id))
            wants_page = request.get_preferred_type([CONTENT_TYPE, "text/html"]) == "text/html"
            if wants_page and isinstance(error, OriginalLost):
                # Who follows a link reads the sentence on the asset's page.
                return redirect("asset", asset_id=asset_id)
            return problem_answer(error)

    return answer


@require_safe
@_original_may_be_lost
def playback(request: HttpRequest, asset_id: uuid.UUID) -> HttpResponseBase:
    """Send the file to play: the rendition, or the original when browsers play it as it is."""
    asset = _asset(request, asset_id)
    made = rendition(asset, Rendition.Kind.PLAYBACK)
    if made is not None:
        name, content_type = made.name, made.content_type
    elif asset.kind == Asset.Kind.VIDEO and asset.state in (
        Asset.State.LABELLING,
        Asset.State.SEARCHABLE,
    ):
        name, content_type = asset.original_name, asset.content_type
    else:
        raise Http404
    seconds = min(asset.duration_ms // 1000 + 3600, _MAX_VIDEO_SECONDS)
    return _send(request, name, content_type, seconds=seconds, changed=asset.created_at)


@require_safe
@_original_may_be_lost
def original(request: HttpRequest, asset_id: uuid.UUID) -> HttpResponseBase:
    """Send the original to owner and editors, always as a download."""
    asset = _asset(request, asset_id)
    if not can_edit(request.user, asset):
        raise Http404
    disposition = content_disposition_header(True, asset.original_filename) or "attachment"
    return _send(
        request,
        asset.original_name,
        asset.content_type or "application/octet-stream",
        seconds=_PICTURE_SECONDS,
        changed=asset.created_at,
        disposition=disposition,
    )


def _picture(request: HttpRequest, found: Rendition | None) -> HttpResponseBase:
    if found is None:
        raise Http404
    return _send(
        request,
        found.name,
        found.content_type,
        seconds=_PICTURE_SECONDS,
        changed=found.created_at,
    )


def _send(
    request: HttpRequest,
    name: str,
    content_type: str,
    *,
    seconds: int,
    changed: datetime,
    disposition: str = "inline",
) -> HttpResponseBase:
    """Answer an object's bytes from disk, or a redirect to a presigned address of the bucket.

    With `here=1` the bytes come by way of us in any case: pages that make pictures of frames may
    read back only what comes from their own address.
    """
    try:
        if request.GET.get("here") != "1":
            address = storage.address(
                name, seconds=seconds, content_type=content_type, disposition=disposition
            )
            if address is not None:
                return HttpResponseRedirect(address, headers={"Cache-Control": "no-store"})
        size = storage.size_of(name)
    except OriginalLost:
        raise
    except Missing:
        raise Http404 from None
    headers = {
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, max-age=60",
        "Content-Disposition": disposition,
        "Content-Security-Policy": _SANDBOX,
        "Content-Type": content_type,
        "ETag": f'"{_tag(name)}"',
        "Last-Modified": http_date(changed.timestamp()),
        "X-Content-Type-Options": "nosniff",
    }
    if settings.MEDIALIB_X_ACCEL_PREFIX and not is_reference(name):
        accel = f"{settings.MEDIALIB_X_ACCEL_PREFIX.rstrip('/')}/{name}"
        return HttpResponse(headers={**headers, "X-Accel-Redirect": accel})
    return _ranged(request, name, size, headers)


def _tag(name: str) -> str:
    """Name the bytes; where they lie outside the library is nobody's business."""
    return sha256(name.encode()).hexdigest() if is_reference(name) else name.rsplit("/", 1)[-1]


def _ranged(
    request: HttpRequest, name: str, size: int, headers: dict[str, str]
) -> HttpResponseBase:
    if request.headers.get("If-None-Match") == headers["ETag"]:
        return HttpResponseNotModified(headers=headers)
    wanted = parse_range(request.headers.get("Range", ""), size)
    if not _range_holds(request, headers):
        wanted = None
    if wanted is UNSATISFIABLE:
        return HttpResponse(
            status=416, headers={"Content-Range": f"bytes */{size}", "Accept-Ranges": "bytes"}
        )
    start, end = (0, size) if wanted is None else wanted
    headers["Content-Length"] = str(end - start)
    if wanted is not None:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    status = 200 if wanted is None else 206
    if request.method == "HEAD":
        return HttpResponse(status=status, headers=headers)
    chunks = storage.stream(name, start=start, end=end)
    # Under ASGI a sync body would be gathered whole in memory; under WSGI an async one would.
    body: Any = _in_thread(chunks) if isinstance(request, ASGIRequest) else chunks
    return StreamingHttpResponse(body, status=status, headers=headers)


def _range_holds(request: HttpRequest, headers: dict[str, str]) -> bool:
    """Tell whether If-Range (an ETag or a date) still names the object as it is."""
    condition = request.headers.get("If-Range", "")
    if not condition:
        return True
    if condition.startswith('"'):
        return condition == headers["ETag"]
    try:
        asked = parsedate_to_datetime(condition)
        return format_datetime(asked, usegmt=True) == headers["Last-Modified"]
    except (TypeError, ValueError):
        return False


async def _in_thread(chunks: Any) -> AsyncIterator[bytes]:
    while (chunk := await asyncio.to_thread(next, chunks, None)) is not None:
        yield chunk
