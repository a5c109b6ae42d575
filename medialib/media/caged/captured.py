"""When and with what a file was taken, from its metadata. The place is read by nobody."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

_OLDEST_YEAR = 1990
_EXIF_TIME = re.compile(r"(\d{4})[:-](\d\d)[:-](\d\d)[ T](\d\d):(\d\d):(\d\d)")
_OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)")


def video_capture(metadata: Mapping[str, str]) -> dict[str, Any]:
    """Read QuickTime's own time (with its offset) first, then the container's."""
    lower = {key.lower(): value for key, value in metadata.items()}
    at, offset = None, None
    for key in ("com.apple.quicktime.creationdate", "creation_time", "date"):
        at, offset = _moment(lower.get(key, ""))
        if at is not None:
            break
    make = lower.get("com.apple.quicktime.make") or lower.get("com.android.manufacturer") or ""
    model = lower.get("com.apple.quicktime.model") or lower.get("com.android.model") or ""
    return {"captured_at": at, "captured_offset_minutes": offset, "camera": camera(make, model)}


def photo_capture(*, time: object, offset: object, make: object, model: object) -> dict[str, Any]:
    """Read EXIF's local time and its offset, which older cameras do not write."""
    text = _text(time)
    match = _EXIF_TIME.match(text)
    at = _checked("{}-{}-{}T{}:{}:{}".format(*match.groups())) if match else None
    minutes = _offset_minutes(_text(offset))
    if at is not None and minutes is not None:
        at += _offset_text(minutes)
    return {
        "captured_at": at,
        "captured_offset_minutes": minutes if at else None,
        "camera": camera(_text(make), _text(model)),
    }


def camera(make: str, model: str) -> str:
    """Name the camera once, though many models repeat the maker."""
    make, model = _printable(make), _printable(model)
    if model.lower().startswith(make.lower()):
        return model[:200]
    return f"{make} {model}".strip()[:200]


def _moment(text: str) -> tuple[str | None, int | None]:
    match = re.match(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.\d+)?(.*)", text.strip())
    if match is None:
        return None, None
    at = _checked(f"{match[1]}T{match[2]}")
    zone = match[3].strip()
    if at is None or not zone:
        return at, None
    if zone == "Z":
        # Cameras write UTC here whatever the place was, so the local offset stays unknown.
        return f"{at}+00:00", None
    minutes = _offset_minutes(zone)
    return (at if minutes is None else at + _offset_text(minutes)), minutes


def _checked(text: str) -> str | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.isoformat() if moment.year >= _OLDEST_YEAR else None


def _offset_minutes(text: str) -> int | None:
    match = _OFFSET.fullmatch(text.strip())
    if match is None:
        return None
    minutes = int(match[2]) * 60 + int(match[3])
    return (-minutes if match[1] == "-" else minutes) if minutes <= 14 * 60 else None


def _offset_text(minutes: int) -> str:
    hours, rest = divmod(abs(minutes), 60)
    return f"{'-' if minutes < 0 else '+'}{hours:02}:{rest:02}"


def _text(value: object) -> str:
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return value.strip("\x00 ") if isinstance(value, str) else ""


def _printable(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
