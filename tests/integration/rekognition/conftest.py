"""The double over moto's S3, and the library's steps run in the test's own thread."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import boto3
import pytest
from django.core.files.storage import storages

from labelling import backends, budget
from labelling import services as labelling
from labelling.models import Analysis
from medialib import pipeline, storage
from medialib.environment import storage_options
from medialib.models import Asset, Step
from medialib.models.asset import new_id
from tests import samples
from tests.servers.rekognition.clock import Clock
from tests.servers.rekognition.double import Double
from tests.servers.rekognition.media import Bucket
from tests.servers.rekognition.server import serving

REGION = "eu-central-1"
SECONDS = 3.0
TOPIC = f"arn:aws:sns:{REGION}:123456789012:notices"
ROLE = "arn:aws:iam::123456789012:role/rekognition"
_KINDS = (Step.Kind.ANALYSE, Step.Kind.COLLECT)


@dataclass
class Cloud:
    """The double, moto's address, and what the tests do with a library that uses both."""

    double: Double
    moto: str
    url: str
    owner: Any
    configure: Callable[..., None]

    def client(self, service: str) -> Any:
        return boto3.client(service, endpoint_url=self.moto, region_name=REGION)

    def asset(self, kind: str = "video", *, owner: Any = None, data: bytes | None = None) -> Asset:
        """Keep media as preparation leaves it."""
        video = kind == "video"
        if data is None:
            data = samples.clip(seconds=SECONDS) if video else samples.photo(size=(640, 480))
        asset_id = new_id()
        name = f"assets/{asset_id}/{new_id().hex}"
        storage.write_bytes(name, data)
        return Asset.objects.create(
            id=asset_id,
            owner=owner or self.owner,
            kind=kind,
            original_filename="a.mp4" if video else "a.jpg",
            original_name=name,
            size=len(data),
            duration_ms=int(SECONDS * 1000) if video else 0,
            width=320 if video else 640,
            height=180 if video else 480,
            state=Asset.State.LABELLING,
        )

    def queue(self, asset: Asset) -> Analysis:
        [analysis] = labelling.queue_analyses(asset, backend="rekognition")
        pipeline.add_analysis_step(analysis)
        return analysis

    def step(self) -> bool:
        """Run one ready step of labelling; False if there is none."""
        step = Step.objects.filter(state=Step.State.READY, kind__in=_KINDS).first()
        if step is not None:
            pipeline.run_step(step.pk)
        return step is not None

    def wait(self) -> bool:
        """Let the time pass that waiting steps wait for; False if there is none."""
        waiting = Step.objects.filter(state=Step.State.WAITING, kind__in=_KINDS)
        self.double.clock.skip(30)
        return bool(waiting.update(state=Step.State.READY, waiting_for="", next_try_at=None))

    def finish(self, *analyses: Analysis, limit: int = 300) -> None:
        """Run and wait until all labelling has ended."""
        for _ in range(limit):
            if not self.step() and not self.wait():
                break
        else:
            raise AssertionError("It does not end.")
        for analysis in analyses:
            analysis.refresh_from_db()

    def paid(self, operation: str) -> int:
        return [name for name, _ in self.double.paid].count(operation)


@pytest.fixture
def configure(settings: Any) -> Iterator[Callable[..., None]]:
    """Change the backend's options."""

    def change(**options: Any) -> None:
        entry = settings.LABELLING_BACKENDS["rekognition"]
        changed = {**entry, "OPTIONS": {**entry["OPTIONS"], **options}}
        settings.LABELLING_BACKENDS = {**settings.LABELLING_BACKENDS, "rekognition": changed}
        backends._load.cache_clear()

    yield change
    backends._load.cache_clear()


@pytest.fixture
def cloud(
    library: Any,
    user: Any,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    moto_url: str,
    configure: Callable[..., None],
) -> Iterator[Cloud]:
    """A library with its media in S3 and a cap, and the double over the same bucket."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test-double")
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(name, REGION)
    monkeypatch.setenv("MEDIALIB_S3_ENDPOINT", moto_url)
    bucket = f"media-{new_id().hex}"
    s3 = boto3.client("s3", endpoint_url=moto_url, region_name=REGION)
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    options = storage_options(f"s3://{bucket}/library", library)
    settings.STORAGES = {**settings.STORAGES, "default": options}
    settings.MEDIALIB_LABELLING = "rekognition"
    budget.set_cap(budget.LIBRARY, "month", Decimal(1000), actor=None)
    keys = {"key": "test-double", "secret": "test-double"}
    double = Double(REGION, Bucket(moto_url, region=REGION, **keys), Clock())
    double.quotas = {}
    with serving(double) as server:
        configure(region=REGION, endpoint=server.url, calls_per_second=(0, 0, 0), poll_seconds=0.01)
        yield Cloud(double, moto_url, server.url, user, configure)
    s3.close()
    assert storages is not None
