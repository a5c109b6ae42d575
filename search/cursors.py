"""Writes and reads cursors: opaque, bound to one search and one layout of the index."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from uuid import UUID

from search.query import InvalidQuery

_VERSION = "1"


def fingerprint(*parts: object) -> str:
    """Make a short mark of a search; a cursor of another search has another one."""
    return hashlib.blake2b(repr(parts).encode("utf-8", "replace"), digest_size=8).hexdigest()


def write(mark: str, *, sort_value: float | str, asset_id: str) -> str:
    """Write the cursor that goes on behind a hit."""
    body = json.dumps([_VERSION, mark, sort_value, asset_id], separators=(",", ":"))
    return base64.urlsafe_b64encode(body.encode()).decode().rstrip("=")


def read(cursor: str, mark: str, *, like: type) -> tuple[float | str, str]:
    """Read a cursor of this very search; anything else raises InvalidQuery."""
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        version, known, value, asset_id = json.loads(base64.urlsafe_b64decode(padded))
        UUID(asset_id)
    except (ValueError, TypeError, AttributeError, binascii.Error, RecursionError):
        raise _refused("This cursor can't be read.") from None
    if (version, known) != (_VERSION, mark):
        raise _refused("This cursor belongs to another search.")
    if isinstance(value, bool) or not isinstance(value, str if like is str else (int, float)):
        raise _refused("This cursor can't be read.")
    return value, asset_id


def _refused(detail: str) -> InvalidQuery:
    error = InvalidQuery(detail, cure="Start without a cursor.", code="invalid_cursor")
    error.field = "cursor"
    return error
