"""Read the Range header of RFC 9110 as far as players use it. Sends no bytes."""

from __future__ import annotations

import re
from enum import Enum

# An open-ended range is answered in pieces of this size, so that a player that jumps on does not
# leave a worker sending a whole film.
OPEN_ENDED_BYTES = 8 * 1024**2

_SINGLE = re.compile(r"bytes=\s*(\d{0,19})-(\d{0,19})\s*", re.IGNORECASE)


class Unsatisfiable(Enum):
    """A range that lies behind the end of the file: answered with 416."""

    UNSATISFIABLE = "unsatisfiable"


UNSATISFIABLE = Unsatisfiable.UNSATISFIABLE


def parse_range(header: str | None, size: int) -> tuple[int, int] | Unsatisfiable | None:
    """Turn a Range header into `(start, end)`, half-open, within `size` bytes.

    None means "send all": there is no header, or none that we must understand (several ranges,
    another unit, nonsense).
    """
    match = _SINGLE.fullmatch(header.strip()) if header else None
    if match is None or match.group(1, 2) == ("", ""):
        return None
    first, last = match.group(1, 2)
    if not first:
        length = min(int(last), size)
        return (size - length, size) if length else UNSATISFIABLE
    start = int(first)
    if last and int(last) < start:
        return None
    if start >= size:
        return UNSATISFIABLE
    end = int(last) + 1 if last else start + OPEN_ENDED_BYTES
    return start, min(end, size)
