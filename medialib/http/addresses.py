"""Where a request comes from. Believes forwarded addresses only from proxies that are trusted."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from django.conf import settings
from django.http import HttpRequest


def client_address(request: HttpRequest) -> str:
    """Give the address of who asks; forwarded ones count only from trusted proxies."""
    address = str(request.META.get("REMOTE_ADDR", ""))
    hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",")]
    while hops and hops[-1] and _trusted(address):
        address = hops.pop()
    return address


def _trusted(address: str) -> bool:
    return _inside(address, settings.MEDIALIB_TRUSTED_PROXIES)


def is_allowed(address: str, networks: Iterable[str]) -> bool:
    """Tell whether an address lies in one of the networks; no network at all allows every one."""
    parsed = [ipaddress.ip_network(network, strict=False) for network in networks]
    return not parsed or _inside(address, parsed)


def read_networks(text: str) -> list[str]:
    """Read networks such as `10.0.0.0/8, 2001:db8::/32`; raises ValueError for what is none."""
    words = text.replace(",", " ").split()
    return [str(ipaddress.ip_network(word, strict=False)) for word in words]


def _inside(
    address: str, networks: Iterable[ipaddress.IPv4Network | ipaddress.IPv6Network]
) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return any((mapped or parsed) in network for network in networks)
