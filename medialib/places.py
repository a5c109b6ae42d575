"""Where an object lies, in a file or in a bucket, and the storages' errors in our words.

Reads and writes no bytes: storage does.
"""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.storage import FileSystemStorage, default_storage, storages

from medialib import references
from medialib.exceptions import Missing, StorageFull, StorageUnavailable
from medialib.references import is_reference

_MISSING = ("404", "NoSuchKey", "NoSuchUpload", "NotFound")


def on_disk(name: str = "") -> bool:
    """Tell whether what we store, or the object of this name, lies on a local disk."""
    if is_reference(name):
        return not references.parse(name).in_bucket
    return isinstance(storages["default"], FileSystemStorage)


def path_of(name: str) -> Path:
    """Give the local file of an object that lies on a disk; a reference is looked at first."""
    if is_reference(name):
        return references.path_of(references.parse(name))
    return Path(default_storage.path(name))


def head(name: str) -> Any:
    """Ask a bucket about an object, which for a reference must still be the same."""
    client, call = bucket_call(name)
    found = client.head_object(**call)
    if is_reference(name):
        references.check_tag(references.parse(name), found)
    return found


@contextlib.contextmanager
def translated(name: str) -> Iterator[None]:
    """Turn the storages' errors into ours at this edge, without keys or addresses in them."""
    try:
        yield
    except FileNotFoundError:
        raise _missing(name) from None
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFull from error
        raise StorageUnavailable(f"Storage did not answer ({error.strerror}).") from error
    except provider_errors(name) as error:
        if is_reference(name) and (lost := references.lost(_code(error))):
            raise lost from None
        if _code(error) in _MISSING:
            raise _missing(name) from None
        raise StorageUnavailable(f"Storage did not answer ({type(error).__name__}).") from error


def _missing(name: str) -> Missing:
    return (
        references.OriginalGone()
        if is_reference(name)
        else Missing(f"The stored file {name} is gone.")
    )


def provider_errors(name: str) -> tuple[type[Exception], ...]:
    """Name the exceptions of Amazon's library that reading or writing an object can end with."""
    if on_disk(name):
        return ()
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError

    return (BotoCoreError, ClientError, Boto3Error)


def _code(error: Exception) -> str:
    # A connection that broke has the attribute, too, with nothing in it.
    response = getattr(error, "response", None) or {}
    return str(response.get("Error", {}).get("Code", ""))


def bucket_call(name: str) -> tuple[Any, dict[str, str]]:
    """Give the bucket's client, and bucket and key of an object as arguments for its calls."""
    if is_reference(name):
        reference = references.parse(name)
        return references.client_of(reference), reference.call
    # Only who uses a bucket pays for Amazon's libraries.
    from medialib import aws

    storage: Any = default_storage
    # The storage's own client is one of its thread, and every web request is a thread of its own:
    # making a client takes a tenth of a second and 1.5 MB of Amazon's descriptions.
    client = aws.regional_client(storage.endpoint_url or "", storage.region_name or "")
    return client, {"Bucket": storage.bucket_name, "Key": storage._normalize_name(name)}


def bucket_endpoint() -> str:
    """Give the address of the bucket's server if it is not Amazon's, else nothing."""
    return "" if on_disk() else str(getattr(default_storage, "endpoint_url", None) or "")


def _endpoint(name: str) -> str:
    return settings.MEDIALIB_S3_ENDPOINT if is_reference(name) else bucket_endpoint()


@dataclass(frozen=True, slots=True)
class BucketObject:
    """Where a stored object lies in a bucket. `version` is empty where buckets keep only one."""

    bucket: str
    key: str
    region: str
    # Address of a server that is not Amazon's; empty for Amazon's own.
    endpoint: str
    version: str
    tag: str
    size: int


def in_bucket(name: str) -> BucketObject | None:
    """Say where an object lies in a bucket, or None on disk. Raises Missing."""
    if on_disk(name):
        return None
    with translated(name):
        client, call = bucket_call(name)
        found = head(name)
    # Of other people's buckets we may read the newest version only.
    version = "" if is_reference(name) else found.get("VersionId") or ""
    return BucketObject(
        bucket=call["Bucket"],
        key=call["Key"],
        region=client.meta.region_name,
        endpoint=_endpoint(name),
        version="" if version == "null" else version,
        tag=references.tag_of(found),
        size=found["ContentLength"],
    )
