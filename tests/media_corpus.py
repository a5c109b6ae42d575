"""Awkward media files, made when first asked for and kept in the temporary folder.

Small clips of two seconds: each is one thing that people's phones, cameras and archives produce,
or one thing that somebody might send to do harm. Nothing binary is committed.
"""

from __future__ import annotations

import io
import os
import random
import subprocess
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import imageio_ffmpeg
import pillow_heif
from PIL import Image, ImageCms

VERSION = "1"
SECONDS = 2
RATE = 25
SIZE = (192, 108)
BITS = 8

Maker = Callable[[Path], None]
MAKERS: dict[str, Maker] = {}


def file(name: str) -> Path:
    """Return the file of that name, made now if it is not there yet."""
    path = _folder() / name
    if not path.exists():
        draft = path.with_name(f".{os.getpid()}-{name}")
        MAKERS[name](draft)
        draft.replace(path)
    return path


@cache
def _folder() -> Path:
    folder = Path(tempfile.gettempdir()) / f"medialib-test-media-{VERSION}-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def makes(name: str) -> Callable[[Maker], Maker]:
    """Register the maker of a file."""

    def register(maker: Maker) -> Maker:
        MAKERS[name] = maker
        return maker

    return register


def ffmpeg(*arguments: str | Path, data: bytes | None = None) -> None:
    """Run ffmpeg, quietly."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *map(str, arguments)]
    subprocess.run(command, input=data, check=True, capture_output=True)


def barcode_frame(number: int, *, width: int = SIZE[0], height: int = SIZE[1]) -> bytes:
    """Draw a grey picture that carries its number as eight black or white columns."""
    column = width // BITS
    row = b"".join(
        (b"\xeb" if number >> bit & 1 else b"\x10") * column for bit in reversed(range(BITS))
    ).ljust(width, b"\x10")
    return row * height


def read_barcode(image: Image.Image) -> int:
    """Read the number out of a picture, whatever its size."""
    grey = image.convert("L")
    column = grey.width / BITS
    number = 0
    for bit in range(BITS):
        place = int((bit + 0.5) * column), grey.height // 2
        value = grey.getpixel(place)
        assert isinstance(value, int)
        number = number << 1 | (value > 128)
    return number


def barcode(
    path: Path,
    *options: str,
    frames: int = SECONDS * RATE,
    rate: str = str(RATE),
    sound: bool = True,
    form: str = "mp4",
) -> None:
    """Write a clip of numbered pictures; `options` are ffmpeg's output options."""
    width, height = SIZE
    raw = b"".join(barcode_frame(number) for number in range(frames))
    tone = ("-f", "lavfi", "-i", f"sine=440:r=48000:d={frames / _number(rate)}") if sound else ()
    ffmpeg(
        *("-f", "rawvideo", "-pix_fmt", "gray", "-s", f"{width}x{height}", "-r", rate),
        *("-i", "pipe:0", *tone),
        *(
            "-pix_fmt",
            "yuv420p",
            "-c:v",
            "libx264",
            "-preset",
            "ultrafast",
            "-g",
            rate.split("/")[0],
        ),
        *options,
        *("-f", form, path),
        data=raw,
    )


def _number(rate: str) -> float:
    over, _, under = rate.partition("/")
    return float(over) / float(under or 1)


def _clip(name: str, *options: str, **settings: object) -> None:
    MAKERS[name] = lambda path: barcode(path, *options, **settings)  # type: ignore[arg-type]


def _copied(name: str, source: str, *options: str, before: tuple[str, ...] = ()) -> None:
    MAKERS[name] = lambda path: ffmpeg(*before, "-i", file(source), *options, path)


