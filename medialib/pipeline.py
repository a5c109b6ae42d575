"""The one place that knows the order: prepare → convert → analyse → collect → pictures → index."""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.db import transaction

from labelling import selectors as labels
from labelling import services as labelling
from labelling.backends import get_backend
from labelling.models import Analysis
from medialib import assets, intake, pictures, preparing, steps, storage
from medialib.exceptions import (
    Missing,
    Refused,
    SearchUnavailable,
    StepFailed,
    StorageUnavailable,
    Wait,
)
from medialib.media.errors import CageCancelled, CageDied, MediaRejected
from medialib.models import Asset, Step
from medialib.steps import Lease
from search import services as search

log = logging.getLogger(__name__)
Kind = Step.Kind
MAX_ATTEMPTS = 3
# A reader or converter that died is started once more from scratch: it may have been bad luck.
MAX_CRASHES = 2
_LOST = (
    "The worker was lost three times while doing this. Your original is kept; "
    "try again, or look whether the machine has enough memory."
)
_BROKEN = "Something went wrong on our side. Your original is kept; please try again."


def begin(asset: Asset, *, priority: int = 0) -> None:
    """Start the road of a fresh asset; call it in the transaction that made the row."""
    steps.add(asset.pk, Kind.PREPARE, priority=priority)


def dispatch() -> int:
    """Send what is ready; steps whose worker was lost too often fail with a sentence."""
    for step in steps.expired():
        if steps.fail_hopeless(step, detail=_LOST):
            _after_failure(step, code="worker_lost", detail=_LOST)
    return steps.dispatch()


def run_step(step_id: int) -> None:
    """Take a step's lease, do its work and write down how it ended. Safe to call twice."""
    lease = steps.take(step_id)
    if lease is None:
        return
    with lease:
        _run(lease)


def _run(lease: Lease) -> None:
    try:
        _HANDLERS[Kind(lease.step.kind)](lease)
    except (Wait, SearchUnavailable, StorageUnavailable) as outage:
        _put_aside(lease, outage)
    except CageCancelled:
        _cancelled(lease)
    except (Refused, StepFailed, Missing) as error:
        _failed(lease, code=_code(error), detail=str(error))
    except CageDied as error:
        _retry(lease, code="cage_died", detail=str(error), most=MAX_CRASHES)
    except Exception:
        # The one broad except of the project: the step is marked, and the error goes on.
        _retry(lease, code="internal", detail=_BROKEN)
        raise
    else:
        lease.finish()


def _put_aside(lease: Lease, outage: Wait | SearchUnavailable | StorageUnavailable) -> None:
    if isinstance(outage, Wait):
        lease.wait(outage.waiting_for, seconds=outage.seconds, detail=outage.detail)
    elif isinstance(outage, SearchUnavailable):
        lease.wait(Step.WaitingFor.SEARCH, seconds=10, detail=outage.detail)
    else:
        lease.wait(Step.WaitingFor.STORAGE, seconds=30, detail=outage.detail)


def _code(error: Refused | StepFailed | Missing) -> str:
    return error.code if isinstance(error, Missing) else error.reason


def _retry(lease: Lease, *, code: str, detail: str, most: int = MAX_ATTEMPTS) -> None:
    """Try again from scratch a little later, `most` times in all."""
    if lease.step.attempts >= most:
        _failed(lease, code=code, detail=detail)
    else:
        lease.wait(Step.WaitingFor.RETRY, seconds=5 * 3**lease.step.attempts, detail="")


def _failed(lease: Lease, *, code: str, detail: str) -> None:
    if lease.fail(code=code, detail=detail):
        _after_failure(lease.step, code=code, detail=detail)


def _cancelled(lease: Lease) -> None:
    if lease.cancel() and lease.step.analysis_id:
        labelling.cancel_analysis(lease.step.analysis_id)
        _settle(lease.step.asset)


def _after_failure(step: Step, *, code: str, detail: str) -> None:
    """Bring the asset, or its analysis alone, to a clear state after a step failed for good."""
    asset = Asset.objects.get(pk=step.asset_id)
    if step.kind in (Kind.ANALYSE, Kind.COLLECT):
        labelling.fail_analysis(step.analysis_id, code=code, detail=detail)
        assets.note("analysis.failed", asset, code=code, detail=detail)
        _settle(asset)
    elif step.kind in (Kind.PREPARE, Kind.CONVERT):
        assets.set_state(asset, Asset.State.FAILED, code=code, detail=detail)
        assets.note("asset.failed", asset, code=code, detail=detail)
    else:
        log.error("Step %s of asset %s failed: %s", step.kind, asset.pk, detail)


