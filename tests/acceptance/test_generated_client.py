"""A typed client that a stock generator makes from the schema does the whole job on both shapes.

The schema is the one that the service itself hands out; a warning of the generator fails the test.
"""

from __future__ import annotations

import importlib
import json
import subprocess
import sys

import httpx
import pytest

from tests import production_shape, service
from tests.servers import long

ROAD = service.ROOT / "medialib" / "demo_data" / "road.mp4"
SHAPES = {"embedded": service.running, "production": production_shape.running}


@pytest.fixture(scope="module", params=["embedded", pytest.param("production", marks=long)])
def shape(request):
    return request.param


@pytest.fixture(scope="module")
def running(shape, tmp_path_factory):
    with SHAPES[shape](tmp_path_factory.mktemp(shape)) as started:
        yield started


@pytest.fixture(scope="module")
def name(running, shape, tmp_path_factory):
    """Generate the client as a package that can be imported; gives its name."""
    folder = tmp_path_factory.mktemp("generated")
    status, schema = running.call("GET", "/api/schema/?format=json")
    assert status == 200
    (folder / "schema.json").write_text(json.dumps(schema))
    # What the generator would tidy up afterwards is not looked at by anyone.
    (folder / "generator.yaml").write_text("post_hooks: []\n")
    package = f"client_of_the_{shape}_library"
    command = [sys.executable, "-m", "openapi_python_client", "generate", "--meta", "none"]
    command += ["--path", "schema.json", "--config", "generator.yaml", "--output-path", package]
    done = subprocess.run(
        [*command, "--fail-on-warning"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    sys.path.insert(0, str(folder))
    yield package
    sys.path.remove(str(folder))


@pytest.fixture
def client(running, name):
    made = importlib.import_module(name).AuthenticatedClient(running.url, running.token)
    with made as opened:
        yield opened


@pytest.fixture
def calls(name):
    """Give a function that finds an operation of the client, such as `calls("uploads_create")`."""

    def find(operation):
        group = operation.split("_")[0]
        return importlib.import_module(f"{name}.api.{group}.{operation}")

    return find


@pytest.fixture
def models(name):
    return importlib.import_module(f"{name}.models")


def sent(client, calls, models, path):
    """Send a file by the part protocol; gives its asset and where its first part went."""
    data = path.read_bytes()
    said = models.UploadCreateRequest(path.name, len(data), title="Two cars", keywords=["road"])
    upload = calls("uploads_create").sync(client=client, body=said)
    assert isinstance(upload, models.Upload), upload
    numbers = models.PartNumbersRequest(list(range(1, upload.part_count + 1)))
    parts = calls("uploads_parts").sync(upload.id, client=client, body=numbers)
    for part in parts:
        start = (part.number - 1) * upload.part_size
        piece = data[start : start + part.size]
        httpx.put(part.url, content=piece, headers=part.headers.to_dict()).raise_for_status()
    seen = calls("uploads_retrieve").sync(upload.id, client=client)
    assert seen.arrived_bytes == len(data)
    asset = calls("uploads_complete").sync(upload.id, client=client)
    assert isinstance(asset, models.Asset), asset
    return asset, parts[0].url


def ended(running, client, calls, models, asset_id):
    """Wait until all that was asked of an asset has ended; gives it."""

    def look():
        asset = calls("assets_retrieve").sync(asset_id, client=client)
        state = models.AssetStateEnum
        waits = asset.status.state in (state.PREPARING, state.LABELLING)
        return None if waits else asset

    return running.until(look)


def test_upload_wait_search_moments_delete(running, shape, client, calls, models):
    asset, first = sent(client, calls, models, ROAD)
    assert first.startswith(running.url) == (shape == "embedded"), "bytes go to the bucket itself"
    asset = ended(running, client, calls, models, asset.id)
    assert asset.status.state == models.AssetStateEnum.SEARCHABLE
    assert (asset.title, asset.kind) == ("Two cars", models.AssetKindEnum.VIDEO)
    assert asset.size == ROAD.stat().st_size
    # The index is asked at once; what it answers may be a moment old.
    found = running.until(
        lambda: [
            row
            for row in calls("search").sync(client=client, q="cars").results
            if row.asset.id == asset.id
        ]
    )
    [moment] = [one for one in found[0].moments if one.label == "Car"]
    assert 0 <= moment.start_ms < moment.end_ms <= asset.duration_ms
    stored = calls("assets_moments").sync(asset.id, client=client, label="Car").results
    assert (moment.start_ms, moment.end_ms) in [(one.start_ms, one.end_ms) for one in stored]
    assert all(isinstance(one, models.Moment) for one in stored)
    assert calls("assets_delete").sync_detailed(asset.id, client=client).status_code == 204
    gone = calls("assets_retrieve").sync(asset.id, client=client)
    assert isinstance(gone, models.Problem)
    assert (gone.status, gone.code) == (404, "not_found")
    running.until(lambda: calls("search").sync(client=client, q="cars").results == [])


def test_a_refusal_is_a_typed_problem(client, calls, models):
    said = models.UploadCreateRequest("notes.zip", 5_000, content_type="application/zip")
    refused = calls("uploads_create").sync(client=client, body=said)
    assert isinstance(refused, models.Problem)
    assert (refused.status, refused.code) == (422, "not_media")
