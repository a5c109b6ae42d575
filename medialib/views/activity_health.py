"""One line of health for the activity page: workers, queue, labelling, search, storage, money."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.core.cache import cache
from django.utils import timezone

from labelling import budget
from labelling.backends import get_backend
from labelling.models import BudgetPeriod, Cap
from medialib import steps
from medialib.templatetags.medialib_words import size, thousands
from medialib.views.health import look_at_parts
from medialib.views.labeller import backend_note

# Asking every part costs more than showing it: all who watch share one look.
_KEPT_SECONDS = 8
_KEPT = "activity.health"
# The dispatcher runs every two seconds; a worker may be busy for a while.
_SILENT = timedelta(seconds=45)
_LOW_BYTES = 2 * 1024**3


@dataclass(frozen=True, slots=True)
class Health:
    """One part: its name, a few words, and the tone they are said in."""

    name: str
    words: str
    tone: str = "ok"


def health() -> list[Health]:
    """Say of each part how it is; the answer may be some seconds old."""
    found: list[Health] | None = cache.get(_KEPT)
    if found is None:
        parts = look_at_parts()
        found = [
            _workers(),
            _queue(parts["queue"]),
            _labelling(parts["labelling"]),
            _search(parts["search"]),
            _storage(parts["storage"]),
            *_money(is_paid=get_backend().paid),
        ]
        cache.set(_KEPT, found, timeout=_KEPT_SECONDS)
    return found


def _workers() -> Health:
    seen = steps.dispatched_at()
    if seen is None:
        return Health("Workers", "not seen yet", "warn")
    silent = timezone.now() - seen
    if silent > _SILENT:
        minutes = max(1, round(silent.total_seconds() / 60))
        return Health("Workers", f"silent for {minutes} min; what is queued waits", "bad")
    return Health("Workers", "at work")


def _away(name: str) -> Health:
    return Health(name, "away for a moment", "bad")


def _queue(part: dict[str, Any]) -> Health:
    if not part["ok"]:
        return _away("Queue")
    count = sum(part["detail"].values())
    return Health("Queue", f"{thousands(count)} to do" if count else "empty")


def _labelling(part: dict[str, Any]) -> Health:
    if not part["ok"]:
        return _away("Labelling")
    return Health("Labelling", backend_note(part["detail"], model_version=""))


def _search(part: dict[str, Any]) -> Health:
    return Health("Search", "answers") if part["ok"] else _away("Search")


def _storage(part: dict[str, Any]) -> Health:
    if not part["ok"]:
        return _away("Storage")
    free = part["detail"].get("free_bytes")
    if free is None:
        return Health("Storage", "bucket answers")
    return Health("Storage", f"{size(free)} free", "warn" if free < _LOW_BYTES else "ok")


def _money(*, is_paid: bool) -> list[Health]:
    """Say what this month has cost and may cost, where anything does."""
    period = budget.periods_of(timezone.now())[Cap.Kind.MONTH.value]
    spent = BudgetPeriod.objects.filter(scope=budget.LIBRARY, period=period).first()
    cap = Cap.objects.filter(scope=budget.LIBRARY, kind=Cap.Kind.MONTH).first()
    if spent is None and cap is None and not is_paid:
        return []
    used = spent.spent + spent.reserved if spent else 0
    if cap is None:
        return [Health("This month", f"{used:.2f} USD, no cap: nothing paid starts", "warn")]
    tone = "warn" if used >= cap.amount else "ok"
    return [Health("This month", f"{used:.2f} of {cap.amount:.2f} USD", tone)]
