"""Runs the web server on a socket that the supervisor has opened; decides nothing else.

The socket stays open while a web process is replaced, so that visitors wait instead of being
refused.
"""

from __future__ import annotations

import socket
import sys

import uvicorn


def main() -> None:
    """Serve the application on the inherited socket whose number is the only argument."""
    listening = socket.socket(fileno=int(sys.argv[1]))
    config = uvicorn.Config(
        "medialib.asgi:application",
        log_level="warning",
        access_log=False,
        lifespan="off",
        ws="none",
        server_header=False,
        # Forwarded addresses are judged by the application, which knows whom to trust.
        proxy_headers=False,
        timeout_graceful_shutdown=5,
    )
    uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main()
