"""What reading a labelling answer promises: every accepted shape, and a sentence for the others."""

from __future__ import annotations

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelling.answers import (
    AnswerInvalid,
    Survey,
    from_pages,
    note_facts,
    page_samples,
    page_spans,
    read_answer,
)
from labelling.detections import Box
from labelling.reading import JsonInvalid, read_pieces


def label(name, confidence=90.0, boxes=(), **more):
    instances = [
        {
            "BoundingBox": dict(zip(("Left", "Top", "Width", "Height"), box, strict=True)),
            "Confidence": 88.0,
        }
        for box in boxes
    ]
    return {"Name": name, "Confidence": confidence, "Instances": instances, **more}


def row(time_ms, name, *args, **more):
    return {"Timestamp": time_ms, "Label": label(name, *args, **more)}


def video_page(rows, **more):
    metadata = {"DurationMillis": 10_000, "FrameWidth": 1280, "FrameHeight": 720}
    return {"JobStatus": "SUCCEEDED", "VideoMetadata": metadata, "Labels": rows, **more}


def survey_of(data):
    """Read an answer to its end, as an import does."""
    survey = Survey()
    for piece in read_answer(io.BytesIO(data)):
        survey.take(piece.page)
        note_facts(piece.page, {})
        list(page_samples(piece.page))
    survey.finish()
    return survey


ROWS = [row(0, "Car"), row(500, "Car"), row(500, "Dog")]
FIRST = video_page(ROWS[:2], NextToken="t")
LAST = video_page(ROWS[2:])


@pytest.mark.parametrize(
    "data",
    [
        json.dumps(video_page(ROWS)),
        json.dumps(video_page(ROWS), indent=4),
        json.dumps([FIRST, LAST]),
        json.dumps(FIRST) + "\n" + json.dumps(LAST) + "\n",
        "\ufeff" + json.dumps(video_page(ROWS)),
    ],
    ids=["one page", "indented", "list of pages", "page a line", "with a mark"],
)
def test_every_shape_of_a_video_answer_is_read_whole(data):
    survey = survey_of(data.encode())
    assert (survey.rows, survey.is_photo) == (3, False)
    assert survey.metadata["DurationMillis"] == 10_000


def test_a_photo_answer_is_read():
    data = {"Labels": [label("Cat", 97.5)], "LabelModelVersion": "3.0"}
    survey = survey_of(json.dumps(data).encode())
    assert (survey.rows, survey.is_photo, survey.model_version) == (1, True, "3.0")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"hello there", "not JSON"),
        (b"\xff\xfe\x00\x01", "not JSON"),
        (b"[1, 2]", "not JSON"),
        (b'{"FaceDetails": []}', "face detection"),
        (b'{"ModerationLabels": []}', "moderation"),
        (b'{"Persons": [{"Id": 1}]}', "protective equipment"),
        (b'{"anything": 1}', "no list of labels"),
        (b'{"Labels": {"Name": "Car"}}', "no list of labels"),
        (b'{"Labels": []}', "no labels"),
        (b'{"JobStatus": "IN_PROGRESS", "Labels": []}', "before the labelling run had ended"),
        (b'{"JobStatus": "FAILED", "StatusMessage": "Bad codec.", "Labels": []}', "Bad codec."),
        (json.dumps(FIRST).encode(), "more pages follow"),
        (json.dumps(video_page([row(0, "Car", 140.0)])).encode(), "makes no sense"),
        (json.dumps(video_page([row(-5, "Car")])).encode(), "makes no sense"),
        (json.dumps(video_page([{"Timestamp": 0}])).encode(), "makes no sense"),
        (json.dumps(video_page([row(0, "x" * 101)])).encode(), "printable"),
        (json.dumps(video_page([row(0, "a\nb")])).encode(), "printable"),
        (json.dumps(video_page([row(0, "Car"), label("Cat")])).encode(), "makes no sense"),
        (b'{"Labels": [' + b"[" * 100_000, "nested"),
        (b'{"Labels": [{"Name": "Car", "Confidence": NaN}]}', "not JSON"),
    ],
)
def test_what_is_no_labelling_answer_is_refused_with_a_sentence(data, words):
    with pytest.raises(AnswerInvalid, match=words):
        survey_of(data)


@given(st.integers(1, len(json.dumps(video_page(ROWS))) - 1))
def test_an_answer_cut_anywhere_is_refused_as_cut(place):
    with pytest.raises(AnswerInvalid, match="cut off in the middle"):
        survey_of(json.dumps(video_page(ROWS)).encode()[:place])