# ---- Videos that can be shown --------------------------------------------------------------
_HEVC = ("-c:v", "libx265", "-x265-params", "log-level=none")
_clip("plain.mp4", "-movflags", "+faststart")
_clip("silent.mp4", sound=False)
_clip("index_last.mp4")
_clip("quicktime.mov", form="mov")
_clip("b_frames.mp4", "-preset", "veryfast", "-bf", "3", "-x264-params", "b-adapt=0")
_clip("fragmented.mp4", "-movflags", "+frag_keyframe+empty_moov")
_clip("ntsc.mp4", rate="30000/1001", frames=60)
_clip("fast.mp4", rate="60000/1001", frames=120)
_clip("ntsc_hevc.mp4", *_HEVC, rate="30000/1001", frames=60)
_clip("fast_hevc.mp4", *_HEVC, rate="60000/1001", frames=120)
_clip("slow_motion.mp4", rate="120", frames=240)
_clip("long_gop.mp4", "-g", "9999", "-sc_threshold", "0", rate="5", frames=100, sound=False)
_clip("ten_bit.mp4", "-pix_fmt", "yuv420p10le")
_clip("full_chroma.mp4", "-pix_fmt", "yuv444p")
_clip("odd.mp4", "-vf", "scale=191:107", "-pix_fmt", "yuv444p")
_clip("anamorphic.mp4", "-vf", "setsar=4/3")
_clip("interlaced.mp4", "-vf", "interlace", "-flags", "+ilme+ildct")
_clip("hevc.mp4", *_HEVC)
_clip(
    "hdr.mp4",
    *("-c:v", "libx265", "-pix_fmt", "yuv420p10le", "-x265-params", "log-level=none"),
    *("-vf", "setparams=color_primaries=bt2020:color_trc=smpte2084:colorspace=bt2020nc"),
)
_clip("web.webm", "-c:v", "libvpx-vp9", "-deadline", "realtime", form="webm")
_clip("av1.mkv", "-c:v", "libsvtav1", "-preset", "12", form="matroska")
_clip("archive.avi", "-c:v", "mpeg4", "-c:a", "mp3", form="avi")
_clip("h264.avi", "-c:a", "mp3", "-bf", "0", form="avi")
_clip("broadcast.ts", form="mpegts")
_clip("old.mpg", "-c:v", "mpeg2video", "-c:a", "mp2", form="mpeg")
_clip("old.wmv", "-c:v", "wmv2", "-c:a", "wmav2", form="asf")
_clip("old.flv", "-c:v", "flv1", "-c:a", "mp3", "-ar", "44100", form="flv")
_clip("camera.mxf", "-c:v", "mpeg2video", "-ar", "48000", form="mxf")
_clip("edit.mov", "-c:v", "prores_ks", "-pix_fmt", "yuv422p10le", form="mov")
_clip("motion_jpeg.mov", "-c:v", "mjpeg", "-pix_fmt", "yuvj420p", form="mov")
_clip("pcm.mov", "-c:a", "pcm_s16le", form="mov")
_clip("one_picture.mp4", frames=1, sound=False)
_clip("h264.mkv", form="matroska")
_clip(
    "dated.mp4",
    *("-metadata", "creation_time=2021-05-03T10:11:12Z", "-metadata", "location=+47.1+008.5/"),
)
_copied("turned.mp4", "plain.mp4", "-c", "copy", "-f", "mp4", before=("-display_rotation", "90"))
_copied(
    "late_clock.mkv", "b_frames.mp4", "-c", "copy", "-output_ts_offset", "3.25", "-f", "matroska"
)
_copied("edit_list.mp4", "b_frames.mp4", "-c", "copy", "-f", "mp4", before=("-ss", "0.6"))
_copied("no_length.webm", "web.webm", "-c", "copy", "-f", "webm", "-live", "1")


@makes("late_video.mp4")
def _late_video(path: Path) -> None:
    clip = file("plain.mp4")
    inputs = ("-itsoffset", "0.5", "-i", clip, "-i", clip)
    ffmpeg(*inputs, "-map", "0:v", "-map", "1:a", "-c", "copy", "-f", "mp4", path)


@makes("sound_first.ts")
def _sound_first(path: Path) -> None:
    clip = file("b_frames.mp4")
    inputs = ("-itsoffset", "0.3", "-i", clip, "-i", clip)
    ffmpeg(*inputs, "-map", "0:v", "-map", "1:a", "-c", "copy", "-f", "mpegts", path)


@makes("varying.mp4")
def _varying(path: Path) -> None:
    # Every second picture of the last second is left out.
    keep = "select='lt(n,25)+not(mod(n,3))'"
    ffmpeg(
        *("-i", file("plain.mp4"), "-vf", keep, "-fps_mode", "vfr", "-c:v", "libx264"),
        *("-preset", "ultrafast", "-an", "-f", "mp4", path),
    )


