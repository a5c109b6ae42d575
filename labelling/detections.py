"""What a labeller saw, as frozen values. Knows no framework, no provider and no storage."""

from __future__ import annotations

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


@dataclass(frozen=True, slots=True)
class LabelFacts:
    """What an answer says of a label besides where it is seen."""

    name: str
    parents: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
