"""Runs a web server beside the tests, in a thread. What it answers is its handler's matter."""

from __future__ import annotations

import contextlib
import http.server
import threading
from collections.abc import Iterator


@contextlib.contextmanager
def served(listening: http.server.HTTPServer) -> Iterator[None]:
    """Serve until the block ends; what still hangs then is not waited for."""
    thread = threading.Thread(target=listening.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        listening.shutdown()
        listening.server_close()
        thread.join(5)
