"""Template filters and tags that turn values into words: times, sizes, counts, icons.

They format what they are given; they read nothing and decide nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django import template
from django.http import QueryDict
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from labelling.estimates import usd as print_usd

register = template.Library()

_SIZES = ((10**12, "TB"), (10**9, "GB"), (10**6, "MB"), (10**3, "kB"))


@register.filter
def clock(milliseconds: int | None) -> str:
    """Print a time as people read it off a player: 0:12, 12:41, 1:02:03."""
    minutes, seconds = divmod(int(milliseconds or 0) // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


@register.filter
def duration(milliseconds: int | None) -> str:
    """Print a length with its units: 0.4 s, 7 s, 1 min 12 s, 2 h 5 min."""
    total = int(milliseconds or 0)
    if total < 9_950:
        return f"{total / 1000:.1f}".removesuffix(".0") + " s"
    seconds = round(total / 1000)
    if seconds < 60:
        return f"{seconds} s"
    minutes, seconds = divmod(seconds, 60)
    if minutes < 60:
        return f"{minutes} min {seconds} s" if seconds else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


@register.filter
def fragment(milliseconds: int | None) -> str:
    """Print a time for a media fragment (#t=12.4): seconds, no needless digits."""
    return f"{int(milliseconds or 0) / 1000:.3f}".rstrip("0").rstrip(".")


@register.filter
def size(count: int | None) -> str:
    """Print a number of bytes: 840 bytes, 12.4 MB."""
    value = int(count or 0)
    for unit, name in _SIZES:
        if value >= unit:
            return f"{value / unit:.1f} {name}"
    return f"{value} byte{'' if value == 1 else 's'}"


@register.filter
def thousands(value: int | None) -> str:
    """Print a count with its thousands apart: 207,000."""
    return f"{int(value or 0):,}"


@register.filter
def confidence(value: float | None) -> str:
    """Print a confidence of 0–100 as a whole number, never rounded up to 100."""
    number = float(value or 0)
    return str(min(round(number), 99) if number < 100 else 100)


@register.filter
def usd(amount: Decimal | None) -> str:
    """Print an amount of US dollars: 12.40, and 0.0035 where cents say nothing."""
    return print_usd(amount or Decimal(0))


@register.filter
def percent(share: float | None) -> str:
    """Print a share of 0–1 as whole per cent, never rounded up to 100."""
    return str(int(100 * float(share or 0)))


@register.simple_tag
def icon(name: str) -> SafeString:
    """Draw an icon of our sprite; it is decoration, so words must stand beside it."""
    return format_html(
        '<svg class="icon" aria-hidden="true" focusable="false" width="16" height="16">'
        '<use href="{}#{}"></use></svg>',
        reverse("icons"),
        name,
    )


@register.simple_tag(takes_context=True)
def address_with(context: Mapping[str, Any], **changes: Any) -> str:
    """Print this page's address with some parameters changed; None or "" takes one out."""
    parameters: QueryDict = context["request"].GET.copy()
    for name, value in changes.items():
        parameters.pop(name, None)
        if value not in (None, ""):
            parameters[name] = str(value)
    return "?" + parameters.urlencode()
