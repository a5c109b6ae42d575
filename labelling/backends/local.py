"""Labels here, without any cloud: an object detector at two frames a second, in the cage.

The network itself runs in `labelling.backends.detector`. This module names what it found, holds
the thresholds and minimum numbers of samples, and writes the answer in Rekognition's shape.
"""

from __future__ import annotations

import csv
import json
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, ClassVar

from django.conf import settings

from labelling.backends.base import (
    AnalysisRequest,
    Cancelled,
    LabellingBackend,
    Page,
    Progress,
    Started,
)
from medialib.exceptions import StepFailed
from medialib.media import cage
from medialib.undo import on_failure

_MODELS = Path(__file__).resolve().parent.parent / "data" / "models"
_MODEL = _MODELS / "nanodet-g-416-int8.onnx"
_MODEL_SHA256 = "9395195683b2fe2838a460d86fc0a4d960705e0994393825675314853afab6bb"
_LABEL_MAP = _MODELS / "coco_to_labels.csv"
_PAGE_ROWS = 1000
_JOB = "labelling.backends.detector:detect"

# Measured on real frames: which scores are worth believing, by the classes of the shipped model.
_SURE = 0.35
_USUAL = 0.40
_WEAK = 0.60
_OTHERWISE = 0.50
_SURE_CLASSES = "person,car,bottle,bus,dog"
_USUAL_CLASSES = (
    "bicycle,motorcycle,truck,train,airplane,boat,cat,bird,elephant,zebra,giraffe,laptop"
)
_WEAK_CLASSES = (
    "cell phone,kite,frisbee,banana,chair,bench,tie,backpack,handbag,skateboard,surfboard,"
    "sports ball,cow,sheep,horse,umbrella,cup,bowl,clock,toilet,parking meter,remote"
)
_WEAK_SAMPLES = 3
# A label seen at one sample only is believed from this score on.
_SINGLE_SCORE = 0.60
_USUAL_SAMPLES = 2


@dataclass(frozen=True, slots=True)
class _Class:
    """One class of the network: the label it stands for, and from when on it is believed."""

    label: str
    parents: tuple[str, ...]
    category: str
    threshold: float
    least_samples: int

    @classmethod
    def from_line(cls, line: Mapping[str, str]) -> _Class:
        """Read a line of a label map; the columns threshold and least_samples may be missing."""
        name, label, parents, category = list(line.values())[:4]
        known = _THRESHOLDS.get(name, _OTHERWISE)
        samples = _WEAK_SAMPLES if known == _WEAK else _USUAL_SAMPLES
        return cls(
            label=label,
            parents=tuple(sorted(part.strip() for part in parents.split(";") if part.strip())),
            category=category,
            threshold=float(line.get("threshold") or known),
            least_samples=int(line.get("least_samples") or samples),
        )


_THRESHOLDS = {
    **dict.fromkeys(_SURE_CLASSES.split(","), _SURE),
    **dict.fromkeys(_USUAL_CLASSES.split(","), _USUAL),
    **dict.fromkeys(_WEAK_CLASSES.split(","), _WEAK),
}


class LocalBackend(LabellingBackend):
    """Finds everyday objects with a small network; good for side views, weak from above."""

    queue: ClassVar[str] = "heavy"

    def __init__(
        self,
        name: str,
        *,
        model: str = "",
        model_sha256: str = "",
        label_map: str = "",
        frames_per_second: float = 2.0,
        long_side: int = 416,
    ) -> None:
        super().__init__(name)
        self._model = Path(model) if model else _MODEL
        self._sha256 = model_sha256 if model else _MODEL_SHA256
        self._frames_per_second = frames_per_second
        self._long_side = long_side
        path = Path(label_map) if label_map else _LABEL_MAP
        with path.open(encoding="utf-8", newline="") as file:
            self._classes = [_Class.from_line(line) for line in csv.DictReader(file)]

    @property
    def model_version(self) -> str:
        """The model's file name, which stands in its answers."""
        return self._model.stem[:50]

    def labels(self) -> tuple[str, ...]:
        """List the labels of the network's classes."""
        return tuple(dict.fromkeys(entry.label for entry in self._classes))

    def start(
        self, request: AnalysisRequest, *, on_progress: Progress, cancelled: Cancelled
    ) -> Started:
        """Look at the whole file in the cage; the answer is there when this returns."""
        if not self._model.is_file():
            message = "The local labeller's model file is missing; ask the administrator."
            raise StepFailed(message, code="model_missing")
        run = _Run(self._classes, is_photo=request.kind == "photo")

        def take(message: dict[str, Any]) -> None:
            run.take(message["samples"])
            on_progress(message["progress"])

        with on_failure(run.close):
            facts = self._run_job(request, take, cancelled)
        pages = run.pages(facts, duration_ms=request.duration_ms, model_version=self.model_version)
        return Started(job_id="", pages=pages)

    def _run_job(
        self, request: AnalysisRequest, take: cage.OnMessage, cancelled: Cancelled
    ) -> dict[str, Any]:
        return cage.run(
            _JOB,
            request={
                "model": str(self._model),
                "sha256": self._sha256,
                "thresholds": [entry.threshold for entry in self._classes],
                "long_side": self._long_side,
                "frames_per_second": self._frames_per_second,
                "is_photo": request.kind == "photo",
                "duration_ms": request.duration_ms,
            },
            source=request.source,
            limits=_limits(request.duration_ms),
            on_message=take,
            cancelled=cancelled,
        )


