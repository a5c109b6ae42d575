"""Open and decode photos safely, and bring them upright into sRGB. Writes no file."""

from __future__ import annotations

import contextlib
import io
import struct
import warnings
from typing import BinaryIO

import pillow_heif
from PIL import (
    AvifImagePlugin,
    ExifTags,
    Image,
    ImageCms,
    ImageFile,
    ImageOps,
    TiffImagePlugin,
    WebPImagePlugin,
)

from medialib.media.errors import MediaRejected

# Pillow opens 44 formats, some by other programs; these are the ones photos come in. Their readers
# are imported here, because Pillow would else load all 44 to find them. JPEG opens MPO too.
_READERS = (AvifImagePlugin, TiffImagePlugin, WebPImagePlugin)
FORMATS = ("JPEG", "PNG", "WEBP", "HEIF", "AVIF", "GIF", "TIFF", "BMP")
QUARTER_TURNS = frozenset((5, 6, 7, 8))
# The largest phone pictures have 200 million pixels, and JPEG decodes them small.
MAX_JPEG_PIXELS = 250_000_000
MAX_PIXELS = 120_000_000
DAMAGED = "This photo is damaged: no picture can be read from it."
TOO_MANY_PIXELS = "This photo claims {0} million pixels, more than can be opened safely."

pillow_heif.register_heif_opener()
BROKEN = (
    OSError,
    RuntimeError,
    SyntaxError,
    ValueError,
    EOFError,
    struct.error,
    IndexError,
    KeyError,
)


def open_photo(source: BinaryIO) -> Image.Image:
    """Open a photo without decoding it; raises MediaRejected for what can't be opened safely."""
    # Our own limits are stricter, and say why.
    Image.MAX_IMAGE_PIXELS = None
    warnings.simplefilter("ignore")
    source.seek(0)
    try:
        image = Image.open(source, formats=FORMATS)
    except BROKEN as error:
        raise MediaRejected("unreadable", DAMAGED) from error
    pixels = image.width * image.height
    limit = MAX_JPEG_PIXELS if image.format in {"JPEG", "MPO"} else MAX_PIXELS
    if pixels > limit:
        raise MediaRejected("too_many_pixels", TOO_MANY_PIXELS.format(round(pixels / 1e6)))
    return image


def load(image: Image.Image) -> bool:
    """Decode; tell whether the photo is cut off and only its first part could be decoded."""
    try:
        image.load()
    except BROKEN:
        ImageFile.LOAD_TRUNCATED_IMAGES = True
        try:
            image.load()
        except BROKEN as error:
            raise MediaRejected("unreadable", DAMAGED) from error
        finally:
            ImageFile.LOAD_TRUNCATED_IMAGES = False
        return True
    return False


def read_exif(image: Image.Image) -> Image.Exif:
    """Read EXIF; a photo whose EXIF is broken has none."""
    try:
        exif = image.getexif()
        exif.get_ifd(ExifTags.IFD.Exif)
    except BROKEN:
        return Image.Exif()
    return exif


def count_pictures(image: Image.Image) -> int:
    """Count frames or pages, as far as they can be found."""
    try:
        return int(getattr(image, "n_frames", 1))
    except BROKEN:
        return 1


def upright_srgb(image: Image.Image) -> Image.Image:
    """Turn a decoded photo upright and into plain 8-bit sRGB on white."""
    profile = image.info.get("icc_profile")
    with contextlib.suppress(*BROKEN):
        image = ImageOps.exif_transpose(image)
    if image.mode.startswith(("I", "F")):
        image = _eight_bit(image)
    if profile:
        image = _to_srgb(image, profile)
    if image.mode in {"RGBA", "LA", "PA", "RGBa"} or "transparency" in image.info:
        image = image.convert("RGBA")
        ground = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(ground, image)
    return image if image.mode == "RGB" else image.convert("RGB")


def _eight_bit(image: Image.Image) -> Image.Image:
    """Scale 16-bit and float samples down, which a plain conversion would clip."""
    low, high = image.getextrema()
    assert isinstance(low, int | float)
    assert isinstance(high, int | float)
    top = 65535.0 if high > 255 else 255.0
    return image.convert("F").point(lambda value: value * (255.0 / top)).convert("L")


def _to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    try:
        theirs = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        ours = ImageCms.createProfile("sRGB")
        mode = "RGBA" if image.mode == "RGBA" else "RGB"
        if image.mode in {"P", "LA", "PA"}:
            image = image.convert("RGBA" if mode == "RGBA" else "RGB")
        converted = ImageCms.profileToProfile(image, theirs, ours, outputMode=mode)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        # A broken or foreign profile says nothing; the numbers are then taken as sRGB.
        return image
    return converted or image
