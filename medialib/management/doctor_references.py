"""What `manage.py doctor` looks at of originals that lie outside the library. Changes nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator

from django.conf import settings

from medialib import referring
from medialib.management.findings import BAD, NOTE, OK, Finding, Look

# Each look at an object in a bucket is a call.
_MOST_LOOKED_AT = 1000
_MOST_NAMED = 5


def looks() -> dict[str, Look]:
    """Name what is to be looked at; who keeps nothing by reference hears nothing of it."""
    return {"references": _references}


def _references() -> Iterator[Finding]:
    for root in settings.MEDIALIB_REFERENCE_ROOTS:
        if not os.path.isdir(root) or not os.access(root, os.R_OK | os.X_OK):
            cure = "Mount its disk, and give this account the right to read it."
            yield Finding("references", BAD, f"The folder {root} can't be read.", cure)
    count = referring.count_references()
    if not (count or settings.MEDIALIB_REFERENCE_ROOTS or settings.MEDIALIB_REFERENCE_BUCKETS):
        return
    lost = list(referring.find_lost(most=_MOST_LOOKED_AT))
    for found in lost[:_MOST_NAMED]:
        yield Finding("references", BAD, f"{found.asset} ({found.place})", found.sentence)
    if len(lost) > _MOST_NAMED:
        words = f"{len(lost) - _MOST_NAMED:,} more originals can't be read where they were."
        yield Finding("references", BAD, words, "Look whether a disk or a folder is missing.")
    if not lost:
        yield Finding("references", OK, f"{_originals(count)} outside the library can be read.")
    if count > _MOST_LOOKED_AT:
        words = f"Only the newest {_MOST_LOOKED_AT:,} of {count:,} originals were looked at."
        yield Finding("references", NOTE, words)


def _originals(count: int) -> str:
    return f"{count:,} original{'' if count == 1 else 's'}"
