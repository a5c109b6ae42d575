"""Tell what a video is, from its index and its first picture. Decides nothing about its fate."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

import av
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from medialib.media.caged.captured import video_capture
from medialib.media.caged.opening import open_video, picture_stream, prepare_decoder
from medialib.media.caged.timing import Timing, measure
from medialib.media.errors import MediaRejected

HDR_TRANSFERS = {16: "pq", 18: "hlg"}
PACKETS_TO_FIRST_PICTURE = 600
_INDEX_BYTES = 4 * 1024**2
CONTENT_TYPES = {
    "mp4": "video/mp4",
    "mov": "video/quicktime",
    "3gp": "video/3gpp",
    "matroska": "video/x-matroska",
    "webm": "video/webm",
    "avi": "video/x-msvideo",
    "mpegts": "video/mp2t",
    "mpeg": "video/mpeg",
    "mpegvideo": "video/mpeg",
    "asf": "video/x-ms-wmv",
    "flv": "video/x-flv",
    "ogg": "video/ogg",
    "mxf": "application/mxf",
}


def probe(
    request: dict[str, Any],
    source: BinaryIO,
    emit: Callable[[dict[str, Any]], None],
    folder: Path,
) -> dict[str, Any]:
    """Return the facts of one video as JSON; raises MediaRejected when it can't be shown."""
    del request, emit, folder
    size = source.seek(0, os.SEEK_END)
    source.seek(0)
    head = source.read(4096)
    # Some containers can't be wound back without an index, so each look has its own opening.
    timing = _measured(source, size)
    source.seek(0)
    with open_video(source) as container:
        stream = _stream(container)
        first = _first_picture(container, stream)
        if first is None:
            raise _undecodable(source)
        return {
            **_form(container, head),
            **_picture(stream, first),
            **_rate(stream, timing),
            **_sound(container),
            **video_capture({**container.metadata, **stream.metadata}),
            "duration_ms": timing.duration_ms,
            "keyframe_gap_ms": timing.keyframe_gap_ms,
            "start_offset_ms": timing.start_ms,
            "video_late_ms": timing.video_late_ms,
            "truncated": timing.truncated,
            "warnings": timing.warnings,
        }


def _measured(source: BinaryIO, size: int) -> Timing:
    source.seek(0)
    with open_video(source) as container:
        return measure(container, _stream(container), size=size)


def _stream(container: InputContainer) -> VideoStream:
    stream = picture_stream(container)
    if stream is None:
        if container.streams.audio:
            raise MediaRejected("audio_only", "This file holds sound only: there is no picture.")
        raise MediaRejected("no_picture", "This file holds no moving picture.")
    if getattr(stream, "codec_context", None) is None:
        raise MediaRejected("unknown_codec", "This video's codec is unknown here.")
    return stream


def _first_picture(container: InputContainer, stream: VideoStream) -> VideoFrame | None:
    """Decode until one picture comes; damaged packets before it are passed over."""
    prepare_decoder(stream)
    try:
        for packet in itertools.islice(container.demux(stream), PACKETS_TO_FIRST_PICTURE):
            try:
                frames = packet.decode()
            except av.FFmpegError:
                continue
            if frames:
                return frames[0]
    except av.FFmpegError:
        # The file ends, or goes on damaged, before any picture.
        return None
    return None


def _undecodable(source: BinaryIO) -> MediaRejected:
    """Name the one frequent cause: the sample entries of a protected MP4 are called `encv`."""
    for place in (0, max(0, source.seek(0, os.SEEK_END) - _INDEX_BYTES)):
        source.seek(place)
        if b"encv" in source.read(_INDEX_BYTES):
            return MediaRejected("encrypted", "This video is encrypted, so it can't be shown.")
    return MediaRejected("undecodable", "No picture of this video can be decoded.")


def _form(container: InputContainer, head: bytes) -> dict[str, Any]:
    name = container.format.name
    brand = container.metadata.get("major_brand", "")
    if "mp4" in name:
        form = "mov" if brand.startswith("qt") or head[4:8] != b"ftyp" else "mp4"
        form = "3gp" if brand.startswith("3g") else form
    elif "matroska" in name:
        form = "webm" if b"webm" in head[:64] else "matroska"
    else:
        form = name.partition(",")[0]
    content_type = CONTENT_TYPES.get(form, "application/octet-stream")
    return {"kind": "video", "format": form, "content_type": content_type}


def _picture(stream: VideoStream, first: VideoFrame) -> dict[str, Any]:
    context = stream.codec_context
    aspect = context.sample_aspect_ratio or Fraction(1)
    turned = first.rotation % 180 != 0
    width, height = round(first.width * aspect), first.height
    return {
        "codec": context.codec.canonical_name,
        "profile": stream.profile or "",
        "pixel_format": first.format.name,
        "width": height if turned else width,
        "height": width if turned else height,
        "coded_width": first.width,
        "coded_height": first.height,
        "sample_aspect": f"{aspect.numerator}:{aspect.denominator}",
        "rotation": first.rotation % 360,
        "interlaced": first.interlaced_frame,
        "hdr": HDR_TRANSFERS.get(int(first.color_trc), ""),
    }


def _rate(stream: VideoStream, timing: Timing) -> dict[str, Any]:
    rate = stream.average_rate or stream.guessed_rate or stream.base_rate
    if (not rate or rate > 1000) and timing.spacing_ms > 0:
        rate = Fraction(round(1_000_000 / timing.spacing_ms), 1000)
    rate = _usual(rate) if rate else None
    return {
        "fps_num": rate.numerator if rate else 0,
        "fps_den": rate.denominator if rate else 1,
        "constant_rate": timing.constant_rate and bool(rate),
    }


def _usual(rate: Fraction) -> Fraction:
    """Take the rate that was meant: an average over few frames misses it by a hair."""
    meant = [Fraction(n) for n in (24, 25, 30, 48, 50, 60)]
    meant += [Fraction(n * 1000, 1001) for n in (24, 30, 48, 60)]
    nearest = min(meant, key=lambda usual: abs(usual - rate))
    return (
        nearest
        if abs(nearest - rate) / nearest < Fraction(4, 10_000)
        else (rate.limit_denominator(1001))
    )


def _sound(container: InputContainer) -> dict[str, Any]:
    for stream in container.streams.audio:
        context = getattr(stream, "codec_context", None)
        name = context.codec.canonical_name if context is not None else "unknown"
        return {"has_audio": True, "audio_codec": name}
    return {"has_audio": False, "audio_codec": ""}
