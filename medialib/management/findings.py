"""What a look at a part of the installation comes to. Looks at nothing itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

OK, NOTE, BAD = "ok", "note", "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: how it is, and what to do about it."""

    part: str
    tone: str
    sentence: str
    cure: str = ""


Look = Callable[[], Iterator[Finding]]
