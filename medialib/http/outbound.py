"""Calls addresses that people have given: only public ones, without redirects, in bounded time.

The name is looked up once, every address it has is checked, and the connection goes to one of
those very addresses: an answer of the name server that changes in between changes nothing.
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from django.conf import settings

from medialib.exceptions import Refused

_CONNECT_SECONDS = 5.0
_WHOLE_SECONDS = 10.0
_MOST_READ = 1024


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a call ended: its status, or None and why it never came to one."""

    status: int | None
    detail: str
    duration_ms: int

    @property
    def is_success(self) -> bool:
        """Any 2xx; a redirect is none."""
        return self.status is not None and 200 <= self.status < 300


def check_address(url: str) -> list[str]:
    """Give the network addresses a call to this URL may go to.

    Raises Refused for anything but http(s) to addresses that are public or allowed by setting.
    """
    parted = _parted(url)
    try:
        found = socket.getaddrinfo(
            parted.hostname, parted.port or _default_port(parted), type=socket.SOCK_STREAM
        )
    except (OSError, UnicodeError):
        raise Refused(
            f"The host name {parted.hostname} is not known.", code="unknown_host", field="url"
        ) from None
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not addresses or not all(_may_be_called(address) for address in addresses):
        raise Refused(
            "This address lies in a private network. An administrator can allow networks by "
            "MEDIALIB_WEBHOOK_NETWORKS.",
            code="private_address",
            field="url",
        )
    return addresses


def _parted(url: str) -> SplitResult:
    try:
        parted = urlsplit(url)
        is_good = parted.scheme in ("http", "https") and bool(parted.hostname)
        is_good = is_good and parted.username is None and (parted.port or 1) > 0
    except ValueError:
        is_good = False
    if not is_good or not url.isprintable() or " " in url:
        raise Refused(
            "Give an address such as https://example.org/hook, without name and password.",
            code="invalid_url",
            field="url",
        )
    return parted


def _default_port(parted: SplitResult) -> int:
    return 443 if parted.scheme == "https" else 80


def _may_be_called(text: str) -> bool:
    address = ipaddress.ip_address(text.partition("%")[0])
    address = getattr(address, "ipv4_mapped", None) or address
    if any(address in network for network in settings.MEDIALIB_WEBHOOK_NETWORKS):
        return True
    return address.is_global and not address.is_multicast


def post(url: str, body: bytes, headers: Mapping[str, str]) -> Outcome:
    """Send a body and tell how it went; never raises for what the other side does."""
    started = time.monotonic()

    def ended(status: int | None, detail: str) -> Outcome:
        return Outcome(status, detail[:300], int((time.monotonic() - started) * 1000))

    try:
        addresses = check_address(url)
        status = _post(_parted(url), addresses[0], body, headers)
    except Refused as error:
        return ended(None, error.detail)
    except (OSError, http.client.HTTPException) as error:
        return ended(None, f"{type(error).__name__}: {error}")
    return ended(status, "" if 200 <= status < 300 else f"It answered {status}.")


def _post(parted: SplitResult, address: str, body: bytes, headers: Mapping[str, str]) -> int:
    host = parted.hostname or ""
    port = parted.port or _default_port(parted)
    plain = socket.create_connection((address, port), timeout=_CONNECT_SECONDS)
    # Each read has its own time-out; the watch ends a call that drips byte by byte.
    watch = threading.Timer(_WHOLE_SECONDS, _cut, args=(plain,))
    watch.daemon = True
    watch.start()
    try:
        wire = plain
        if parted.scheme == "https":
            wire = ssl.create_default_context().wrap_socket(plain, server_hostname=host)
        connection = http.client.HTTPConnection(host, port)
        connection.sock = wire
        with contextlib.closing(connection):
            path = f"{parted.path or '/'}{'?' if parted.query else ''}{parted.query}"
            connection.request("POST", path, body=body, headers=dict(headers))
            answer = connection.getresponse()
            answer.read(_MOST_READ)
            answer.close()
            return answer.status
    finally:
        watch.cancel()
        plain.close()


def _cut(wire: socket.socket) -> None:
    with contextlib.suppress(OSError):
        wire.shutdown(socket.SHUT_RDWR)
