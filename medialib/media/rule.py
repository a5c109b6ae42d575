"""Decide from a probe whether a file is kept, copied into a better container, or converted.

Pure. Only what cannot be shown is rejected, and that the probe has done; what a labeller can't
take is no reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from medialib.media.probe import Probe

LONGEST_KEPT_SIDE = 1920
FASTEST_KEPT = Fraction(60)
FASTEST_MADE = Fraction(30)
LONGEST_KEYFRAME_GAP_MS = 10_000
LARGEST_START_MS = 50
MADE_SIDE = 1280
DEFAULT_RATE = Fraction(30)
_KEPT_PIXELS = frozenset(("yuv420p", "yuvj420p"))
_KEPT_PROFILES = frozenset(("Constrained Baseline", "Baseline", "Main", "High"))
_KEPT_SOUND = frozenset(("aac", "mp3"))


@dataclass(frozen=True, slots=True)
class Keep:
    """The original plays everywhere as it is."""


@dataclass(frozen=True, slots=True)
class Remux:
    """The pictures are fine, the container or the sound is not: copy them over."""

    reasons: tuple[str, ...]
    copy_audio: bool


@dataclass(frozen=True, slots=True)
class Transcode:
    """Make new pictures: `fps` exact and constant, the longer side at most `max_side`."""

    reasons: tuple[str, ...]
    fps_num: int
    fps_den: int
    deinterlace: bool
    tone_map: bool
    max_side: int = MADE_SIDE


@dataclass(frozen=True, slots=True)
class Reject:
    """It can't be shown."""

    code: str
    sentence: str


Decision = Keep | Remux | Transcode | Reject


def decide(probe: Probe) -> Decision:
    """Choose what becomes of a file."""
    if probe.width < 1 or probe.height < 1:
        return Reject("no_picture", "This file holds no picture.")
    if probe.kind == "photo":
        return Keep()
    reasons = _transcode_reasons(probe)
    if reasons:
        rate = made_rate(probe)
        return Transcode(
            reasons=reasons,
            fps_num=rate.numerator,
            fps_den=rate.denominator,
            deinterlace=probe.interlaced,
            tone_map=bool(probe.hdr),
        )
    reasons = _remux_reasons(probe)
    if reasons:
        return Remux(reasons=reasons, copy_audio=probe.audio_codec in _KEPT_SOUND)
    return Keep()


def made_rate(probe: Probe) -> Fraction:
    """Choose the rate of a conversion: the source's own, or its half, third … within 30."""
    if not probe.constant_rate or probe.fps_num < 1 or probe.fps_den < 1:
        return DEFAULT_RATE
    rate = Fraction(probe.fps_num, probe.fps_den)
    return rate / max(1, ceil(rate / FASTEST_MADE))


def _transcode_reasons(probe: Probe) -> tuple[str, ...]:
    rate = Fraction(probe.fps_num, max(1, probe.fps_den))
    tests = (
        (probe.codec != "h264", f"the codec is {probe.codec}"),
        (probe.pixel_format not in _KEPT_PIXELS, f"the pixels are {probe.pixel_format}"),
        (
            probe.codec == "h264" and probe.profile not in _KEPT_PROFILES,
            f"the profile is {probe.profile or 'unknown'}",
        ),
        (probe.rotation != 0, "it is stored turned"),
        (probe.damaged, "it is damaged inside"),
        (probe.interlaced, "it is interlaced"),
        (bool(probe.hdr), "it is HDR"),
        (probe.sample_aspect not in {"1:1", "0:1"}, "its pixels are not square"),
        (bool(probe.coded_width % 2 or probe.coded_height % 2), "its size is odd"),
        (max(probe.width, probe.height) > LONGEST_KEPT_SIDE, "it is larger than 1920 pixels"),
        (rate > FASTEST_KEPT, "it has more than 60 pictures a second"),
        (probe.keyframe_gap_ms > LONGEST_KEYFRAME_GAP_MS, "it can't be searched quickly"),
        (not probe.constant_rate or rate <= 0, "its picture rate varies"),
        (probe.start_offset_ms < -LARGEST_START_MS, "it has pictures before its start"),
        (abs(probe.video_late_ms) > LARGEST_START_MS, "picture and sound start apart"),
    )
    return tuple(reason for applies, reason in tests if applies)


def _remux_reasons(probe: Probe) -> tuple[str, ...]:
    tests = (
        (probe.format not in {"mp4", "mov"}, f"the container is {probe.format}"),
        (abs(probe.start_offset_ms) > 0, "its time does not start at 0"),
        (
            probe.has_audio and probe.audio_codec not in _KEPT_SOUND,
            f"the sound is {probe.audio_codec}",
        ),
        (probe.truncated, "its end is missing"),
    )
    return tuple(reason for applies, reason in tests if applies)
