"""What a labelling backend is. One file beside this one is one way of labelling; this has none."""

from __future__ import annotations

import abc
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, ClassVar

from medialib.exceptions import StepFailed
from medialib.media.source import Source

Page = dict[str, Any]
Progress = Callable[[float], None]
Cancelled = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class AnalysisRequest:
    """What is to be labelled: one stored object, its size and length, and how."""

    analysis_id: str
    asset_id: str
    # "photo" | "video"
    kind: str
    feature: str
    source: Source
    width: int
    height: int
    duration_ms: int
    parameters: dict[str, Any] = field(default_factory=dict)
    attempt: int = 1
    object_version: str = ""
    filename: str = ""


@dataclass(frozen=True, slots=True)
class Started:
    """A run that has begun. `pages` is the answer of a backend that answers at once, else None."""

    job_id: str
    pages: Iterable[Page] | None = None


class LabellingBackend(abc.ABC):
    """Labels photos and videos; answers in Rekognition's shape, whoever does the looking.

    A video's answer is pages of `GetLabelDetection`, a photo's is one `DetectLabels` answer.
    Errors: `Wait` (not now), `StepFailed` (never, with a sentence for the person).
    """

    # Which workers run it: "heavy" works here, "light" only waits for others.
    queue: ClassVar[str] = "light"
    # A paid backend does nothing until a cap is set.
    paid: ClassVar[bool] = False
    # Whose time and frame its answers are in: "rendition" (what people see) or "original".
    answers_about: ClassVar[str] = "rendition"

    def __init__(self, name: str) -> None:
        self.name = name

    @property
    @abc.abstractmethod
    def model_version(self) -> str:
        """The model as its answers name it (`LabelModelVersion`); empty if only they know."""

    @abc.abstractmethod
    def labels(self) -> tuple[str, ...] | None:
        """List the labels it can find at all; None if the list has no end worth printing."""

    @abc.abstractmethod
    def start(
        self, request: AnalysisRequest, *, on_progress: Progress, cancelled: Cancelled
    ) -> Started:
        """Begin a run; may be called twice for one analysis and must not do the work twice over."""

    def read(self, job_id: str) -> Iterator[Page]:
        """Read the answer's pages; raises `Wait("provider", …)` while the run goes on.

        A backend that answers at once has nothing to read later, and needs no method of its own.
        """
        message = f"The labeller “{self.name}” has no run of that name to read."
        raise StepFailed(message, code="run_gone")

    def estimate(self, request: AnalysisRequest) -> Decimal:
        """Say what a run will cost in US dollars."""
        return Decimal(0)
