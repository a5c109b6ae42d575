"""A real OpenSearch, one for each file of tests, and an engine with an index of its own on it."""

import uuid

import pytest

from search.backends.opensearch import OpenSearchBackend
from tests.servers.opensearch import NEWEST, running


@pytest.fixture(scope="module")
def server(request, tmp_path_factory):
    """A server of the release that the file names as RELEASE."""
    release = getattr(request.module, "RELEASE", NEWEST)
    with running(tmp_path_factory.mktemp("opensearch"), release=release) as server:
        yield server


@pytest.fixture
def url(server):
    return f"{server.url}/t{uuid.uuid4().hex}".replace("http://", "opensearch+http://")


@pytest.fixture
def missing(url):
    engine = OpenSearchBackend(url=url)
    yield engine
    engine.close()


@pytest.fixture
def backend(missing):
    missing.ensure_ready()
    return missing
