"""What a labelling backend is. One file beside this one is one way of labelling; this has none."""

from __future__ import annotations

import abc
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, ClassVar

from labelling.reading import Piece
from medialib.exceptions import MedialibError, StepFailed, Wait
from medialib.media.source import Source

Page = dict[str, Any]
Progress = Callable[[float], None]
Cancelled = Callable[[], bool]
# Codes of failures that no retry mends: the file itself is not what the backend takes.
FINAL_CODES = ("video_too_large", "image_too_large", "image_too_small", "image_format")


class PagesLost(MedialibError):
    """The place in the answer is not known any more: read it again from its first page."""


class Unanswered(Wait):
    """No answer came to a call: whether it was taken, and paid, is not known."""


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
    # Where the object lies in media storage.
    object_name: str = ""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is kept with an analysis before anything is started, so that a second try is the same.

    `notes` are sentences for the person who looks at the result.
    """

    parameters: dict[str, Any]
    object_version: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Charge:
    """What a run will cost: so many images or minutes of an operation, in US dollars."""

    operation: str
    units: Decimal
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Started:
    """A run that has begun. `pages` is the answer of a backend that answers at once, else None."""

    job_id: str
    pages: Iterable[Page] | None = None


class LabellingBackend(abc.ABC):
    """Labels photos and videos; answers in Rekognition's shape, whoever does the looking.

    A video's answer is pages of `GetLabelDetection` (of another feature: of its own operation), a
    photo's is one `DetectLabels` answer.
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

    def features(self, kind: str) -> frozenset[str]:
        """Name the features that it can look for in a `photo` or `video`."""
        return frozenset(("labels",))

    # How many jobs may run at once; 0 means that it starts none that go on by themselves.
    jobs: int = 0

    def prepare(self, request: AnalysisRequest) -> Prepared:
        """Check what can be checked for nothing and fix all that a run depends on."""
        return Prepared(parameters=request.parameters)

    def takes_slot(self, request: AnalysisRequest) -> bool:
        """Tell whether this run is one of the jobs that are limited."""
        return False

    def is_running(self, job_id: str, *, feature: str) -> bool:
        """Ask whether a job still goes on."""
        return False

    def read(
        self, job_id: str, *, feature: str, token: str = "", waited_seconds: float = 0.0
    ) -> Iterator[Piece]:
        """Read the answer's pages; raises `Wait("provider", …)` while the run goes on.

        `token` is the `NextToken` of the last page that was read before; `waited_seconds` tells for
        how long the run has been going on. Raises `PagesLost` if reading must begin anew.
        A backend that answers at once has nothing to read later, and needs no method of its own.
        """
        message = f"The labeller “{self.name}” has no run of that name to read."
        raise StepFailed(message, code="run_gone")

    def charge(self, request: AnalysisRequest) -> Charge | None:
        """Say what a run will be charged for; None if it costs nothing."""
        return None

    def estimate(self, request: AnalysisRequest) -> Decimal:
        """Say what a run will cost in US dollars."""
        charge = self.charge(request)
        return charge.amount if charge else Decimal(0)
