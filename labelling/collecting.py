"""Turns a stored raw answer into moments and boxes: from storage to rows, and no provider asked.

Services decide when; this module does the work, so that collecting and rebuilding are the same.
"""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from labelling.answers import (
    Page,
    Survey,
    note_facts,
    page_boxes,
    page_samples,
    page_spans,
    read_answer,
)
from labelling.boxes import BoxesWriter, Corners, Index
from labelling.detections import LabelFacts
from labelling.models import Analysis, Moment
from labelling.moments import MomentDraft, Sample, Span, build_moments, join_spans
from labelling.parsers import PARSERS
from labelling.vocabulary import learn_facts
from medialib import assets, storage
from medialib.models import Asset

_INSERT_BATCH = 1000
_NOTE_BOXES = "The boxes of this answer were left out: its frame is turned in a way we can't tell."

Turn = Callable[[Corners], Corners]


@dataclass(slots=True)
class Findings:
    """What one answer comes to."""

    survey: Survey = field(default_factory=Survey)
    moments: list[MomentDraft] = field(default_factory=list)
    facts: dict[str, LabelFacts] = field(default_factory=dict)
    boxes: bytes = b""
    index: Index = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def answer_prefix(analysis: Analysis) -> str:
    """Name the folder in storage that belongs to one analysis."""
    return f"analyses/{analysis.asset_id}/{analysis.pk}/"


def digest(analysis: Analysis, asset: Asset, pages: Iterable[Page] | None = None) -> Findings:
    """Walk over an answer once and work everything out: the stored one, or pages as they come.

    Raises AnswerInvalid, Missing, and what the pages raise.
    """
    findings = Findings()
    reader = _Reader(findings, analysis, asset)
    parser = PARSERS[analysis.feature]
    if pages is not None:
        reader.read(map(parser.as_labels, pages))
        return findings
    with storage.open_gzip(analysis.raw_name) as file:
        reader.read(parser.as_labels(piece.page) for piece in read_answer(file, rows=parser.rows))
    return findings


class _Reader:
    """Walks over the pages of an answer and brings them onto the asset's own time and frame."""

    def __init__(self, findings: Findings, analysis: Analysis, asset: Asset) -> None:
        self._findings = findings
        self._asset = asset
        self._is_photo = asset.kind == Asset.Kind.PHOTO
        self._foreign = analysis.source == Analysis.Source.ORIGINAL and not self._is_photo
        self._offset = asset.source_offset_ms if self._foreign else 0
        self._last = max(0, asset.duration_ms - 1)
        # Whether the frame is turned is told by the last page: each way is kept until then.
        self._writer = BoxesWriter()
        self._turned_writer = BoxesWriter()
        self._turn = _turn(asset.rotation)

    def read(self, pages: Iterable[Page]) -> None:
        """Fill the findings."""
        found = self._findings
        duration = self._asset.duration_ms
        first, rest = _first_with_rows(pages, found.survey)
        if first is not None and found.survey.is_segments:
            spans = [span for page in self._walk(first, rest) for span in page_spans(page)]
            found.moments = join_spans(map(self._shift_span, spans), duration_ms=duration)
        else:
            samples = itertools.chain.from_iterable(map(self._samples, self._walk(first, rest)))
            found.moments = build_moments(samples, duration_ms=duration, is_photo=self._is_photo)
        found.survey.finish()
        self._check()
        self._finish_boxes()

    def _walk(self, first: Page | None, rest: Iterable[Page]) -> Iterator[Page]:
        if first is None:
            return
        note_facts(first, self._findings.facts)
        yield first
        for page in rest:
            self._findings.survey.take(page)
            note_facts(page, self._findings.facts)
            yield page

    def _samples(self, page: Page) -> list[Sample]:
        survey = self._findings.survey
        samples = list(page_samples(page))
        if self._offset:
            samples = [(row[0], self._shift(row[1]), *row[2:]) for row in samples]
        last = max((row[1] for row in samples), default=0)
        survey.last_ms = max(survey.last_ms, last)
        self._keep_boxes(page)
        return samples

    def _keep_boxes(self, page: Page) -> None:
        for label, time_ms, confidence, boxes in page_boxes(page):
            at = 0 if self._is_photo else min(self._shift(time_ms), self._last)
            self._writer.add(label, time_ms=at, confidence=confidence, boxes=boxes)
            if self._foreign and self._turn is not None:
                turned = [self._turn(box) for box in boxes]
                self._turned_writer.add(label, time_ms=at, confidence=confidence, boxes=turned)

    def _shift(self, time_ms: int) -> int:
        return max(0, time_ms - self._offset)

    def _shift_span(self, span: Span) -> Span:
        label, start_ms, end_ms, confidence = span
        return (label, self._shift(start_ms), self._shift(end_ms), confidence)

    def _check(self) -> None:
        self._findings.survey.check_fits(
            kind=self._asset.kind,
            duration_ms=self._asset.duration_ms,
            width=self._asset.width or 0,
            height=self._asset.height or 0,
        )

    def _finish_boxes(self) -> None:
        found = self._findings
        turned = self._foreign and found.survey.frame_is_turned(
            width=self._asset.width or 0, height=self._asset.height or 0
        )
        writer = self._turned_writer if turned else self._writer
        found.boxes, found.index = writer.finish()
        if turned and self._turn is None and self._writer.finish()[1]:
            found.notes.append(_NOTE_BOXES)


