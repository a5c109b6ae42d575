"""Understands labelling answers: Rekognition's shape, whoever wrote them. Stores nothing.

Takes one DetectLabels answer (a photo), one GetLabelDetection page, a list of pages, or pages one
a line (a video), streaming; refuses everything else with a sentence.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import IO, Any

from labelling.detections import Box, Detection, LabelFacts, covered_share
from labelling.moments import Sample, Span
from labelling.reading import JsonInvalid, Piece, read_pieces
from labelling.taxonomy import name_is_fit
from medialib.exceptions import Refused

Page = dict[str, Any]

# Telling fields of other answers → what they are.
_OTHER_KINDS = {
    "ModerationLabels": "a moderation answer",
    "TextDetections": "a text detection answer",
    "FaceDetails": "a face detection answer",
    "Faces": "a face detection answer",
    "FaceMatches": "a face search answer",
    "CelebrityFaces": "a celebrity answer",
    "Celebrities": "a celebrity answer",
    "CustomLabels": "a custom labels answer",
    "Persons": "a protective equipment or person answer",
    "Segments": "a segment detection answer",
}
_LONGEST_MS = 30 * 24 * 3600 * 1000
_TOLERANCE_MS = 2000
_MOST_LABELS = 20_000


class AnswerInvalid(Refused):
    """This file is not a labelling answer."""

    code = "answer_invalid"


@dataclass(slots=True)
class Survey:
    """What is known of an answer after its pages went by; `take` every page, then ask."""

    rows: int = 0
    model_version: str = ""
    job_id: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)
    is_photo: bool = False
    is_segments: bool = False
    last_ms: int = 0
    _next_token: str = ""
    _seen: bool = False

    def take(self, page: Page) -> None:
        """Note one page. Raises AnswerInvalid where it can't be part of a labelling answer."""
        rows = page.get("Labels")
        if not isinstance(rows, list):
            raise AnswerInvalid(_wrong_kind(page))
        self._take_fields(page)
        if not rows:
            return
        is_photo = isinstance(rows[0], dict) and "Label" not in rows[0] and "Name" in rows[0]
        if self._seen and is_photo != self.is_photo:
            raise AnswerInvalid("This answer mixes rows of a photo and of a video.")
        self._seen, self.is_photo = True, is_photo
        self.is_segments = self.is_segments or has_segments(page)
        self.rows += len(rows)

    def _take_fields(self, page: Page) -> None:
        status = page.get("JobStatus")
        if status == "IN_PROGRESS":
            raise AnswerInvalid("This answer was fetched before the labelling run had ended.")
        if status == "FAILED":
            words = str(page.get("StatusMessage") or "no reason given")[:200]
            raise AnswerInvalid(f"This is the answer of a run that failed ({words}).")
        self.model_version = str(page.get("LabelModelVersion") or self.model_version)[:50]
        self.job_id = str(page.get("JobId") or self.job_id)[:100]
        if isinstance(page.get("VideoMetadata"), dict):
            self.metadata = page["VideoMetadata"]
        # A page read in parts carries its fields in the last part.
        self._next_token = str(page.get("NextToken") or "")

    def finish(self) -> None:
        """Raise AnswerInvalid if there were no pages or the last one says that more follow."""
        if self._next_token:
            raise AnswerInvalid(
                "This is only a part of an answer: its last page says that more pages follow "
                "(NextToken). Bring all pages, in one file."
            )
        if "DurationMillis" in self.metadata or self.job_id:
            return
        if not self._seen and not self.model_version:
            raise AnswerInvalid("This answer has no labels and does not say what made it.")

    def check_fits(self, *, kind: str, duration_ms: int, width: int, height: int) -> None:
        """Raise AnswerInvalid if this can't be the answer of such an asset."""
        if self._seen and self.is_photo != (kind == "photo"):
            theirs = "photo" if self.is_photo else "video"
            raise AnswerInvalid(f"This is the answer of a {theirs}, but the asset is a {kind}.")
        if kind == "photo":
            return
        stated = self.metadata.get("DurationMillis")
        if isinstance(stated, int | float) and _apart(stated, duration_ms):
            raise AnswerInvalid(
                f"This is the answer of another video: it is {stated / 1000:.1f} s long, "
                f"this one {duration_ms / 1000:.1f} s."
            )
        if self.last_ms > duration_ms + _TOLERANCE_MS and _apart(self.last_ms, duration_ms):
            raise AnswerInvalid(
                f"This is the answer of another video: it speaks of {self.last_ms / 1000:.1f} s, "
                f"this one ends at {duration_ms / 1000:.1f} s."
            )
        self._check_frame(width, height)

    def _check_frame(self, width: int, height: int) -> None:
        theirs = (self.metadata.get("FrameWidth"), self.metadata.get("FrameHeight"))
        match theirs:
            case (int(wide), int(high)) if wide > 0 and high > 0 and width > 0 and height > 0:
                # A conversion may have made it smaller; an odd pixel shape may stretch it.
                same = max(wide * height, high * width) <= 1.5 * min(wide * height, high * width)
                turned = max(wide * width, high * height) <= 1.5 * min(wide * width, high * height)
                if not same and not turned:
                    raise AnswerInvalid(
                        f"This is the answer of another video: its frame is {wide}×{high}, "
                        f"this one's {width}×{height}."
                    )

    def frame_is_turned(self, *, width: int, height: int) -> bool:
        """Tell whether the answer's frame lies on its side, seen from an upright width × height."""
        wide, high = self.metadata.get("FrameWidth"), self.metadata.get("FrameHeight")
        if not isinstance(wide, int) or not isinstance(high, int) or wide == high:
            return False
        return width != height and (wide > high) != (width > height)


