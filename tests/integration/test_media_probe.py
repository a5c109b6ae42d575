"""Probing what people send: the truth about it, or one sentence that says why not."""

from __future__ import annotations

import random
import socket

import pytest

from medialib.media import cage
from medialib.media.errors import CageDied, MediaRejected
from medialib.media.probe import Probe, is_damaged, probe
from medialib.media.rule import Keep, Remux, Transcode, decide
from medialib.media.source import BytesSource, LocalSource
from tests import media_corpus


def look(name: str) -> Probe:
    with LocalSource(media_corpus.file(name)) as source:
        return probe(source)


@pytest.mark.parametrize(
    ("name", "fate", "facts"),
    [
        ("plain.mp4", Keep, {"content_type": "video/mp4", "codec": "h264", "duration_ms": 2000}),
        ("index_last.mp4", Keep, {"has_audio": True, "audio_codec": "aac", "truncated": False}),
        ("silent.mp4", Keep, {"has_audio": False, "audio_codec": ""}),
        ("quicktime.mov", Keep, {"content_type": "video/quicktime"}),
        ("b_frames.mp4", Keep, {"profile": "High"}),
        ("fragmented.mp4", Keep, {"truncated": False}),
        ("ntsc.mp4", Keep, {"fps_num": 30_000, "fps_den": 1001, "constant_rate": True}),
        ("fast.mp4", Keep, {"fps_num": 60_000, "fps_den": 1001}),
        ("edit_list.mp4", Keep, {"duration_ms": 1400}),
        ("corrupt.mp4", Keep, {}),
        ("claims_26_hours.mp4", Keep, {"duration_ms": 2000}),
        ("h264.mkv", Remux, {"content_type": "video/x-matroska"}),
        ("late_clock.mkv", Remux, {"start_offset_ms": 3250}),
        ("broadcast.ts", Remux, {"content_type": "video/mp2t"}),
        ("pcm.mov", Remux, {"audio_codec": "pcm_s16le"}),
        ("cut_off.mp4", Remux, {"truncated": True}),
        ("cut_off.mkv", Remux, {"truncated": True}),
        ("slow_motion.mp4", Transcode, {"fps_num": 120}),
        ("long_gop.mp4", Transcode, {"keyframe_gap_ms": 19_800}),
        ("ten_bit.mp4", Transcode, {"pixel_format": "yuv420p10le"}),
        ("full_chroma.mp4", Transcode, {"pixel_format": "yuv444p"}),
        ("odd.mp4", Transcode, {"width": 191, "height": 107}),
        ("anamorphic.mp4", Transcode, {"width": 256, "height": 108, "sample_aspect": "4:3"}),
        ("interlaced.mp4", Transcode, {"interlaced": True}),
        ("turned.mp4", Transcode, {"width": 108, "height": 192, "rotation": 90}),
        ("hevc.mp4", Transcode, {"codec": "hevc"}),
        ("hdr.mp4", Transcode, {"hdr": "pq"}),
        ("web.webm", Transcode, {"content_type": "video/webm", "codec": "vp9"}),
        ("no_length.webm", Transcode, {"codec": "vp9", "truncated": False}),
        ("av1.mkv", Transcode, {"codec": "av1"}),
        ("archive.avi", Transcode, {"content_type": "video/x-msvideo"}),
        ("old.mpg", Transcode, {"codec": "mpeg2video"}),
        ("old.wmv", Transcode, {"content_type": "video/x-ms-wmv"}),
        ("old.flv", Transcode, {"content_type": "video/x-flv"}),
        ("camera.mxf", Transcode, {"content_type": "application/mxf"}),
        ("edit.mov", Transcode, {"codec": "prores"}),
        ("motion_jpeg.mov", Transcode, {"codec": "mjpeg"}),
        ("varying.mp4", Transcode, {"constant_rate": False}),
        ("late_video.mp4", Transcode, {"video_late_ms": 500}),
        ("sound_first.ts", Transcode, {}),
    ],
)
def test_videos_are_seen_for_what_they_are(name, fate, facts):
    seen = look(name)
    assert seen.kind == "video"
    assert {fact: getattr(seen, fact) for fact in facts} == facts
    assert type(decide(seen)) is fate
    assert 0 < seen.duration_ms < 21_000


@pytest.mark.parametrize(
    ("name", "damaged"),
    [("corrupt.mp4", True), ("plain.mp4", False), ("broadcast.ts", False), ("h264.avi", False)],
)
def test_damage_inside_a_file_that_opens_well_is_found(name, damaged):
    with LocalSource(media_corpus.file(name)) as source:
        assert is_damaged(source) == damaged


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        ("photo.jpg", {"content_type": "image/jpeg", "width": 160, "height": 120}),
        ("photo.png", {"content_type": "image/png", "pixel_format": "RGBA"}),
        ("photo.webp", {"content_type": "image/webp"}),
        ("photo.avif", {"content_type": "image/avif"}),
        ("photo.tiff", {"content_type": "image/tiff"}),
        ("photo.bmp", {"content_type": "image/bmp"}),
        ("print.jpg", {"pixel_format": "CMYK"}),
        ("phone.heic", {"content_type": "image/heic", "camera": "Acme Phone 5"}),
        (
            "phone.jpg",
            {
                "width": 120,
                "height": 160,
                "camera": "Acme Phone 5",
                "captured_at": "2022-07-08T09:10:11+02:00",
                "captured_offset_minutes": 120,
            },
        ),
        ("moving.gif", {"content_type": "image/gif", "animated": True}),
        ("cut_off.jpg", {"truncated": True}),
        ("photo_named.mp4", {"content_type": "image/jpeg"}),
    ],
)
def test_photos_are_seen_for_what_they_are(name, facts):
    seen = look(name)
    assert seen.kind == "photo"
    assert {fact: getattr(seen, fact) for fact in facts} == facts
    assert decide(seen) == Keep()


