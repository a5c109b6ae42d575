"""What the double answers: registered answers, found by the first picture, or generated ones."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.servers.rekognition.generator import photo_labels, video_rows
from tests.servers.rekognition.media import Seen, apart, look_at_photo, look_at_video

DEMO = Path(__file__).resolve().parents[3] / "medialib" / "demo_data"
# Composed by the local labeller for the demo's media: its sight, Rekognition's shape.
OWN = Path(__file__).resolve().parent / "registered"
# Bits of a print, and milliseconds, that another encoding of the same media may differ in.
_NEAR = 24
_NEAR_MS = 500


@dataclass(frozen=True, slots=True)
class Answer:
    """Rows of one piece of media. `origin` is `real`, `local labeller` or `generated`."""

    seen: Seen
    rows: list[dict[str, Any]]
    origin: str
    model_version: str = "3.0"
    metadata: dict[str, Any] | None = None


class Registry:
    """Registered answers, found again by what the first decoded picture looks like."""

    def __init__(self) -> None:
        self._answers: list[Answer] = []

    def add(self, answer: Answer) -> None:
        self._answers.append(answer)

    def load_all(self, *folders: Path) -> None:
        """Register what there is for the demo's media, and what stands in these folders."""
        self.load(DEMO)
        self.load(OWN, media=DEMO)
        for folder in folders:
            self.load(folder)

    def load(self, folder: Path, *, media: Path | None = None) -> None:
        """Register every `<name>.labels.json` whose media file stands beside it, or in `media`."""
        for path in sorted(folder.glob("*.labels.json")):
            told = json.loads(path.read_text(encoding="utf-8"))
            stem = path.name.removesuffix(".labels.json")
            for file in sorted((media or folder).glob(f"{stem}.*")):
                if file.suffix == ".mp4":
                    self._register(look_at_video(file), told)
                elif file.suffix in (".jpg", ".jpeg", ".png"):
                    self._register(look_at_photo(file.read_bytes()), told)

    def _register(self, seen: Seen, told: dict[str, Any]) -> None:
        self.add(
            Answer(
                seen,
                told["Labels"],
                origin=told.get("Origin", "real"),
                model_version=told.get("LabelModelVersion", "2.0"),
                metadata=told.get("VideoMetadata"),
            )
        )

    def find(self, seen: Seen) -> Answer:
        """Give the answer of the nearest registered media, else a generated one."""
        near = [
            answer
            for answer in self._answers
            if answer.seen.is_video == seen.is_video
            and abs(answer.seen.duration_ms - seen.duration_ms) <= _NEAR_MS
            and apart(answer.seen.print_, seen.print_) <= _NEAR
        ]
        if near:
            return min(near, key=lambda answer: apart(answer.seen.print_, seen.print_))
        return generated(seen)


def generated(seen: Seen, *, per_sample: int = 18) -> Answer:
    """Make an answer that means nothing, the same for the same media each time."""
    seed = seen.print_ % 2**32
    rows: Iterable[dict[str, Any]] = (
        video_rows(seed, duration_ms=seen.duration_ms, fps=seen.fps, per_sample=per_sample)
        if seen.is_video
        else photo_labels(seed)
    )
    return Answer(seen, list(rows), origin="generated")
