"""What the top bar tells on every page: how much is going on. Asked only where a bar is drawn."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.http import HttpRequest

from medialib.views.activity_context import busy_count
from search.fields import EXAMPLES

_FIELDS = "|".join(EXAMPLES.values())


def bar(request: HttpRequest) -> dict[str, Any]:
    """Offer templates `activity_count`, which they call, and what the search box suggests."""
    return {"activity_count": partial(busy_count, request), "search_fields": _FIELDS}
