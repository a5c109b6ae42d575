"""Calls of the REST API with the standard library alone: one token, retries, problem documents."""

from __future__ import annotations

import contextlib
import http.client
import json
import random
import ssl
import threading
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO, Any
from urllib.parse import urlencode, urlsplit

_TRIES = 6
_LONGEST_SECONDS = 30.0
_AGAIN = (429, 502, 503, 504)
_CHUNK = 1024 * 1024


class ApiError(Exception):
    """The library said no: `status`, `code` and a sentence in `detail`."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        self.status = status
        self.code = str(problem.get("code", "error"))
        self.detail = str(problem.get("detail") or f"The library answered {status}.")
        self.problem = dict(problem)
        super().__init__(self.detail)


class Unreachable(Exception):
    """The library did not answer, however often it was asked."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers (names in lower case) and body of an answer."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class Connection:
    """Where the library is and with which token it is asked; safe to share between threads."""

    url: str
    token: str
    timeout: float = 60.0
    # Set it to end every pause at once.
    stopped: threading.Event = field(default_factory=threading.Event)

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: Mapping[str, Any] | None = None,
    ) -> Any:
        """Call the API with JSON and give its JSON (None without a body).

        Calls that can be repeated are, also creating ones: they carry an Idempotency-Key.
        Raises ApiError or Unreachable.
        """
        headers = {"Authorization": f"Bearer {self.token}", "Accept": "application/json"}
        data = None
        if body is not None:
            data, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
        if method == "POST":
            headers["Idempotency-Key"] = uuid.uuid4().hex
        answer = self._patiently(method, self.address(path, query), data, headers)
        read = _json(answer.body)
        if answer.status >= 400:
            raise ApiError(answer.status, read if isinstance(read, dict) else {})
        return read

    def address(self, path: str, query: Mapping[str, Any] | None = None) -> str:
        """Give the whole address of a path of the library; whole addresses stay as they are."""
        if not path.startswith(("http://", "https://")):
            path = self.url.rstrip("/") + path
        asked = {k: v for k, v in (query or {}).items() if v not in (None, "")}
        return f"{path}?{urlencode(asked, doseq=True)}" if asked else path

    def _patiently(
        self, method: str, url: str, data: bytes | None, headers: dict[str, str]
    ) -> Answer:
        for tried in range(1, _TRIES + 1):
            try:
                answer = send(method, url, data, headers, timeout=self.timeout)
            except OSError as error:
                if tried == _TRIES:
                    raise Unreachable(f"{self.url} does not answer: {error}") from error
                self.pause(tried)
                continue
            if answer.status not in _AGAIN or tried == _TRIES:
                return answer
            self.pause(tried, asked=float(answer.headers.get("retry-after", 0)))
        raise AssertionError("the last try returns or raises")

    def pause(self, tried: int, *, asked: float = 0.0) -> None:
        """Wait a little longer after each try, or as long as was asked for."""
        delay = min(0.5 * 2**tried, _LONGEST_SECONDS) * random.uniform(0.5, 1.0)
        self.stopped.wait(max(delay, asked))

    def pages(self, path: str, query: Mapping[str, Any] | None = None) -> Iterator[dict[str, Any]]:
        """Give the rows of a list, page after page."""
        address: str | None = self.address(path, query)
        while address:
            page = self.call("GET", address)
            yield from page["results"]
            address = page["next"]

    def fetch(self, path: str, target: IO[bytes]) -> int:
        """Write what lies at a media address into a file; gives the number of bytes."""
        url = self.address(path)
        headers = {"Authorization": f"Bearer {self.token}"}
        for _ in range(3):
            with _opened("GET", url, None, headers, timeout=self.timeout) as response:
                if response.status in (301, 302, 307, 308):
                    # To the bucket, which has its own signature and must not see the token.
                    url, headers = response.headers["Location"], {}
                    continue
                if response.status >= 400:
                    raise ApiError(response.status, {})
                written = 0
                while chunk := response.read(_CHUNK):
                    written += target.write(chunk)
                return written
        raise ApiError(508, {"detail": "Too many redirects."})


def send(
    method: str, url: str, data: bytes | None, headers: Mapping[str, str], *, timeout: float
) -> Answer:
    """Send one request on a connection of its own; raises OSError when it breaks."""
    with _opened(method, url, data, headers, timeout=timeout) as response:
        named = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status, named, response.read())


@contextlib.contextmanager
def _opened(
    method: str, url: str, data: bytes | None, headers: Mapping[str, str], *, timeout: float
) -> Iterator[http.client.HTTPResponse]:
    parted = urlsplit(url)
    host = parted.hostname or ""
    connection: http.client.HTTPConnection
    if parted.scheme == "https":
        context = ssl.create_default_context()
        connection = http.client.HTTPSConnection(
            host, parted.port, timeout=timeout, context=context
        )
    else:
        connection = http.client.HTTPConnection(host, parted.port, timeout=timeout)
    path = f"{parted.path or '/'}{'?' if parted.query else ''}{parted.query}"
    with contextlib.closing(connection):
        try:
            connection.request(method, path, body=data, headers=dict(headers))
            with connection.getresponse() as response:
                yield response
        except http.client.HTTPException as error:
            raise ConnectionError(str(error) or type(error).__name__) from error


def _json(body: bytes) -> Any:
    try:
        return json.loads(body) if body else None
    except ValueError:
        return None
