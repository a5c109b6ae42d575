"""The one AWS session and client factory. Credentials come from boto3's own chain."""

from __future__ import annotations

import re
import threading
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config

# Making clients is the one thing a session can't do from several threads at once.
_making = threading.Lock()


@cache
def _session() -> boto3.session.Session:
    return boto3.session.Session()


def client(
    service: str,
    *,
    endpoint_url: str | None = None,
    region: str | None = None,
    read_timeout: float = 30.0,
    attempts: int = 3,
) -> Any:
    """Make a client of an AWS service with explicit time-outs (seconds) and number of attempts.

    Calls that cost money ask for one attempt: their repetition is decided where it is paid.
    """
    config = Config(
        connect_timeout=5,
        read_timeout=read_timeout,
        retries={"mode": "standard", "total_max_attempts": attempts},
    )
    with _making:
        return _session().client(
            service, endpoint_url=endpoint_url, region_name=region, config=config
        )


@cache
def queue_client(address: str) -> Any:
    """Make a client of the queue at this address: https://sqs.<region>.amazonaws.com/… or other."""
    parts = urlsplit(address)
    region = re.fullmatch(r"sqs\.([a-z0-9-]+)\.amazonaws\.com(\.cn)?", parts.hostname or "")
    return client(
        "sqs",
        # Amazon's own address follows from the region; another server's is the one given.
        endpoint_url=None if region else f"{parts.scheme}://{parts.netloc}",
        region=region.group(1) if region else None,
    )
