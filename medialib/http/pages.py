"""Cursor pages as every list of the API answers them: {"results": [...], "next": url|null}."""

from __future__ import annotations

from typing import Any

from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response


class CursorPage(CursorPagination):
    """Pages by an opaque cursor over (time, id); `page_size` from 1 to 100."""

    page_size = 20
    max_page_size = 100
    page_size_query_param = "page_size"
    ordering = ("-created_at", "-id")

    def get_page_size(self, request: Request) -> int:
        """Read `page_size`; what is no number from 1 to 100 is refused, never silently changed."""
        return page_size_of(request.query_params.get("page_size"), default=self.page_size)

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> Any:
        """Cut the page; a cursor that is not ours is a 400 with a sentence."""
        try:
            return super().paginate_queryset(queryset, request, view=view)
        except NotFound:
            raise ValidationError(
                {"cursor": "This cursor is not valid; start without one."}
            ) from None

    def get_paginated_response(self, data: Any) -> Response:
        """Answer a page."""
        return Response({"results": data, "next": self.get_next_link()})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Describe a page for the OpenAPI schema."""
        return {
            "type": "object",
            "required": ["results", "next"],
            "properties": {
                "results": schema | {"description": "The rows of this page."},
                "next": {
                    "type": ["string", "null"],
                    "format": "uri",
                    "description": "Address of the next page, null at the end.",
                },
            },
        }


def page_size_of(value: str | None, *, default: int, maximum: int = 100) -> int:
    """Read a page size from 1 to `maximum`, or raise a ValidationError that says so."""
    if value in (None, ""):
        return default
    try:
        size = int(value or "")
    except ValueError:
        size = 0
    if not 1 <= size <= maximum:
        raise ValidationError({"page_size": f"Give a number from 1 to {maximum}."})
    return size
