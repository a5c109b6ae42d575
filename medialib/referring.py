"""Use cases of originals that stay where they are: taking them in, noticing that one is lost.

Reading them is storage's work; nothing here or anywhere writes, moves or removes one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import IO, TYPE_CHECKING

from labelling import selectors as labels
from medialib import assets, intake, references, selectors, services, storage
from medialib.exceptions import StorageUnavailable
from medialib.intake import Details
from medialib.models import Asset, User
from medialib.models.asset import new_id

if TYPE_CHECKING:
    from django.db.models import QuerySet


def create_reference(
    *,
    owner: User,
    place: str,
    filename: str,
    details: Details | None = None,
    answer: IO[bytes] | None = None,
) -> Asset:
    """Keep a file as a new asset and leave it where it is; nothing ever writes or removes it.

    `place` is an absolute path, or s3://bucket/key, where the settings allow it. Raises as
    `create_asset` does, and OriginalLost. A file that the owner has already by a reference that
    can't be read any more mends that reference, and is a Duplicate all the same.
    """
    details = details or Details()
    asset_id = new_id()
    name = storage.take_reference(asset_id, place)
    with storage.open_source(name) as source:
        digest = intake.digest_of_reference(source)
        kind = intake.kind_of(digest.head)
        twin = selectors.find_fingerprint(owner_id=owner.pk, fingerprint=digest.fingerprint)
        if twin is not None:
            # Same size, beginning and end: whether all of it is the same must be read.
            digest = intake.digest_of_source(source)
    # What was read is what the name says, also when somebody was writing it meanwhile.
    storage.check_reference(name)
    if digest.sha256:
        _refuse_twin(owner, digest.sha256, place)
    asset = intake.new_asset(asset_id, owner, kind, filename, digest, details=details, name=name)
    services.begin_reference(asset, details=details, filename=filename, answer=answer)
    return asset


def _refuse_twin(owner: User, sha256: str, place: str) -> None:
    """Raise Duplicate for bytes the owner has; a reference to them that is lost is mended."""
    twin = selectors.find_duplicate(owner_id=owner.pk, sha256=sha256)
    if twin is not None and twin.is_reference:
        notice_original(twin)
        if twin.code in references.LOST_CODES:
            twin.original_name = storage.take_reference(twin.pk, place)
            twin.save(update_fields=["original_name"])
            notice_original(twin)
    intake.refuse_duplicate(owner, sha256=sha256)


def notice_original(asset: Asset) -> None:
    """Keep on an asset whether its original, if it lies outside the library, can be read."""
    settled = asset.state in (Asset.State.LABELLING, Asset.State.SEARCHABLE)
    if not (asset.is_reference and settled):
        return
    try:
        storage.check_reference(asset.original_name)
    except references.OriginalLost as lost:
        if asset.code != lost.code:
            assets.set_trouble(asset, code=lost.code, detail=lost.detail)
    except StorageUnavailable:
        # Nobody knows now: what was known stays.
        return
    else:
        if asset.code in references.LOST_CODES:
            assets.set_trouble(asset, code="", detail=labels.failure_sentence(asset))


def notice_originals() -> None:
    """Look at every original that stays in a folder outside the library.

    Objects in buckets are looked at when somebody opens them: each look there costs money.
    """
    columns = ("state", "code", "detail", "original_name")
    for asset in _outside().only(*columns).iterator():
        if storage.on_disk(asset.original_name):
            notice_original(asset)


def _outside() -> QuerySet[Asset]:
    return Asset.objects.filter(original_name__startswith=references.PREFIX, deleted_at=None)


@dataclass(frozen=True, slots=True)
class Lost:
    """An asset whose original can't be read where it was, and why."""

    asset: Asset
    place: str
    sentence: str


def count_references() -> int:
    """Count the assets whose original lies outside the library."""
    return _outside().count()


def find_lost(*, most: int) -> Iterator[Lost]:
    """Look at the originals outside the library, `most` of them; gives those that are lost."""
    for asset in islice(_outside().iterator(), most):
        try:
            storage.check_reference(asset.original_name)
        except (references.OriginalLost, StorageUnavailable) as error:
            yield Lost(asset, references.parse(asset.original_name).place, error.detail)
