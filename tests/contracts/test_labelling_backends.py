"""What every labelling backend promises; one suite, subclassed in a few lines for each."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from labelling.answers import Survey, from_pages, note_facts
from labelling.backends import get_backend
from labelling.backends.base import AnalysisRequest
from labelling.backends.local import LocalBackend
from labelling.taxonomy import Vocabulary
from medialib import storage
from medialib.exceptions import StepFailed
from medialib.media.errors import CageCancelled, MediaRejected
from medialib.media.source import BytesSource, LocalSource
from tests import samples

DEMO = Path(__file__).resolve().parents[2] / "medialib" / "demo_data"


def never() -> bool:
    return False


class BackendContract:
    """Subclasses give `backend`, `video` and `photo`: a request that has something to find."""

    def run(self, backend, request):
        progress: list[float] = []
        started = backend.start(request, on_progress=progress.append, cancelled=never)
        pages = started.pages if started.pages is not None else backend.read(started.job_id)
        return list(pages), progress

    def surveyed(self, pages):
        survey, facts = Survey(), {}
        for page in pages:
            survey.take(page)
            note_facts(page, facts)
        survey.finish()
        return survey, facts

    def test_it_says_what_it_is(self, backend):
        assert backend.queue in ("heavy", "light")
        assert backend.paid in (True, False)
        labels = backend.labels()
        assert labels is None or len(set(labels)) == len(labels) > 0

    def test_it_says_what_it_can_look_for(self, backend):
        assert all("labels" in backend.features(kind) for kind in ("photo", "video"))

    def test_an_estimate_is_an_amount(self, backend, video):
        assert backend.estimate(video) >= Decimal(0)

    def test_a_video_is_answered_in_rekognitions_shape(self, backend, video):
        pages, progress = self.run(backend, video)
        survey, _ = self.surveyed(pages)
        assert not survey.is_photo
        assert survey.model_version
        assert all(len(page["Labels"]) <= 1000 for page in pages)
        survey.check_fits(
            kind="video", duration_ms=video.duration_ms, width=video.width, height=video.height
        )
        times = [row["Timestamp"] for page in pages for row in page["Labels"]]
        assert times == sorted(times)
        assert all(0 <= time_ms < video.duration_ms for time_ms in times)
        assert progress == sorted(progress)
        assert progress[-1] == 1.0

    def test_a_photo_is_answered_in_rekognitions_shape(self, backend, photo):
        pages, _ = self.run(backend, photo)
        survey, _ = self.surveyed(pages)
        assert survey.is_photo
        assert len(pages) == 1

    def test_it_finds_what_is_there_with_boxes_inside_the_frame(self, backend, video):
        pages, _ = self.run(backend, video)
        cars = [entry for entry in from_pages(pages) if entry.label == "Car"]
        assert cars
        assert all(0 < entry.confidence <= 100 for entry in cars)
        boxes = [box for entry in cars for box in entry.boxes]
        assert boxes
        assert all(box.left >= -0.01 and box.left + box.width <= 1.01 for box in boxes)

    def test_ancestors_are_rows_of_their_own_and_never_less_sure(self, backend, video):
        pages, _ = self.run(backend, video)
        found: dict[tuple[int, str], float] = {}
        for entry in from_pages(pages):
            found[entry.time_ms, entry.label] = entry.confidence
        for entry in from_pages(pages):
            for parent in entry.parents:
                assert found[entry.time_ms, parent] >= entry.confidence

    def test_a_second_run_gives_the_same_answer(self, backend, video):
        assert self.run(backend, video)[0] == self.run(backend, video)[0]

    def test_unknown_runs_are_not_read_as_empty_answers(self, backend):
        with pytest.raises(StepFailed):
            list(backend.read("no such run", feature="labels"))


def request(kind, source, *, width, height, duration_ms=0, parameters=None):
    return AnalysisRequest(
        analysis_id="a",
        asset_id="b",
        kind=kind,
        feature="labels",
        source=source,
        width=width,
        height=height,
        duration_ms=duration_ms,
        parameters=parameters or {},
    )


class TestLocal(BackendContract):
    @pytest.fixture
    def backend(self, settings, tmp_path):
        settings.FILE_UPLOAD_TEMP_DIR = tmp_path
        return get_backend("local")

    @pytest.fixture
    def video(self):
        with LocalSource(DEMO / "road.mp4") as source:
            yield request("video", source, width=1280, height=720, duration_ms=1520)

    @pytest.fixture
    def photo(self):
        with LocalSource(DEMO / "chelsea.png") as source:
            yield request("photo", source, width=451, height=300)

    def test_a_cat_is_a_cat(self, backend, photo):
        pages, _ = self.run(backend, photo)
        found = {entry.label for entry in from_pages(pages)}
        assert {"Cat", "Animal", "Mammal", "Pet"} <= found

    def test_every_label_it_knows_is_in_the_vocabulary(self, backend):
        vocabulary = Vocabulary.from_csv()
        assert all(vocabulary.find(label) for label in backend.labels())
        assert len(backend.labels()) == 80

    def test_bytes_from_a_bucket_do_as_well(self, backend, video):
        served = BytesSource((DEMO / "road.mp4").read_bytes())
        other = request("video", served, width=1280, height=720, duration_ms=1520)
        assert self.run(backend, other)[0] == self.run(backend, video)[0]

    def test_nothing_to_see_is_an_empty_answer(self, backend):
        empty = request(
            "video", BytesSource(samples.clip()), width=320, height=180, duration_ms=2000
        )
        pages, _ = self.run(backend, empty)
        survey, _ = self.surveyed(pages)
        assert survey.rows == 0

    def test_a_file_that_is_no_video_ends_with_a_sentence(self, backend):
        broken = request("video", BytesSource(b"nothing" * 999), width=1, height=1, duration_ms=9)
        with pytest.raises(MediaRejected, match="can't read this file"):
            self.run(backend, broken)

    def test_it_stops_when_asked_to(self, backend, video):
        with pytest.raises(CageCancelled):
            backend.start(video, on_progress=lambda _: None, cancelled=lambda: True)

    def test_a_model_that_was_changed_is_not_run(self, settings, tmp_path, video):
        settings.FILE_UPLOAD_TEMP_DIR = tmp_path
        model = tmp_path / "other.onnx"
        model.write_bytes(b"not the one")
        backend = LocalBackend("local", model=str(model), model_sha256="0" * 64)
        with pytest.raises(MediaRejected, match="agreed on"):
            self.run(backend, video)

    def test_a_model_that_is_missing_is_named(self, tmp_path, video):
        backend = LocalBackend("local", model=str(tmp_path / "gone.onnx"))
        with pytest.raises(StepFailed, match="model file is missing"):
            self.run(backend, video)


class TestRecorded(BackendContract):
    @pytest.fixture
    def backend(self, library):
        return get_backend("recorded")

    def stored(self, name, pages):
        storage.write_gzip(name, [json.dumps(page).encode() for page in pages])
        return {"answer": name}

    @pytest.fixture
    def video(self, library):
        box = {"Left": 0.1, "Top": 0.2, "Width": 0.3, "Height": 0.4}
        parents = [{"Name": "Vehicle"}]
        instances = [{"BoundingBox": box, "Confidence": 81.0}]
        car = {"Name": "Car", "Confidence": 80.0, "Instances": instances, "Parents": parents}
        vehicle = {"Name": "Vehicle", "Confidence": 82.5}
        pages = [
            {
                "LabelModelVersion": "3.0",
                "VideoMetadata": {"DurationMillis": 1520},
                "Labels": [
                    {"Timestamp": time_ms, "Label": label}
                    for time_ms in (0, 520, 1000)
                    for label in (car, vehicle)
                ],
            }
        ]
        return request(
            "video",
            BytesSource(b""),
            width=1280,
            height=720,
            duration_ms=1520,
            parameters=self.stored("analyses/a/video.gz", pages),
        )

    @pytest.fixture
    def photo(self, library):
        page = {"LabelModelVersion": "3.0", "Labels": [{"Name": "Cat", "Confidence": 97.0}]}
        parameters = self.stored("analyses/a/photo.gz", [page])
        return request("photo", BytesSource(b""), width=1, height=1, parameters=parameters)

    def test_without_an_answer_it_says_so(self, backend):
        nothing = request("photo", BytesSource(b""), width=1, height=1)
        with pytest.raises(StepFailed, match="import one"):
            self.run(backend, nothing)


def test_an_unknown_backend_is_named_with_those_there_are():
    with pytest.raises(Exception, match="there are: local, recorded"):
        get_backend("nobody")


def test_a_foreign_label_map_brings_its_own_limits(tmp_path):
    path = tmp_path / "map.csv"
    path.write_text(
        "name,label,parents,category,threshold,least_samples\nbike,Bicycle,Vehicle,,0.7,4\n"
    )
    backend = LocalBackend("local", label_map=str(path))
    assert backend.labels() == ("Bicycle",)
