"""Slows down guessing of passwords: counts failed sign-ins by address and by name.

It keeps counters in the cache and knows nothing about forms or sessions.
"""

from __future__ import annotations

import hashlib

from django.core.cache import cache
from django.http import HttpRequest

from medialib.http.addresses import client_address

WINDOW_SECONDS = 300
# A person mistypes a few times; many people may sit behind one address.
TRIES_PER_NAME = 8
TRIES_PER_ADDRESS = 40


def _counters(request: HttpRequest, name: str) -> list[tuple[str, int]]:
    address = client_address(request)
    who = hashlib.sha256(f"{address}\0{name.casefold()}".encode()).hexdigest()
    where = hashlib.sha256(address.encode()).hexdigest()
    return [(f"sign-in-name-{who}", TRIES_PER_NAME), (f"sign-in-from-{where}", TRIES_PER_ADDRESS)]


def is_blocked(request: HttpRequest, *, name: str) -> bool:
    """Tell whether this name or this address has failed too often in the last minutes."""
    return any(cache.get(key, 0) >= limit for key, limit in _counters(request, name))


def count_failure(request: HttpRequest, *, name: str) -> None:
    """Remember one failed sign-in."""
    for key, _ in _counters(request, name):
        cache.add(key, 0, WINDOW_SECONDS)
        try:
            cache.incr(key)
        except ValueError:
            cache.set(key, 1, WINDOW_SECONDS)


def forget_failures(request: HttpRequest, *, name: str) -> None:
    """Start counting anew for a name that has just signed in; the address keeps its count."""
    cache.delete(_counters(request, name)[0][0])
