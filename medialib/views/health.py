"""`/healthz` (alive) and `/readyz` (each part with its state; details for staff only)."""

from __future__ import annotations

import shutil
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse

from labelling.backends import get_backend
from medialib import pulses, steps, storage
from medialib.exceptions import MedialibError
from search import services as search


def healthz(request: HttpRequest) -> JsonResponse:
    """Say that the web process answers; asks no other part."""
    return JsonResponse({"status": "ok"})


def readyz(request: HttpRequest) -> JsonResponse:
    """Say of each part whether it works; 503 when one that pages need does not."""
    parts = look_at_parts()
    # Without workers the pages still answer: that is said here, and no reason to send no visitors.
    ready = all(part["ok"] for name, part in parts.items() if name != "workers")
    shown: dict[str, Any] = (
        parts
        if request.user.is_staff
        else {name: {"ok": part["ok"]} for name, part in parts.items()}
    )
    return JsonResponse({"ready": ready, "parts": shown}, status=200 if ready else 503)


def look_at_parts() -> dict[str, dict[str, Any]]:
    """Ask each part whether it works: {ok, detail}."""
    return {
        "database": _part(_database),
        "storage": _part(_storage),
        "search": _part(search.health),
        "queue": _part(steps.backlog),
        "labelling": _part(_labelling),
        "workers": _workers(),
    }


def _workers() -> dict[str, Any]:
    looked = _part(pulses.signs)
    if not looked["ok"]:
        return looked
    signs = [looked["detail"][part] for part in pulses.PROCESSES]
    seen = {sign.part.value: sign.seen_at and sign.seen_at.isoformat() for sign in signs}
    return {"ok": all(sign.is_fresh for sign in signs), "detail": {"last_signs": seen}}


def _part(look: Any) -> dict[str, Any]:
    try:
        return {"ok": True, "detail": look()}
    except (MedialibError, DatabaseError, OSError) as error:
        return {"ok": False, "detail": str(error)}


def _database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return connection.vendor


def _storage() -> dict[str, Any]:
    if storage.on_disk():
        return {"kind": "disk", "free_bytes": shutil.disk_usage(settings.MEDIA_ROOT).free}
    storage.exists("readiness")
    return {"kind": "bucket"}


def _labelling() -> str:
    return get_backend().name
