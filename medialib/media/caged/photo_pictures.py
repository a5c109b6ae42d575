"""Tell what a photo is, and make its pictures: for labelling, for pages, for lists.

The pictures are upright, sRGB, and hold no metadata.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image

from medialib.media.caged.photos import load, open_photo, upright_srgb
from medialib.media.caged.probe_photo import probe

SMALLER = (90, 82, 72, 60, 45)


def pictures(
    request: dict[str, Any],
    source: BinaryIO,
    emit: Callable[[dict[str, Any]], None],
    folder: Path,
) -> dict[str, Any]:
    """Write `analysis.jpg`, `web.jpg` and `poster.jpg`, each made from the one before.

    What the probe says is in the answer, too: starting a child costs far more than a small photo.
    """
    facts = probe(request, source, emit, folder)
    side = request["analysis_side"]
    image = open_photo(source)
    # JPEG can decode at a half, a quarter or an eighth: much faster for large photos.
    image.draft(None, (side, side))
    load(image)
    image = _fit(upright_srgb(image), side)
    made = {"analysis": _save(image, folder, "analysis.jpg", SMALLER, request["analysis_bytes"])}
    web = _fit(image, request["web_side"])
    made["web"] = _save(web, folder, "web.jpg", (82,), 0)
    poster = _fit(web, request["poster_side"])
    if poster is web:
        # A small photo: writing the same picture again would give the same bytes.
        shutil.copyfile(folder / "web.jpg", folder / "poster.jpg")
        made["poster"] = {**made["web"], "name": "poster.jpg"}
    else:
        made["poster"] = _save(poster, folder, "poster.jpg", (82,), 0)
    return {"facts": facts, "pictures": made}


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
