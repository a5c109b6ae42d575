"""What labelling promises from stored file to rows: nothing twice, nothing half, nothing lost."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from labelling import collecting, selectors, services
from labelling.answers import AnswerInvalid
from labelling.detections import LabelFacts
from labelling.models import Analysis, Label, LabelParent, Moment
from labelling.vocabulary import (
    ensure_labels,
    get_vocabulary,
    learn_facts,
    load_vocabulary,
)
from medialib import storage
from medialib.exceptions import Refused, StepFailed
from medialib.models import Asset, Step
from medialib.models.asset import new_id
from tests import samples

pytestmark = pytest.mark.django_db

DEMO = Path(__file__).resolve().parents[2] / "medialib" / "demo_data"
ROWS = [(0, "Car", 80.0), (500, "Car", 90.0), (500, "Dog", 60.0), (1000, "Car", 70.0)]


def make_asset(user, data=b"bytes", **facts):
    """An asset as preparation leaves it."""
    name = f"originals/{new_id().hex}"
    storage.write_bytes(name, data)
    values = {
        "kind": "video",
        "duration_ms": 2000,
        "width": 320,
        "height": 180,
        "state": Asset.State.LABELLING,
    }
    return Asset.objects.create(
        owner=user,
        original_filename="clip.mp4",
        original_name=name,
        size=len(data),
        **{**values, **facts},
    )


@pytest.fixture
def asset(user, library):
    return make_asset(user)


def imported(asset, rows=ROWS, **more):
    answer = io.BytesIO(samples.answer(rows, **more))
    analysis = services.import_answer(asset, answer, filename="answer.json")
    services.collect_analysis(analysis.pk)
    analysis.refresh_from_db()
    return analysis


def spans(asset):
    return [
        (moment.label.name, moment.start_ms, moment.end_ms)
        for moment in selectors.current_moments(asset)
    ]


def names_in_storage():
    return {name for name, _ in storage.list_names("analyses/")}


def run(analysis):
    services.run_analysis(analysis.pk, on_progress=lambda _: None, cancelled=lambda: False)


# ---- labelled here ------------------------------------------------------------------------------


def test_a_video_is_labelled_collected_and_found_again_in_rows(user, library):
    asset = make_asset(
        user, (DEMO / "road.mp4").read_bytes(), duration_ms=1520, width=1280, height=720
    )
    (analysis,) = services.queue_analyses(asset)
    run(analysis)
    services.collect_analysis(analysis.pk)
    analysis.refresh_from_db()
    assert (analysis.status, analysis.current) == ("SUCCEEDED", True)
    assert analysis.model_version == "nanodet-g-416-int8"
    assert ("Car", 0, 1500) in spans(asset)
    assert {"Vehicle", "Transportation"} <= {label for label, *_ in spans(asset)}
    found = selectors.detections_between(asset, start_ms=0, end_ms=60_000, labels=["Car"])
    assert [entry["time_ms"] for entry in found] == [0, 520, 1000]
    assert len(found[0]["boxes"]) == 2


def test_a_photo_is_labelled_with_moments_without_time(user, library):
    asset = make_asset(
        user,
        (DEMO / "chelsea.png").read_bytes(),
        kind="photo",
        duration_ms=0,
        width=451,
        height=300,
    )
    (analysis,) = services.queue_analyses(asset)
    run(analysis)
    services.collect_analysis(analysis.pk)
    assert ("Cat", 0, 0) in spans(asset)
    assert selectors.detections_between(asset, start_ms=0, end_ms=1)[0]["label"] == "Cat"


def test_a_run_that_died_after_its_answer_is_not_started_again(asset):
    analysis = imported(asset)
    Analysis.objects.filter(pk=analysis.pk).update(
        status="IN_PROGRESS", current=False, backend="nobody"
    )
    # The backend does not exist any more: asking it anything would raise.
    run(analysis)
    services.collect_analysis(analysis.pk)
    analysis.refresh_from_db()
    assert analysis.status == "SUCCEEDED"


def test_an_unknown_feature_is_refused_in_words(asset):
    with pytest.raises(Refused, match="can't look for faces"):
        services.queue_analyses(asset, features=("labels", "faces"))
    assert not Analysis.objects.exists()


# ---- imported -----------------------------------------------------------------------------------


def test_an_imported_answer_becomes_moments_and_boxes(asset):
    before = asset.index_generation
    analysis = imported(asset)
    assert (analysis.backend, analysis.model_version) == ("recorded", "3.0")
    assert spans(asset) == [("Car", 0, 1500), ("Dog", 500, 1000)]
    assert selectors.asset_totals(asset) == {"detections": 4, "moments": 2, "labels": 2}
    asset.refresh_from_db()
    assert asset.index_generation == before + 1


def test_collecting_twice_changes_nothing(asset):
    analysis = imported(asset)
    asset.refresh_from_db()
    generation, stored = asset.index_generation, names_in_storage()
    services.collect_analysis(analysis.pk)
    asset.refresh_from_db()
    assert (asset.index_generation, names_in_storage()) == (generation, stored)
    assert Moment.objects.count() == 2


def test_a_new_answer_takes_the_place_of_the_former_one(asset):
    first = imported(asset)
    second = imported(asset, [(0, "Boat", 99.0)])
    first.refresh_from_db()
    assert (first.current, second.current) == (False, True)
    assert spans(asset) == [("Boat", 0, 500)]
    # What was paid for stays.
    assert {first.raw_name, second.raw_name} <= names_in_storage()


def test_moments_that_a_person_made_stay(asset):
    label = ensure_labels(["Grandma"])["Grandma"]
    Moment.objects.create(
        asset=asset,
        label_id=label,
        origin=Moment.Origin.PERSON,
        start_ms=0,
        end_ms=900,
        confidence=100,
        mean_confidence=100,
    )
    imported(asset)
    assert ("Grandma", 0, 900) in spans(asset)


def test_an_import_that_is_refused_keeps_nothing(asset):
    whole = samples.answer(ROWS)
    for data in (whole[:200], b'{"FaceDetails": []}', samples.answer(ROWS, duration_ms=90_000)):
        with pytest.raises(AnswerInvalid):
            services.import_answer(asset, io.BytesIO(data), filename="answer.json")
    assert not Analysis.objects.exists()
    assert names_in_storage() == set()


def test_an_answer_that_came_before_the_file_was_looked_at_is_judged_later(asset):
    Asset.objects.filter(pk=asset.pk).update(duration_ms=0, width=None, height=None)
    asset.refresh_from_db()
    answer = io.BytesIO(samples.answer(ROWS))
    analysis = services.import_answer(asset, answer, filename="answer.json")
    Asset.objects.filter(pk=asset.pk).update(duration_ms=90_000, width=320, height=180)
    with pytest.raises(AnswerInvalid, match="another video"):
        services.collect_analysis(analysis.pk)
    assert not Moment.objects.exists()


def test_of_many_rows_with_a_page_cut_inside_a_timestamp_none_is_missing(asset):
    rows = [
        {"Timestamp": time_ms, "Label": {"Name": f"Thing {number}", "Confidence": 90.0}}
        for time_ms in range(0, 2000, 500)
        for number in range(700)
    ]
    pages = [rows[:999], rows[999:1999], rows[1999:]]
    envelopes = [
        {"LabelModelVersion": "3.0", "Labels": page, "NextToken": "more"} for page in pages
    ]
    del envelopes[-1]["NextToken"]
    data = "\n".join(json.dumps(page) for page in envelopes).encode()
    analysis = services.import_answer(asset, io.BytesIO(data), filename="pages.jsonl")
    services.collect_analysis(analysis.pk)
    found = spans(asset)
    assert len(found) == 700
    assert {(start, end) for _, start, end in found} == {(0, 2000)}


def test_times_of_the_original_are_moved_to_what_is_played(user, library):
    asset = make_asset(user, source_offset_ms=1000)
    imported(asset, [(1000, "Car", 80.0), (1500, "Car", 80.0)])
    assert spans(asset) == [("Car", 0, 1000)]
    found = selectors.detections_between(asset, start_ms=0, end_ms=2000)
    assert [entry["time_ms"] for entry in found] == [0, 500]


@pytest.mark.parametrize(
    ("rotation", "left", "top"),
    [(270, 1 - 0.1 - 0.3, 0.5), (90, 0.1, 1 - 0.5 - 0.2)],
    ids=["clockwise", "counter-clockwise"],
)
def test_boxes_of_a_turned_original_are_turned_upright(user, library, rotation, left, top):
    asset = make_asset(user, width=180, height=320, rotation=rotation)
    page = json.loads(samples.answer([(0, "Car", 80.0)]))
    page["Labels"][0]["Label"]["Instances"][0]["BoundingBox"] = {
        "Left": 0.5,
        "Top": 0.1,
        "Width": 0.2,
        "Height": 0.3,
    }
    data = io.BytesIO(json.dumps(page).encode())
    analysis = services.import_answer(asset, data, filename="answer.json")
    services.collect_analysis(analysis.pk)
    (found,) = selectors.detections_between(asset, start_ms=0, end_ms=2000)
    (box,) = found["boxes"]
    assert (box["left"], box["top"]) == (pytest.approx(left), pytest.approx(top))
    assert (box["width"], box["height"]) == (pytest.approx(0.3), pytest.approx(0.2))


def test_boxes_are_left_out_with_a_note_where_the_turn_is_unknown(user, library):
    asset = make_asset(user, width=180, height=320)
    analysis = imported(asset)
    assert selectors.detections_between(asset, start_ms=0, end_ms=2000) == []
    assert "left out" in analysis.notes[0]
    assert spans(asset) == [("Car", 0, 1500), ("Dog", 500, 1000)]


def test_an_imported_answer_can_be_played_back_later(asset):
    imported(asset)
    imported(asset, [(0, "Boat", 99.0)])
    (analysis,) = services.queue_analyses(asset, backend="recorded")
    run(analysis)
    services.collect_analysis(analysis.pk)
    assert spans(asset) == [("Boat", 0, 500)]


def test_playing_back_without_an_answer_ends_with_a_sentence(asset):
    (analysis,) = services.queue_analyses(asset, backend="recorded")
    with pytest.raises(StepFailed, match="import one"):
        run(analysis)


# ---- ended, cancelled, rebuilt -------------------------------------------------------------------


def test_a_cancelled_analysis_changes_nothing_even_if_its_answer_is_there(asset):
    imported(asset)
    answer = io.BytesIO(samples.answer([(0, "Boat", 99.0)]))
    second = services.import_answer(asset, answer, filename="b.json")
    findings = collecting.digest(second, asset)
    services.cancel_analysis(second.pk)
    assert not collecting.switch(second, findings, boxes_name="")
    services.collect_analysis(second.pk)
    assert spans(asset) == [("Car", 0, 1500), ("Dog", 500, 1000)]


def test_a_failed_analysis_says_why_and_leaves_what_was_found(asset):
    imported(asset)
    (analysis,) = services.queue_analyses(asset)
    services.fail_analysis(analysis.pk, code="too_long", detail="It is too long.")
    assert selectors.failure_sentence(asset) == "Labelling failed: It is too long."
    assert services.open_analyses(asset) == []
    assert len(spans(asset)) == 2
    services.cancel_analysis(analysis.pk)
    analysis.refresh_from_db()
    assert analysis.status == "FAILED"


def test_moments_are_rebuilt_from_storage_without_any_labeller(asset, settings):
    analysis = imported(asset)
    Moment.objects.all().delete()
    settings.LABELLING_BACKENDS = {}
    (step,) = services.rebuild_moments()
    assert (step.done, step.total, step.detail) == (1, 1, "")
    assert spans(asset) == [("Car", 0, 1500), ("Dog", 500, 1000)]
    assert len(selectors.detections_between(asset, start_ms=0, end_ms=2000)) == 4
    assert Step.objects.filter(asset=asset, kind=Step.Kind.INDEX).exists()
    analysis.refresh_from_db()
    assert names_in_storage() == {analysis.raw_name, analysis.boxes_name}


def test_a_rebuild_leaves_what_it_can_not_read_as_it_was(asset):
    analysis = imported(asset)
    storage.delete(analysis.raw_name)
    (step,) = services.rebuild_moments([asset.pk])
    assert step.detail
    assert len(spans(asset)) == 2


def test_pictures_are_wanted_of_every_labels_best_before_any_second_best(asset):
    imported(asset, [(0, "Car", 99.0), (1700, "Car", 98.0), (1000, "Dog", 50.0)])
    assert selectors.best_moment_starts(asset, per_label=2, limit=2) == [0, 1000]
    assert selectors.has_analysis(asset)


def test_totals_by_label_count_time_on_screen(asset):
    imported(asset)
    assert selectors.label_totals(asset)[0] == {
        "label": "Car",
        "moments": 1,
        "screen_ms": 1500,
        "confidence": 90.0,
    }
    assert len(list(selectors.moment_rows([asset.pk]))) == 2


# ---- the vocabulary's rows -----------------------------------------------------------------------


def test_loading_the_vocabulary_again_keeps_every_id(vocabulary):
    before = dict(Label.objects.values_list("name", "pk"))
    relations = LabelParent.objects.count()
    assert load_vocabulary() == 3082
    assert dict(Label.objects.values_list("name", "pk")) == before
    assert LabelParent.objects.count() == relations


def test_the_vocabulary_in_force_is_the_file_and_what_answers_brought(vocabulary):
    known = get_vocabulary()
    assert known is get_vocabulary()
    assert known.names[known.find("jogging")[0]] == "Running"
    ids = ensure_labels(["Legend of Zelda", "CAR"])
    fresh = get_vocabulary()
    assert fresh.find("legend of zelda") == (ids["Legend of Zelda"],)
    assert ids["CAR"] == fresh.ids["car"]
    assert Label.objects.get(name="Legend of Zelda").origin == Label.Origin.ANSWER


def test_names_that_nobody_could_read_are_refused(db):
    for name in ("x" * 101, "", "bell\x07"):
        with pytest.raises(Refused, match="printable"):
            ensure_labels([name])


def test_rekognitions_parents_are_added_and_a_local_models_never_override(vocabulary):
    learn_facts([LabelFacts("Bunny", parents=("Animal",))], model_version="2.0")
    learn_facts([LabelFacts("Bunny", parents=("Toy",))], model_version="nanodet-g-416-int8")
    learn_facts([LabelFacts("Car", parents=("Toy",))], model_version="nanodet-g-416-int8")
    learn_facts([LabelFacts("Gizmo", parents=("Toy",))], model_version="nanodet-g-416-int8")
    known = get_vocabulary()

    def above(name):
        return {known.names[label_id] for label_id in known.ancestors(known.ids[name])}

    assert above("bunny") == {"Animal"}
    assert "Toy" not in above("car")
    assert above("gizmo") == {"Toy"}
    assert known.origin(known.ids["bunny"], parent_id=known.ids["animal"]) == "2.0"


def test_a_relation_that_would_make_a_circle_is_left_out(vocabulary):
    learn_facts([LabelFacts("Vehicle", parents=("Car",))], model_version="3.0")
    known = get_vocabulary()
    assert known.ids["car"] not in known.ancestors(known.ids["vehicle"])
