"""Joins samples into moments: pure arithmetic, fast enough for hundreds of thousands of rows.

Thresholds and minimum numbers of samples belong to the backends, never here; ancestors are labels
of their own and are never summed with their children. Knows no provider, framework or storage.
"""

from __future__ import annotations

import itertools
import statistics
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

# (label, time_ms, confidence 0–100, number of boxes, share of the frame in boxes 0–1). A plain
# tuple, as an answer may have 200,000 of them; `Detection.sample` makes one.
Sample = tuple[str, int, float, int, float]
# (label, start_ms, end_ms, confidence): what a provider joined itself.
Span = tuple[str, int, int, float]

# Seen again within a second after its span has ended, a label counts as never gone.
JOIN_MS = 1000
SINGLE_SPACING_MS = 500
# Labellers look at least every second or so. If most distances are longer, then most samples have
# found nothing, and the distances say nothing of how long one sample stands for.
LONGEST_SPACING_MS = 2000


@dataclass(frozen=True, slots=True)
class MomentDraft:
    """A span in which a label is seen, half-open milliseconds; a photo has 0, 0.

    `confidence` is the best, `mean_confidence` the mean over the samples; `instances` is the
    largest number of boxes at one sample; `screen_share` the mean over the samples of the share of
    the frame that is covered by boxes (their areas, clamped to the frame, summed, at most 1).
    """

    label: str
    start_ms: int
    end_ms: int
    confidence: float
    mean_confidence: float
    instances: int
    screen_share: float


class _Series:
    """The samples of one label, packed: objects of their own would need ten times the memory."""

    __slots__ = ("confidences", "instances", "shares", "times")

    def __init__(self) -> None:
        self.times = array("q")
        self.confidences = array("d")
        self.instances = array("L")
        self.shares = array("d")

    def rows(self) -> list[tuple[int, float, int, float]]:
        """Give the samples by time; two at one time (cut by a page, or read twice) are one."""
        rows = list(zip(self.times, self.confidences, self.instances, self.shares, strict=True))
        rows.sort()
        if len(set(self.times)) == len(rows):
            return rows
        merged: list[tuple[int, float, int, float]] = []
        for row in rows:
            if merged and merged[-1][0] == row[0]:
                last = merged.pop()
                row = (row[0], *(max(pair) for pair in zip(last[1:], row[1:], strict=True)))  # type: ignore[assignment]
            merged.append(row)
        return merged


def build_moments(
    samples: Iterable[Sample], *, duration_ms: int, is_photo: bool = False
) -> list[MomentDraft]:
    """Join samples into moments, label by label, each by time.

    A sample covers [time, time + spacing), spacing being the median of the distances between the
    times that occur (500 ms if there is one only, or if most are over 2 s apart). Samples are
    joined if the next begins at most 1,000 ms after the span so far; then it is cut at the
    duration. A photo has one moment (0, 0) for each label.
    """
    series: dict[str, _Series] = {}
    for label, time_ms, confidence, instances, share in samples:
        try:
            kept = series[label]
        except KeyError:
            kept = series[label] = _Series()
        kept.times.append(0 if is_photo else time_ms)
        kept.confidences.append(confidence)
        kept.instances.append(instances)
        kept.shares.append(share)
    if is_photo:
        return [_draft(label, 0, 0, series[label].rows()) for label in sorted(series)]
    spacing = sample_spacing({time_ms for kept in series.values() for time_ms in kept.times})
    return [
        draft
        for label in sorted(series)
        for draft in _join(label, series[label].rows(), spacing=spacing, duration_ms=duration_ms)
    ]


def join_spans(spans: Iterable[Span], *, duration_ms: int) -> list[MomentDraft]:
    """Make moments of spans that a provider has joined (Rekognition's SEGMENTS); no boxes there.

    They are joined and cut as samples are; a span without length stands for one sample.
    """
    by_label: dict[str, list[tuple[int, int, float]]] = {}
    for label, start_ms, end_ms, confidence in spans:
        end_ms = end_ms if end_ms > start_ms else start_ms + SINGLE_SPACING_MS
        by_label.setdefault(label, []).append((start_ms, end_ms, confidence))
    return [
        draft
        for label in sorted(by_label)
        for draft in _join_spans(label, sorted(by_label[label]), duration_ms=duration_ms)
    ]


def sample_spacing(times: Iterable[int]) -> int:
    """Say how long one sample stands for, from all the times (ms) that occur in an answer."""
    ordered = sorted(set(times))
    distances = [after - before for before, after in itertools.pairwise(ordered)]
    if not distances:
        return SINGLE_SPACING_MS
    spacing = int(statistics.median(distances))
    return spacing if spacing <= LONGEST_SPACING_MS else SINGLE_SPACING_MS


def _join(
    label: str, rows: list[tuple[int, float, int, float]], *, spacing: int, duration_ms: int
) -> Iterator[MomentDraft]:
    longest_step = spacing + JOIN_MS
    first = 0
    for place in range(1, len(rows) + 1):
        if place < len(rows) and rows[place][0] - rows[place - 1][0] <= longest_step:
            continue
        start, end = rows[first][0], min(rows[place - 1][0] + spacing, duration_ms)
        if end > start:
            yield _draft(label, start, end, rows[first:place])
        first = place


def _draft(
    label: str, start_ms: int, end_ms: int, rows: list[tuple[int, float, int, float]]
) -> MomentDraft:
    _, confidences, instances, shares = zip(*rows, strict=True)
    return MomentDraft(
        label,
        start_ms,
        end_ms,
        max(confidences),
        sum(confidences) / len(rows),
        max(instances),
        sum(shares) / len(rows),
    )


def _join_spans(
    label: str, spans: list[tuple[int, int, float]], *, duration_ms: int
) -> Iterator[MomentDraft]:
    held: list[tuple[int, int, float]] = []
    for span in spans:
        if held and span[0] - max(end for _, end, _ in held) > JOIN_MS:
            yield from _span_draft(label, held, duration_ms=duration_ms)
            held = []
        held.append(span)
    yield from _span_draft(label, held, duration_ms=duration_ms)


def _span_draft(
    label: str, held: list[tuple[int, int, float]], *, duration_ms: int
) -> Iterator[MomentDraft]:
    start, end = held[0][0], min(max(end for _, end, _ in held), duration_ms)
    if end > start:
        confidences = [confidence for _, _, confidence in held]
        mean = sum(confidences) / len(held)
        yield MomentDraft(label, start, end, max(confidences), mean, 0, 0.0)
