"""Requests to a search server, carried by libcurl. The server here does as it is told."""

from __future__ import annotations

import contextlib
import datetime
import http.server
import ipaddress
import json
import os
import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from opensearchpy.exceptions import (
    ConnectionTimeout,
    NotFoundError,
    OpenSearchWarning,
    SSLError,
)

from medialib.exceptions import SearchUnavailable
from search.backends.opensearch.client import Address, Clients
from search.backends.opensearch.connection import CurlConnection
from tests.servers.ports import free_port
from tests.servers.serving import served


@dataclass
class _Server:
    """What has come in, and how it is answered: by default with what was sent."""

    port: int = 0
    status: int = 200
    answer: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    hangs_up: bool = False
    # Answers wait for this.
    go: threading.Event = field(default_factory=threading.Event)
    connections: int = 0
    calls: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    told: _Server

    def setup(self) -> None:
        self.told.connections += 1
        super().setup()

    def _any(self) -> None:
        told = self.told
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        told.calls.append((self.command, self.path, headers, body))
        told.go.wait(20)
        answer = body if told.answer is None else told.answer
        self.send_response(told.status)
        for name, value in told.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json; charset=UTF-8")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer)
        # Without a word, as a server does that has been asked nothing for a while.
        self.close_connection = self.close_connection or told.hangs_up

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _any

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


class _Listening(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Say nothing of clients that went away: some of these do."""


@contextlib.contextmanager
def _serving(context: ssl.SSLContext | None = None) -> Iterator[_Server]:
    server = _Server()
    server.go.set()
    handler = type("Handler", (_Handler,), {"told": server})
    listening = _Listening(("127.0.0.1", 0), handler)
    if context is not None:
        listening.socket = context.wrap_socket(
            listening.socket, server_side=True, do_handshake_on_connect=False
        )
    server.port = listening.server_port
    with served(listening):
        try:
            yield server
        finally:
            server.go.set()


@pytest.fixture
def server() -> Iterator[_Server]:
    with _serving() as started:
        yield started


@pytest.fixture
def clients(server: _Server) -> Iterator[Clients]:
    made = Clients(Address.parse(f"opensearch+http://jo:p%40ss@127.0.0.1:{server.port}/library"))
    yield made
    made.close()


def _connection(port: int, **how: object) -> CurlConnection:
    return CurlConnection(host="127.0.0.1", port=port, **how)


def test_what_is_asked_arrives_and_the_answer_comes_back(server, clients):
    body = {"query": {"term": {"title": "Élan"}}}
    assert clients.reader.search(index="library-assets", body=body, params={"size": 3}) == body
    ((method, path, headers, sent),) = server.calls
    assert (method, path) == ("POST", "/library-assets/_search?size=3")
    assert json.loads(sent) == body
    assert headers["content-type"] == "application/json"
    assert headers["authorization"] == "Basic am86cEBzcw=="


def test_one_connection_serves_one_thread(server, clients):
    for _ in range(5):
        clients.reader.search(body={})
    assert (len(server.calls), server.connections) == (5, 1)


def test_a_connection_that_was_given_up_is_opened_anew(server, clients):
    server.hangs_up = True
    for number in range(5):
        assert clients.reader.search(body={"from": number}) == {"from": number}
    assert (len(server.calls), server.connections) == (5, 5)


def test_each_thread_gets_its_own_answer(clients):
    def ask(number: int) -> bool:
        return bool(clients.reader.search(body={"from": number}) == {"from": number})

    with ThreadPoolExecutor(24) as threads:
        assert all(threads.map(ask, range(400)))


def test_a_long_body_goes_at_once(server):
    connection = _connection(server.port)
    body = b"x" * 3_000_000
    assert connection.perform_request("POST", "/_bulk", body=body)[2] == body
    connection.close()
    ((_, _, headers, _),) = server.calls
    assert "expect" not in headers


def test_nothing_is_kept_from_the_request_before(server):
    connection = _connection(server.port)
    connection.perform_request("POST", "/_bulk", body=b"{}", headers={"x-first": "yes"})
    connection.perform_request("GET", "/_alias")
    connection.perform_request("HEAD", "/_alias/library")
    connection.perform_request("POST", "/_refresh")
    connection.perform_request("DELETE", "/library")
    connection.close()
    assert [(method, body) for method, _, _, body in server.calls] == [
        ("POST", b"{}"),
        ("GET", b""),
        ("HEAD", b""),
        ("POST", b""),
        ("DELETE", b""),
    ]
    assert ["x-first" in headers for _, _, headers, _ in server.calls] == [True] + 4 * [False]
    assert server.connections == 1


def test_a_refusal_is_told_by_its_kind(server, clients):
    server.status = 404
    server.answer = json.dumps({"error": {"type": "index_not_found_exception"}}).encode()
    with pytest.raises(NotFoundError) as refused:
        clients.reader.search(body={})
    assert (refused.value.status_code, refused.value.error) == (404, "index_not_found_exception")
    assert clients.reader.indices.exists_alias(name="library") is False


def test_what_the_server_warns_of_is_passed_on(server, clients):
    server.headers = {"Warning": '299 OpenSearch-3.8 "this is going away"'}
    with pytest.warns(OpenSearchWarning, match="this is going away"):
        clients.reader.search(body={})


def test_a_server_that_is_too_slow_is_not_waited_for(server):
    server.go.clear()
    connection = _connection(server.port, timeout=0.2)
    with pytest.raises(ConnectionTimeout):
        connection.perform_request("GET", "/")
    server.go.set()
    assert connection.perform_request("GET", "/")[0] == 200
    connection.close()


def test_a_server_that_is_away_is_told_without_secrets():
    clients = Clients(Address.parse(f"opensearch+http://jo:secret@127.0.0.1:{free_port()}/library"))
    with pytest.raises(SearchUnavailable, match="can't be reached") as away, clients.translated():
        clients.reader.search(body={})
    assert "secret" not in str(away.value)


def test_proxies_of_the_surroundings_are_not_asked(server, monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    connection = _connection(server.port)
    assert connection.perform_request("GET", "/")[0] == 200
    connection.close()


def test_only_a_trusted_certificate_is_talked_to(tmp_path, monkeypatch):
    certificate, key = _certificate(tmp_path, ipaddress.ip_address("127.0.0.1"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with _serving(context) as server:
        stranger = _connection(server.port, use_ssl=True)
        with pytest.raises(SSLError):
            stranger.perform_request("GET", "/")
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        known = _connection(server.port, use_ssl=True)
        assert known.perform_request("GET", "/")[0] == 200
        elsewhere = CurlConnection(host="localhost", port=server.port, use_ssl=True)
        with pytest.raises(SSLError):
            elsewhere.perform_request("GET", "/")
        assert len(server.calls) == 1
        known.close()


def test_a_child_does_not_close_what_its_parent_talks_through(server, clients, monkeypatch):
    clients.reader.search(body={})
    parent = os.getpid()
    monkeypatch.setattr(os, "getpid", lambda: parent + 1)
    clients.reader.search(body={})
    clients.close()
    monkeypatch.undo()
    clients.reader.search(body={})
    assert server.connections == 2


def _certificate(folder: Path, address: ipaddress.IPv4Address) -> tuple[Path, Path]:
    """Make a certificate for an address, signed by itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "search")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(address)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, secret = folder / "certificate.pem", folder / "key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return certificate, secret
