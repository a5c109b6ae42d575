"""Use cases of uploads in parts: begin, ask for addresses, look, complete, give up, sweep."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import partial

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from medialib import assets, intake, parts, pipeline, storage
from medialib.exceptions import Conflict, Missing, Refused
from medialib.intake import Details, Digest
from medialib.models import Asset, Upload, User
from medialib.models.asset import new_id
from medialib.undo import on_failure

_MAX_OPEN = 200
_HEX = re.compile(r"[0-9a-f]{64}")
_MEDIA = re.compile(r"(image|video)/|application/(octet-stream|mxf|x-matroska|ogg)\Z|\Z", re.I)


@dataclass(frozen=True, slots=True)
class Announced:
    """What a client says of a file before it sends the first byte."""

    filename: str
    size: int
    content_type: str = ""
    sha256: str = ""
    fingerprint: str = ""


def plan_of(upload: Upload) -> parts.Plan:
    """Say how an upload is cut into parts."""
    return parts.Plan(
        upload=str(upload.pk),
        name=upload.name,
        size=upload.size,
        part_size=upload.part_size,
        provider_id=upload.provider_upload_id,
    )


def begin(
    owner: User, announced: Announced, *, details: Details | None = None, force: bool = False
) -> Upload:
    """Open an upload. What can be known to be refused is refused here, before anything is sent.

    Raises TooLarge, QuotaExceeded, Refused, Duplicate (sha256 or fingerprint known, unless
    `force`), StorageFull or StorageUnavailable.
    """
    details = details or Details()
    _check(owner, announced, force=force)
    upload_id = new_id()
    upload = Upload(
        id=upload_id,
        owner=owner,
        filename=assets.clean_filename(announced.filename),
        size=announced.size,
        content_type=announced.content_type[:100],
        sha256=announced.sha256.lower(),
        fingerprint=announced.fingerprint.lower(),
        part_size=parts.part_size_for(announced.size),
        name=assets.new_key(upload_id),
        fields=_fields(details, force=force),
        expires_at=_expiry(),
    )
    upload.provider_upload_id = parts.begin(plan_of(upload))
    with on_failure(partial(parts.discard, plan_of(upload))):
        upload.save(force_insert=True)
    return upload


def _check(owner: User, announced: Announced, *, force: bool) -> None:
    if announced.size <= 0:
        raise Refused("This file is empty. Nothing was stored.", code="not_media", field="size")
    intake.check_size(announced.size)
    if not _MEDIA.match(announced.content_type):
        raise Refused(
            f"This is not a video or a photo ({announced.content_type[:60]}).",
            code="not_media",
            field="content_type",
        )
    for field in ("sha256", "fingerprint"):
        value = getattr(announced, field).lower()
        if value and not _HEX.fullmatch(value):
            raise Refused("Give 64 hexadecimal digits.", code="invalid", field=field)
    intake.refuse_over_quota(owner, announced.size)
    if Upload.objects.filter(owner=owner, state=Upload.State.OPEN).count() >= _MAX_OPEN:
        raise Conflict(f"You have {_MAX_OPEN} unfinished uploads: complete or delete some first.")
    if announced.sha256 and not force:
        intake.refuse_duplicate(owner, sha256=announced.sha256.lower())
    if announced.fingerprint and not force:
        intake.refuse_known_fingerprint(owner, fingerprint=announced.fingerprint.lower())


def _fields(details: Details, *, force: bool) -> dict[str, object]:
    if details.visibility:
        intake.visibility(details.visibility)
    said = asdict(details)
    said["keywords"] = list(details.keywords)
    said["batch"] = str(details.batch) if details.batch else None
    return said | {"force": force}


def _details(upload: Upload) -> tuple[Details, bool]:
    said = dict(upload.fields)
    force = bool(said.pop("force", False))
    said["keywords"] = tuple(said.get("keywords", ()))
    said["batch"] = uuid.UUID(said["batch"]) if said.get("batch") else None
    return Details(**said), force


def _expiry() -> datetime:
    return timezone.now() + timedelta(hours=settings.MEDIALIB_UPLOAD_HOURS)


def get(upload_id: uuid.UUID, *, owner: User) -> Upload:
    """Give one of the owner's uploads; other people's are Missing."""
    upload = Upload.objects.filter(pk=upload_id, owner=owner).first()
    if upload is None or upload.state == Upload.State.ABANDONED:
        raise Missing
    return upload


def addresses(upload: Upload, numbers: Iterable[int]) -> list[tuple[int, str | None]]:
    """Give where each part goes: a presigned address, or None where it comes to us.

    Asking shows that somebody is still at it, so the upload is kept longer.
    """
    _must_be_open(upload)
    plan = plan_of(upload)
    found = [(number, parts.address(plan, number)) for number in dict.fromkeys(numbers)]
    Upload.objects.filter(pk=upload.pk).update(expires_at=_expiry())
    return found


def _must_be_open(upload: Upload) -> None:
    if upload.state != Upload.State.OPEN:
        raise Conflict("This upload is complete already.")


def arrived(upload: Upload) -> list[int]:
    """List the numbers of the parts that are there, as storage itself says."""
    if upload.state == Upload.State.COMPLETE:
        return list(range(1, plan_of(upload).count + 1))
    return parts.arrived(plan_of(upload))


def complete(upload: Upload) -> Asset:
    """Make the asset of an upload whose parts are all there; asked twice, it answers the same.

    Raises Conflict (parts are missing), Refused (not media, other bytes than announced: nothing
    is kept) or Duplicate.
    """
    if upload.asset is not None:
        return upload.asset
    _must_be_open(upload)
    plan = plan_of(upload)
    details, force = _details(upload)
    parts.finish(plan)
    try:
        digest = _digest(upload, plan)
        kind = intake.kind_of(digest.head)
        if upload.sha256 and not force:
            intake.refuse_duplicate(upload.owner, sha256=upload.sha256)
        asset = intake.new_asset(
            upload.pk, upload.owner, kind, upload.filename, digest, details=details, name=plan.name
        )
        return _insert(upload, asset, details, force=force)
    except Refused:
        abandon(upload)
        raise


def _digest(upload: Upload, plan: parts.Plan) -> Digest:
    """Check the announced digest where the file is at hand; in a bucket the worker does it."""
    if not (upload.sha256 and storage.on_disk()):
        head = parts.head(plan, intake.HEAD_BYTES)
        return Digest(upload.size, "", upload.fingerprint, head)
    with storage.open_source(plan.name) as source:
        digest = intake.digest_of_source(source)
    if digest.sha256 != upload.sha256:
        raise Refused(
            "The bytes that arrived are not those that were announced. Nothing was stored.",
            code="checksum",
            field="sha256",
        )
    return digest


def _insert(upload: Upload, asset: Asset, details: Details, *, force: bool) -> Asset:
    with transaction.atomic():
        row = Upload.objects.select_for_update().get(pk=upload.pk)
        if row.asset is not None:
            return row.asset
        intake.insert(asset, details, force=force)
        row.asset, row.state = asset, Upload.State.COMPLETE
        row.save(update_fields=["asset", "state"])
        pipeline.begin(asset)
    return asset


def abandon(upload: Upload) -> None:
    """Give an upload up and remove what has arrived of it; a complete one is left alone."""
    rows = Upload.objects.filter(pk=upload.pk, state=Upload.State.OPEN)
    if rows.update(state=Upload.State.ABANDONED):
        parts.discard(plan_of(upload))


def sweep() -> int:
    """Remove uploads that nobody came back to, and what crashes left of others; how many."""
    now = timezone.now()
    removed = 0
    for upload in Upload.objects.filter(state=Upload.State.OPEN, expires_at__lt=now):
        abandon(upload)
        removed += 1
    Upload.objects.exclude(state=Upload.State.OPEN).filter(expires_at__lt=now).delete()
    field = "pk" if storage.on_disk() else "provider_upload_id"
    rows = Upload.objects.filter(state=Upload.State.OPEN).values_list(field, flat=True)
    known = {str(value) for value in rows}
    return removed + parts.sweep(known=known, older_than=now - timedelta(days=1))
