"""Writes and reads cursors: opaque, bound to one search and one layout of the index."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from typing import cast
from uuid import UUID

import orjson

from search.query import InvalidQuery

_VERSION = "1"
# The largest sort value there is: "never". A larger number was put in by hand.
_BOUND = 2**62


def fingerprint(*parts: object) -> str:
    """Make a short mark of a search; a cursor of another search has another one."""
    return hashlib.blake2b(repr(parts).encode("utf-8", "replace"), digest_size=8).hexdigest()


def write(mark: str, *, sort_value: float | str, asset_id: str) -> str:
    """Write the cursor that goes on behind a hit."""
    body = orjson.dumps([_VERSION, mark, sort_value, asset_id])
    return base64.urlsafe_b64encode(body).decode().rstrip("=")


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
    if not (_is_text(value) if like is str else _is_number(value)):
        raise _refused("This cursor can't be read.")
    return value, asset_id


def _is_text(value: object) -> bool:
    """Tell whether this is a text; JSON may hold halves of characters, which engines can't take."""
    return isinstance(value, str) and value.encode("utf-8", "replace").decode() == value


def _is_number(value: object) -> bool:
    # Not a number, and the infinite, are never within bounds.
    return type(value) in (int, float) and -_BOUND <= cast(float, value) <= _BOUND


def _refused(detail: str) -> InvalidQuery:
    error = InvalidQuery(detail, cure="Start without a cursor.", code="invalid_cursor")
    error.field = "cursor"
    return error
