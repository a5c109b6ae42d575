"""Make the file that plays: build the ffmpeg command and run it in the cage.

Checks no free space and stores nothing: callers give a local copy and take the finished file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

from medialib.media import cage
from medialib.media.probe import Probe
from medialib.media.rule import Remux, Transcode

FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,asf,flv,gif,ogg,mxf"
MAX_PIXELS = 36_000_000
KEYFRAME_SECONDS = 2
ORIGINAL = "original"
_PLAIN_NAME = re.compile(r"[\w-][\w.-]*")


def convert(
    source_path: Path,
    *,
    decision: Remux | Transcode,
    probe: Probe,
    target: Path,
    on_progress: Callable[[float], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    binary: str = "",
) -> None:
    """Write the playable file to `target`, which appears only when it is whole.

    Raises CageDied, CageCancelled or StorageFull. `binary` overrides the ffmpeg that came along.
    """
    if not _PLAIN_NAME.fullmatch(target.name):
        raise ValueError(f"{target.name!r} is no plain file name")
    cage.run_ffmpeg(
        command(decision, target_name=target.name, threads=_threads()),
        inputs={ORIGINAL: source_path},
        folder=target.parent,
        duration_ms=probe.duration_ms,
        on_progress=on_progress,
        cancelled=cancelled,
        limits=limits_for(probe),
        binary=binary,
    )


def limits_for(probe: Probe) -> cage.Limits:
    """Allow generous time for the length of a video: an old machine converts 4K slowly."""
    seconds = 300 + probe.duration_ms * 60 // 1000
    large = probe.coded_width * probe.coded_height > 1920 * 1200
    return cage.Limits(
        memory_bytes=(8 if large else 4) * cage.GIB,
        cpu_seconds=seconds,
        wall_seconds=seconds * 2,
        file_bytes=64 * cage.GIB,
    )


def command(decision: Remux | Transcode, *, target_name: str, threads: int) -> list[str]:
    """Build the arguments of ffmpeg, all but the binary's own name.

    It reads `original` and writes `target_name` in its own folder: ffmpeg finds meaning in names,
    so it never sees one that somebody else chose.
    """
    return [
        *("-v", "error", "-y"),
        *("-protocol_whitelist", "file,pipe", "-format_whitelist", FORMATS),
        *("-max_pixels", str(MAX_PIXELS), "-threads", str(threads)),
        # The end of a file that is cut off is no reason to stop.
        *("-fflags", "+discardcorrupt", "-i", f"file:{ORIGINAL}"),
        *("-map", "0:V:0", "-map", "0:a:0?", "-map_metadata", "-1", "-map_chapters", "-1"),
        *("-sn", "-dn"),
        *(_pictures(decision, threads) if isinstance(decision, Transcode) else ("-c:v", "copy")),
        *_sound(decision),
        *("-movflags", "+faststart+negative_cts_offsets", "-f", "mp4"),
        f"file:{target_name}",
    ]


def _pictures(decision: Transcode, threads: int) -> tuple[str, ...]:
    rate = f"{decision.fps_num}/{decision.fps_den}"
    group = max(1, round(KEYFRAME_SECONDS * decision.fps_num / decision.fps_den))
    return (
        *("-vf", _filters(decision, rate)),
        *("-c:v", "libx264", "-preset", "veryfast", "-crf", "23", "-profile:v", "high"),
        *("-color_range", "tv", "-g", str(group), "-fps_mode", "cfr"),
        *("-threads", str(threads)),
    )


def _filters(decision: Transcode, rate: str) -> str:
    side = decision.max_side
    steps = [
        "bwdif=mode=send_frame" if decision.deinterlace else "",
        (
            "zscale=t=linear:npl=100,format=gbrpf32le,zscale=p=bt709,tonemap=hable:desat=0,"
            "zscale=t=bt709:m=bt709:r=tv"
            if decision.tone_map
            else ""
        ),
        "scale=max(2\\,iw*sar):ih",
        f"scale=min({side}\\,max(2\\,iw)):min({side}\\,max(2\\,ih))"
        ":force_original_aspect_ratio=decrease:force_divisible_by=2:out_range=tv",
        "setsar=1",
        # Pictures on a regular grid from 0 make all readers agree, whatever they do with edits.
        f"fps={rate}:start_time=0",
        "format=yuv420p",
    ]
    return ",".join(step for step in steps if step)


def _sound(decision: Remux | Transcode) -> tuple[str, ...]:
    if isinstance(decision, Remux) and decision.copy_audio:
        return ("-c:a", "copy")
    return (
        *("-c:a", "aac", "-b:a", "128k", "-ac", "2", "-ar", "48000"),
        *("-af", "aresample=async=1:first_pts=0"),
    )


def _threads() -> int:
    return min(4, os.cpu_count() or 1)
