"""Make pictures of stored videos and photos, in the cage. Stores nothing and knows no models."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

from medialib.media import cage
from medialib.media.probe import Probe
from medialib.media.rule import LONGEST_KEYFRAME_GAP_MS
from medialib.media.source import Source

MOMENT_SIDE = 480
POSTER_SIDE = 640
TILE_SIDE = 240
COLUMNS = 10
MOST_TILES = 100
SHORTEST_INTERVAL_MS = 2000
SHORT_VIDEO_MS = 90_000
# Rekognition takes 5 MB by bytes and 4096 pixels for every feature.
ANALYSIS_SIDE = 4096
ANALYSIS_BYTES = 5_000_000
WEB_SIDE = 1600
PICTURE_LIMITS = cage.Limits(cpu_seconds=300, wall_seconds=600, file_bytes=256 * 1024**2)
_JOBS = "medialib.media.caged."


@dataclass(frozen=True, slots=True)
class Picture:
    """One finished JPEG in the caller's folder."""

    path: Path
    content_type: str
    width: int
    height: int
    at_ms: int


@dataclass(frozen=True, slots=True)
class VideoPictures:
    """Poster and storyboard; `details` is the storyboard's geometry.

    `{interval_ms, columns, tile_width, tile_height, tiles}`: tile n shows n · interval_ms.
    """

    poster: Picture
    storyboard: Picture | None
    details: dict[str, int]


@dataclass(frozen=True, slots=True)
class PhotoPictures:
    """A photo in three sizes, upright, sRGB, without metadata; and what the photo itself is."""

    probe: Probe
    poster: Picture
    analysis: Picture
    web: Picture


def video_pictures(
    source: Source,
    *,
    at_ms: Sequence[int],
    folder: Path,
    width: int = MOMENT_SIDE,
    limits: cage.Limits = PICTURE_LIMITS,
) -> list[Picture]:
    """Make the picture shown at each time (the frame at or before it), in rising order of time.

    `width` bounds the longer side. Times behind the end show the last picture.
    """
    if not at_ms:
        return []
    request = {"at_ms": [int(at) for at in at_ms], "side": width}
    job = f"{_JOBS}video_pictures:moments"
    answer = cage.run(job, request=request, source=source, outputs=folder, limits=limits)
    return [_picture(made, folder) for made in answer["pictures"]]


def poster_and_storyboard(
    source: Source,
    *,
    duration_ms: int,
    folder: Path,
    on_poster: Callable[[Picture], None] | None = None,
    limits: cage.Limits = PICTURE_LIMITS,
) -> VideoPictures:
    """Make a lively poster and one sheet of at most 100 tiles over the whole length.

    `on_poster` gets the poster as soon as it is there, long before a long video's last tile.
    """
    posters: list[Picture] = []

    def take(message: dict[str, Any]) -> None:
        sent = message["poster"]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "poster.jpg").write_bytes(base64.b64decode(sent["jpeg"], validate=True))
        posters.append(_picture({**sent, "name": "poster.jpg"}, folder))
        if on_poster is not None:
            on_poster(posters[-1])

    answer = cage.run(
        f"{_JOBS}video_pictures:overview",
        request=_overview(duration_ms),
        source=source,
        outputs=folder,
        limits=limits,
        on_message=take,
    )
    return VideoPictures(
        poster=posters[0],
        storyboard=_picture(answer["storyboard"], folder),
        details={name: int(value) for name, value in answer["details"].items()},
    )


def _overview(duration_ms: int) -> dict[str, int]:
    """Say what the overview of a video of this length is to show."""
    interval_ms = storyboard_interval_ms(duration_ms)
    # Decoding a long video up to each tile costs minutes; keyframes cost next to nothing.
    exact = duration_ms <= SHORT_VIDEO_MS
    return {
        "duration_ms": duration_ms,
        "interval_ms": interval_ms,
        "lag_ms": interval_ms if exact else max(interval_ms, LONGEST_KEYFRAME_GAP_MS),
        "most_tiles": MOST_TILES,
        "columns": COLUMNS,
        "tile_side": TILE_SIDE,
        "poster_side": POSTER_SIDE,
    }


def photo_pictures(
    source: Source, *, folder: Path, limits: cage.Limits = PICTURE_LIMITS
) -> PhotoPictures:
    """Probe a photo, and make its poster, the picture for labellers and the one for pages.

    Raises what `probe` raises.
    """
    request = {
        "analysis_side": ANALYSIS_SIDE,
        "analysis_bytes": ANALYSIS_BYTES,
        "web_side": WEB_SIDE,
        "poster_side": POSTER_SIDE,
    }
    job = f"{_JOBS}photo_pictures:pictures"
    answer = cage.run(job, request=request, source=source, outputs=folder, limits=limits)
    poster, analysis, web = (
        _picture(answer["pictures"][name], folder) for name in ("poster", "analysis", "web")
    )
    facts = Probe.from_json(answer["facts"])
    return PhotoPictures(probe=facts, poster=poster, analysis=analysis, web=web)


def storyboard_tiles(
    source: Source,
    *,
    details: dict[str, int],
    folder: Path,
    limits: cage.Limits = PICTURE_LIMITS,
) -> list[Path]:
    """Cut a storyboard into one JPEG for each of its tiles."""
    job = f"{_JOBS}tiles:tiles"
    answer = cage.run(job, request=dict(details), source=source, outputs=folder, limits=limits)
    return [folder / Path(str(name)).name for name in answer["names"]]


def storyboard_interval_ms(duration_ms: int) -> int:
    """Space the tiles: whole seconds, two at least, so that 100 tiles reach the end."""
    return max(SHORTEST_INTERVAL_MS, ceil(duration_ms / 1000 / MOST_TILES) * 1000)


def _picture(made: dict[str, Any], folder: Path) -> Picture:
    # The child is not believed: a name that leads out of the folder would reach other files.
    name = Path(str(made["name"])).name
    return Picture(
        path=folder / name,
        content_type="image/jpeg",
        width=int(made["width"]),
        height=int(made["height"]),
        at_ms=int(made["at_ms"]),
    )
