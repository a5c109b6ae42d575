"""The one AWS session and client factory. Credentials come from boto3's own chain."""

from __future__ import annotations

from functools import cache
from typing import Any

import boto3
from botocore.config import Config

_RETRIES = {"mode": "standard", "total_max_attempts": 3}


@cache
def _session() -> boto3.session.Session:
    return boto3.session.Session()


def client(service: str, *, endpoint_url: str | None = None, read_timeout: float = 30.0) -> Any:
    """Make a client of an AWS service with explicit time-outs (seconds) and retries."""
    config = Config(connect_timeout=5, read_timeout=read_timeout, retries=_RETRIES)
    return _session().client(service, endpoint_url=endpoint_url, config=config)
