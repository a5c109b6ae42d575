"""A relay in front of a service that counts the bytes that pass it; looks at none of them."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

_CHUNK = 256 * 1024


@dataclass(slots=True)
class Relay:
    """Where the service is reached, and how many bytes passed so far, both ways together."""

    url: str
    passed: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, number: int) -> None:
        """Add bytes that passed."""
        with self.lock:
            self.passed += number


@contextlib.contextmanager
def relayed(url: str) -> Iterator[Relay]:
    """Pass on connections to an address until the block ends."""
    parted = urlsplit(url)
    target = (parted.hostname or "", parted.port or 80)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        relay = Relay(f"http://127.0.0.1:{listener.getsockname()[1]}")
        threading.Thread(target=_accept, args=(listener, target, relay), daemon=True).start()
        yield relay
        # Wakes the thread that waits for callers.
        listener.shutdown(socket.SHUT_RDWR)


def _accept(listener: socket.socket, target: tuple[str, int], relay: Relay) -> None:
    with contextlib.suppress(OSError):
        while True:
            caller, _ = listener.accept()
            service = socket.create_connection(target)
            for source, sink in ((caller, service), (service, caller)):
                threading.Thread(target=_pass, args=(source, sink, relay), daemon=True).start()


def _pass(source: socket.socket, sink: socket.socket, relay: Relay) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(_CHUNK):
            relay.count(len(data))
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
