"""An operation that is not used yet needs a line of the table and a parser, and nothing more.

Moderation and text are added here as a later feature would add them, and go the whole way: slot,
money, job, pages, raw answer, moments, rebuilding. The double answers, not Rekognition.
"""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from labelling import budget, selectors, services, starting
from labelling.backends.rekognition_operations import OPERATIONS, Operation
from labelling.models import Analysis, LedgerEntry, Moment, Reservation, Slot
from labelling.parsers import PARSERS, Parser
from medialib import pipeline, storage
from medialib.exceptions import Refused
from tests.servers.rekognition.answers import generated
from tests.servers.rekognition.faults import Fault

pytestmark = pytest.mark.django_db

MODERATION = Operation(
    *("moderation", "video", "StartContentModeration", "GetContentModeration"),
    reads_by={"SortBy": "TIMESTAMP"},
)
# Text detection takes no least confidence and no order; its words come with a polygon's box.
TEXT = Operation(
    *("text", "video", "StartTextDetection", "GetTextDetection"),
    has_min_confidence=False,
    asks={"Filters": {"WordFilter": {"MinConfidence": 60}}},
)


def _moderation(page):
    rows = [
        {
            "Timestamp": row["Timestamp"],
            "Label": {
                "Name": row["ModerationLabel"]["Name"],
                "Confidence": row["ModerationLabel"]["Confidence"],
            },
        }
        for row in page["ModerationLabels"]
    ]
    version = {"LabelModelVersion": page.get("ModerationModelVersion", "")}
    return {**page, **version, "Labels": rows}


def _text(page):
    rows = [
        {
            "Timestamp": row["Timestamp"],
            "Label": {
                "Name": row["TextDetection"]["DetectedText"],
                "Confidence": row["TextDetection"]["Confidence"],
                "Instances": [
                    {
                        "BoundingBox": row["TextDetection"]["Geometry"]["BoundingBox"],
                        "Confidence": row["TextDetection"]["Confidence"],
                    }
                ],
            },
        }
        for row in page["TextDetections"]
    ]
    return {**page, "LabelModelVersion": page.get("TextModelVersion", ""), "Labels": rows}


CASES = [
    (MODERATION, Parser("ModerationLabels", _moderation)),
    (TEXT, Parser("TextDetections", _text)),
]


@pytest.fixture(params=CASES, ids=lambda case: case[0].feature)
def operation(request, monkeypatch):
    added, parser = request.param
    monkeypatch.setitem(OPERATIONS, (added.feature, added.kind), added)
    monkeypatch.setitem(PARSERS, added.feature, parser)
    return added


def queue(cloud, feature):
    [analysis] = services.queue_analyses(cloud.asset(), features=(feature,), backend="rekognition")
    pipeline.add_analysis_step(analysis)
    return analysis


def rows_of(analysis):
    rows = PARSERS[analysis.feature].rows
    with storage.open_gzip(analysis.raw_name) as file:
        return [row for line in file for row in json.loads(line)[rows]]


def spans(analysis):
    rows = Moment.objects.filter(analysis=analysis).order_by("label__name", "start_ms")
    return list(rows.values_list("label__name", "start_ms", "end_ms", "confidence"))


def test_a_new_operation_of_the_double_goes_the_whole_way(cloud, operation):
    cloud.double.answer_for = lambda seen: generated(seen, per_sample=520)
    # Its answer is lost once, and reading is put aside once: neither is paid or read twice.
    cloud.double.faults.add(Fault(operation.start, lost=True))
    cloud.double.faults.add(Fault(operation.read, "ThrottlingException", times=3, after=3))
    analysis = queue(cloud, operation.feature)
    cloud.finish(analysis)
    assert (analysis.status, analysis.current, analysis.detail) == ("SUCCEEDED", True, "")
    assert analysis.model_version == "3.0"
    [job] = cloud.double.jobs.all.values()
    stored = rows_of(analysis)
    assert stored == [job.kind.dress(row) for row in job.answer.rows]
    assert len(stored) > 2_500
    assert analysis.detections == len(stored)
    assert cloud.paid(operation.start) == 1
    [entry] = LedgerEntry.objects.filter(analysis=analysis, cost__gt=0)
    assert (entry.operation, entry.feature) == (operation.start, operation.feature)
    assert not Reservation.objects.filter(state="open").exists()
    assert not Slot.objects.exists()
    found = {name for name, *_ in spans(analysis)}
    assert found == {row["Label"]["Name"] for row in job.answer.rows}


def test_its_moments_and_boxes_are_rebuilt_for_nothing(cloud, operation):
    analysis = queue(cloud, operation.feature)
    cloud.finish(analysis)
    before = spans(analysis)
    assert before
    Moment.objects.filter(analysis=analysis).delete()
    calls = dict(cloud.double.calls)
    [rebuilt] = services.rebuild_moments([analysis.asset_id])
    assert rebuilt.detail == ""
    assert spans(analysis) == before
    assert dict(cloud.double.calls) == calls
    boxes = selectors.detections_between(
        analysis.asset, start_ms=0, end_ms=60_000, feature=operation.feature
    )
    assert bool(boxes) == (operation.feature == "text")


def test_it_stands_beside_the_labels_of_the_same_video(cloud, operation):
    analysis = queue(cloud, operation.feature)
    cloud.finish(analysis)
    [labels] = services.queue_analyses(analysis.asset, backend="rekognition")
    pipeline.add_analysis_step(labels)
    cloud.finish(labels)
    current = Analysis.objects.filter(asset=analysis.asset, current=True)
    assert set(current.values_list("feature", flat=True)) == {"labels", operation.feature}
    assert spans(analysis)
    assert spans(labels)


def test_a_cancelled_run_of_it_frees_its_slot_when_it_has_ended(cloud, operation):
    analysis = queue(cloud, operation.feature)
    assert cloud.step()
    services.cancel_analysis(analysis.pk)
    assert Slot.objects.count() == 1
    cloud.double.clock.skip(600)
    assert starting.sweep_slots() == 1
    assert not Slot.objects.exists()


def test_it_waits_for_money_like_any_other(cloud, operation):
    budget.set_cap(budget.LIBRARY, "month", Decimal(0), actor=None)
    analysis = queue(cloud, operation.feature)
    assert cloud.step()
    analysis.refresh_from_db()
    assert analysis.status == "QUEUED"
    assert not cloud.double.calls[operation.start]


def test_a_photo_is_refused_what_only_videos_can_be_asked(cloud, operation):
    with pytest.raises(Refused, match=f"can't look for {operation.feature}"):
        services.queue_analyses(
            cloud.asset("photo"), features=(operation.feature,), backend="rekognition"
        )
