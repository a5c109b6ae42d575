"""Reads the environment for settings.py: typed variables, the data folder, the secret key."""

from __future__ import annotations

import ipaddress
import os
import secrets
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

env = environ.Env()
_DATA_FOLDERS = ("broker/queue", "broker/control", "cache", "media", "search", "static", "tmp")


def data_dir(default: Path) -> Path:
    """Make the folder of everything the embedded service keeps, and say plainly if that fails."""
    path = Path(env.str("MEDIALIB_DATA_DIR", default=str(default))).resolve()
    try:
        for name in _DATA_FOLDERS:
            (path / name).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ImproperlyConfigured(
            f"The data folder {path} can't be written ({error.strerror}). "
            "Set MEDIALIB_DATA_DIR to a folder that this account may write."
        ) from None
    return path


def secret_key(folder: Path) -> str:
    """Return the secret key: the variable's, or one made once and kept for this account only."""
    given: str = env.str("MEDIALIB_SECRET_KEY", default="")
    if given:
        return given
    path = folder / "secret-key"
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        key = path.read_text().strip()
        if not key:
            raise ImproperlyConfigured(
                f"The secret key file {path} is empty: delete it to have a new one made."
            ) from None
        return key
    with os.fdopen(handle, "w") as file:
        key = secrets.token_urlsafe(50)
        file.write(key)
    return key


def network_list(name: str) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    """Read a comma-separated list of networks such as 10.0.0.0/8."""
    try:
        return [ipaddress.ip_network(item, strict=False) for item in env.list(name, default=[])]
    except ValueError as error:
        raise ImproperlyConfigured(
            f"{name} must list networks such as 10.0.0.0/8: {error}"
        ) from None


# Operation → what is counted, and which price holds for one.
_METERS = {
    "DetectLabels": ("image", "image"),
    "DetectLabels:IMAGE_PROPERTIES": ("image", "image_properties"),
    "DetectModerationLabels": ("image", "image"),
    "DetectText": ("image", "image"),
    "DetectFaces": ("image", "image"),
    "RecognizeCelebrities": ("image", "image"),
    "StartLabelDetection": ("minute", "video_minute"),
    "StartContentModeration": ("minute", "video_minute"),
    "StartTextDetection": ("minute", "video_minute"),
    "StartFaceDetection": ("minute", "video_minute"),
    "StartCelebrityRecognition": ("minute", "video_minute"),
    "StartSegmentDetection": ("minute", "segment_minute"),
}


def price_table(**prices: str) -> dict[str, tuple[str, Decimal]]:
    """Turn prices in US dollars into what one unit of each operation costs: (unit, price)."""
    amounts = {}
    for name, text in prices.items():
        try:
            amounts[name] = Decimal(text)
        except InvalidOperation:
            amounts[name] = Decimal("NaN")
        if not amounts[name].is_finite() or amounts[name] < 0:
            variable = f"MEDIALIB_PRICE_{name.upper()}"
            raise ImproperlyConfigured(f"{variable} must be a price in US dollars such as 0.10.")
    return {operation: (unit, amounts[name]) for operation, (unit, name) in _METERS.items()}


def search_options(value: str, path: Path) -> dict[str, Any]:
    """Turn MEDIALIB_SEARCH (`sqlite` or opensearch+https://…) into an entry of SEARCH_BACKENDS."""
    if value.startswith(("opensearch+http://", "opensearch+https://")):
        return {
            "BACKEND": "search.backends.opensearch.OpenSearchBackend",
            "OPTIONS": {"url": value},
        }
    return {"BACKEND": "search.backends.sqlite.SqliteBackend", "OPTIONS": {"path": path}}


def rekognition_options() -> dict[str, Any]:
    """Read how Amazon Rekognition is asked; the defaults are its own smallest quotas."""
    return {
        "region": env.str("MEDIALIB_REKOGNITION_REGION", default="")
        or env.str("AWS_REGION", default=""),
        "endpoint": env.str("MEDIALIB_REKOGNITION_ENDPOINT", default=""),
        "jobs": env.int("MEDIALIB_REKOGNITION_JOBS", default=20),
        "jobs_reserved": env.int("MEDIALIB_REKOGNITION_JOBS_RESERVED", default=2),
        "calls_per_second": (
            env.float("MEDIALIB_REKOGNITION_STARTS_PER_SECOND", default=5.0),
            env.float("MEDIALIB_REKOGNITION_READS_PER_SECOND", default=5.0),
            env.float("MEDIALIB_REKOGNITION_PHOTOS_PER_SECOND", default=5.0),
        ),
        "poll_seconds": env.float("MEDIALIB_REKOGNITION_POLL_SECONDS", default=5.0),
        "deadline_hours": env.float("MEDIALIB_REKOGNITION_DEADLINE_HOURS", default=24.0),
        "min_confidence": env.float("MEDIALIB_REKOGNITION_MIN_CONFIDENCE", default=50.0),
        "labels": env.list("MEDIALIB_REKOGNITION_LABELS", default=[]),
        "without_labels": env.list("MEDIALIB_REKOGNITION_WITHOUT_LABELS", default=[]),
        "categories": env.list("MEDIALIB_REKOGNITION_CATEGORIES", default=[]),
        "without_categories": env.list("MEDIALIB_REKOGNITION_WITHOUT_CATEGORIES", default=[]),
        "image_properties": env.bool("MEDIALIB_REKOGNITION_IMAGE_PROPERTIES", default=False),
        "topic": env.str("MEDIALIB_NOTICES_TOPIC_ARN", default=""),
        "role": env.str("MEDIALIB_NOTICES_ROLE_ARN", default=""),
    }


def reference_roots() -> list[str]:
    """Read the folders in which originals may lie that are kept by reference."""
    roots = [os.path.expanduser(root) for root in env.list("MEDIALIB_REFERENCE_ROOTS", default=[])]
    wrong = next((root for root in roots if not os.path.isabs(root) or root == os.sep), None)
    if wrong is not None:
        raise ImproperlyConfigured(
            f"MEDIALIB_REFERENCE_ROOTS must list whole paths of folders, parted by commas: {wrong}"
        )
    return roots


def reference_buckets() -> list[str]:
    """Read the buckets, with or without a folder, of originals that are kept by reference."""
    given: list[str] = env.list("MEDIALIB_REFERENCE_BUCKETS", default=[])
    return [entry.removeprefix("s3://").strip("/") for entry in given if entry.strip("/")]


def storage_options(value: str, media_root: Path) -> dict[str, Any]:
    """Turn MEDIALIB_STORAGE (`disk` or `s3://bucket/prefix`) into a STORAGES entry."""
    if value == "disk":
        return {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": str(media_root), "base_url": None},
        }
    if not value.startswith("s3://") or not value[5:].strip("/"):
        raise ImproperlyConfigured("MEDIALIB_STORAGE must be 'disk' or 's3://bucket/prefix'.")
    bucket, _, prefix = value[5:].strip("/").partition("/")
    endpoint = env.str("MEDIALIB_S3_ENDPOINT", default="") or None
    # Only who uses a bucket pays for Amazon's libraries.
    from medialib.aws import storage_config

    return {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "bucket_name": bucket,
            "location": prefix,
            "region_name": env.str("AWS_REGION", default="") or None,
            "endpoint_url": endpoint,
            # The regional host: the global one answers with redirects in newer regions.
            "client_config": storage_config(addressing_style="path" if endpoint else "virtual"),
            "default_acl": None,
            "file_overwrite": False,
            "querystring_auth": True,
        },
    }
