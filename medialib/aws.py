"""The one AWS session and client factory. Credentials come from boto3's own chain."""

from __future__ import annotations

import contextlib
import os
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from medialib.exceptions import StorageUnavailable, Wait

_DENIED = frozenset(
    ("AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation", "403")
)
# A server that gives no answer at all.
UNREACHABLE = (BotoCoreError,)
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


@contextlib.contextmanager
def outages(what: str) -> Iterator[None]:
    """Turn errors of Amazon's library into Wait("provider"), for calls that may wait."""
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        message = f"{what} can't be reached ({type(error).__name__}: {error})"[:300]
        raise Wait("provider", seconds=30, detail=message) from error


def storage_config(*, addressing_style: str) -> Config:
    """Configure how media storage talks to a bucket: time-outs, retries, signatures."""
    return Config(
        connect_timeout=5,
        read_timeout=30,
        retries={"mode": "standard", "total_max_attempts": 3},
        s3={"addressing_style": addressing_style},
        signature_version="s3v4",
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


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call came to: the answer, or the provider's error code with its words."""

    value: dict[str, Any]
    code: str = ""
    message: str = ""

    @property
    def ok(self) -> bool:
        """Tell whether the call was answered."""
        return not self.code

    @property
    def is_denied(self) -> bool:
        """Tell whether a permission is missing."""
        return self.code in _DENIED


def ask(client: Any, operation: str, **wanted: Any) -> Answer:
    """Make one call, for those who want to know what would go wrong instead of an exception.

    `operation` is the client's method, such as `get_caller_identity`. A server that can't be
    reached has the code `Unreachable`, missing credentials `NoCredentials`.
    """
    try:
        return Answer(getattr(client, operation)(**wanted))
    except ClientError as error:
        told = error.response.get("Error", {})
        return Answer(error.response, str(told.get("Code") or "?"), str(told.get("Message", "")))
    except NoCredentialsError as error:
        return Answer({}, "NoCredentials", str(error))
    except BotoCoreError as error:
        return Answer({}, "Unreachable", str(error))


def regions_of(service: str) -> list[str]:
    """List the regions that have a service, as far as the installed library knows."""
    return sorted(_session().get_available_regions(service))


def bucket_client(bucket: str, *, endpoint: str = "") -> Any:
    """Give a client for one bucket, in the bucket's own region, whichever that is.

    `endpoint` is the address of a server that is not Amazon's.
    """
    return regional_client(endpoint, "" if endpoint else _region_of(bucket))


@cache
def regional_client(endpoint: str, region: str) -> Any:
    """Give the one client of S3, safe for all threads, at an endpoint ("" for Amazon's) or region.

    Without a region it is that of the environment.
    """
    config = storage_config(addressing_style="path" if endpoint else "virtual")
    with _making:
        return _session().client(
            "s3",
            endpoint_url=endpoint or None,
            # Amazon's library itself knows the older name of this variable only.
            region_name=region or os.environ.get("AWS_REGION") or None,
            config=config,
        )


@cache
def _region_of(bucket: str) -> str:
    # The answer names the region also to those who may not look at the bucket.
    found = ask(regional_client("", ""), "head_bucket", Bucket=bucket)
    headers: dict[str, str] = found.value.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    if not headers:
        # Not kept: the next call asks again.
        raise StorageUnavailable(f"The bucket {bucket} does not answer ({found.code}).")
    return headers.get("x-amz-bucket-region", "")


def forget_clients() -> None:
    """Forget session and clients: the next ones are made of the credentials as they are then."""
    for kept in (_session, regional_client, _region_of, queue_client):
        kept.cache_clear()
