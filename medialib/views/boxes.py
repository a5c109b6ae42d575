"""Boxes for the pictures of moments: asked for by the search page once pictures come into view."""

from __future__ import annotations

import uuid

from django.http import Http404, HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from labelling.selectors import boxes_near
from medialib.exceptions import Missing, StorageUnavailable
from medialib.selectors import Principals, get_asset

MAX_TIMES = 12
MAX_LABELS = 8
_KEEP_SECONDS = 300


@require_safe
def picture_boxes(request: HttpRequest, asset_id: uuid.UUID) -> JsonResponse:
    """Give the boxes of `label`s near the times `at` (ms): {at: [[x, y, w, h, lane], …]}.

    The lane is the label's place in the address, from 1. Ratios are of the picture.
    """
    try:
        asset = get_asset(asset_id, Principals.of(request.user))
    except Missing:
        raise Http404 from None
    given = request.GET.getlist("at")[:MAX_TIMES]
    times = [int(at) for at in given if at.isdecimal() and len(at) < 12]
    labels = [name[:100] for name in request.GET.getlist("label")[:MAX_LABELS]]
    try:
        near = boxes_near(asset, times_ms=times, labels=labels) if labels else {}
    except StorageUnavailable:
        near = {}
    boxes = {
        at: [
            [box.left, box.top, box.width, box.height, labels.index(one.label) + 1]
            for one in found
            for box in one.boxes
        ]
        for at, found in near.items()
    }
    response = JsonResponse({"width": asset.width, "height": asset.height, "boxes": boxes})
    response["Cache-Control"] = f"private, max-age={_KEEP_SECONDS}"
    return response
