"""Where a request really comes from. Forwarded addresses count only from trusted proxies."""

from __future__ import annotations

import ipaddress

from django.conf import settings
from django.http import HttpRequest


def client_address(request: HttpRequest) -> str:
    """Give the address of the caller, looking behind the proxies that settings trust."""
    address = request.META.get("REMOTE_ADDR", "")
    chain = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",")]
    while chain and _trusted(address):
        nearest = chain.pop()
        if not _is_address(nearest):
            break
        address = nearest
    return str(address)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _trusted(address: str) -> bool:
    if not _is_address(address):
        return False
    ip = ipaddress.ip_address(address)
    return any(ip in network for network in settings.MEDIALIB_TRUSTED_PROXIES)
