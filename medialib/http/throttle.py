"""Slows down guessing of passwords: counts failures per name and per address in the cache."""

from __future__ import annotations

import hashlib

from django.core.cache import cache

LIMIT_PER_NAME = 10
LIMIT_PER_ADDRESS = 50
WINDOW_SECONDS = 15 * 60


def _keys(name: str, address: str) -> dict[str, int]:
    digest = hashlib.sha256(name.casefold().encode()).hexdigest()[:32]
    place = hashlib.sha256(address.encode()).hexdigest()[:32]
    return {
        f"sign-in:name:{digest}:{place}": LIMIT_PER_NAME,
        f"sign-in:address:{place}": LIMIT_PER_ADDRESS,
    }


def is_throttled(name: str, address: str) -> bool:
    """Tell whether this name or address has failed too often in the last 15 minutes."""
    return any(cache.get(key, 0) >= limit for key, limit in _keys(name, address).items())


def note_failure(name: str, address: str) -> None:
    """Count a failed sign-in."""
    for key in _keys(name, address):
        cache.add(key, 0, WINDOW_SECONDS)
        try:
            cache.incr(key)
        except ValueError:
            # The counter ran out between the two calls: this failure is the first of a new one.
            cache.set(key, 1, WINDOW_SECONDS)


def forget(name: str, address: str) -> None:
    """Clear a name's count after a sign-in that worked."""
    cache.delete(next(iter(_keys(name, address))))
