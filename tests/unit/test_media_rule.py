"""The rule: what becomes of a file, from its probe alone."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medialib.media.probe import Probe
from medialib.media.rule import Keep, Reject, Remux, Transcode, decide, made_rate

GOOD = Probe(
    kind="video",
    content_type="video/mp4",
    format="mp4",
    codec="h264",
    width=1280,
    height=720,
    coded_width=1280,
    coded_height=720,
    duration_ms=60_000,
    fps_num=30,
    fps_den=1,
    pixel_format="yuv420p",
    profile="High",
    keyframe_gap_ms=2000,
    has_audio=True,
    audio_codec="aac",
)
PHOTO = Probe(kind="photo", content_type="image/png", format="png", width=40, height=30)


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"format": "mov"},
        {"profile": "Constrained Baseline"},
        {"pixel_format": "yuvj420p"},
        {"has_audio": False, "audio_codec": ""},
        {"audio_codec": "mp3"},
        {"fps_num": 60_000, "fps_den": 1001},
        {"width": 1920, "height": 1080},
        {"width": 1080, "height": 1920},
        {"keyframe_gap_ms": 10_000},
        {"width": 16, "height": 16},
        {"duration_ms": 26 * 3_600_000},
        {"video_late_ms": 23},
    ],
)
def test_what_plays_everywhere_is_kept_as_it_is(facts):
    assert decide(replace(GOOD, **facts)) == Keep()


@pytest.mark.parametrize(
    ("facts", "reason", "copy_audio"),
    [
        ({"format": "matroska"}, "the container is matroska", True),
        ({"format": "3gp"}, "the container is 3gp", True),
        ({"format": "mpegts", "audio_codec": "mp2"}, "the container is mpegts", False),
        ({"audio_codec": "pcm_s16le"}, "the sound is pcm_s16le", False),
        ({"start_offset_ms": 3250}, "its time does not start at 0", True),
        ({"truncated": True}, "its end is missing", True),
    ],
)
def test_good_pictures_in_a_bad_container_are_copied_over(facts, reason, copy_audio):
    decision = decide(replace(GOOD, **facts))
    assert isinstance(decision, Remux)
    assert reason in decision.reasons
    assert decision.copy_audio is copy_audio


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"codec": "hevc", "profile": "Main"}, "the codec is hevc"),
        ({"pixel_format": "yuv420p10le"}, "the pixels are yuv420p10le"),
        ({"profile": "High 4:4:4 Predictive"}, "the profile is High 4:4:4 Predictive"),
        ({"rotation": 90}, "it is stored turned"),
        ({"interlaced": True}, "it is interlaced"),
        ({"hdr": "pq"}, "it is HDR"),
        ({"sample_aspect": "4:3"}, "its pixels are not square"),
        ({"coded_width": 767}, "its size is odd"),
        ({"width": 3840, "height": 2160}, "it is larger than 1920 pixels"),
        ({"fps_num": 120}, "it has more than 60 pictures a second"),
        ({"keyframe_gap_ms": 10_001}, "it can't be searched quickly"),
        ({"constant_rate": False}, "its picture rate varies"),
        ({"fps_num": 0}, "its picture rate varies"),
        ({"start_offset_ms": -2560}, "it has pictures before its start"),
        ({"video_late_ms": 500}, "picture and sound start apart"),
    ],
)
def test_what_some_browser_or_reader_can_not_take_is_converted(facts, reason):
    decision = decide(replace(GOOD, **facts))
    assert isinstance(decision, Transcode)
    assert reason in decision.reasons
    assert decision.deinterlace is facts.get("interlaced", False)
    assert decision.tone_map is ("hdr" in facts)


@pytest.mark.parametrize("name", ["png", "gif", "heif"])
def test_photos_are_kept(name):
    assert decide(replace(PHOTO, format=name)) == Keep()


def test_what_has_no_picture_is_rejected():
    assert isinstance(decide(replace(GOOD, width=0)), Reject)


@pytest.mark.parametrize(
    ("rate", "made"),
    [
        ((24_000, 1001), Fraction(24_000, 1001)),
        ((25, 1), Fraction(25)),
        ((30_000, 1001), Fraction(30_000, 1001)),
        ((30, 1), Fraction(30)),
        ((50, 1), Fraction(25)),
        ((60_000, 1001), Fraction(30_000, 1001)),
        ((60, 1), Fraction(30)),
        ((100, 1), Fraction(25)),
        ((240, 1), Fraction(30)),
        ((25, 2), Fraction(25, 2)),
        ((0, 1), Fraction(30)),
        ((30, 0), Fraction(30)),
    ],
)
def test_conversions_keep_the_rate_or_a_whole_part_of_it(rate, made):
    assert made_rate(replace(GOOD, fps_num=rate[0], fps_den=rate[1])) == made


def test_a_varying_rate_becomes_30():
    assert made_rate(replace(GOOD, fps_num=17, constant_rate=False)) == 30


@given(
    st.builds(
        lambda **facts: replace(GOOD, **facts),
        fps_num=st.integers(-5, 100_000),
        fps_den=st.integers(-5, 2000),
        width=st.integers(-1, 10_000),
        coded_width=st.integers(0, 10_000),
        keyframe_gap_ms=st.integers(0, 100_000),
        start_offset_ms=st.integers(-10_000, 10_000),
        truncated=st.booleans(),
        codec=st.sampled_from(["h264", "vp9"]),
    )
)
def test_every_probe_gets_a_decision_that_ffmpeg_can_follow(probe):
    decision = decide(probe)
    if isinstance(decision, Transcode):
        assert 0 < Fraction(decision.fps_num, decision.fps_den) <= 30


def test_a_probe_survives_json():
    probe = replace(GOOD, warnings=("a",), captured_at="2022-07-08T09:10:11+02:00")
    assert Probe.from_json(probe.to_json()) == probe
    assert Probe.from_json({**probe.to_json(), "unknown": 1}) == probe