def _limits(duration_ms: int) -> cage.Limits:
    """Decoding 4K takes about a second a second; this leaves room for slower machines."""
    seconds = duration_ms // 1000
    return cage.Limits(cpu_seconds=300 + 8 * seconds, wall_seconds=1200 + 30 * seconds)


class _Run:
    """The samples of one run, kept in a temporary file: which count is known only at the end."""

    def __init__(self, classes: list[_Class], *, is_photo: bool) -> None:
        self._classes = classes
        self._is_photo = is_photo
        self._file: IO[str] = tempfile.SpooledTemporaryFile(  # noqa: SIM115 -- closed by pages() or close()
            max_size=4 << 20, mode="w+", dir=str(settings.FILE_UPLOAD_TEMP_DIR)
        )
        self._samples: Counter[int] = Counter()
        self._best: defaultdict[int, float] = defaultdict(float)
        self._total = 0

    def close(self) -> None:
        """Give the temporary file back, for a run that came to nothing."""
        self._file.close()

    def take(self, samples: Iterable[list[Any]]) -> None:
        """Keep a batch of [time_ms, [[class, score, left, top, width, height], …]]."""
        for sample in samples:
            self._total += 1
            for number in {found[0] for found in sample[1]}:
                self._samples[number] += 1
            for number, score, *_ in sample[1]:
                self._best[number] = max(self._best[number], score)
            if sample[1]:
                self._file.write(json.dumps(sample, separators=(",", ":")) + "\n")

    def pages(
        self, facts: Mapping[str, Any], *, duration_ms: int, model_version: str
    ) -> Iterator[Page]:
        """Give the answer: one DetectLabels answer, or pages of GetLabelDetection."""
        with self._file as file:
            file.seek(0)
            believed = {number for number in self._samples if self._is_believed(number)}
            envelope: Page = {"LabelModelVersion": model_version}
            if not self._is_photo:
                envelope["JobStatus"] = "SUCCEEDED"
                envelope["VideoMetadata"] = _metadata(facts, duration_ms)
            rows: list[dict[str, Any]] = []
            for line in file:
                time_ms, found = json.loads(line)
                labels = self._rows([entry for entry in found if entry[0] in believed])
                rows += labels if self._is_photo else _timed(labels, time_ms)
                while len(rows) > _PAGE_ROWS:
                    yield {**envelope, "Labels": rows[:_PAGE_ROWS], "NextToken": "more"}
                    rows = rows[_PAGE_ROWS:]
            yield {**envelope, "Labels": rows}

    def _is_believed(self, number: int) -> bool:
        entry = self._classes[number]
        least = min(entry.least_samples, self._total)
        if entry.least_samples == _USUAL_SAMPLES and self._best[number] >= _SINGLE_SCORE:
            least = 1
        return self._samples[number] >= least

    def _rows(self, found: list[list[float]]) -> list[dict[str, Any]]:
        """Name what one sample shows, ancestors as rows of their own, as Rekognition does."""
        rows: dict[str, dict[str, Any]] = {}
        for number, score, *box in sorted(found, key=lambda entry: -entry[1]):
            entry = self._classes[int(number)]
            confidence = round(100 * score, 2)
            row = _row(rows, entry.label, confidence)
            row["Parents"] = [{"Name": parent} for parent in entry.parents]
            row["Categories"] = [{"Name": entry.category}] if entry.category else []
            row["Instances"].append(_instance(box, confidence))
            for parent in entry.parents:
                _row(rows, parent, confidence)
        return [rows[name] for name in sorted(rows)]


def _row(rows: dict[str, dict[str, Any]], name: str, confidence: float) -> dict[str, Any]:
    """Give the row of a label, raised to this confidence."""
    empty: dict[str, Any] = {
        "Name": name,
        "Confidence": confidence,
        "Instances": [],
        "Parents": [],
        "Aliases": [],
        "Categories": [],
    }
    row = rows.setdefault(name, empty)
    row["Confidence"] = max(row["Confidence"], confidence)
    return row


def _instance(box: list[float], confidence: float) -> dict[str, Any]:
    corners = dict(zip(("Left", "Top", "Width", "Height"), box, strict=True))
    return {"BoundingBox": corners, "Confidence": confidence}


def _timed(labels: Iterable[dict[str, Any]], time_ms: int) -> list[dict[str, Any]]:
    return [{"Timestamp": time_ms, "Label": label} for label in labels]


def _metadata(facts: Mapping[str, Any], duration_ms: int) -> dict[str, Any]:
    return {
        "Codec": facts["codec"],
        "DurationMillis": duration_ms,
        "Format": facts["format"],
        "FrameRate": facts["frame_rate"],
        "FrameHeight": facts["height"],
        "FrameWidth": facts["width"],
    }
