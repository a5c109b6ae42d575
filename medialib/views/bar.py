"""What the top bar tells on every page: how much is going on. Asked only where a bar is drawn."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.http import HttpRequest

from medialib.views.activity_context import busy_count


def bar(request: HttpRequest) -> dict[str, Any]:
    """Offer `activity_count` to templates, which call it."""
    return {"activity_count": partial(busy_count, request)}
