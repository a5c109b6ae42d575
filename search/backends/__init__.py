"""Chooses the search engine from `settings.SEARCH_BACKENDS`; knows none by name."""

from __future__ import annotations

from threading import Lock
from typing import Any

from django.conf import settings
from django.core.signals import setting_changed
from django.utils.module_loading import import_string

from search.backends.base import SearchBackend

_made: dict[str, SearchBackend] = {}
_lock = Lock()


def get_backend(alias: str = "default") -> SearchBackend:
    """Give the engine behind an alias, one per process."""
    backend = _made.get(alias)
    if backend is not None:
        return backend
    with _lock:
        if alias not in _made:
            configured: dict[str, Any] = settings.SEARCH_BACKENDS[alias]
            engine = import_string(configured["BACKEND"])
            _made[alias] = engine(**configured.get("OPTIONS", {}))
        return _made[alias]


def _forget(*, setting: str, **_: object) -> None:
    """Give the engines back when a test changes their settings."""
    if setting == "SEARCH_BACKENDS":
        while _made:
            _made.popitem()[1].close()


setting_changed.connect(_forget)
