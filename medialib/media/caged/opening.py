"""Open a stranger's video with every door but its own bytes shut.

FFmpeg would follow playlists and addresses found inside a file: the list of formats is what stops
it, the protocol list stops the rest. Judges nothing beyond "can be opened".
"""

from __future__ import annotations

import os
from typing import BinaryIO

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from medialib.media.errors import MediaRejected

FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,asf,flv,gif,ogg,mxf"
STILL_FORMATS = "jpeg_pipe,png_pipe"
# 8K is 33 million; a few bytes can claim far more and cost gigabytes.
MAX_VIDEO_PIXELS = 36_000_000
_BOUNDS = {"max_pixels": str(MAX_VIDEO_PIXELS)}
MAX_THREADS = 4
BUFFER_BYTES = 256 * 1024

DAMAGED = "This video is damaged: nothing of it can be read."
TOO_MANY_PIXELS = (
    "This video's pictures claim {0} million pixels, more than can be opened safely (8K is 33)."
)
CUT_OFF = (
    "This video is cut off: its index, which stands at the end of such files, is missing, "
    "so nothing of it can be shown. Copy the file again, or repair it."
)


def open_video(source: BinaryIO, *, stills: bool = False) -> InputContainer:
    """Open a video (or one of our own JPEGs, if `stills`) from its bytes.

    Raises MediaRejected when no reader takes it.
    """
    # PyAV's own logging must stay off (its default): it takes the interpreter's lock in decoder
    # threads, and closing a decoder, which holds the lock, then waits for them for ever.
    try:
        return av.open(
            source,
            mode="r",
            buffer_size=BUFFER_BYTES,
            metadata_errors="ignore",
            options={
                "format_whitelist": STILL_FORMATS if stills else FORMATS,
                "protocol_whitelist": "none",
                **_BOUNDS,
            },
        )
    except (av.FFmpegError, OSError, ValueError) as error:
        if _lacks_index(source):
            raise MediaRejected("truncated", CUT_OFF) from error
        raise MediaRejected("unreadable", DAMAGED) from error


def picture_stream(container: InputContainer) -> VideoStream | None:
    """Return the first stream of moving pictures; a cover picture is none."""
    for stream in container.streams.video:
        if not stream.disposition & Disposition.attached_pic:
            return stream
    return None


def prepare_decoder(stream: VideoStream) -> None:
    """Bound pixels and threads: many cores would else cost more address space than a cage has."""
    pixels = stream.codec_context.width * stream.codec_context.height
    if pixels > MAX_VIDEO_PIXELS:
        raise MediaRejected("too_many_pixels", TOO_MANY_PIXELS.format(round(pixels / 1e6)))
    # A stream may announce little and grow later; the decoder then refuses the picture.
    stream.codec_context.options = _BOUNDS
    stream.codec_context.thread_count = min(MAX_THREADS, os.cpu_count() or 1)
    stream.codec_context.thread_type = "AUTO"


def _lacks_index(source: BinaryIO) -> bool:
    """Tell whether this is an MP4 or MOV file with contents but without its index box."""
    place, end = 0, source.seek(0, os.SEEK_END)
    seen: set[bytes] = set()
    while place + 8 <= end and len(seen) < 50:
        source.seek(place)
        head = source.read(16)
        kind, length = head[4:8], int.from_bytes(head[:4], "big")
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
        if not kind.isalnum() or (length < 8 and length != 0):
            return False
        seen.add(kind)
        place = end if length == 0 else place + length
    return bool(seen & {b"mdat", b"ftyp"}) and not seen & {b"moov", b"moof"}
