"""How often the API may be called: by one token, and from one address. Counts minute by minute."""

from __future__ import annotations

import hashlib
import time
from typing import Any

from django.conf import settings
from django.core.cache import caches
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from medialib.http.addresses import client_address

_WINDOW_SECONDS = 60


class _PerMinute(BaseThrottle):
    """Counts calls of one caller in the running minute; a limit of 0 counts nothing."""

    def allow_request(self, request: Request, view: Any) -> bool:
        """Count this call and tell whether it is within the limit."""
        limit, caller = self.rule(request)
        if not limit or not caller:
            return True
        minute = int(time.time()) // _WINDOW_SECONDS
        hashed = hashlib.sha256(caller.encode()).hexdigest()[:32]
        key = f"rate-{type(self).__name__}-{hashed}-{minute}"
        counters = caches["rates"]
        if counters.add(key, 1, 2 * _WINDOW_SECONDS):
            return True
        try:
            return bool(counters.incr(key) <= limit)
        except ValueError:
            # It ran out between the two calls: a new minute has begun.
            return True

    def wait(self) -> float:
        """Give the seconds until the next minute."""
        return _WINDOW_SECONDS - time.time() % _WINDOW_SECONDS

    def rule(self, request: Request) -> tuple[int, str]:
        """Give the calls a minute and who is counted ("" for nobody)."""
        raise AssertionError("Each throttle has its own rule.")


class TokenRate(_PerMinute):
    """Calls a minute with one token."""

    def rule(self, request: Request) -> tuple[int, str]:
        """Count tokens; people at a browser have none."""
        token = str(request.auth.pk) if request.auth is not None else ""
        return settings.MEDIALIB_RATE_PER_TOKEN, token


class AddressRate(_PerMinute):
    """Calls a minute from one address, whoever calls."""

    def rule(self, request: Request) -> tuple[int, str]:
        """Count addresses."""
        return settings.MEDIALIB_RATE_PER_ADDRESS, client_address(request._request)