@makes("cut_off.mp4")
def _cut_off(path: Path) -> None:
    data = file("plain.mp4").read_bytes()
    path.write_bytes(data[: len(data) * 6 // 10])


@makes("cut_off.mkv")
def _cut_off_mkv(path: Path) -> None:
    whole = path.with_suffix(".whole")
    barcode(whole, frames=250, form="matroska")
    data = whole.read_bytes()
    whole.unlink()
    path.write_bytes(data[: len(data) // 2])


@makes("corrupt.mp4")
def _corrupt(path: Path) -> None:
    data = bytearray(file("plain.mp4").read_bytes())
    middle = len(data) * 3 // 4
    data[middle : middle + 200] = random.Random(1).randbytes(200)
    path.write_bytes(data)


@makes("claims_26_hours.mp4")
def _claims_26_hours(path: Path) -> None:
    data = bytearray(file("silent.mp4").read_bytes())
    for box in (b"mvhd", b"mdhd"):
        place = data.index(box) + 4
        scale = int.from_bytes(data[place + 12 : place + 16], "big")
        data[place + 16 : place + 20] = (26 * 3600 * scale).to_bytes(4, "big")
    path.write_bytes(data)


# ---- Files that can't be shown -------------------------------------------------------------
_copied("sound_only.mp4", "plain.mp4", "-vn", "-c", "copy", "-f", "mp4")


@makes("cut_off_no_index.mp4")
def _no_index(path: Path) -> None:
    data = file("index_last.mp4").read_bytes()
    path.write_bytes(data[: data.rindex(b"moov") - 4])


@makes("cover_art.m4a")
def _cover_art(path: Path) -> None:
    inputs = ("-i", file("plain.mp4"), "-i", file("photo.jpg"))
    options = "-map 0:a -map 1 -c copy -disposition:v:0 attached_pic -f mp4"
    ffmpeg(*inputs, *options.split(), path)


@makes("encrypted.mp4")
def _encrypted(path: Path) -> None:
    key = "00112233445566778899aabbccddeeff"
    ffmpeg(
        *("-i", file("plain.mp4"), "-c", "copy", "-encryption_scheme", "cenc-aes-ctr"),
        *("-encryption_key", key, "-encryption_kid", key, "-f", "mp4", path),
    )


@makes("bomb.mkv")
def _bomb(path: Path) -> None:
    ffmpeg(
        *("-f", "lavfi", "-i", "color=black:s=16384x8192:r=1:d=1", "-c:v", "libx264"),
        *("-preset", "ultrafast", "-threads", "2", "-f", "matroska", path),
    )


TEXTS = {
    "empty.mp4": b"",
    "text.mp4": b"This is no video.\n" * 300,
    "playlist.mp4": b"#EXTM3U\n#EXTINF:2,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n",
    "concat.mp4": b"ffconcat version 1.0\nfile plain.mp4\n",
    "drawing.mp4": b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>",
    "random.mp4": b"\xe0" + random.Random(2).randbytes(20_000),
    "named.mp4": b"\x00\x00\x00\x18ftypisom" + random.Random(3).randbytes(20_000),
}
for _name, _data in TEXTS.items():
    MAKERS[_name] = lambda path, data=_data: path.write_bytes(data)  # type: ignore[misc]


# ---- Photos --------------------------------------------------------------------------------
def picture(width: int = 160, height: int = 120, mode: str = "RGB") -> Image.Image:
    """Draw a picture whose upper left corner is red."""
    image = Image.linear_gradient("L").resize((width, height)).convert("RGB")
    image.paste((255, 0, 0), (0, 0, width // 4, height // 4))
    return image.convert(mode)


def exif(*, orientation: int = 1) -> Image.Exif:
    """Write what phones write: camera, time with offset, orientation and place."""
    tags = Image.Exif()
    tags[0x010F], tags[0x0110], tags[0x0112] = "Acme", "Acme Phone 5", orientation
    details = tags.get_ifd(0x8769)
    details[0x9003], details[0x9011] = "2022:07:08 09:10:11", "+02:00"
    place = tags.get_ifd(0x8825)
    place[1], place[2], place[3], place[4] = "N", (47.0, 22.0, 0.0), "E", (8.0, 32.0, 0.0)
    return tags


def _photo(name: str, form: str, *, mode: str = "RGB", **options: object) -> None:
    def make(path: Path) -> None:
        picture(mode=mode).save(path, format=form, **options)

    MAKERS[name] = make


_photo("photo.jpg", "JPEG")
_photo("photo.png", "PNG", mode="RGBA")
_photo("photo.webp", "WEBP")
_photo("photo.avif", "AVIF")
_photo("photo.tiff", "TIFF")
_photo("photo.bmp", "BMP")
_photo("grey.jpg", "JPEG", mode="L")
_photo("print.jpg", "JPEG", mode="CMYK")
_photo("palette.png", "PNG", mode="P")


@makes("deep.png")
def _deep(path: Path) -> None:
    Image.linear_gradient("L").convert("I").point(lambda value: value * 257).convert("I;16").save(
        path, format="PNG"
    )


@makes("phone.jpg")
def _phone(path: Path) -> None:
    picture().save(path, format="JPEG", exif=exif(orientation=6))


@makes("phone.heic")
def _heic(path: Path) -> None:
    pillow_heif.register_heif_opener()
    picture().save(path, format="HEIF", exif=exif().tobytes())


@makes("wide_colour.jpg")
def _wide_colour(path: Path) -> None:
    # sRGB with red and green swapped: a reader that heeds the profile sees the corner green.
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = profile.replace(b"rXYZ", b"____").replace(b"gXYZ", b"rXYZ").replace(b"____", b"gXYZ")
    picture().save(path, format="JPEG", icc_profile=swapped, quality=95, subsampling=0)


@makes("moving.gif")
def _gif(path: Path) -> None:
    first, second = picture(), Image.new("RGB", (160, 120), "blue")
    first.save(path, format="GIF", save_all=True, append_images=[second], duration=100)


@makes("cut_off.jpg")
def _cut_off_jpg(path: Path) -> None:
    buffer = io.BytesIO()
    noise = Image.frombytes("RGB", (400, 400), random.Random(4).randbytes(480_000))
    noise.save(buffer, format="JPEG")
    path.write_bytes(buffer.getvalue()[: buffer.tell() // 2])


@makes("bomb.png")
def _bomb_png(path: Path) -> None:
    Image.new("1", (20_000, 20_000)).save(path, format="PNG")


@makes("photo_named.mp4")
def _photo_named_video(path: Path) -> None:
    path.write_bytes(file("photo.jpg").read_bytes())


@makes("video_named.jpg")
def _video_named_photo(path: Path) -> None:
    path.write_bytes(file("plain.mp4").read_bytes())
