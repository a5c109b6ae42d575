"""The sprite of icons, put together from the package `lucide`. Draws only our own mark."""

from __future__ import annotations

import hashlib
import re
from functools import cache
from importlib.resources import files
from zipfile import ZipFile

from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import etag, require_safe

_KEPT_SECONDS = 3600
# Our word for an icon → its name in the package.
NAMES = {
    "activity": "activity",
    "alert": "triangle-alert",
    "box": "square-dashed",
    "camera": "camera",
    "check": "check",
    "clock": "clock",
    "close": "x",
    "download": "download",
    "edit": "pencil",
    "filter": "list-filter",
    "fullscreen": "maximize",
    "grid": "layout-grid",
    "info": "info",
    "keyboard": "keyboard",
    "link": "link",
    "minus": "minus",
    "next": "chevron-right",
    "pause": "pause",
    "person": "user-round",
    "photo": "image",
    "play": "play",
    "plus": "plus",
    "previous": "chevron-left",
    "retry": "rotate-cw",
    "rows": "rows-3",
    "search": "search",
    "settings": "settings-2",
    "sign-out": "log-out",
    "tag": "tag",
    "theme": "contrast",
    "trash": "trash-2",
    "upload": "upload",
    "video": "video",
}
_MARK = (
    '<symbol id="brand" viewBox="0 0 24 24"><rect x="3" y="5" width="18" height="14" rx="2.5"/>'
    '<path d="M7 15v-2M10.5 15V9M14 15v-4M17.5 15v-1"/></symbol>'
)
_INSIDE = re.compile(r"<svg[^>]*>(.*)</svg>", re.DOTALL)


@cache
def sprite() -> str:
    """Give one SVG with a symbol for each icon; colour and stroke are the page's."""
    symbols = [_MARK]
    with (files("lucide") / "lucide.zip").open("rb") as packed, ZipFile(packed) as icons:
        for name, theirs in NAMES.items():
            drawn = _INSIDE.search(icons.read(f"{theirs}.svg").decode())
            assert drawn is not None
            lines = "".join(line.strip() for line in drawn[1].splitlines())
            symbols.append(f'<symbol id="{name}" viewBox="0 0 24 24">{lines}</symbol>')
    return f'<svg xmlns="http://www.w3.org/2000/svg">{"".join(symbols)}</svg>'


@cache
def _version() -> str:
    return f'"{hashlib.sha256(sprite().encode()).hexdigest()[:16]}"'


@require_safe
@cache_control(public=True, max_age=_KEPT_SECONDS)
@etag(lambda request: _version())
def icons(request: HttpRequest) -> HttpResponse:
    """Send the sprite; anyone may have it."""
    return HttpResponse(sprite(), content_type="image/svg+xml")