def test_the_bytes_count_not_the_name():
    assert look("video_named.jpg").content_type == "video/mp4"
    assert look("photo_named.mp4").kind == "photo"


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("empty.mp4", "not_media", "it is empty"),
        ("text.mp4", "not_media", "it is text"),
        ("playlist.mp4", "not_media", "it is a playlist"),
        ("concat.mp4", "not_media", "it is a playlist"),
        ("drawing.mp4", "not_media", "it is an SVG drawing"),
        ("random.mp4", "not_media", "no format we know"),
        ("named.mp4", "unreadable", "damaged"),
        ("sound_only.mp4", "audio_only", "sound only"),
        ("cover_art.m4a", "audio_only", "sound only"),
        ("cut_off_no_index.mp4", "truncated", "cut off"),
        ("encrypted.mp4", "encrypted", "encrypted"),
        ("bomb.mkv", "too_many_pixels", "134 million pixels"),
        ("bomb.png", "too_many_pixels", "400 million pixels"),
    ],
)
def test_what_can_not_be_shown_says_why(name, code, words):
    with pytest.raises(MediaRejected, match=words) as caught:
        look(name)
    assert caught.value.reason == code
    assert caught.value.detail.count("\n") == 0
    assert caught.value.detail.endswith((".", ")."))


@pytest.mark.parametrize("name", ["cut_off.mp4", "cut_off.mkv", "cut_off.jpg", "moving.gif"])
def test_what_is_kept_in_part_carries_a_warning(name):
    assert look(name).warnings


def test_a_cut_off_video_is_as_long_as_what_arrived():
    assert 900 <= look("cut_off.mp4").duration_ms <= 1200
    assert 3000 <= look("cut_off.mkv").duration_ms <= 6000


def test_when_and_with_what_a_video_was_taken_is_read_and_where_is_not():
    seen = look("dated.mp4")
    assert seen.captured_at == "2021-05-03T10:11:12+00:00"
    assert "47." not in str(seen.to_json())
    assert "47" not in str(look("phone.jpg").to_json())


def test_an_object_without_a_local_file_is_probed_by_reading_little_of_it(tmp_path):
    path = tmp_path / "long.mp4"
    media_corpus.barcode(path, frames=255)

    class Counting(BytesSource):
        read = 0

        def read_at(self, offset, length):
            self.read += len(super().read_at(offset, length))
            return super().read_at(offset, length)

    source = Counting(path.read_bytes() + b"\x00\x00\x00\x00free" + bytes(20_000_000))
    with LocalSource(path) as local:
        assert probe(source).duration_ms == probe(local).duration_ms
    assert source.read < source.size / 4


def test_a_playlist_inside_an_allowed_looking_file_opens_nothing():
    with socket.create_server(("127.0.0.1", 0)) as trap:
        port = trap.getsockname()[1]
        playlist = f"#EXTM3U\n#EXTINF:2,\nhttp://127.0.0.1:{port}/a.ts\n#EXT-X-ENDLIST\n".encode()
        # Past the look at the first bytes, straight into the decoder.
        for data in (playlist, b"ffconcat version 1.0\nfile /etc/passwd\n", b"<svg/>"):
            with pytest.raises(MediaRejected):
                cage.run(
                    "medialib.media.caged.probe_video:probe",
                    request={},
                    source=BytesSource(data),
                )
        trap.setblocking(False)
        with pytest.raises(BlockingIOError):
            trap.accept()


@pytest.mark.parametrize("name", ["plain.mp4", "h264.mkv", "broadcast.ts", "phone.jpg", "web.webm"])
def test_mutated_files_end_in_facts_or_in_a_sentence(name):
    data = media_corpus.file(name).read_bytes()
    dice = random.Random(name)
    for _ in range(4):
        mutated = bytearray(data)
        for _ in range(dice.choice([1, 20, 400])):
            mutated[dice.randrange(len(mutated))] = dice.randrange(256)
        mutated = mutated[: dice.randrange(len(mutated) // 4, len(mutated))]
        assert ending(bytes(mutated)).endswith((".", "mp4", "matroska", "mpegts", "jpeg", "webm"))


def ending(data: bytes) -> str:
    """Return the format that was seen, or the sentence."""
    try:
        return probe(BytesSource(data), limits=cage.Limits(wall_seconds=20)).format
    except (MediaRejected, CageDied) as refusal:
        return refusal.detail