def _settle(asset: Asset) -> None:
    """Send the asset to search: its index step also notices when all that was asked has ended."""
    assets.touch_index(asset.pk)
    steps.add(asset.pk, Kind.INDEX)


# ---- prepare and convert -----------------------------------------------------------------------


def _prepare(lease: Lease) -> None:
    asset = lease.step.asset
    if reason := intake.settle_digest(asset):
        _reject(asset, code=reason.reason, detail=reason.detail)
        return
    try:
        must_convert = preparing.prepare(asset)
    except MediaRejected as error:
        _reject(asset, code=error.reason, detail=error.detail)
        return
    if must_convert:
        steps.add(asset.pk, Kind.CONVERT, queue=Step.Queue.HEAVY, priority=lease.step.priority)
    else:
        after_prepare(asset)


def _reject(asset: Asset, *, code: str, detail: str) -> None:
    assets.set_state(asset, Asset.State.REJECTED, code=code, detail=detail)
    assets.note("asset.rejected", asset, code=code, detail=detail)


def _convert(lease: Lease) -> None:
    asset = lease.step.asset
    preparing.convert(asset, report=lease.report, cancelled=lease.cancelled)
    # The last look before it counts: who stopped it in its last seconds means it, too.
    lease.beat()
    if lease.cancelled():
        raise CageCancelled
    after_prepare(asset)


def after_prepare(asset: Asset) -> None:
    """Make a prepared asset findable by its words and queue what labelling was asked for."""
    with transaction.atomic():
        assets.set_state(asset, Asset.State.LABELLING)
        known = labels.has_analysis(asset)
        queued = labelling.open_analyses(asset) if known else labelling.queue_analyses(asset)
        for analysis in queued:
            add_analysis_step(analysis)
        steps.add(asset.pk, Kind.INDEX)


def add_analysis_step(analysis: Analysis, *, priority: int = 0) -> None:
    """Make the first step of an analysis ready, on the queue that its backend asks for."""
    if analysis.raw_name:
        steps.add(analysis.asset_id, Kind.COLLECT, analysis_id=str(analysis.pk), priority=priority)
        return
    queue = get_backend(analysis.backend).queue
    steps.add(
        analysis.asset_id,
        Kind.ANALYSE,
        analysis_id=str(analysis.pk),
        queue=queue,
        priority=priority,
    )


# ---- analyse, collect, pictures, index ----------------------------------------------------------


def _analyse(lease: Lease) -> None:
    step = lease.step
    labelling.run_analysis(
        step.analysis_id,
        on_progress=lease.report,
        cancelled=lease.cancelled,
        priority=step.priority,
    )
    # What runs is finished before more is begun: a provider's slot comes free by collecting.
    priority = step.priority + 1
    steps.add(step.asset_id, Kind.COLLECT, analysis_id=step.analysis_id, priority=priority)


def _collect(lease: Lease) -> None:
    labelling.collect_analysis(lease.step.analysis_id)
    asset = lease.step.asset
    if asset.kind == Asset.Kind.VIDEO:
        steps.add(asset.pk, Kind.PICTURES)
    steps.add(asset.pk, Kind.INDEX, priority=1)


def _pictures(lease: Lease) -> None:
    pictures.make_frames(lease.step.asset)


def _index(lease: Lease) -> None:
    asset = lease.step.asset
    ended = not labelling.open_analyses(asset)
    # First into search: while that is away, nobody is told that the asset can be found.
    search.index_assets([asset.pk])
    with transaction.atomic():
        asset = Asset.objects.select_for_update().get(pk=asset.pk)
        if asset.state == Asset.State.LABELLING and ended:
            detail = labels.failure_sentence(asset)
            assets.set_state(asset, Asset.State.SEARCHABLE, detail=detail, indexed=True)
            assets.note("asset.searchable", asset)


def _purge(lease: Lease) -> None:
    """Remove an asset for good: search first, then its objects, then its rows."""
    asset = lease.step.asset
    if asset.deleted_at is None and asset.state != Asset.State.REJECTED:
        return
    search.remove_assets([asset.pk])
    for name in {*assets.object_names(asset), *labels.object_names(asset)}:
        storage.delete(name)
    # What a crash left of it has no row, but lies in its folders.
    storage.delete_folder(f"assets/{asset.pk}/")
    storage.delete_folder(f"analyses/{asset.pk}/")
    asset.delete()


_HANDLERS: dict[Step.Kind, Callable[[Lease], None]] = {
    Kind.PREPARE: _prepare,
    Kind.CONVERT: _convert,
    Kind.ANALYSE: _analyse,
    Kind.COLLECT: _collect,
    Kind.PICTURES: _pictures,
    Kind.INDEX: _index,
    Kind.PURGE: _purge,
}
