"""Make the pictures of a photo: for labelling, for pages, for lists. Upright, sRGB, no metadata."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image

from medialib.media.caged.photos import load, open_photo, upright_srgb

SMALLER = (90, 82, 72, 60, 45)


def pictures(
    request: dict[str, Any],
    source: BinaryIO,
    emit: Callable[[dict[str, Any]], None],
    folder: Path,
) -> dict[str, Any]:
    """Write `analysis.jpg`, `web.jpg` and `poster.jpg`, each made from the one before."""
    del emit
    side = request["analysis_side"]
    image = open_photo(source)
    # JPEG can decode at a half, a quarter or an eighth: much faster for large photos.
    image.draft(None, (side, side))
    load(image)
    image = _fit(upright_srgb(image), side)
    made = {"analysis": _save(image, folder, "analysis.jpg", SMALLER, request["analysis_bytes"])}
    for name in ("web", "poster"):
        image = _fit(image, request[f"{name}_side"])
        made[name] = _save(image, folder, f"{name}.jpg", (82,), 0)
    return made


def _fit(image: Image.Image, side: int) -> Image.Image:
    if max(image.size) <= side:
        return image
    smaller = image.copy()
    smaller.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=2.0)
    return smaller


def _save(
    image: Image.Image, folder: Path, name: str, qualities: tuple[int, ...], most_bytes: int
) -> dict[str, Any]:
    path = folder / name
    # What Pillow found in the original (EXIF, comments, profiles) must not be written again.
    image.info.clear()
    for quality in qualities:
        image.save(path, format="JPEG", quality=quality, progressive=True, optimize=True)
        if not most_bytes or path.stat().st_size < most_bytes:
            break
    return {"name": name, "width": image.width, "height": image.height, "at_ms": 0}
