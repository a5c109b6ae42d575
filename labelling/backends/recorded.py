"""Answers with an answer that was recorded before: nothing is looked at and nothing is paid.

The answer lies in our storage, named by the parameter "answer"; importing is the services' work.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from labelling.answers import read_answer
from labelling.backends.base import (
    AnalysisRequest,
    Cancelled,
    LabellingBackend,
    Page,
    Progress,
    Started,
)
from medialib import storage
from medialib.exceptions import StepFailed


class RecordedBackend(LabellingBackend):
    """Plays back Rekognition's answers (or any in its shape) that were brought in."""

    answers_about: ClassVar[str] = "original"

    @property
    def model_version(self) -> str:
        """Only the answers know."""
        return ""

    def labels(self) -> None:
        """There is no end to what an answer may hold."""

    def start(
        self, request: AnalysisRequest, *, on_progress: Progress, cancelled: Cancelled
    ) -> Started:
        """Give the stored answer; it can be given as often as wanted."""
        name = str(request.parameters.get("answer", ""))
        if not name or not storage.exists(name):
            message = "There is no recorded answer for this asset: import one."
            raise StepFailed(message, code="no_answer")
        on_progress(1.0)
        return Started(job_id="", pages=_pages(name))


def _pages(name: str) -> Iterator[Page]:
    with storage.open_gzip(name) as file:
        for piece in read_answer(file):
            yield piece.page
