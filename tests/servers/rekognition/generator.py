"""Makes labelling answers that keep the real files' shape; what is in them means nothing.

As in real ones: samples every half second, rows by time and then by name, one row per time and
label, ancestors as rows of their own and never less sure, boxes for some labels only.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

VOCABULARY = Path(__file__).resolve().parents[3] / "labelling" / "data" / "vocabulary.csv"
_BOXED = 0.35


@dataclass(frozen=True, slots=True)
class _Name:
    name: str
    parents: tuple[str, ...]
    aliases: tuple[str, ...]
    category: str


@cache
def _names() -> dict[str, _Name]:
    with VOCABULARY.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {
        row["name"]: _Name(
            row["name"], _split(row["parents"]), _split(row["aliases"]), row["category"]
        )
        for row in rows
    }


def _split(text: str) -> tuple[str, ...]:
    return tuple(sorted(part.strip() for part in text.split(";") if part.strip()))


@cache
def _ancestors(name: str) -> frozenset[str]:
    found: set[str] = set()
    todo = [name]
    while todo:
        entry = _names().get(todo.pop())
        fresh = set(entry.parents if entry else ()) - found
        found |= fresh
        todo += fresh
    return frozenset(found)


def photo_labels(seed: int) -> list[dict[str, Any]]:
    """Make the labels of a photo."""
    return _Scene(random.Random(seed), 12).rows()


def video_rows(
    seed: int, *, duration_ms: int, fps: float = 25.0, per_sample: int = 18
) -> Iterator[dict[str, Any]]:
    """Make the rows of a video: some `per_sample` of them each half second."""
    scene = _Scene(random.Random(seed), per_sample)
    step = max(1, round((fps or 25.0) / 2)) * 1000 / (fps or 25.0)
    number = 0
    while (at := int(number * step)) < duration_ms:
        if number:
            scene.go_on()
        for label in scene.rows():
            yield {"Timestamp": at, "Label": label}
        number += 1


class _Scene:
    """What is in view: labels that come and go."""

    def __init__(self, chance: random.Random, size: int) -> None:
        self._chance = chance
        self._size = size
        self._pool = sorted(name for name, entry in _names().items() if entry.parents)
        self._seen: dict[str, float] = {}
        self._fill()

    def _fill(self) -> None:
        while len(self._closed()) < self._size:
            name = self._chance.choice(self._pool)
            self._seen[name] = round(self._chance.uniform(50, 99), 6)

    def _closed(self) -> dict[str, float]:
        """Give all labels with their ancestors, each as sure as its surest child at least."""
        found = dict(self._seen)
        for name, confidence in self._seen.items():
            for parent in _ancestors(name):
                found[parent] = max(found.get(parent, 0.0), confidence)
        return found

    def go_on(self) -> None:
        """Let half a second pass."""
        for name in list(self._seen):
            if self._chance.random() < 0.08:
                del self._seen[name]
            else:
                drift = self._seen[name] + self._chance.gauss(0, 2)
                self._seen[name] = round(min(99.9, max(50.0, drift)), 6)
        self._fill()

    def rows(self) -> list[dict[str, Any]]:
        return [self._row(name, seen) for name, seen in sorted(self._closed().items())]

    def _row(self, name: str, confidence: float) -> dict[str, Any]:
        entry = _names().get(name) or _Name(name, (), (), "")
        boxed = name in self._seen and hash_of(name) < _BOXED
        return {
            "Name": name,
            "Confidence": confidence,
            "Instances": self._boxes(confidence) if boxed else [],
            "Parents": [{"Name": parent} for parent in sorted(_ancestors(name))],
            "Aliases": [{"Name": alias} for alias in entry.aliases],
            "Categories": [{"Name": entry.category}] if entry.category else [],
        }

    def _boxes(self, confidence: float) -> list[dict[str, Any]]:
        boxes = []
        for _ in range(self._chance.choice((1, 1, 2, 3))):
            wide, high = self._chance.uniform(0.05, 0.5), self._chance.uniform(0.05, 0.5)
            corners = {
                "Width": round(wide, 9),
                "Height": round(high, 9),
                # Objects that the edge cuts reach over it a little.
                "Left": round(self._chance.uniform(-0.02, 1 - wide), 9),
                "Top": round(self._chance.uniform(-0.02, 1 - high), 9),
            }
            boxes.append({"BoundingBox": corners, "Confidence": confidence})
        return boxes


def hash_of(name: str) -> float:
    """Give a number in [0, 1) that belongs to a name, the same in every process."""
    return random.Random(name).random()
