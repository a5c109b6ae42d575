"""The double's HTTP side: JSON 1.1 on loopback, one thread a connection."""

from __future__ import annotations

import contextlib
import json
import re
import secrets
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.servers.rekognition.double import AnswerLost, Double
from tests.servers.rekognition.refusals import Refusal
from tests.servers.serving import served

KIND = "application/x-amz-json-1.1"
_CREDENTIAL = re.compile(r"Credential=[^/]+/\d{8}/([a-z0-9-]+)/rekognition/aws4_request")


class Server(ThreadingHTTPServer):
    """Listens on 127.0.0.1; port 0 picks a free one."""

    daemon_threads = True

    def __init__(self, double: Double, *, port: int = 0) -> None:
        self.double = double
        super().__init__(("127.0.0.1", port), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Headers and body in one packet: otherwise the client's kernel waits before it acknowledges.
    wbufsize = -1
    disable_nagle_algorithm = True
    server: Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            self._check_signature()
            wanted = json.loads(body or b"{}")
            answer = self.server.double.answer(self.headers.get("X-Amz-Target", ""), wanted)
            self._send(200, answer)
        except Refusal as error:
            told = {"__type": error.code, "Code": error.code, "Message": error.message}
            self._send(error.status, json.dumps(told | {"Logref": secrets.token_hex(8)}).encode())
        except AnswerLost:
            self.close_connection = True

    def _check_signature(self) -> None:
        """Check what can be told of a signature without the secret: its kind and its scope."""
        scope = _CREDENTIAL.search(self.headers.get("Authorization", ""))
        if scope is None:
            raise Refusal("MissingAuthenticationTokenException", "Missing Authentication Token")
        if scope.group(1) != self.server.double.region:
            region = self.server.double.region
            message = f"Credential should be scoped to a valid region, not '{scope.group(1)}'. "
            raise Refusal("InvalidSignatureException", f"{message}It is {region}.")
        if self.headers.get("Content-Type") != KIND:
            raise Refusal("SerializationException", "")

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", KIND)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("x-amzn-RequestId", secrets.token_hex(16))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the base class's name
        """Keep quiet."""


@contextlib.contextmanager
def serving(double: Double, *, port: int = 0) -> Iterator[Server]:
    """Serve a double in threads of this process until the block ends."""
    server = Server(double, port=port)
    try:
        with served(server):
            yield server
    finally:
        double.close()
