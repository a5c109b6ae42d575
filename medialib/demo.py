"""The demo library: what it holds, when it is added, and the tour that is cut together for it.

Everything goes in by the same door as a person's files. Where the files come from and their
licences stand in demo_data/SOURCES.md.
"""

from __future__ import annotations

import tempfile
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from django.conf import settings

from medialib import assets, services
from medialib.media import cage
from medialib.models import Asset, Event, User

_FOLDER = Path(__file__).with_name("demo_data")
_FILLED = "demo.filled"


@dataclass(frozen=True, slots=True)
class _Item:
    """One file of the demo, what is said of it, and its recorded answer if there is one."""

    file: str
    title: str
    description: str
    keywords: tuple[str, ...] = ()
    answer: str = ""


@dataclass(frozen=True, slots=True)
class _Cut:
    """One piece of the tour; a photo is shown for its length."""

    file: str
    seconds: float
    start: float = 0.0


_ITEMS = (
    _Item("highway.mp4", "On the highway", "A dash camera, cars all along.", ("road",)),
    _Item("road.mp4", "Two cars near", "A dash camera, one and a half seconds.", ("road",)),
    _Item("chelsea.png", "Chelsea", "A cat, looking up.", ("pet",)),
    _Item("coffee.png", "Coffee", "A cup of coffee on a wooden table.", ("breakfast",)),
    _Item("astronaut.png", "Eileen Collins", "An astronaut in her suit.", ("space",)),
    _Item(
        "big-buck-bunny.mp4",
        "Big Buck Bunny",
        "The film's first seconds, with the labels that Amazon Rekognition gave for them.",
        ("film",),
        answer="big-buck-bunny.labels.json",
    ),
    _Item("bottle-detection.mp4", "Bottles on a belt", "A factory line.", ("factory",)),
)
_TOUR = _Item("tour.mp4", "A short tour", "Bottles, a cat, a highway, a road, coffee.", ("tour",))
_CUTS = (
    _Cut("bottle-detection.mp4", 6.0, start=4.0),
    _Cut("chelsea.png", 3.0),
    _Cut("highway.mp4", 8.8),
    _Cut("road.mp4", 1.5),
    _Cut("coffee.png", 3.0),
)
_FRAME = (
    "scale=1280:720:force_original_aspect_ratio=decrease:force_divisible_by=2,"
    "pad=1280:720:(ow-iw)/2:(oh-ih)/2,setsar=1,setpts=PTS-STARTPTS,fps=25,format=yuv420p"
)


def is_wanted() -> bool:
    """Say whether the demo is to be added: not twice, and never beside somebody's own files."""
    if Event.objects.filter(type=_FILLED).exists():
        return False
    return not Asset.objects.filter(is_demo=False).exists()


def fill(owner: User) -> int:
    """Add what the demo still lacks and return how many assets that were.

    Stopped half way it goes on where it was; once whole it never comes back by itself.
    """
    added = sum(_add(item, _FOLDER / item.file, owner=owner) for item in _ITEMS)
    if not _is_there(_TOUR):
        with tempfile.TemporaryDirectory(dir=settings.FILE_UPLOAD_TEMP_DIR) as folder:
            added += _add(_TOUR, _cut_tour(Path(folder)), owner=owner)
    assets.note(_FILLED, actor=owner, added=added)
    return added


def remove(actor: User) -> int:
    """Put the whole demo into the trash, where it can be restored for a while; how many."""
    there = list(Asset.objects.filter(is_demo=True, deleted_at=None))
    for asset in there:
        services.trash_asset(asset, actor=actor)
    return len(there)


def _is_there(item: _Item) -> bool:
    return Asset.objects.filter(source_ref=_reference(item)).exists()


def _reference(item: _Item) -> str:
    return f"demo:{item.file}"


def _answer(item: _Item) -> AbstractContextManager[BinaryIO | None]:
    return (_FOLDER / item.answer).open("rb") if item.answer else nullcontext()


def _add(item: _Item, path: Path, *, owner: User) -> bool:
    if _is_there(item):
        return False
    details = services.Details(
        title=item.title,
        description=item.description,
        keywords=item.keywords,
        source_ref=_reference(item),
        is_demo=True,
    )
    with path.open("rb") as file, _answer(item) as answer:
        services.create_asset(
            owner=owner, file=file, filename=item.file, details=details, answer=answer, force=True
        )
    return True


def _cut_tour(folder: Path) -> Path:
    """Cut the tour together: 1280×720 H.264, ready for the browser without a conversion."""
    inputs: list[str] = []
    for cut in _CUTS:
        still = cut.file.endswith(".png")
        inputs += ["-loop", "1"] if still else ["-ss", str(cut.start)]
        inputs += ["-t", str(cut.seconds), "-i", f"file:{_FOLDER / cut.file}"]
    frames = "".join(f"[{index}:v]{_FRAME}[v{index}];" for index in range(len(_CUTS)))
    joined = "".join(f"[v{index}]" for index in range(len(_CUTS)))
    graph = f"{frames}{joined}concat=n={len(_CUTS)}:v=1:a=0[v]"
    encoder = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "24", "-g", "50"]
    result = ["-movflags", "+faststart", "file:tour.mp4"]
    cage.run_ffmpeg(
        [*inputs, "-filter_complex", graph, "-map", "[v]", *encoder, *result],
        folder=folder,
        duration_ms=round(1000 * sum(cut.seconds for cut in _CUTS)),
        binary=settings.MEDIALIB_FFMPEG,
    )
    return folder / "tour.mp4"
