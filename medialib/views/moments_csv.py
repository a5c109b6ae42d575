"""An asset's moments as a file for spreadsheets, by time or by label. Reads only."""

from __future__ import annotations

import csv
import uuid
from collections.abc import Iterator
from typing import Any

from django.http import Http404, HttpRequest, StreamingHttpResponse
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe

from labelling.selectors import current_moments
from medialib.exceptions import Missing
from medialib.selectors import Principals, get_asset

_HEAD = ("label", "start_s", "end_s", "length_s", "confidence", "mean_confidence", "instances")
_ORDERS = {"time": ("start_ms", "label__name"), "label": ("label__name", "start_ms")}
# What a spreadsheet would take for a formula is kept as text.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class _Line:
    """A file that hands each written line on."""

    def write(self, line: str) -> str:
        """Give the line back."""
        return line


@require_safe
def moments_csv(request: HttpRequest, asset_id: uuid.UUID) -> StreamingHttpResponse:
    """Send the moments as CSV; `?order=label` groups them by label."""
    try:
        asset = get_asset(asset_id, Principals.of(request.user))
    except Missing:
        raise Http404 from None
    order = _ORDERS.get(request.GET.get("order", ""), _ORDERS["time"])
    rows = (
        current_moments(asset)
        .order_by(*order)
        .values_list(
            "label__name", "start_ms", "end_ms", "confidence", "mean_confidence", "instances"
        )
    )
    response = StreamingHttpResponse(_lines(list(rows)), content_type="text/csv; charset=utf-8")
    name = f"{asset.title or asset.original_filename} moments.csv"
    response["Content-Disposition"] = content_disposition_header(True, name) or "attachment"
    return response


def _lines(rows: list[tuple[Any, ...]]) -> Iterator[str]:
    writer = csv.writer(_Line())
    yield writer.writerow(_HEAD)
    for label, start, end, best, mean, instances in rows:
        times = [f"{ms / 1000:.3f}" for ms in (start, end, end - start)]
        name = f"'{label}" if label.startswith(_FORMULA) else label
        yield writer.writerow([name, *times, f"{best:.2f}", f"{mean:.2f}", instances])
