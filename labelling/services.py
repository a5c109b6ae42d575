"""Use cases of labelling: queue, run, collect, import, rebuild. Everything here may run twice.

The pipeline says when; nothing remote happens inside a transaction; nothing is paid here twice.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import IO, Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from labelling import budget, collecting, fetching, quota, starting
from labelling.answers import (
    Survey,
    has_segments,
    note_facts,
    page_samples,
    page_spans,
    read_answer,
)
from labelling.backends import get_backend
from labelling.collecting import Findings
from labelling.detections import LabelFacts
from labelling.models import Analysis
from labelling.reading import cycles_left
from medialib import steps, storage
from medialib.exceptions import Missing, Refused, StepFailed
from medialib.models import Asset, Step, User
from medialib.models.asset import new_id
from medialib.undo import on_failure

_OPEN = (Analysis.Status.QUEUED, Analysis.Status.IN_PROGRESS)
_RECORDED = "recorded"


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """An imported answer whose bytes are in storage and whose row is not made yet."""

    analysis_id: UUID
    raw_name: str
    survey: Survey
    filename: str


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """How far a rebuild is; `detail` says why an analysis was left as it was."""

    analysis: Analysis
    done: int
    total: int
    detail: str = ""


def open_analyses(asset: Asset) -> list[Analysis]:
    """List the analyses of an asset that have not ended."""
    return list(Analysis.objects.filter(asset=asset, status__in=_OPEN).order_by("created_at"))


def queue_analyses(
    asset: Asset, *, features: Collection[str] = ("labels",), backend: str | None = None
) -> list[Analysis]:
    """Make the rows of new analyses. Refused for features that the backend has not.

    With the backend `recorded` the answer that was imported last is played back.
    """
    alias = backend or settings.MEDIALIB_LABELLING
    labeller = get_backend(alias)
    unknown = sorted(set(features) - labeller.features(asset.kind))
    if unknown:
        message = f"The labeller “{alias}” can't look for {', '.join(unknown)}."
        raise Refused(message, code="unknown_feature", field="features")
    attempts = Analysis.objects.filter(asset=asset, backend=alias)
    return [
        Analysis.objects.create(
            asset=asset,
            feature=feature,
            backend=alias,
            model_version=labeller.model_version,
            source=labeller.answers_about,
            parameters=_parameters(asset, alias=alias, feature=feature),
            attempt=attempts.filter(feature=feature).count() + 1,
        )
        for feature in dict.fromkeys(features)
    ]


def _parameters(asset: Asset, *, alias: str, feature: str) -> dict[str, Any]:
    if alias != _RECORDED:
        return {}
    imported = Analysis.objects.filter(asset=asset, backend=alias, feature=feature)
    last = imported.exclude(raw_name="").order_by("-created_at").first()
    return {"answer": last.raw_name} if last else {}


def run_analysis(
    analysis_id: str | UUID,
    *,
    on_progress: Callable[[float], None],
    cancelled: Callable[[], bool],
    priority: int = 0,
) -> None:
    """Start an analysis on its backend; keep the raw answer if it is there at once.

    Raises Wait, StepFailed or Refused (final), CageDied, CageCancelled.
    """
    analysis = Analysis.objects.select_related("asset").get(pk=analysis_id)
    if analysis.status not in _OPEN or analysis.raw_name or analysis.job_id:
        return
    starting.start(analysis, starting.Ways(on_progress, cancelled, priority))


def collect_analysis(analysis_id: str | UUID) -> None:
    """Work out moments and boxes of an answer and put them in place of the former ones.

    Raises Wait while the provider is at work, Refused if the answer can't be this asset's.
    """
    analysis = Analysis.objects.select_related("asset").get(pk=analysis_id)
    if analysis.status not in _OPEN:
        return
    if analysis.raw_name:
        _put_in_place(analysis)
        return
    with cycles_left():
        findings = _fetch(analysis)
    _switch(analysis, findings)


def _fetch(analysis: Analysis) -> Findings:
    """Read the pages of a job and work them out as they come."""
    free = partial(starting.free_slot, analysis)
    pages = fetching.fetch(analysis, get_backend(analysis.backend), on_end=free)
    try:
        return collecting.digest(analysis, analysis.asset, pages)
    except StepFailed:
        free()
        raise
    except Refused:
        # What was paid for is kept, whatever it is.
        for _ in pages:
            continue
        raise


def _put_in_place(analysis: Analysis) -> None:
    with cycles_left():
        findings = collecting.digest(analysis, analysis.asset)
    _switch(analysis, findings)


def _switch(analysis: Analysis, findings: Findings) -> None:
    former = analysis.boxes_name
    boxes_name = collecting.store_boxes(analysis, findings)
    switched = False
    try:
        switched = collecting.switch(analysis, findings, boxes_name=boxes_name)
    finally:
        unused = former if switched else boxes_name
        if unused:
            with contextlib.suppress(Missing):
                storage.delete(unused)


def keep_answer(asset: Asset, file: IO[bytes], *, filename: str) -> KeptAnswer:
    """Check an answer and put it into storage, in one pass; its row comes by `add_answer`.

    Raises AnswerInvalid with a sentence; then nothing is kept.
    """
    analysis = Analysis(pk=new_id(), asset=asset)
    survey = Survey()
    name = f"{collecting.answer_prefix(analysis)}answer.jsonl.gz"
    storage.write_gzip(name, _checked_lines(file, survey))
    kept = KeptAnswer(analysis.pk, name, survey, filename)
    if asset.width and (asset.duration_ms or asset.kind == Asset.Kind.PHOTO):
        try:
            _check_fits(survey, asset)
        except Refused:
            storage.delete(name)
            raise
    return kept


def _check_fits(survey: Survey, asset: Asset) -> None:
    survey.check_fits(
        kind=asset.kind,
        duration_ms=asset.duration_ms,
        width=asset.width or 0,
        height=asset.height or 0,
    )


def _checked_lines(file: IO[bytes], survey: Survey) -> Iterator[bytes]:
    facts: dict[str, LabelFacts] = {}
    for piece in read_answer(file):
        survey.take(piece.page)
        note_facts(piece.page, facts)
        rows = page_spans if has_segments(piece.page) else page_samples
        for row in rows(piece.page):
            if row[1] > survey.last_ms:
                survey.last_ms = row[1]
        yield piece.line.encode()
    survey.finish()


def add_answer(asset: Asset, kept: KeptAnswer) -> Analysis:
    """Make the row of an imported answer; touches no storage, so it may run in a transaction."""
    return Analysis.objects.create(
        pk=kept.analysis_id,
        asset=asset,
        backend=_RECORDED,
        model_version=kept.survey.model_version,
        parameters={"filename": kept.filename[:200]},
        source=Analysis.Source.ORIGINAL,
        job_id=kept.survey.job_id,
        status=Analysis.Status.QUEUED,
        raw_name=kept.raw_name,
        started_at=timezone.now(),
    )


def import_answer(
    asset: Asset, file: IO[bytes], *, filename: str, actor: User | None = None
) -> Analysis:
    """Bring in an answer that was paid for elsewhere; the pipeline collects it.

    Raises AnswerInvalid for what is no answer, or another file's; then nothing is kept.
    """
    kept = keep_answer(asset, file, filename=filename)
    with on_failure(partial(storage.delete, kept.raw_name)):
        return add_answer(asset, kept)


def fail_analysis(analysis_id: str | UUID, *, code: str, detail: str) -> None:
    """End an analysis for good, with a code and a sentence; what was found before stays."""
    _end(
        analysis_id,
        status=Analysis.Status.FAILED,
        code=code[:50],
        detail=detail[:500],
    )


def cancel_analysis(analysis_id: str | UUID) -> None:
    """Stop an analysis that has not ended; what was found before stays."""
    _end(analysis_id, status=Analysis.Status.CANCELLED)


def _end(analysis_id: str | UUID, **values: str) -> None:
    """End an open analysis, close its books and leave the queue for a slot.

    A job that was started fills its slot until it ends by itself: the sweep frees it then.
    """
    rows = Analysis.objects.filter(pk=analysis_id, status__in=_OPEN)
    with transaction.atomic():
        if rows.update(ended_at=timezone.now(), **values):
            analysis = Analysis.objects.select_related("asset").get(pk=analysis_id)
            budget.end(analysis)
            if quota.unused(analysis.pk):
                starting.free_slot(analysis)


def rebuild_moments(asset_ids: Iterable[str | UUID] | None = None) -> Iterator[Rebuilt]:
    """Work the current answers out again from storage, asking no provider; all assets by default.

    Gives progress after each; an answer that is gone or unfit is left as it was, with the reason.
    """
    current: QuerySet[Analysis] = Analysis.objects.filter(current=True).exclude(raw_name="")
    if asset_ids is not None:
        current = current.filter(asset_id__in=list(asset_ids))
    keys = list(current.order_by("asset_id").values_list("pk", flat=True))
    for done, key in enumerate(keys, start=1):
        analysis = Analysis.objects.select_related("asset").get(pk=key)
        detail = ""
        try:
            _put_in_place(analysis)
            steps.add(analysis.asset_id, Step.Kind.INDEX)
        except (Missing, Refused) as error:
            detail = error.detail
        yield Rebuilt(analysis, done, len(keys), detail)
