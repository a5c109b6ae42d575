"""How each part does, for the activity page: workers, queue, labelling, search, storage, money."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.core.cache import cache
from django.utils import timezone

from labelling import budget
from labelling.backends import get_backend
from labelling.models import BudgetPeriod, Cap
from medialib import pulses
from medialib.pulses import Part, Sign
from medialib.templatetags.medialib_words import size, thousands
from medialib.views.health import look_at_parts
from medialib.views.labeller import backend_note

# Asking every part costs more than showing it: all who watch share one look.
_KEPT_SECONDS = 8
_JUST_NOW = 20
_KEPT = "activity.health"
# What waits while a part is silent, and what its container is called in compose.yaml.
_WAITS = {
    Part.HEAVY: ("conversions and labelling on this machine wait", "worker-heavy"),
    Part.LIGHT: ("uploads are kept, and nothing is done with them", "worker-light"),
    Part.SCHEDULER: ("what is retried or waits its turn stands still", "scheduler"),
}
_BACK = (
    "Under manage.py serve it starts again by itself within a minute; what it prints says why. "
    "Elsewhere start its process again ({container} in compose.yaml)."
)
_STUCK = "See whether the broker of CELERY_BROKER_URL answers: manage.py doctor says it."
_LOW_BYTES = 2 * 1024**3


@dataclass(frozen=True, slots=True)
class Health:
    """One part: its name, a few words, the tone they are said in, and what to do where it ails."""

    name: str
    words: str
    tone: str = "ok"
    cure: str = ""


def health() -> list[Health]:
    """Say of each part how it is; the answer may be some seconds old."""
    found: list[Health] | None = cache.get(_KEPT)
    if found is None:
        parts, signs = look_at_parts(), pulses.signs()
        found = [
            *_processes(signs),
            _queue(parts["queue"], signs),
            _labelling(parts["labelling"]),
            _search(parts["search"]),
            _storage(parts["storage"]),
            *_money(is_paid=get_backend().paid),
        ]
        cache.set(_KEPT, found, timeout=_KEPT_SECONDS)
    return found


def _processes(signs: dict[str, Sign]) -> list[Health]:
    return [_process(signs[part]) for part in pulses.PROCESSES]


def _process(sign: Sign) -> Health:
    waits, container = _WAITS[sign.part]
    silence, cure = sign.silence, _BACK.format(container=container)
    if silence is None:
        return Health(sign.part.label, "not seen yet", "warn", cure)
    if sign.is_fresh:
        return Health(sign.part.label, f"seen {_ago(silence)}")
    return Health(sign.part.label, f"last seen {_ago(silence)}: {waits}", "bad", cure)


def _ago(silence: timedelta) -> str:
    """Say how long ago something was, in steps that do not change at every look."""
    seconds = silence.total_seconds()
    if seconds < _JUST_NOW:
        return "just now"
    if seconds < 60:
        return f"{round(seconds, -1):.0f} s ago"
    minutes = round(seconds / 60)
    return f"{minutes} min ago" if minutes < 60 else f"{round(minutes / 60)} h ago"


def _away(name: str) -> Health:
    return Health(name, "away for a moment", "bad")


def _queue(part: dict[str, Any], signs: dict[str, Sign]) -> Health:
    if not part["ok"]:
        return _away("Queue")
    passed = signs[Part.DISPATCH]
    alive = all(signs[process].is_fresh for process in pulses.PROCESSES)
    # While one of these is silent, nothing can come through, and it is said of that one.
    if alive and passed.silence is not None and not passed.is_fresh:
        return Health(
            "Queue", f"the last message came through {_ago(passed.silence)}", "bad", _STUCK
        )
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
