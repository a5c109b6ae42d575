"""Use cases: what people and programs may do with assets. HTTP is not known here."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import IO, TYPE_CHECKING, Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files import File
from django.db import transaction
from django.utils import timezone

from labelling import selectors as labels
from labelling import services as labelling
from labelling.models import Analysis
from labelling.services import KeptAnswer
from medialib import assets, intake, pipeline, selectors, steps, storage
from medialib.exceptions import Conflict, Outdated
from medialib.intake import Details as Details
from medialib.models import Asset, Step, User
from medialib.models.asset import new_id
from medialib.undo import on_failure

if TYPE_CHECKING:
    from django.db.models import QuerySet

_STOPPED = "The conversion was stopped on request. The original is kept and can be tried again."


def create_asset(
    *,
    owner: User,
    file: IO[bytes] | File[bytes],
    filename: str,
    details: Details | None = None,
    force: bool = False,
    answer: IO[bytes] | None = None,
    priority: int = 0,
) -> Asset:
    """Keep a file as a new asset and start its road; every door of the library ends here.

    `answer` is a recorded labelling answer for the same file. Raises Refused (not media: nothing
    is kept), TooLarge, Duplicate (unless `force`), StorageUnavailable or StorageFull.
    """
    details = details or Details()
    digest = intake.digest_of(file)
    kind = intake.kind_of(digest.head)
    intake.refuse_over_quota(owner, digest.size)
    if not force:
        intake.refuse_duplicate(owner, sha256=digest.sha256)
    asset = intake.new_asset(new_id(), owner, kind, filename, digest, details=details)
    with (
        _kept_answer(asset, answer, filename=filename) as kept,
        on_failure(partial(storage.delete, asset.original_name)),
    ):
        # Bytes first, rows after: a crash in between leaves an orphan that the sweep removes.
        file.seek(0)
        storage.write_file(asset.original_name, file)
        _insert(asset, details, kept=kept, force=force, priority=priority)
    return asset


def begin_reference(
    asset: Asset, *, details: Details, filename: str, answer: IO[bytes] | None = None
) -> None:
    """Insert an asset whose original stays where it is, and start its road; raises Duplicate."""
    with _kept_answer(asset, answer, filename=filename) as kept:
        _insert(asset, details, kept=kept)


def _insert(
    asset: Asset,
    details: Details,
    *,
    kept: KeptAnswer | None,
    force: bool = False,
    priority: int = 0,
) -> None:
    with transaction.atomic():
        intake.insert(asset, details, force=force)
        if kept is not None:
            labelling.add_answer(asset, kept)
        pipeline.begin(asset, priority=priority)


@contextmanager
def _kept_answer(
    asset: Asset, answer: IO[bytes] | None, *, filename: str
) -> Iterator[KeptAnswer | None]:
    """Keep a recorded answer, unless what follows fails."""
    if answer is None:
        yield None
        return
    kept = labelling.keep_answer(asset, answer, filename=f"{filename}.json")
    with on_failure(partial(storage.delete, kept.raw_name)):
        yield kept


def update_asset(
    asset: Asset,
    *,
    actor: User,
    changes: dict[str, Any],
    expected: Collection[str] | None = None,
) -> Asset:
    """Change title, description, keywords or visibility; search hears of it after the commit.

    Raises Outdated when the asset is in none of the versions that are `expected`.
    """
    with transaction.atomic():
        asset = _locked(asset, expected)
        if "title" in changes:
            asset.title = intake.line(changes["title"], limit=300)
        if "description" in changes:
            asset.description = changes["description"].replace("\x00", "")[:10_000]
        if "visibility" in changes:
            asset.visibility = intake.visibility(changes["visibility"])
        asset.save(update_fields=["title", "description", "visibility", "updated_at"])
        if "keywords" in changes:
            assets.set_keywords(asset, changes["keywords"])
        assets.note("asset.changed", asset, actor=actor, fields=sorted(changes))
        index_again(asset)
    return Asset.objects.get(pk=asset.pk)


def _locked(asset: Asset, expected: Collection[str] | None) -> Asset:
    asset = Asset.objects.select_for_update().get(pk=asset.pk)
    if expected is not None and selectors.version_of(asset) not in expected:
        raise Outdated
    return asset


def index_again(asset: Asset) -> None:
    """Put an asset into search again."""
    with transaction.atomic():
        assets.touch_index(asset.pk)
        steps.add(asset.pk, Step.Kind.INDEX)


def trash_asset(asset: Asset, *, actor: User, expected: Collection[str] | None = None) -> None:
    """Put an asset into the trash: gone for everyone at once, restorable for a while.

    Raises Outdated when the asset is in none of the versions that are `expected`.
    """
    with transaction.atomic():
        _locked(asset, expected)
        Asset.objects.filter(pk=asset.pk, deleted_at=None).update(deleted_at=timezone.now())
        work = (Step.Kind.PREPARE, Step.Kind.CONVERT, Step.Kind.ANALYSE, Step.Kind.PICTURES)
        steps.cancel(asset.pk, kinds=work)
        assets.note("asset.trashed", asset, actor=actor)
        index_again(asset)


def restore_asset(asset: Asset, *, actor: User) -> Asset:
    """Take an asset out of the trash, going on where its work was stopped."""
    with transaction.atomic():
        Asset.objects.filter(pk=asset.pk).update(deleted_at=None)
        assets.note("asset.restored", asset, actor=actor)
        asset = Asset.objects.get(pk=asset.pk)
        if asset.state == Asset.State.PREPARING:
            pipeline.begin(asset)
        elif asset.state == Asset.State.LABELLING:
            pipeline.after_prepare(asset)
        index_again(asset)
    return asset


def label_again(
    asset: Asset,
    *,
    actor: User,
    features: Iterable[str] = ("labels",),
    backend: str | None = None,
) -> list[Analysis]:
    """Queue new analyses; what is found now stays in search until they have succeeded."""
    if asset.state in (Asset.State.PREPARING, Asset.State.REJECTED, Asset.State.FAILED):
        raise Conflict("This can be labelled once it is prepared.")
    with transaction.atomic():
        if labelling.open_analyses(asset):
            raise Conflict("This is being labelled already.")
        queued = labelling.queue_analyses(asset, features=tuple(features), backend=backend)
        assets.set_state(asset, Asset.State.LABELLING)
        assets.note("asset.labelling", asset, actor=actor, features=list(features))
        for analysis in queued:
            pipeline.add_analysis_step(analysis)
    return queued


def import_answer(
    asset: Asset, file: IO[bytes], *, filename: str, actor: User | None = None
) -> Analysis:
    """Bring in a labelling answer that was paid for elsewhere; nothing is paid again."""
    if asset.state in (Asset.State.PREPARING, Asset.State.REJECTED, Asset.State.FAILED):
        raise Conflict("An answer can be imported once the asset is prepared.")
    analysis = labelling.import_answer(asset, file, filename=filename, actor=actor)
    with transaction.atomic():
        assets.set_state(asset, Asset.State.LABELLING)
        assets.note("asset.labelling", asset, actor=actor, answer=assets.clean_filename(filename))
        pipeline.add_analysis_step(analysis, priority=1)
    return analysis


def retry_asset(asset: Asset, *, actor: User) -> None:
    """Try again what failed on our side: preparation, or else the failed analyses."""
    with transaction.atomic():
        if asset.state == Asset.State.FAILED:
            assets.set_state(asset, Asset.State.PREPARING)
            assets.note("asset.retried", asset, actor=actor)
            pipeline.begin(asset, priority=1)
            return
    label_again(asset, actor=actor)


def retry_step(step: Step, *, actor: User) -> None:
    """Try a failed step again, by the door that its kind belongs to."""
    if step.kind == Step.Kind.INDEX:
        index_again(step.asset)
    elif step.kind in (Step.Kind.PICTURES, Step.Kind.PURGE):
        steps.add(step.asset_id, step.kind, priority=1)
    else:
        retry_asset(step.asset, actor=actor)


def cancel_analysis(analysis: Analysis, *, actor: User) -> None:
    """Stop an analysis that has not ended; what was found before stays."""
    with transaction.atomic():
        labelling.cancel_analysis(str(analysis.pk))
        steps.cancel(analysis.asset_id, kinds=(Step.Kind.ANALYSE, Step.Kind.COLLECT))
        assets.note("analysis.cancelled", analysis.asset, actor=actor)
        index_again(analysis.asset)


def cancel_conversion(asset: Asset, *, actor: User) -> None:
    """Stop preparing or converting; the original stays and can be tried again."""
    with transaction.atomic():
        if not steps.cancel(asset.pk, kinds=(Step.Kind.PREPARE, Step.Kind.CONVERT)):
            raise Conflict("Nothing of this is being converted.")
        assets.set_state(asset, Asset.State.FAILED, code="cancelled", detail=_STOPPED)
        assets.note("asset.cancelled", asset, actor=actor)


def purge_due() -> int:
    """Start the final removal of what lay long enough in the trash or was rejected; how many."""
    now = timezone.now()
    trash = now - timedelta(days=settings.MEDIALIB_TRASH_DAYS)
    rejected = now - timedelta(days=settings.MEDIALIB_REJECTED_DAYS)
    due: QuerySet[Asset] = Asset.objects.filter(deleted_at__lt=trash) | Asset.objects.filter(
        state=Asset.State.REJECTED, updated_at__lt=rejected
    )
    count = 0
    for asset_id in due.values_list("pk", flat=True):
        steps.add(asset_id, Step.Kind.PURGE)
        count += 1
    return count


@dataclass(frozen=True, slots=True)
class Orphan:
    """A stored object that no row names; size in bytes."""

    name: str
    size: int


def find_orphans(*, older_than: timedelta = timedelta(days=1)) -> Iterator[Orphan]:
    """Find objects that no row names, as a crash leaves them; young ones may get theirs yet."""
    cutoff = timezone.now() - older_than
    for folder in ("assets/", "analyses/"):
        of_asset, known = "", frozenset[str]()
        for name, size in storage.list_names(folder):
            asset_id = name.split("/")[1]
            if asset_id != of_asset:
                of_asset, known = asset_id, _known_names(asset_id)
            if name in known or storage.modified_at(name) > cutoff:
                continue
            # Asked once more: the row may have come after the names were read.
            if name not in _known_names(asset_id):
                yield Orphan(name, size)


def sweep_orphans(*, older_than: timedelta = timedelta(days=1)) -> list[Orphan]:
    """Remove the objects that no row names; gives what was removed."""
    swept = []
    for orphan in find_orphans(older_than=older_than):
        storage.delete(orphan.name)
        swept.append(orphan)
    return swept


def _known_names(asset_id: str) -> frozenset[str]:
    try:
        asset = Asset.objects.get(pk=asset_id)
    except (Asset.DoesNotExist, ValidationError):
        return frozenset()
    return frozenset((*assets.object_names(asset), *labels.object_names(asset)))
