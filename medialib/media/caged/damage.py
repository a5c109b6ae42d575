"""Look for damage inside a video that opens well: browsers stop where other players go on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import av
from av.container import InputContainer
from av.packet import Packet

from medialib.media.caged.opening import open_video, picture_stream, prepare_decoder

_STRICT = {"err_detect": "explode"}


def look(
    request: dict[str, Any],
    source: BinaryIO,
    emit: Callable[[dict[str, Any]], None],
    folder: Path,
) -> dict[str, Any]:
    """Decode the sound and the keyframes strictly; answer `{"damaged": bool}`.

    Damage between keyframes is passed over: decoding everything takes as long as converting.
    """
    del request, emit, folder
    with open_video(source) as container:
        try:
            return {"damaged": _is_damaged(container)}
        except av.FFmpegError:
            return {"damaged": True}


def _is_damaged(container: InputContainer) -> bool:
    picture = picture_stream(container)
    sounds = container.streams.audio[:1]
    streams = [stream for stream in (picture, *sounds) if stream is not None]
    if picture is not None:
        prepare_decoder(picture)
        picture.codec_context.options = {**picture.codec_context.options, **_STRICT}
        # Only keyframes are given to the decoder, each alone.
        picture.codec_context.thread_type = "SLICE"
    for sound in sounds:
        sound.codec_context.options = dict(_STRICT)
    for packet in container.demux(streams):
        if packet.is_corrupt:
            return True
        if packet.dts is not None and _counts(packet):
            packet.decode()
    return False


def _counts(packet: Packet[Any]) -> bool:
    return packet.stream.type == "audio" or packet.is_keyframe