def _first_with_rows(pages: Iterable[Page], survey: Survey) -> tuple[Page | None, Iterator[Page]]:
    rest = iter(pages)
    for page in rest:
        survey.take(page)
        if page["Labels"]:
            return page, rest
    return None, rest


def _turn(rotation: int) -> Turn | None:
    """Give the way from the stored frame's boxes to the upright one's.

    `rotation` is what the container asks for, in degrees counter-clockwise.
    """
    if rotation == 90:
        return lambda box: (box[1], 1 - box[0] - box[2], box[3], box[2], box[4])
    if rotation == 270:
        return lambda box: (1 - box[1] - box[3], box[0], box[3], box[2], box[4])
    return None


def store_boxes(analysis: Analysis, findings: Findings) -> str:
    """Write the boxes under a fresh name; empty if there are none."""
    if not findings.boxes:
        return ""
    name = f"{answer_prefix(analysis)}boxes-{uuid.uuid4().hex}.bin"
    storage.write_bytes(name, findings.boxes)
    return name


def switch(analysis: Analysis, findings: Findings, *, boxes_name: str) -> bool:
    """Put the moments in place of the former ones, in one transaction; False if it was cancelled.

    The analysis becomes the current one of its asset and feature, and search has to catch up.
    """
    version = findings.survey.model_version or analysis.model_version
    ids = learn_facts(list(findings.facts.values()), model_version=version)
    with transaction.atomic():
        held = Analysis.objects.select_for_update().get(pk=analysis.pk)
        if held.status in (Analysis.Status.CANCELLED, Analysis.Status.FAILED):
            return False
        same = Analysis.objects.filter(asset_id=held.asset_id, feature=held.feature)
        same.filter(current=True).exclude(pk=held.pk).update(current=False)
        Moment.objects.filter(
            asset_id=held.asset_id, feature=held.feature, origin=Moment.Origin.MACHINE
        ).delete()
        _insert(held, findings.moments, ids=ids)
        held.status, held.current = Analysis.Status.SUCCEEDED, True
        held.code = held.detail = ""
        held.model_version = version
        held.boxes_name, held.boxes_index = boxes_name, findings.index
        held.detections = findings.survey.rows
        held.notes = list(dict.fromkeys([*held.notes, *findings.notes]))
        held.job_id = held.job_id or findings.survey.job_id
        held.ended_at = held.ended_at or timezone.now()
        held.save()
        assets.touch_index(held.asset_id)
    return True


_COLUMNS = (
    *("asset_id", "analysis_id", "feature", "origin", "label_id", "start_ms", "end_ms"),
    *("confidence", "mean_confidence", "instances", "screen_share"),
)


def _insert(analysis: Analysis, drafts: list[MomentDraft], *, ids: Mapping[str, int]) -> None:
    """Insert moments by one prepared statement: by objects it took most of the time of collecting.

    A long video has tens of thousands of them; the constraints are in the database anyway.
    """
    meta: Any = Moment._meta
    table, *columns = map(connection.ops.quote_name, (meta.db_table, *_COLUMNS))
    places = ", ".join(["%s"] * len(columns))
    asset_id, analysis_id = (
        meta.get_field(name).get_db_prep_save(value, connection)
        for name, value in (("asset", analysis.asset_id), ("analysis", analysis.pk))
    )
    head = (asset_id, analysis_id, analysis.feature, Moment.Origin.MACHINE.value)
    with connection.cursor() as cursor:
        for start in range(0, len(drafts), _INSERT_BATCH):
            cursor.executemany(
                f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})",
                [
                    (
                        *(*head, ids[draft.label], draft.start_ms, draft.end_ms),
                        *(min(100.0, draft.confidence), min(100.0, draft.mean_confidence)),
                        *(draft.instances, draft.screen_share),
                    )
                    for draft in drafts[start : start + _INSERT_BATCH]
                ],
            )