def read_answer(file: IO[bytes], *, rows: str = "Labels") -> Iterator[Piece]:
    """Read an answer in parts of at most 1,000 rows. Raises AnswerInvalid with a sentence.

    `rows` is the name of its list of rows.
    """
    try:
        empty = True
        for piece in read_pieces(file, rows=rows):
            empty = False
            yield piece
    except JsonInvalid as error:
        if error.cut:
            raise AnswerInvalid(
                "This answer is cut off in the middle: the file ends too early."
            ) from error
        raise AnswerInvalid(f"This is not a labelling answer: it is not JSON ({error})") from error
    if empty:
        raise AnswerInvalid("This is not a labelling answer: the file is empty.")


def has_segments(page: Page) -> bool:
    """Tell whether a page's rows are spans that the provider joined (aggregated by SEGMENTS)."""
    rows = page.get("Labels")
    first = rows[0] if isinstance(rows, list) and rows else None
    return isinstance(first, dict) and bool(first.get("EndTimestampMillis"))


def page_samples(page: Page) -> Iterator[Sample]:
    """Give the samples of one page, photo or video. Raises AnswerInvalid for a row of no sense."""
    row: Any = None
    try:
        rows = page["Labels"]
        is_video = bool(rows) and "Label" in rows[0]
        for row in rows:
            label = row["Label"] if is_video else row
            confidence = label["Confidence"]
            time_ms = row["Timestamp"] if is_video else 0
            boxes = label.get("Instances")
            if not (0 <= confidence <= 100 and 0 <= time_ms <= _LONGEST_MS):
                raise AnswerInvalid(_row_sentence(row))
            if boxes:
                share = covered_share(map(_corners, boxes))
                yield (label["Name"], int(time_ms), confidence, len(boxes), share)
            else:
                yield (label["Name"], int(time_ms), confidence, 0, 0.0)
    except (KeyError, TypeError, AttributeError):
        raise AnswerInvalid(_row_sentence(row)) from None


