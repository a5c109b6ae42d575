"""A real OpenSearch for each file of tests, an engine on it, and a library that can be asked."""

import io
import uuid

import pytest

from medialib import services, tokens, uploads
from medialib.http.scopes import SCOPES
from medialib.models import Delivery, Webhook
from search.backends.opensearch import OpenSearchBackend
from tests import samples
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


@pytest.fixture
def there(boss, library, settings, drain):
    """A library with something in it: gives ids to put into addresses, and a token."""
    settings.MEDIALIB_RATE_PER_TOKEN = settings.MEDIALIB_RATE_PER_ADDRESS = 0
    # Names of hosts would be looked up for webhooks.
    settings.MEDIALIB_WEBHOOK_NETWORKS = []
    asset = services.create_asset(
        owner=boss,
        file=io.BytesIO(samples.clip()),
        filename="clip.mp4",
        answer=io.BytesIO(samples.answer([(0, "Car", 90.0)])),
    )
    drain()
    webhook = Webhook.objects.create(owner=boss, url="https://example.org/", secret="x")
    ids = {
        "asset_id": asset.pk,
        "analysis_id": asset.analyses.get().pk,
        "upload_id": uploads.begin(boss, uploads.Announced("b.mp4", 5000)).pk,
        "webhook_id": webhook.pk,
        "delivery_id": Delivery.objects.create(webhook=webhook, event=asset.events.first()).pk,
    }
    token = tokens.make(boss, name="schema", scopes=SCOPES)
    return {name: str(value) for name, value in ids.items()}, token
