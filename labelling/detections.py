"""What a labeller saw, as frozen values. Knows no framework, no provider and no storage."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Box:
    """Where one instance is, as delivered: ratios of the frame, origin top left.

    An object cut by the edge may start below 0 or end above 1: clamp for drawing, not here.
    """

    left: float
    top: float
    width: float
    height: float
    confidence: float


@dataclass(frozen=True, slots=True)
class Detection:
    """One label at one time (milliseconds; 0 for a photo), confidence 0–100 as delivered."""

    label: str
    time_ms: int
    confidence: float
    boxes: tuple[Box, ...] = ()
    parents: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    category: str = ""

    @property
    def sample(self) -> tuple[str, int, float, int, float]:
        """Give what `build_moments` takes."""
        share = covered_share((box.left, box.top, box.width, box.height) for box in self.boxes)
        return (self.label, self.time_ms, self.confidence, len(self.boxes), share)


@dataclass(frozen=True, slots=True)
class LabelFacts:
    """What an answer says of a label besides where it is seen."""

    name: str
    parents: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()


def covered_share(boxes: Iterable[tuple[float, float, float, float]]) -> float:
    """Sum the areas of (left, top, width, height) inside the frame; at most 1."""
    total = 0.0
    for left, top, width, height in boxes:
        wide = min(1.0, left + width) - max(0.0, left)
        high = min(1.0, top + height) - max(0.0, top)
        if wide > 0 and high > 0:
            total += wide * high
    return min(1.0, total)
