"""A real S3 server for tests: versitygw over a folder. Found on the PATH or where Go installs."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.servers import require
from tests.servers.ports import await_port, free_port

KEY, SECRET = "versity-key", "versity-secret"
_HELP = (
    "versitygw is not here: `go install github.com/versity/versitygw/cmd/versitygw@latest` "
    "puts it where this test looks (PATH, GOBIN, ~/go/bin)."
)


@dataclass(frozen=True, slots=True)
class Gateway:
    """A running server."""

    url: str
    region: str

    @property
    def environment(self) -> dict[str, str]:
        """Give the variables that a service needs to use it."""
        return {
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "MEDIALIB_S3_ENDPOINT": self.url,
        }

    def client(self) -> Any:
        """Make a client of it."""
        import boto3
        from botocore.config import Config

        return boto3.session.Session().client(
            "s3",
            endpoint_url=self.url,
            region_name=self.region,
            aws_access_key_id=KEY,
            aws_secret_access_key=SECRET,
            config=Config(s3={"addressing_style": "path"}),
        )


def program() -> str | None:
    """Find the server's program."""
    folders = [os.environ.get("GOBIN", ""), str(Path.home() / "go" / "bin")]
    found = shutil.which("versitygw")
    return found or shutil.which("versitygw", path=os.pathsep.join(filter(None, folders)))


@contextlib.contextmanager
def running(
    folder: Path, *, region: str = "eu-central-1", buckets: tuple[str, ...] = ("media",)
) -> Iterator[Gateway]:
    """Serve buckets out of a folder until the block ends; skips the test where it is not there."""
    path = program()
    require(path, _HELP)
    assert path is not None
    port = free_port()
    keys = ("--access", KEY, "--secret", SECRET, "--region", region)
    # Attributes beside the files: temporary folders can't always hold extended ones.
    beside = folder / "attributes"
    beside.mkdir(parents=True)
    root = folder / "buckets"
    root.mkdir()
    process = subprocess.Popen(
        [
            *(path, "--quiet", "--port", f"127.0.0.1:{port}", *keys),
            *("posix", "--sidecar", str(beside), str(root)),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        await_port(port, process, name="versitygw")
        gateway = Gateway(f"http://127.0.0.1:{port}", region)
        client = gateway.client()
        for bucket in buckets:
            client.create_bucket(
                Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": region}
            )
        client.close()
        yield gateway
    finally:
        process.terminate()
        process.wait(timeout=20)