def page_spans(page: Page) -> Iterator[Span]:
    """Give the spans of one page aggregated by SEGMENTS."""
    row: Any = None
    try:
        for row in page["Labels"]:
            label = row["Label"]
            start, end = int(row["StartTimestampMillis"]), int(row["EndTimestampMillis"])
            if not (0 <= label["Confidence"] <= 100 and 0 <= start <= end <= _LONGEST_MS):
                raise AnswerInvalid(_row_sentence(row))
            yield (label["Name"], start, end, label["Confidence"])
    except (KeyError, TypeError, AttributeError, ValueError):
        raise AnswerInvalid(_row_sentence(row)) from None


def note_facts(page: Page, facts: dict[str, LabelFacts]) -> None:
    """Add what a page says of labels that are not among `facts` yet."""
    row: Any = None
    try:
        # Most rows are of labels that are known: those are passed by in one go.
        first = {row.get("Label", row)["Name"]: row for row in reversed(page["Labels"])}
        for name in [name for name in first if name not in facts]:
            row = first[name]
            if not name_is_fit(name) or len(facts) >= _MOST_LABELS:
                raise AnswerInvalid(_name_sentence(name))
            label = row.get("Label", row)
            facts[name] = LabelFacts(
                name=name,
                parents=_names(label.get("Parents")),
                aliases=_names(label.get("Aliases")),
                categories=_names(label.get("Categories")),
            )
    except (KeyError, TypeError, AttributeError):
        raise AnswerInvalid(_row_sentence(row)) from None


def from_pages(pages: Iterable[Page]) -> Iterator[Detection]:
    """Give the detections of an answer, as values. For many rows use `page_samples`."""
    for page in pages:
        facts: dict[str, LabelFacts] = {}
        note_facts(page, facts)
        for row, (name, time_ms, confidence, _, _) in zip(
            page["Labels"], page_samples(page), strict=True
        ):
            fact = facts[name]
            instances = row.get("Label", row).get("Instances") or ()
            yield Detection(
                label=name,
                time_ms=time_ms,
                confidence=confidence,
                boxes=tuple(Box(*_corners(box), box.get("Confidence", 0)) for box in instances),
                parents=fact.parents,
                aliases=fact.aliases,
                category=fact.categories[0] if fact.categories else "",
            )


def page_boxes(
    page: Page,
) -> Iterator[tuple[str, int, float, list[tuple[float, float, float, float, float]]]]:
    """Give (label, time_ms, confidence, boxes) of the rows with boxes; rows were checked before.

    A box is (left, top, width, height, confidence).
    """
    for row in page["Labels"]:
        label = row.get("Label", row)
        if instances := label.get("Instances"):
            boxes = [(*_corners(box), box.get("Confidence", 0.0)) for box in instances]
            yield (label["Name"], int(row.get("Timestamp", 0)), label["Confidence"], boxes)


def _corners(instance: dict[str, Any]) -> tuple[float, float, float, float]:
    box = instance["BoundingBox"]
    return (box["Left"], box["Top"], box["Width"], box["Height"])


def _names(entries: Any) -> tuple[str, ...]:
    names = tuple(entry["Name"] for entry in entries or ())
    for name in names:
        if not name_is_fit(name):
            raise AnswerInvalid(_name_sentence(name))
    return names


def _apart(theirs: float, ours: float) -> bool:
    """More than 2 s and more than 5 % apart: no rounding explains that."""
    return abs(theirs - ours) > max(_TOLERANCE_MS, 0.05 * max(theirs, ours))


def _wrong_kind(page: Page) -> str:
    for name, kind in _OTHER_KINDS.items():
        if name in page:
            return f"This is {kind}, not one of label detection."
    return "This is JSON, but not an answer of label detection: it has no list of labels."


def _name_sentence(name: Any) -> str:
    if name_is_fit(name):
        return f"This answer has more than {_MOST_LABELS:,} different labels."
    return f"This answer has a name that is not 1 to 100 printable characters: {name!r:.60}"


def _row_sentence(row: Any) -> str:
    return f"This answer has a row that makes no sense: {str(row)[:120]}"
