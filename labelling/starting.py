"""Starts one analysis on its backend: checks, a slot, money, the call, the job's id. In this order.

Everything may run twice: the slot and the money are taken once per analysis, and a call that is
made again carries the same request token. Reads no answers of jobs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from labelling import budget, quota
from labelling.answers import Page
from labelling.backends import get_backend
from labelling.backends.base import (
    AnalysisRequest,
    Charge,
    LabellingBackend,
    Prepared,
    Started,
    Unanswered,
)
from labelling.collecting import answer_prefix
from labelling.models import Analysis, Slot
from medialib import storage
from medialib.exceptions import StepFailed, Wait
from medialib.media.source import Source
from medialib.models import Asset, Rendition
from medialib.selectors import rendition

_OPEN = (Analysis.Status.QUEUED, Analysis.Status.IN_PROGRESS)
_PATIENCE = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Ways:
    """How a run tells of its progress and hears that it should stop, and how urgent it is."""

    on_progress: Callable[[float], None]
    cancelled: Callable[[], bool]
    priority: int = 0


def start(analysis: Analysis, ways: Ways) -> None:
    """Start an analysis; afterwards its row holds a job id, or the name of its raw answer.

    Raises Wait (for a slot, money or the provider), StepFailed or Refused (final).
    """
    backend = get_backend(analysis.backend)
    made = looked_at(analysis.asset)
    name = made.name if made else analysis.asset.original_name
    with storage.open_source(name) as source:
        request = _request(analysis, source, name, made)
        prepared = backend.prepare(request)
        request = replace(
            request, parameters=prepared.parameters, object_version=prepared.object_version
        )
        charge = backend.charge(request)
        _keep_plan(analysis, prepared)
        _admit(analysis, backend, request, charge, ways.priority)
        started = _call(analysis, backend, request, charge, ways)
        raw_name = "" if started.pages is None else keep_pages(analysis, started.pages)
    with transaction.atomic():
        Analysis.objects.filter(pk=analysis.pk).update(
            job_id=started.job_id, raw_name=raw_name, started_at=timezone.now()
        )
        quota.started(analysis, started.job_id)
        # In one go: a run that is known as started is never started again, so never booked later.
        if charge is not None:
            budget.settle(analysis, charge.amount, units=charge.units, operation=charge.operation)


def looked_at(asset: Asset) -> Rendition | None:
    """Find the file that is labelled: what people see, so that times and boxes fit it."""
    video = asset.kind == Asset.Kind.VIDEO
    return rendition(asset, Rendition.Kind.PLAYBACK if video else Rendition.Kind.ANALYSIS)


def _request(
    analysis: Analysis, source: Source, name: str, made: Rendition | None
) -> AnalysisRequest:
    asset = analysis.asset
    return AnalysisRequest(
        analysis_id=str(analysis.pk),
        asset_id=str(asset.pk),
        kind=asset.kind,
        feature=analysis.feature,
        source=source,
        width=(made.width if made else asset.width) or 0,
        height=(made.height if made else asset.height) or 0,
        duration_ms=asset.duration_ms,
        parameters=analysis.parameters,
        attempt=analysis.attempt,
        object_version=analysis.object_version,
        filename=asset.original_filename,
        object_name=name,
    )


def _keep_plan(analysis: Analysis, prepared: Prepared) -> None:
    """Write down what will be asked before it is asked: another try asks exactly the same."""
    analysis.parameters = prepared.parameters
    analysis.object_version = prepared.object_version
    analysis.notes = list(prepared.notes)
    analysis.save(update_fields=["parameters", "object_version", "notes"])


def _admit(
    analysis: Analysis,
    backend: LabellingBackend,
    request: AnalysisRequest,
    charge: Charge | None,
    priority: int,
) -> None:
    """Take the slot and set the money aside, or raise Wait holding neither."""
    is_job = backend.takes_slot(request)
    if is_job:
        quota.take(analysis, account=backend.name, limit=backend.jobs, priority=priority)
    if charge is not None:
        try:
            budget.reserve(analysis, charge.amount, repeatable=is_job)
        except Wait:
            # Others may have money: a place that waits for it would be lost to them.
            free_slot(analysis)
            raise
    open_row = Analysis.objects.filter(pk=analysis.pk, status__in=_OPEN)
    open_row.update(status=Analysis.Status.IN_PROGRESS)
    open_row.filter(started_at=None).update(started_at=timezone.now())
    analysis.refresh_from_db(fields=["status", "started_at"])


def _call(
    analysis: Analysis,
    backend: LabellingBackend,
    request: AnalysisRequest,
    charge: Charge | None,
    ways: Ways,
) -> Started:
    # A job's call may be repeated for nothing, by its token: then a refusal says nothing about the
    # earlier call whose answer was lost. Any other call is paid each time.
    is_first = charge is not None and budget.note_uncertain(
        analysis, operation=charge.operation, units=charge.units, amount=charge.amount
    )
    try:
        return backend.start(request, on_progress=ways.on_progress, cancelled=ways.cancelled)
    except Unanswered:
        _give_up_in_time(analysis)
        raise
    except (Wait, StepFailed) as error:
        if is_first:
            budget.release(analysis)
        if isinstance(error, Wait):
            _give_up_in_time(analysis)
        raise


def _give_up_in_time(analysis: Analysis) -> None:
    if analysis.started_at and timezone.now() - analysis.started_at > _PATIENCE:
        hours = _PATIENCE / timedelta(hours=1)
        raise StepFailed(
            f"The labelling service has not taken this for {hours:g} hours. Try again later.",
            code="provider_away",
        )


def keep_pages(analysis: Analysis, pages: Iterable[Page]) -> str:
    """Store the answer of a backend that answers at once; gives its name."""
    name = f"{answer_prefix(analysis)}answer.jsonl.gz"
    # A run that died may have left its answer there; this one is whole and newer.
    storage.delete(name)
    storage.write_gzip(name, (json.dumps(page, separators=(",", ":")).encode() for page in pages))
    return name


def free_slot(analysis: Analysis) -> None:
    """Free the slot of an analysis, if it has one, for the next in the queue."""
    slot = Slot.objects.filter(analysis_id=analysis.pk).first()
    if slot is not None:
        quota.give_back(analysis.pk, limit=get_backend(slot.account).jobs)


def sweep_slots() -> int:
    """Free the slots of jobs that nobody collects any more and that have ended; hand them out.

    A cancelled job can't be stopped: it fills its place at the provider until it ends by itself.
    """
    freed = 0
    left = Slot.objects.exclude(job_id="").exclude(analysis__status__in=_OPEN)
    for slot in left.select_related("analysis"):
        if not get_backend(slot.account).is_running(slot.job_id, feature=slot.analysis.feature):
            free_slot(slot.analysis)
            freed += 1
    for account in Slot.objects.filter(number=None).values_list("account", flat=True).distinct():
        quota.hand_out(account, limit=get_backend(account).jobs)
    return freed
