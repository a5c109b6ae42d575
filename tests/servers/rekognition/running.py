"""Everything around the double for a test: S3, the double over it, the service's variables."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.servers import versitygw
from tests.servers.rekognition.clock import Clock
from tests.servers.rekognition.double import Double
from tests.servers.rekognition.media import Bucket
from tests.servers.rekognition.server import serving


@dataclass(frozen=True, slots=True)
class Cloud:
    """A double and the S3 server that it reads from."""

    double: Double
    url: str
    gateway: versitygw.Gateway

    @property
    def environment(self) -> dict[str, str]:
        """Give the variables that make a service use both."""
        return {
            **self.gateway.environment,
            "MEDIALIB_STORAGE": "s3://media/library",
            "MEDIALIB_LABELLING": "rekognition",
            "MEDIALIB_REKOGNITION_ENDPOINT": self.url,
            "MEDIALIB_REKOGNITION_POLL_SECONDS": "0.5",
        }


@contextlib.contextmanager
def cloud(folder: Path, *, speed: float = 1.0) -> Iterator[Cloud]:
    """Start S3 in a folder and the double over it, until the block ends."""
    with versitygw.running(folder) as gateway:
        keys = {"key": versitygw.KEY, "secret": versitygw.SECRET}
        bucket = Bucket(gateway.url, region=gateway.region, **keys)
        double = Double(gateway.region, bucket, Clock(speed))
        double.registry.load_all()
        with serving(double) as server:
            yield Cloud(double, server.url, gateway)
