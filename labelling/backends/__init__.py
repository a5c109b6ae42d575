"""Loads labelling backends by their settings alias, as Django loads its caches. Labels nothing."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from labelling.backends.base import LabellingBackend


def get_backend(alias: str | None = None) -> LabellingBackend:
    """Give the backend of an alias of `LABELLING_BACKENDS`; without one, the one in use."""
    return _load(alias or settings.MEDIALIB_LABELLING)


@lru_cache(maxsize=16)
def _load(alias: str) -> LabellingBackend:
    try:
        entry: dict[str, Any] = settings.LABELLING_BACKENDS[alias]
    except KeyError:
        known = ", ".join(sorted(settings.LABELLING_BACKENDS))
        message = f"There is no labelling backend “{alias}”; there are: {known}."
        raise ImproperlyConfigured(message) from None
    backend_class: type[LabellingBackend] = import_string(entry["BACKEND"])
    return backend_class(alias, **entry.get("OPTIONS", {}))