def test_another_video_is_told_by_its_length():
    survey = survey_of(json.dumps(video_page(ROWS)).encode())
    survey.check_fits(kind="video", duration_ms=10_900, width=1280, height=720)
    with pytest.raises(AnswerInvalid, match=r"10\.0 s long, this one 60\.0 s"):
        survey.check_fits(kind="video", duration_ms=60_000, width=1280, height=720)


def test_another_video_is_told_by_its_frame():
    survey = survey_of(json.dumps(video_page(ROWS)).encode())
    survey.check_fits(kind="video", duration_ms=10_000, width=640, height=360)
    survey.check_fits(kind="video", duration_ms=10_000, width=720, height=1280)
    with pytest.raises(AnswerInvalid, match="1280×720"):
        survey.check_fits(kind="video", duration_ms=10_000, width=800, height=800)


def test_an_answer_of_a_photo_is_refused_for_a_video():
    survey = survey_of(json.dumps({"Labels": [label("Cat")], "LabelModelVersion": "3.0"}).encode())
    with pytest.raises(AnswerInvalid, match="answer of a photo"):
        survey.check_fits(kind="video", duration_ms=10_000, width=1, height=1)


def test_a_frame_lying_on_its_side_is_noticed():
    survey = survey_of(json.dumps(video_page(ROWS)).encode())
    assert survey.frame_is_turned(width=720, height=1280)
    assert not survey.frame_is_turned(width=640, height=360)


def test_detections_keep_what_was_delivered():
    box = (-0.1, 0.2, 0.5, 0.9)
    names = {"Parents": [{"Name": "Vehicle"}], "Categories": [{"Name": "Vehicles and Automotive"}]}
    (detection,) = from_pages([video_page([row(500, "Car", 95.5, [box], **names)])])
    assert (detection.label, detection.time_ms, detection.confidence) == ("Car", 500, 95.5)
    assert detection.boxes == (Box(*box, 88.0),)
    assert (detection.parents, detection.category) == (("Vehicle",), "Vehicles and Automotive")
    # Inside the frame are 0.4 × 0.8 of it.
    assert detection.sample == ("Car", 500, 95.5, 1, pytest.approx(0.32))
    assert next(page_samples(video_page([row(500, "Car", 95.5, [box])]))) == detection.sample


def test_rows_joined_by_the_provider_are_spans():
    rows = [
        {
            "Timestamp": 0,
            "StartTimestampMillis": 0,
            "EndTimestampMillis": 1500,
            "DurationMillis": 1500,
            "Label": label("Car"),
        }
    ]
    survey = survey_of(json.dumps(video_page(rows)).encode())
    assert survey.is_segments
    assert list(page_spans(video_page(rows))) == [("Car", 0, 1500, 90.0)]


_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
_pages = st.lists(
    st.tuples(st.dictionaries(st.text(), _json, max_size=3), st.lists(_json, max_size=5)),
    min_size=1,
    max_size=3,
)


@given(
    pages=_pages,
    chunk=st.integers(1, 40),
    indent=st.none() | st.just(2),
    ascii_only=st.booleans(),
    joint=st.booleans(),
)
def test_reading_in_pieces_equals_reading_in_one(pages, chunk, indent, ascii_only, joint):
    whole = [{**fields, "Labels": rows} for fields, rows in pages]
    parts = [json.dumps(page, indent=indent, ensure_ascii=ascii_only) for page in whole]
    text = f"[{','.join(parts)}]" if joint else "\n".join(parts)
    pieces = list(read_pieces(io.BytesIO(text.encode("utf-8", "surrogatepass")), chunk=chunk))
    assert [piece.page for piece in pieces] == whole
    assert [json.loads(piece.line) for piece in pieces] == whole
    assert all("\n" not in piece.line for piece in pieces)


def test_a_large_page_comes_in_parts_and_loses_no_row():
    page = video_page([row(at, "Car") for at in range(2500)])
    pieces = list(read_answer(io.BytesIO(json.dumps(page).encode())))
    assert [len(piece.page["Labels"]) for piece in pieces] == [1000, 1000, 500]
    assert [row for piece in pieces for row in piece.page["Labels"]] == page["Labels"]
    assert "VideoMetadata" in pieces[-1].page


def test_more_after_the_end_is_noticed():
    with pytest.raises(JsonInvalid):
        list(read_pieces(io.BytesIO(b'[{"Labels": []}] {')))
