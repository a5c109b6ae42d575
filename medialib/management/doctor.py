"""Looks at every part of this installation and says what is wrong and what to do. Repairs nothing.

What is Amazon's is looked at by `doctor_aws`.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator

from celery import current_app
from django.conf import settings
from django.core import checks
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from kombu.exceptions import OperationalError

from labelling.backends import get_backend
from labelling.costs import month_to_date
from medialib import pulses, steps, storage
from medialib.exceptions import MedialibError
from medialib.management import doctor_aws, doctor_drops, doctor_references
from medialib.management.findings import BAD, NOTE, OK, Finding, Look
from search import services as search


def examine() -> Iterator[Finding]:
    """Look at one part after the other; a part that breaks while it is looked at is a finding."""
    looks: dict[str, Look] = {
        "settings": _settings,
        "data folder": _data_folder,
        "database": _database,
        "queue": _queue,
        "workers": _workers,
        "search": _search,
        "storage": _storage,
        "labelling": _labelling,
    }
    further = {**doctor_references.looks(), **doctor_aws.looks(), **doctor_drops.looks()}
    for part, look in {**looks, **further}.items():
        try:
            yield from look()
        except DatabaseError as error:
            yield Finding(part, BAD, _line(error), "manage.py migrate, then look again.")
        except (MedialibError, OperationalError, OSError) as error:
            yield Finding(part, BAD, _line(error), "Start what does not answer, then look again.")


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__


def _settings() -> Iterator[Finding]:
    """Run Django's own checks and ours."""
    serious = [found for found in checks.run_checks() if found.level >= checks.ERROR]
    for found in serious:
        yield Finding("settings", BAD, str(found.msg), str(found.hint or ""))
    if not serious:
        yield Finding("settings", OK, "Every value is one that works.")


def _data_folder() -> Iterator[Finding]:
    folder = settings.MEDIALIB_DATA_DIR
    probe = folder / f".doctor-{secrets.token_hex(4)}"
    try:
        probe.write_text("")
        probe.unlink()
    except OSError as error:
        cure = f"Give this account the right to write {folder}, or set MEDIALIB_DATA_DIR."
        yield Finding("data folder", BAD, f"It can't be written ({error.strerror}).", cure)
        return
    key = folder / "secret-key"
    if key.exists() and key.stat().st_mode & 0o077:
        yield Finding("data folder", BAD, "Others may read the secret key.", f"chmod 600 {key}")
    free = shutil.disk_usage(folder).free
    words = f"{folder} can be written; {free / 1024**3:.1f} GiB are free."
    if free < settings.MEDIALIB_MIN_FREE_BYTES:
        cure = "Free some space: uploads stop below MEDIALIB_MIN_FREE_BYTES."
        yield Finding("data folder", BAD, words, cure)
    else:
        yield Finding("data folder", OK, words)


def _database() -> Iterator[Finding]:
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if missing:
        words = f"{len(missing)} changes of the tables are not made yet."
        yield Finding("database", BAD, words, "manage.py migrate")
    else:
        yield Finding("database", OK, f"{connection.vendor} answers; its tables are up to date.")


def _queue() -> Iterator[Finding]:
    url = settings.CELERY_BROKER_URL
    if url.startswith("filesystem"):
        yield from _queue_folder()
    else:
        with current_app.connection_for_write(url) as broker:
            broker.ensure_connection(max_retries=1, timeout=5)
        yield Finding("queue", OK, "The broker answers.")


def _workers() -> Iterator[Finding]:
    """Say whom nobody has heard of; that all are silent is no fault: the service is not running."""
    signs = pulses.signs()
    silent = [part for part in pulses.PROCESSES if not signs[part].is_fresh]
    if len(silent) == len(pulses.PROCESSES):
        open_steps = sum(steps.backlog().values())
        words = f"No worker has been heard of; {open_steps} steps are to be done."
        yield Finding("queue", NOTE, words, "Start the service: manage.py serve (or the workers).")
        return
    for part in silent:
        cure = f"serve or its container prints why; start the {part.label.lower()} again."
        yield Finding("workers", BAD, f"{part.label}: {_last(signs[part])}.", cure)
    if not silent:
        yield Finding("workers", OK, "Heavy worker, light worker and scheduler are at work.")


def _last(sign: pulses.Sign) -> str:
    if sign.seen_at is None:
        return "not heard of yet"
    return f"not heard of since {sign.seen_at:%Y-%m-%d %H:%M:%S} UTC"


def _queue_folder() -> Iterator[Finding]:
    folder = str(settings.CELERY_BROKER_TRANSPORT_OPTIONS["data_folder_in"])
    if os.access(folder, os.W_OK | os.X_OK):
        yield Finding("queue", OK, "Messages are files in the data folder.")
    else:
        cure = "Give this account the right to write it."
        yield Finding("queue", BAD, f"{folder} can't be written.", cure)


def _search() -> Iterator[Finding]:
    found = search.health()
    count = f"{found['assets']:,} assets with {found['moments']:,} moments"
    yield Finding("search", OK, f"{found['backend']} answers: {count}.")


def _storage() -> Iterator[Finding]:
    if not storage.on_disk():
        return
    name = f"doctor/{secrets.token_hex(8)}"
    try:
        storage.write_bytes(name, b"doctor")
        storage.read_range(name, 0, 6)
    finally:
        storage.delete(name)
    yield Finding("storage", OK, f"Media lie in {settings.MEDIA_ROOT}.")


def _labelling() -> Iterator[Finding]:
    backend = get_backend()
    count = backend.labels()
    words = f"{len(count)} labels" if count else "no end of labels"
    yield Finding("labelling", OK, f"New assets go to “{backend.name}” ({words}).")
    if backend.paid and not month_to_date().has_cap:
        cure = "Set a cap: manage.py costs --cap 50, or on the costs page."
        yield Finding("labelling", BAD, "Nothing paid runs: the library has no cap.", cure)
