"""How looking at media goes wrong. Imports no decoder, so the cage and its child share it."""

from __future__ import annotations

from medialib.exceptions import MedialibError, Refused


class MediaRejected(Refused):
    """This file can't be shown."""

    code = "media_rejected"

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence, code=code)


class CageDied(MedialibError):
    """Reading this file broke the reader."""

    code = "cage_died"

    def __init__(self, detail: str, *, reason: str = "crash") -> None:
        super().__init__(detail)
        self.reason = reason


class CageCancelled(MedialibError):
    """The work was stopped on request."""

    code = "cancelled"
