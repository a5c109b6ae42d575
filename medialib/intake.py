"""What every door does to let a file in: digest, limits, the rows of a new asset.

It starts no work: whoever inserts an asset begins its road in the same transaction.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING

from django.conf import settings
from django.core.files import File
from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from medialib import assets, references, selectors, storage
from medialib.exceptions import Duplicate, QuotaExceeded, Refused, TooLarge
from medialib.media import sniff
from medialib.models import Asset, Upload, User

if TYPE_CHECKING:
    from medialib.media.source import Source

HEAD_BYTES = 64 * 1024
_EDGE = 1024 * 1024
_CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Details:
    """What a person says of an asset when it is made; all of it may be left out."""

    title: str = ""
    description: str = ""
    keywords: tuple[str, ...] = ()
    visibility: str = ""
    source_ref: str = ""
    batch: uuid.UUID | None = None
    is_demo: bool = False


@dataclass(frozen=True, slots=True)
class Digest:
    """What tells files apart; `sha256` may be empty while nobody has read the whole file."""

    size: int
    sha256: str
    fingerprint: str
    head: bytes = field(repr=False)


def digest_of(file: IO[bytes] | File[bytes]) -> Digest:
    """Read a file once, in pieces; raises TooLarge as soon as it is."""
    file.seek(0)
    return _digest(iter(lambda: file.read(_CHUNK), b""))


def digest_of_source(source: Source) -> Digest:
    """Read a stored object once, in pieces."""
    return _digest(source.read_at(at, _CHUNK) for at in range(0, source.size, _CHUNK))


def digest_of_reference(source: Source) -> Digest:
    """Read beginning and end of an original that stays where it is; the worker reads all of it.

    `sha256` is empty for what is larger than both together.
    """
    check_size(source.size)
    if source.size <= 2 * _EDGE:
        return digest_of_source(source)
    first = source.read_at(0, _EDGE)
    last = source.read_at(source.size - _EDGE, _EDGE)
    fingerprint = fingerprint_of(source.size, first, last)
    return Digest(source.size, "", fingerprint, first[:HEAD_BYTES])


def _digest(chunks: Iterator[bytes]) -> Digest:
    sha256 = hashlib.sha256()
    size = 0
    first = last = b""
    for chunk in chunks:
        size += len(chunk)
        check_size(size)
        sha256.update(chunk)
        first = (first + chunk)[:_EDGE] if len(first) < _EDGE else first
        last = (last + chunk)[-_EDGE:]
    return Digest(size, sha256.hexdigest(), fingerprint_of(size, first, last), first[:HEAD_BYTES])


def fingerprint_of(size: int, first: bytes, last: bytes) -> str:
    """Make the fingerprint from a file's size, its first MiB and its last MiB."""
    return hashlib.sha256(str(size).encode() + first + last).hexdigest()


def check_size(size: int) -> None:
    """Raise TooLarge for a file larger than the library takes."""
    if size > settings.MEDIALIB_MAX_UPLOAD_BYTES:
        limit = settings.MEDIALIB_MAX_UPLOAD_BYTES / 1024**3
        raise TooLarge(
            f"This file is larger than the limit of {limit:g} GiB. Nothing was stored.",
            field="file",
        )


def kind_of(head: bytes) -> str:
    """Name what the first bytes promise, `photo` or `video`, or raise Refused."""
    kind = sniff.sniff(head)
    if kind is None:
        raise Refused(sniff.refusal(head), code="not_media", field="file")
    return kind


def refuse_over_quota(owner: User, size: int) -> None:
    """Raise QuotaExceeded when `size` more bytes are more than the owner may keep."""
    limit = settings.MEDIALIB_QUOTA_BYTES
    if not limit:
        return
    own = Asset.objects.filter(owner=owner).exclude(original_name__startswith=references.PREFIX)
    kept = own.aggregate(sum=Sum("size"))["sum"] or 0
    open_ = Upload.objects.filter(
        owner=owner, state=Upload.State.OPEN, expires_at__gt=timezone.now()
    )
    coming = open_.aggregate(sum=Sum("size"))["sum"] or 0
    if kept + coming + size > limit:
        left = max(0, limit - kept - coming) / 1024**2
        raise QuotaExceeded(
            f"Your originals may take {limit / 1024**3:g} GiB in all; {left:,.0f} MiB are left. "
            "Nothing was stored.",
            code="quota",
            field="file",
        )


