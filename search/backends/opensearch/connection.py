"""Sends the requests of OpenSearch's library by libcurl. Knows nothing of what is asked.

The library's usual way, urllib3, takes a millisecond of Python for each request: a tenth of what a
person waits for a page. Errors are the library's own; client.py turns them into ours.
"""

from __future__ import annotations

import os
import queue
import time
from base64 import b64encode
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import urlencode

import pycurl
from opensearchpy.connection import Connection
from opensearchpy.exceptions import ConnectionError as NoConnection
from opensearchpy.exceptions import ConnectionTimeout, SSLError

_NOT_TRUSTED = frozenset(
    {pycurl.E_SSL_CONNECT_ERROR, pycurl.E_SSL_CACERT, pycurl.E_SSL_CACERT_BADFILE}
)
_CARRY_A_BODY = frozenset({"POST", "PUT"})
_WARNING = b"warning:"
Answer = tuple[int, dict[str, str], bytes]


class CurlConnection(Connection):
    """Connections to one server: each thread takes a free one, or opens one more.

    Up to `pool_maxsize` of them stay open. The server's certificate is checked by what
    SSL_CERT_FILE or SSL_CERT_DIR names, else by certifi's, as urllib3's are.
    """

    def __init__(
        self,
        *,
        http_auth: tuple[str, str] | None = None,
        pool_maxsize: int = 10,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if http_auth is not None:
            credentials = b64encode(":".join(http_auth).encode()).decode()
            self.headers["authorization"] = f"Basic {credentials}"
        self._trusted = self.default_ca_certs() if self.use_ssl else None
        is_folder = self._trusted is not None and os.path.isdir(self._trusted)
        self._trusts = pycurl.CAPATH if is_folder else pycurl.CAINFO
        self._free: queue.LifoQueue[pycurl.Curl] = queue.LifoQueue(pool_maxsize)

    def perform_request(
        self,
        method: str,
        url: str,
        params: Mapping[str, Any] | None = None,
        body: bytes | None = None,
        timeout: float | None = None,
        ignore: Collection[int] = (),
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a request; give its status, the type of its answer as a header, and the answer.

        `timeout` is in seconds, for all of it. Raises TransportError, or a kind of it.
        """
        path = f"{self.url_prefix}{url}" + (f"?{urlencode(params)}" if params else "")
        told = (method, self.host + path, path, body)
        lines: list[bytes] = []
        begin = time.perf_counter()
        curl = self._taken()
        try:
            self._aim(curl, method, path, timeout=timeout or self.timeout)
            curl.setopt(pycurl.HTTPHEADER, _written({**self.headers, **(headers or {})}))
            if body is not None or method in _CARRY_A_BODY:
                curl.setopt(pycurl.POSTFIELDS, body or b"")
            curl.setopt(pycurl.HEADERFUNCTION, lines.append)
            answer = curl.perform_rb()
            status, kind = curl.getinfo(pycurl.RESPONSE_CODE), curl.getinfo(pycurl.CONTENT_TYPE)
        except pycurl.error as error:
            self.log_request_fail(*told, time.perf_counter() - begin, exception=error)
            raise _translated(error) from error
        finally:
            self._give_back(curl)
        took = time.perf_counter() - begin
        self._raise_warnings(_warnings(lines))
        if not 200 <= status < 300 and status not in ignore:
            said = answer.decode("utf-8", "replace")
            self.log_request_fail(*told, took, status, said)
            self._raise_error(status, said, kind)
        self.log_request_success(*told, status, answer, took)  # type: ignore[arg-type]
        return status, {"content-type": kind or ""}, answer

    def _aim(self, curl: pycurl.Curl, method: str, path: str, *, timeout: float) -> None:
        milliseconds = max(1, round(timeout * 1000))
        curl.setopt(pycurl.URL, self.host + path)
        curl.setopt(pycurl.CUSTOMREQUEST, method)
        curl.setopt(pycurl.NOBODY, method == "HEAD")
        curl.setopt(pycurl.TIMEOUT_MS, milliseconds)
        curl.setopt(pycurl.CONNECTTIMEOUT_MS, milliseconds)
        # Timeouts by signals would reach the main thread, whoever asks.
        curl.setopt(pycurl.NOSIGNAL, 1)
        curl.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1)
        # Proxies that the surroundings name are for the world outside.
        curl.setopt(pycurl.NOPROXY, "*")
        if self._trusted:
            curl.setopt(self._trusts, self._trusted)

    def _taken(self) -> pycurl.Curl:
        try:
            curl = self._free.get_nowait()
        except queue.Empty:
            return pycurl.Curl()
        # Forgets what was set, keeps the open connection.
        curl.reset()
        return curl

    def _give_back(self, curl: pycurl.Curl) -> None:
        try:
            self._free.put_nowait(curl)
        except queue.Full:
            curl.close()

    def close(self) -> None:
        """Close the connections that nobody uses just now."""
        while True:
            try:
                self._free.get_nowait().close()
            except queue.Empty:
                return


def _written(headers: Mapping[str, str]) -> list[str]:
    # Long bodies would else wait to be invited.
    return [*(f"{name}: {value}" for name, value in headers.items()), "expect:"]


def _warnings(lines: list[bytes]) -> list[str]:
    found = [line for line in lines if line[: len(_WARNING)].lower() == _WARNING]
    return [line[len(_WARNING) :].decode("latin-1").strip() for line in found]


def _translated(error: pycurl.error) -> Exception:
    code, reason = error.args[0], str(error)
    if code == pycurl.E_OPERATION_TIMEDOUT:
        return ConnectionTimeout("TIMEOUT", reason, error)
    return (SSLError if code in _NOT_TRUSTED else NoConnection)("N/A", reason, error)
