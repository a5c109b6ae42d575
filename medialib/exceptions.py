"""The errors people may read: one tree, each with a code and a sentence. Raises nothing itself."""

from __future__ import annotations

from typing import ClassVar


class MedialibError(Exception):
    """Something went wrong."""

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500
    title: ClassVar[str] = "Something went wrong"

    def __init__(self, detail: str | None = None) -> None:
        self.detail = detail or (self.__doc__ or self.title).strip()
        super().__init__(self.detail)


class Refused(MedialibError):
    """This input can't be taken."""

    code = "refused"
    status = 422
    title = "Not accepted"

    def __init__(
        self, detail: str | None = None, *, code: str | None = None, field: str | None = None
    ) -> None:
        super().__init__(detail)
        self.reason = code or self.code
        self.field = field


class TooLarge(Refused):
    """This file is larger than the library takes."""

    code = "too_large"
    status = 413
    title = "Too large"


class QuotaExceeded(TooLarge):
    """This is more than you may keep."""

    title = "Quota used up"


class Duplicate(MedialibError):
    """This file is already in your library."""

    code = "duplicate"
    status = 409
    title = "Already in the library"

    def __init__(self, detail: str | None = None, *, asset_id: str) -> None:
        super().__init__(detail)
        self.asset_id = asset_id


class Missing(MedialibError):
    """There is nothing here under that address."""

    code = "not_found"
    status = 404
    title = "Not found"


class Conflict(MedialibError):
    """This can't be done in the present state."""

    code = "conflict"
    status = 409
    title = "Not possible now"


class Outdated(MedialibError):
    """Somebody has changed this meanwhile: look at it again, then change it."""

    code = "outdated"
    status = 412
    title = "Changed meanwhile"


class StorageUnavailable(MedialibError):
    """Storage is away for a moment."""

    code = "storage_unavailable"
    status = 503
    title = "Storage is away"


class StorageFull(StorageUnavailable):
    """The disk is full: free some space, then try again."""

    code = "storage_full"
    status = 507
    title = "No space left"


class SearchUnavailable(MedialibError):
    """Search is away for a moment."""

    code = "search_unavailable"
    status = 503
    title = "Search is away"


class Wait(MedialibError):
    """A step can't go on yet: it says what it waits for and when to look again."""

    code = "wait"

    def __init__(self, waiting_for: str, *, seconds: float, detail: str = "") -> None:
        super().__init__(detail or None)
        self.waiting_for = waiting_for
        self.seconds = seconds


class StepFailed(MedialibError):
    """A step ends for good, with a code and a sentence for the person."""

    code = "step_failed"

    def __init__(self, detail: str, *, code: str) -> None:
        super().__init__(detail)
        self.reason = code
