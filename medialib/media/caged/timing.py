"""Measure a video's timeline: length, gaps, starts, and whether its end has arrived.

MP4 and MOV are measured from their index, without reading pictures. Others are sampled at the
start and at the end, and read whole only when they do not say how long they are.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from statistics import median
from typing import Any

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

SAMPLED_PACKETS = 900
VARIABLE_GAP = 1.6
TRUNCATED = "This video is cut off: the part that arrived is kept."
ONE_PICTURE = "This video holds a single picture."


@dataclass(frozen=True, slots=True)
class Timing:
    """What was measured; milliseconds."""

    duration_ms: int
    start_ms: int
    video_late_ms: int
    keyframe_gap_ms: int
    spacing_ms: float
    constant_rate: bool
    truncated: bool
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Samples:
    """Times in seconds of some or all pictures in decoding order, those of keyframes, the end."""

    times: list[float]
    keyframes: list[float]
    end: float
    cut: bool
    whole: bool


def measure(container: InputContainer, stream: VideoStream, *, size: int) -> Timing:
    """Measure `stream`; `size` is the number of bytes that are there."""
    base = stream.time_base or Fraction(1, 1000)
    start = (container.start_time or 0) / av.time_base
    declared = _declared(container, stream, base)
    samples = None
    if "mp4" in container.format.name and len(stream.index_entries) > 1:
        samples = _from_index(stream, base, size=size)
    if samples is None or (not samples.cut and _falls_short(samples.end, start, declared)):
        # There is no index, or (in a file made of fragments) it knows only the first ones.
        samples = _from_packets(container, stream, start=start, declared=declared)
    length = _length(samples, start, declared)
    return _timing(samples, stream, base, start=start, length=length)


def _falls_short(end: float, start: float, declared: float | None) -> bool:
    return declared is not None and end - start < 0.9 * declared - 1


def _timing(
    samples: _Samples, stream: VideoStream, base: Fraction, *, start: float, length: float
) -> Timing:
    gaps = _gaps(samples.times)
    spacing = median(gaps) if gaps else 0.0
    key_gaps = _gaps(samples.keyframes)
    if samples.keyframes:
        # Without a later keyframe the last one reaches to the end of what was looked at.
        last = max(samples.times[-1] if samples.times else 0.0, samples.keyframes[-1])
        key_gaps.append(last - samples.keyframes[-1])
    late = float((stream.start_time or 0) * base) - start if stream.start_time is not None else 0.0
    notes = [TRUNCATED] if samples.cut else []
    if samples.whole and len(samples.times) == 1:
        notes.append(ONE_PICTURE)
    return Timing(
        duration_ms=max(1, round(length * 1000)),
        start_ms=round(start * 1000),
        video_late_ms=round(late * 1000),
        keyframe_gap_ms=round(max(key_gaps, default=0.0) * 1000),
        spacing_ms=spacing * 1000,
        constant_rate=not gaps or max(gaps) <= VARIABLE_GAP * spacing + 0.002,
        truncated=samples.cut,
        warnings=notes,
    )


def _declared(container: InputContainer, stream: VideoStream, base: Fraction) -> float | None:
    if container.duration and container.duration > 0:
        seconds = container.duration / av.time_base
        # Matroska counts its start offset as part of its length.
        if "matroska" in container.format.name:
            seconds -= max(0, container.start_time or 0) / av.time_base
        return seconds
    return float(stream.duration * base) if stream.duration else None


def _length(samples: _Samples, start: float, declared: float | None) -> float:
    reached = max(0.0, samples.end - start)
    if declared is None or samples.cut:
        return reached
    return declared


def _gaps(times: list[float]) -> list[float]:
    return [later - earlier for earlier, later in itertools.pairwise(times) if later > earlier]


def _from_index(stream: VideoStream, base: Fraction, *, size: int) -> _Samples:
    times: list[float] = []
    keyframes: list[float] = []
    seconds = float(base)
    cut = False
    for entry in stream.index_entries:
        if entry.pos + entry.size > size:
            cut = True
            break
        time = entry.timestamp * seconds
        times.append(time)
        if entry.is_keyframe:
            keyframes.append(time)
    spacing = median(_gaps(times)) if len(times) > 1 else 0.0
    end = times[-1] + spacing if times else 0.0
    return _Samples(times=times, keyframes=keyframes, end=end, cut=cut, whole=True)


def _from_packets(
    container: InputContainer, stream: VideoStream, *, start: float, declared: float | None
) -> _Samples:
    """Look at the first packets, then at the last ones (or at all if no length is given)."""
    packets = _packets(container, stream)
    first = list(itertools.islice(packets, SAMPLED_PACKETS))
    whole = len(first) < SAMPLED_PACKETS
    pictures = [p for p in first if p.stream.index == stream.index]
    # AVI tells when pictures are decoded, not when they are shown; their spacing is the same.
    by_pts = all(p.pts is not None for p in pictures)
    shown = [(_seconds(p, by_pts=by_pts), p.is_keyframe) for p in pictures]
    end = _end(first)
    if not whole:
        if declared is not None:
            _seek_near_end(container, start + declared)
            packets = _packets(container, stream)
        end = max(end, _end(packets))
    return _Samples(
        times=sorted(time for time, _ in shown),
        keyframes=sorted(time for time, is_keyframe in shown if is_keyframe),
        end=end,
        cut=_falls_short(end, start, declared),
        whole=whole,
    )


def _seek_near_end(container: InputContainer, end: float) -> None:
    # A file without any index refuses; it is then read on from where it stands.
    with contextlib.suppress(av.FFmpegError):
        container.seek(int(max(0.0, end - 1) * av.time_base))


def _packets(container: InputContainer, stream: VideoStream) -> Iterator[Packet[Any]]:
    """Give the packets of the pictures and of the sound beside them."""
    try:
        for packet in container.demux([stream, *container.streams.audio[:1]]):
            if packet.size:
                yield packet
    except av.FFmpegError:
        # What lies behind damage can't be reached; the pictures before it count.
        return


def _seconds(packet: Packet[Any], *, by_pts: bool = True) -> float:
    time = packet.pts if by_pts and packet.pts is not None else packet.dts
    return float((time or 0) * (packet.time_base or 0))


def _end(packets: Iterable[Packet[Any]]) -> float:
    return max(
        (
            _seconds(packet) + float((packet.duration or 0) * (packet.time_base or 0))
            for packet in packets
        ),
        default=0.0,
    )
