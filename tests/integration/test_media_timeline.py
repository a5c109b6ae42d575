"""One timeline: what is at T in the original is at T in the file that plays, for every reader."""

from __future__ import annotations

from functools import cache

import av
import pytest
from PIL import Image

from medialib.media.probe import probe
from medialib.media.renditions import video_pictures
from medialib.media.rule import Keep, Remux, Transcode, decide
from medialib.media.source import LocalSource
from medialib.media.transcode import convert
from tests import media_corpus
from tests.media_corpus import read_barcode

# A conversion of the rate may move a picture by half of its time on screen.
NEAR = 0.021 + 1e-6
# name, what becomes of it, seconds from the file's own start to its first picture, source rate
SOURCES = [
    ("hevc.mp4", Transcode, 0.0, 25),
    ("odd.mp4", Transcode, 0.0, 25),
    ("ten_bit.mp4", Transcode, 0.0, 25),
    ("web.webm", Transcode, 0.0, 25),
    ("archive.avi", Transcode, 0.0, 25),
    ("old.mpg", Transcode, 0.0, 25),
    ("slow_motion.mp4", Transcode, 0.0, 120),
    ("ntsc_hevc.mp4", Transcode, 0.0, 30_000 / 1001),
    ("fast_hevc.mp4", Transcode, 0.0, 60_000 / 1001),
    ("late_video.mp4", Transcode, 0.5, 25),
    ("sound_first.ts", Transcode, 0.32, 25),
    ("long_gop.mp4", Transcode, 0.0, 5),
    ("h264.mkv", Remux, 0.0, 25),
    ("late_clock.mkv", Remux, 0.0, 25),
    ("broadcast.ts", Remux, 0.01, 25),
    ("h264.avi", Remux, 0.0, 25),
    ("pcm.mov", Remux, 0.0, 25),
    ("b_frames.mp4", Keep, 0.0, 25),
    ("ntsc.mp4", Keep, 0.0, 30_000 / 1001),
    ("fast.mp4", Keep, 0.0, 60_000 / 1001),
]


@pytest.fixture(scope="module")
def playback(tmp_path_factory):
    @cache
    def make(name):
        path = media_corpus.file(name)
        with LocalSource(path) as source:
            facts = probe(source)
        decision = decide(facts)
        if isinstance(decision, Keep):
            return path, decision, facts
        target = tmp_path_factory.mktemp("made") / "playback.mp4"
        convert(path, decision=decision, probe=facts, target=target)
        return target, decision, facts

    return make


def decoded(path, **options):
    """Return (time, number) of every picture as a reader sees them."""
    with av.open(str(path), options=options) as container:
        stream = container.streams.video[0]
        return [
            (float(frame.pts * stream.time_base), read_barcode(frame.to_image()))
            for frame in container.decode(stream)
        ]


def worst(frames, late, rate):
    """Return the largest distance, in seconds, between a picture's time and its true time."""
    last = max(number for _, number in frames)
    return max(
        max(number / rate + late - time, time - (number + 1) / rate - late + 1 / 1000, 0)
        for time, number in frames
        # A picture that stands still before the first or after the last one is right.
        if 0 < number < last
    )


@pytest.mark.parametrize(("name", "fate", "late", "rate"), SOURCES)
def test_a_picture_keeps_its_time(playback, name, fate, late, rate):
    path, decision, _ = playback(name)
    assert type(decision) is fate
    frames = decoded(path)
    assert len(frames) >= 20
    assert worst(frames, late, rate) <= NEAR


@pytest.mark.parametrize(
    ("name", "fate", "late", "rate"), [s for s in SOURCES if s[1] is Transcode]
)
def test_conversions_look_the_same_to_readers_that_know_no_edit_lists(
    playback, name, fate, late, rate
):
    path, _, _ = playback(name)
    plain = decoded(path, ignore_editlist="1")
    assert worst(plain, late, rate) <= NEAR
    with av.open(str(path)) as container:
        made = float(container.streams.video[0].average_rate)
    counted = [(place / made, number) for place, (_, number) in enumerate(plain)]
    assert worst(counted, late, rate) <= NEAR + 0.5 / made


@pytest.mark.parametrize("name", ["varying.mp4", "edit_list.mp4"])
def test_what_keeps_no_even_time_is_at_its_own_time_all_the_same(playback, name):
    path, _, facts = playback(name)
    source = [
        (time - facts.start_offset_ms / 1000, number)
        for time, number in decoded(media_corpus.file(name))
    ]
    later = [time for time, _ in source[1:]]
    shown = {number: (time, end) for (time, number), end in zip(source, later, strict=False)}
    seen = [(time, *shown[number]) for time, number in decoded(path) if number in shown]
    assert len(seen) >= 20
    assert all(begin - NEAR <= time <= end + NEAR for time, begin, end in seen)


@pytest.mark.parametrize("name", ["b_frames.mp4", "edit_list.mp4", "ntsc.mp4", "hevc.mp4"])
def test_pictures_of_moments_are_the_ones_the_player_shows(playback, tmp_path, name):
    path, _, facts = playback(name)
    frames = decoded(path)
    asked = [0, 40, 390, 400, 410, 990, 1000, 1399, facts.duration_ms, 10**7]
    with LocalSource(path) as source:
        pictures = video_pictures(source, at_ms=asked, folder=tmp_path / "pictures")
    assert [picture.at_ms for picture in pictures] == asked
    for picture in pictures:
        shown = [n for time, n in frames if time <= picture.at_ms / 1000 + 0.0006]
        with Image.open(picture.path) as image:
            assert read_barcode(image) == (shown or [frames[0][1]])[-1]
