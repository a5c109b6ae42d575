"""The one place that knows the order: prepare → convert → analyse → collect → pictures → index."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from django.db import transaction

from labelling import selectors as labels
from labelling import services as labelling
from labelling.backends import get_backend
from labelling.models import Analysis
from medialib import assets, steps, storage
from medialib.exceptions import (
    Missing,
    Refused,
    SearchUnavailable,
    StepFailed,
    StorageUnavailable,
    Wait,
)
from medialib.media import probe as probing
from medialib.media import renditions, rule, transcode
from medialib.media.cage import CageCancelled, CageDied, MediaRejected
from medialib.models import Asset, Rendition, Step
from medialib.selectors import rendition
from medialib.steps import Lease
from search import services as search

log = logging.getLogger(__name__)
Kind = Step.Kind
MAX_ATTEMPTS = 3
_FRAMES_PER_LABEL = 5
_MAX_FRAMES = 240
_FRAME_WIDTH = 480
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
        _retry(lease, code="cage_died", detail=str(error))
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


def _retry(lease: Lease, *, code: str, detail: str) -> None:
    """Try again from scratch a little later, at most MAX_ATTEMPTS times."""
    if lease.step.attempts >= MAX_ATTEMPTS:
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
    with storage.open_source(asset.original_name) as source:
        try:
            probe = probing.probe(source)
        except MediaRejected as error:
            _reject(asset, code=error.reason, detail=error.detail)
            return
        decision = rule.decide(probe)
        if isinstance(decision, rule.Reject):
            _reject(asset, code=decision.code, detail=decision.sentence)
            return
        assets.set_facts(asset, probe)
        if isinstance(decision, rule.Keep):
            _make_pictures(asset, source, probe.duration_ms)
    if isinstance(decision, rule.Keep):
        after_prepare(asset)
    else:
        steps.add(asset.pk, Kind.CONVERT, queue=Step.Queue.HEAVY, priority=lease.step.priority)


def _reject(asset: Asset, *, code: str, detail: str) -> None:
    assets.set_state(asset, Asset.State.REJECTED, code=code, detail=detail)
    assets.note("asset.rejected", asset, code=code, detail=detail)


def _convert(lease: Lease) -> None:
    asset = lease.step.asset
    probe = probing.Probe.from_json(asset.probe)
    decision = rule.decide(probe)
    assert isinstance(decision, rule.Remux | rule.Transcode), "prepare asked for a conversion"
    with storage.local_copy(asset.original_name) as original, storage.scratch_folder() as folder:
        storage.check_room(asset.size)
        target = folder / "playback.mp4"
        transcode.convert(
            original,
            decision=decision,
            probe=probe,
            target=target,
            on_progress=lease.report,
            cancelled=lease.cancelled,
        )
        _keep_playback(asset, target)
    after_prepare(asset)


def _keep_playback(asset: Asset, target: Path) -> None:
    """Store the playback file and its pictures, made while the file is at hand."""
    with target.open("rb") as file:
        source = storage.DiskSource(Path(file.name))
        made = probing.probe(source)
        assets.keep_rendition(
            asset,
            Rendition.Kind.PLAYBACK,
            target,
            content_type="video/mp4",
            width=made.width,
            height=made.height,
            details={"duration_ms": made.duration_ms},
        )
        # One timeline: what is played, analysed and pictured is this file, so its length counts.
        Asset.objects.filter(pk=asset.pk).update(duration_ms=made.duration_ms)
        asset.refresh_from_db()
        _make_pictures(asset, source, made.duration_ms)
        source.close()


def _make_pictures(
    asset: Asset, source: storage.DiskSource | storage.BucketSource, duration_ms: int
) -> None:
    with storage.scratch_folder() as folder:
        if asset.kind == Asset.Kind.PHOTO:
            made = renditions.photo_pictures(source, folder=folder)
            _keep_picture(asset, Rendition.Kind.POSTER, made.poster)
            _keep_picture(asset, Rendition.Kind.ANALYSIS, made.analysis)
            _keep_picture(asset, Rendition.Kind.WEB, made.web)
            return
        video = renditions.poster_and_storyboard(source, duration_ms=duration_ms, folder=folder)
        _keep_picture(asset, Rendition.Kind.POSTER, video.poster)
        if video.storyboard is not None:
            _keep_picture(asset, Rendition.Kind.STORYBOARD, video.storyboard, video.details)


def _keep_picture(
    asset: Asset,
    kind: str,
    picture: renditions.Picture,
    details: dict[str, int] | None = None,
    *,
    at: int = 0,
) -> None:
    assets.keep_rendition(
        asset,
        kind,
        picture.path,
        content_type=picture.content_type,
        at=at,
        width=picture.width,
        height=picture.height,
        details=details,
    )


def after_prepare(asset: Asset) -> None:
    """Make a prepared asset findable by its words and queue what labelling was asked for."""
    with transaction.atomic():
        assets.set_state(asset, Asset.State.LABELLING)
        queued = labelling.open_analyses(asset)
        if not queued and not labels.has_analysis(asset):
            queued = labelling.queue_analyses(asset)
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
    labelling.run_analysis(step.analysis_id, on_progress=lease.report, cancelled=lease.cancelled)
    steps.add(step.asset_id, Kind.COLLECT, analysis_id=step.analysis_id, priority=step.priority)


def _collect(lease: Lease) -> None:
    labelling.collect_analysis(lease.step.analysis_id)
    asset = lease.step.asset
    if asset.kind == Asset.Kind.VIDEO:
        steps.add(asset.pk, Kind.PICTURES)
    steps.add(asset.pk, Kind.INDEX, priority=1)


def _pictures(lease: Lease) -> None:
    """Make the pictures of the best moments of each label that are not there yet."""
    asset = lease.step.asset
    have = set(asset.renditions.filter(kind=Rendition.Kind.FRAME).values_list("at", flat=True))
    best = labels.best_moment_starts(asset, per_label=_FRAMES_PER_LABEL, limit=_MAX_FRAMES)
    wanted = [at for at in best if at not in have]
    if not wanted:
        return
    playback = rendition(asset, Rendition.Kind.PLAYBACK)
    name = playback.name if playback else asset.original_name
    with storage.open_source(name) as source, storage.scratch_folder() as folder:
        made = renditions.video_pictures(source, at_ms=wanted, folder=folder, width=_FRAME_WIDTH)
        for picture in made:
            _keep_picture(asset, Rendition.Kind.FRAME, picture, at=picture.at_ms)


def _index(lease: Lease) -> None:
    asset = Asset.objects.get(pk=lease.step.asset_id)
    ended = not labelling.open_analyses(asset)
    if asset.state == Asset.State.LABELLING and ended:
        with transaction.atomic():
            assets.set_state(asset, Asset.State.SEARCHABLE, detail=labels.failure_sentence(asset))
            assets.note("asset.searchable", asset)
    search.index_assets([asset.pk])


def _purge(lease: Lease) -> None:
    """Remove an asset for good: search first, then its objects, then its rows."""
    asset = lease.step.asset
    if asset.deleted_at is None and asset.state != Asset.State.REJECTED:
        return
    search.remove_assets([asset.pk])
    names = [*assets.object_names(asset), *labels.object_names(asset)]
    for name in names:
        storage.delete(name)
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