def refuse_duplicate(owner: User, *, sha256: str) -> None:
    """Raise Duplicate when the owner has a file of these bytes already."""
    # Asked twice for each file, so no more is read than what its name is made of.
    twins = selectors.duplicates(owner_id=owner.pk, sha256=sha256)
    if twin := twins.only("title", "original_filename").first():
        raise Duplicate(f"You have this file already, as “{twin}”.", asset_id=str(twin.pk))


def refuse_known_fingerprint(owner: User, *, fingerprint: str) -> None:
    """Raise Duplicate when the owner has a file of this fingerprint: size, beginning and end."""
    found = selectors.find_fingerprint(owner_id=owner.pk, fingerprint=fingerprint)
    if found is not None:
        raise Duplicate(f"You have this file already, as “{found}”.", asset_id=str(found.pk))


def new_asset(
    asset_id: uuid.UUID,
    owner: User,
    kind: str,
    filename: str,
    digest: Digest,
    *,
    details: Details,
    name: str = "",
) -> Asset:
    """Make the row of an asset, unsaved; `name` is where its bytes lie already, if they do."""
    asset = Asset(
        id=asset_id,
        owner=owner,
        kind=kind,
        title=line(details.title, limit=300),
        description=details.description.replace("\x00", "")[:10_000],
        original_filename=assets.clean_filename(filename),
        original_name=name or assets.new_key(asset_id),
        size=digest.size,
        sha256=digest.sha256,
        fingerprint=digest.fingerprint,
        source_ref=_kept_whole(details.source_ref),
        batch=details.batch,
        is_demo=details.is_demo,
    )
    if details.visibility:
        asset.visibility = visibility(details.visibility)
    return asset


def _kept_whole(place: str) -> str:
    """Give where a file came from, or raise Refused: a part of it could be another file's."""
    if len(place) > references.MAX_PLACE:
        raise Refused("This path is too long to be kept. Nothing was stored.", code="path_too_long")
    return place


def insert(asset: Asset, details: Details, *, force: bool) -> None:
    """Insert an asset's rows; call it in a transaction. Raises Duplicate unless `force`."""
    # One at a time for each owner: two doors can't let the same bytes in at once.
    User.objects.select_for_update().only("pk").get(pk=asset.owner_id)
    if not force and asset.sha256:
        refuse_duplicate(asset.owner, sha256=asset.sha256)
    asset.save(force_insert=True)
    if details.keywords:
        assets.set_keywords(asset, details.keywords)
    assets.note("asset.created", asset, actor=asset.owner, filename=asset.original_filename)


def line(text: str, *, limit: int) -> str:
    """Give text as one line of at most `limit` characters."""
    return " ".join(text.replace("\x00", "").split())[:limit]


def visibility(value: str) -> str:
    """Check a visibility by name, or raise Refused."""
    if value not in Asset.Visibility.values:
        names = ", ".join(Asset.Visibility.values)
        raise Refused(f"Visibility is one of {names}.", code="invalid", field="visibility")
    return value


def settle_digest(asset: Asset) -> Refused | None:
    """Keep the digests of an original that came in parts; says why if it can't stay.

    A file that the owner has already, or whose bytes are not those announced, can't.
    """
    if asset.sha256:
        return None
    with storage.open_source(asset.original_name) as source:
        digest = digest_of_source(source)
    upload = Upload.objects.filter(asset=asset).first()
    if upload and upload.sha256 not in ("", digest.sha256):
        return Refused(
            "The bytes that arrived are not those that were announced; send the file again.",
            code="checksum",
        )
    return _settle(asset, digest, force=bool(upload and upload.fields.get("force")))


def _settle(asset: Asset, digest: Digest, *, force: bool) -> Refused | None:
    with transaction.atomic():
        User.objects.select_for_update().get(pk=asset.owner_id)
        row = Asset.objects.filter(pk=asset.pk)
        twin = selectors.find_duplicate(owner_id=asset.owner_id, sha256=digest.sha256, but=asset.pk)
        if twin is not None and not force:
            row.update(duplicate_of=twin)
            return Refused(f"You have this file already, as “{twin}”.", code="duplicate")
        row.update(sha256=digest.sha256, fingerprint=digest.fingerprint)
    asset.refresh_from_db(fields=["sha256", "fingerprint"])
    return None
