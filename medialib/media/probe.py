"""Say what a file is: the truth comes from decoding it in the cage, not from its name."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from medialib.media import cage
from medialib.media.errors import CageDied, MediaRejected
from medialib.media.sniff import HEAD_BYTES, sniff, what_it_is
from medialib.media.source import Source

PROBE_LIMITS = cage.Limits(cpu_seconds=60, wall_seconds=120, file_bytes=0)
DAMAGE_LIMITS = cage.Limits(cpu_seconds=900, wall_seconds=1800, file_bytes=0)
_JOBS = {
    "photo": "medialib.media.caged.probe_photo:probe",
    "video": "medialib.media.caged.probe_video:probe",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What one file is. Width and height are as shown: upright and with square pixels.

    `captured_at` is ISO 8601; it carries an offset only if the file does. A video's time 0 is
    `start_offset_ms` on the clock of its file. `hdr` is "", "pq" or "hlg".
    """

    kind: str
    content_type: str
    format: str
    codec: str = ""
    width: int = 0
    height: int = 0
    coded_width: int = 0
    coded_height: int = 0
    duration_ms: int = 0
    fps_num: int = 0
    fps_den: int = 1
    constant_rate: bool = True
    rotation: int = 0
    interlaced: bool = False
    hdr: str = ""
    pixel_format: str = ""
    profile: str = ""
    sample_aspect: str = "1:1"
    keyframe_gap_ms: int = 0
    start_offset_ms: int = 0
    video_late_ms: int = 0
    has_audio: bool = False
    audio_codec: str = ""
    truncated: bool = False
    damaged: bool = False
    animated: bool = False
    captured_at: str | None = None
    captured_offset_minutes: int | None = None
    camera: str = ""
    warnings: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` takes back."""
        return {**asdict(self), "warnings": list(self.warnings)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Build a probe from stored JSON; facts that are not known any more are passed over."""
        known = {field.name for field in fields(cls)}
        values = {name: value for name, value in data.items() if name in known}
        return cls(**{**values, "warnings": tuple(values.get("warnings", ()))})


def probe(source: Source, *, limits: cage.Limits = PROBE_LIMITS) -> Probe:
    """Probe one stored object.

    Raises MediaRejected (code, sentence) for what can't be shown, CageDied when looking at it
    broke the reader or ran into a limit.
    """
    job = _JOBS[kind_of(source)]
    return Probe.from_json(cage.run(job, request={}, source=source, limits=limits))


def kind_of(source: Source) -> str:
    """Tell from its first bytes what a stored object promises to be; raises MediaRejected."""
    head = source.read_at(0, HEAD_BYTES)
    kind = sniff(head)
    if kind is None:
        raise MediaRejected(
            "not_media",
            f"This file is not a video or a photo we can read ({what_it_is(head)}).",
        )
    return kind


def is_damaged(source: Source, *, limits: cage.Limits = DAMAGE_LIMITS) -> bool:
    """Tell whether browsers would stop inside a video; reads all of it, decodes little."""
    job = "medialib.media.caged.damage:look"
    try:
        return bool(cage.run(job, request={}, source=source, limits=limits)["damaged"])
    except CageDied as error:
        # What takes too long is not known to be damaged; what kills a reader is.
        return error.reason == "crash"
