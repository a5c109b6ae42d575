"""Talks to the server: one client for searches, a patient one for writing. Knows no documents.

The only module that meets the errors of OpenSearch's library; others see SearchUnavailable.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

import orjson
from django.core.exceptions import ImproperlyConfigured
from opensearchpy import OpenSearch
from opensearchpy.exceptions import (
    ConnectionError as NoConnection,
)
from opensearchpy.exceptions import (
    ConnectionTimeout,
    NotFoundError,
    OpenSearchException,
    SerializationError,
    TransportError,
)
from opensearchpy.serializer import JSONSerializer

from medialib.exceptions import SearchUnavailable
from search.backends.base import IndexMissing
from search.backends.opensearch.connection import CurlConnection

_READ_SECONDS = 2
_WRITE_SECONDS = 30
_RETRIES = 1
# Threads of a process that ask at the same time without opening connections anew.
_CONNECTIONS = 16
_SCHEMES = {"opensearch+http": ("http", 80), "opensearch+https": ("https", 443)}
_ADDRESS_HELP = (
    "MEDIALIB_SEARCH must look like opensearch+https://user:password@host:9200/prefix, "
    "with a prefix of lower-case letters, digits and hyphens."
)


@dataclass(frozen=True, slots=True)
class Address:
    """Where the server is, who asks, and what our indexes' names begin with."""

    scheme: str
    host: str
    port: int
    prefix: str
    user: str = ""
    password: str = ""

    @classmethod
    def parse(cls, url: str) -> Address:
        """Read `opensearch+https://user:password@host:9200/prefix`."""
        try:
            parts = urlsplit(url)
            given = parts.port
        except ValueError:
            raise ImproperlyConfigured(_ADDRESS_HELP) from None
        prefix = parts.path.strip("/") or "medialib"
        if parts.scheme not in _SCHEMES or not parts.hostname or not _is_prefix(prefix):
            raise ImproperlyConfigured(_ADDRESS_HELP)
        scheme, port = _SCHEMES[parts.scheme]
        return cls(
            scheme=scheme,
            host=parts.hostname,
            port=given or port,
            prefix=prefix,
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
        )


def _is_prefix(prefix: str) -> bool:
    return prefix[0].isalpha() and all(
        letter.isascii() and (letter.isdigit() or letter.islower() or letter == "-")
        for letter in prefix
    )


class _Json(JSONSerializer):
    """Reads and writes JSON four times as fast as the library's own way does."""

    def loads(self, s: str | bytes) -> Any:
        try:
            return orjson.loads(s)
        except orjson.JSONDecodeError as error:
            raise SerializationError(s, error) from error

    def dumps(self, data: Any) -> Any:
        # What is written already stays as it is, as the library's own does it.
        if isinstance(data, str | bytes):
            return data
        try:
            return orjson.dumps(data).decode()
        except orjson.JSONEncodeError as error:
            raise SerializationError(data, error) from error


class Clients:
    """The clients of one server; made when first needed, anew in a forked process."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._lock = threading.Lock()
        self._made: dict[tuple[int, int], OpenSearch] = {}

    @property
    def reader(self) -> OpenSearch:
        """The client for what a person waits for."""
        return self._client(_READ_SECONDS)

    @property
    def writer(self) -> OpenSearch:
        """The client for what may take its time."""
        return self._client(_WRITE_SECONDS)

    def _client(self, seconds: int) -> OpenSearch:
        key = (os.getpid(), seconds)
        with self._lock:
            if key not in self._made:
                self._made[key] = self._make(seconds)
            return self._made[key]

    def _make(self, seconds: int) -> OpenSearch:
        address = self._address
        return OpenSearch(
            hosts=[{"host": address.host, "port": address.port, "scheme": address.scheme}],
            http_auth=(address.user, address.password) if address.user else None,
            connection_class=CurlConnection,
            use_ssl=address.scheme == "https",
            timeout=seconds,
            max_retries=_RETRIES,
            pool_maxsize=_CONNECTIONS,
            retry_on_timeout=True,
            serializer=_Json(),
        )

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Turn the library's errors into SearchUnavailable, with a sentence without secrets."""
        where = f"{self._address.host}:{self._address.port}"
        try:
            yield
        except ConnectionTimeout as error:
            raise SearchUnavailable(
                f"The search server at {where} did not answer in time."
            ) from error
        except NoConnection as error:
            raise SearchUnavailable(f"The search server at {where} can't be reached.") from error
        except NotFoundError as error:
            if _kind(error) == "index_not_found_exception":
                raise IndexMissing from error
            raise SearchUnavailable(_refused(where, error)) from error
        except TransportError as error:
            raise SearchUnavailable(_refused(where, error)) from error
        except OpenSearchException as error:
            raise SearchUnavailable(
                f"The search server at {where} gave an answer that can't be read."
            ) from error

    def close(self) -> None:
        """Give connections back."""
        with self._lock:
            # A connection of the parent process must not even be let go of in a forked child.
            for mine in [key for key in self._made if key[0] == os.getpid()]:
                self._made.pop(mine).close()


def _kind(error: TransportError) -> str:
    return str(error.error)


def _refused(where: str, error: TransportError) -> str:
    return f"The search server at {where} refused with {error.status_code} ({_kind(error)})."


def error_kind(item: dict[str, Any]) -> str:
    """Name the error of one item of a bulk answer, "" if it went well."""
    error = item.get("error")
    return str(error.get("type", "error")) if isinstance(error, dict) else str(error or "")
