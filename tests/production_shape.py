"""The production shape on this machine, chosen by environment only, for tests of whole stories.

PostgreSQL, Redis, OpenSearch and an S3 server are the real programs; Rekognition is the double,
so that nothing here proves what Amazon would answer. Starts them and asserts nothing itself.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests import postgres, service
from tests.servers import opensearch, require
from tests.servers.ports import await_port, free_port
from tests.servers.rekognition.running import Cloud, cloud


@dataclass(frozen=True, slots=True)
class Shape:
    """The servers around a service, and the variables that make it use them."""

    sky: Cloud
    environment: dict[str, str]


@contextlib.contextmanager
def servers(folder: Path, *, speed: float = 10.0) -> Iterator[Shape]:
    """Run every server until the block ends; skips the test where one is not installed.

    The double's clock goes `speed` times as fast as the wall's.
    """
    with (
        _redis(folder / "redis") as broker,
        cloud(folder / "cloud", speed=speed) as sky,
        postgres.server() as database,
        opensearch.running(folder / "opensearch") as engine,
    ):
        variables = {
            **sky.environment,
            "DATABASE_URL": database,
            "CELERY_BROKER_URL": f"{broker}/0",
            "MEDIALIB_CACHE_URL": f"{broker}/1",
            "MEDIALIB_SEARCH": f"opensearch+{engine.url}/story",
            "MEDIALIB_MEDIA_ORIGINS": sky.gateway.url,
            # Nothing on a local disk is asked for again, so the key does not lie there either.
            "MEDIALIB_SECRET_KEY": "a key for tests, known to everybody, 50 characters long",
        }
        yield Shape(sky, variables)


@contextlib.contextmanager
def running(folder: Path, *, cap: str = "5") -> Iterator[service.Service]:
    """Serve on all of them, with a cap of so many dollars for what the double bills."""
    with (
        servers(folder / "servers") as shape,
        service.running(folder / "service", **shape.environment) as started,
    ):
        started.manage("costs", "--cap", cap)
        yield started


@contextlib.contextmanager
def _redis(folder: Path) -> Iterator[str]:
    """Run a Redis of the test's own; gives its address without the number of a database."""
    program = shutil.which("redis-server")
    require(program, "Redis is not installed here (Debian: apt-get install redis-server).")
    folder.mkdir(parents=True)
    port = free_port()
    options = ("--bind", "127.0.0.1", "--save", "", "--dir", str(folder))
    process = subprocess.Popen(
        [str(program), "--port", str(port), *options], stdout=subprocess.DEVNULL
    )
    try:
        await_port(port, process, name="Redis")
        yield f"redis://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=20)
