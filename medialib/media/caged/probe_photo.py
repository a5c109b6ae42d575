"""Tell what a photo is. Decodes it small, to know that it can be shown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from PIL import ExifTags, Image

from medialib.media.caged.captured import photo_capture
from medialib.media.caged.photos import QUARTER_TURNS, count_pictures, load, open_photo, read_exif

CUT_OFF = "This photo is cut off: the part that arrived is shown."
# MPO is a JPEG with further pictures behind it; of HEIF files, HEIC are the ones decoded here.
_CONTENT_TYPES = {"mpo": "image/jpeg", "heif": "image/heic"}
_CAMERA_IFD = ExifTags.IFD.Exif
_ROTATIONS = {3: 180, 4: 180, 5: 270, 6: 270, 7: 90, 8: 90}


def probe(
    request: dict[str, Any],
    source: BinaryIO,
    emit: Callable[[dict[str, Any]], None],
    folder: Path,
) -> dict[str, Any]:
    """Return the facts of one photo as JSON; raises MediaRejected when it can't be shown."""
    del request, emit, folder
    image = open_photo(source)
    width, height = image.size
    form, pixel_format = str(image.format).lower(), image.mode
    # A small size is enough to know that it decodes; JPEG does that many times faster.
    image.draft(None, (width // 8 or 1, height // 8 or 1))
    truncated = load(image)
    exif = read_exif(image)
    orientation = exif.get(ExifTags.Base.Orientation, 1)
    if orientation in QUARTER_TURNS:
        width, height = height, width
    pictures = count_pictures(image)
    details = exif.get_ifd(_CAMERA_IFD)
    captured = photo_capture(
        time=details.get(ExifTags.Base.DateTimeOriginal) or exif.get(ExifTags.Base.DateTime),
        offset=details.get(ExifTags.Base.OffsetTimeOriginal),
        make=exif.get(ExifTags.Base.Make),
        model=exif.get(ExifTags.Base.Model),
    )
    return {
        "kind": "photo",
        "format": "jpeg" if form == "mpo" else form,
        "content_type": _CONTENT_TYPES.get(form) or Image.MIME[form.upper()],
        "codec": form,
        "width": width,
        "height": height,
        "pixel_format": pixel_format,
        "rotation": _ROTATIONS.get(orientation, 0),
        "animated": pictures > 1 and form not in {"mpo", "tiff", "heif"},
        "truncated": truncated,
        "warnings": _warnings(form, pictures, truncated=truncated),
        **captured,
    }


def _warnings(form: str, pictures: int, *, truncated: bool) -> list[str]:
    notes = [CUT_OFF] if truncated else []
    if pictures > 1 and form in {"gif", "webp", "png", "avif"}:
        notes.append("This picture moves: its first frame is shown.")
    elif pictures > 1 and form == "tiff":
        notes.append(f"This file holds {pictures} pages: the first is shown.")
    return notes
