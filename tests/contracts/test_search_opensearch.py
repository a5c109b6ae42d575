"""The promises of search engines, kept by a real OpenSearch, and what only a server can do."""

import uuid

import pytest

from search.backends.opensearch import OpenSearchBackend
from tests.contracts.test_search_backends import SearchBackendContract
from tests.servers.opensearch import running


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running(tmp_path_factory.mktemp("opensearch")) as server:
        yield server


@pytest.fixture
def url(server):
    return f"{server.url}/t{uuid.uuid4().hex}".replace("http://", "opensearch+http://")


@pytest.fixture
def backend(url):
    engine = OpenSearchBackend(url=url)
    engine.ensure_ready()
    yield engine
    engine.close()


class TestOpenSearch(SearchBackendContract):
    pass
