"""Signs of life of what works behind the pages: each kind of worker, the scheduler, the queue.

A pulse comes from a thread of the process itself, so that a worker deep in an hour's conversion
still has one. What silence means for a person is said by the faces.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import DatabaseError, connection
from django.utils import timezone

from medialib.models import Pulse

log = logging.getLogger(__name__)
Part = Pulse.Part
PROCESSES = (Part.HEAVY, Part.LIGHT, Part.SCHEDULER)
_BEAT_SECONDS = 5.0
# Under `manage.py serve` a dead part is back sooner than this.
_SILENT = timedelta(seconds=45)


@dataclass(frozen=True, slots=True)
class Sign:
    """The last sign of one part; None where none has come yet."""

    part: Pulse.Part
    seen_at: datetime | None

    @property
    def silence(self) -> timedelta | None:
        """How long ago that was."""
        return None if self.seen_at is None else timezone.now() - self.seen_at

    @property
    def is_fresh(self) -> bool:
        """Whether the part is alive, as far as can be told."""
        return self.silence is not None and self.silence <= _SILENT


def note(*parts: str) -> None:
    """Write down that these parts are alive now."""
    now = timezone.now()
    Pulse.objects.bulk_create(
        [Pulse(part=part, seen_at=now) for part in parts],
        update_conflicts=True,
        unique_fields=["part"],
        update_fields=["seen_at"],
    )


def forget() -> None:
    """Forget all signs, where it is known that no part runs: an earlier evening's say nothing."""
    Pulse.objects.all().delete()


def signs() -> dict[str, Sign]:
    """Give the last sign of every part, by its name."""
    seen = dict(Pulse.objects.values_list("part", "seen_at"))
    return {part.value: Sign(part, seen.get(part.value)) for part in Part}


def keep(names: Iterable[str]) -> threading.Event:
    """Note the pulse of those names that are parts from now on; the event ends it."""
    parts = [name for name in names if name in PROCESSES]
    end = threading.Event()
    threading.Thread(target=_beat, args=(parts, end), name="pulse", daemon=True).start()
    return end


def _beat(parts: list[str], end: threading.Event) -> None:
    while True:
        try:
            note(*parts)
        except DatabaseError as error:
            # The pages can't be read either; the next beat tries again.
            log.warning("The pulse of %s was not noted: %s", " and ".join(parts), error)
        finally:
            connection.close()
        if end.wait(_BEAT_SECONDS):
            return
