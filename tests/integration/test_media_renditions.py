"""What is made from media: files that play everywhere and pictures that tell nothing private."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest
from PIL import Image

from medialib.media import cage
from medialib.media.cage import CageCancelled, CageDied
from medialib.media.probe import probe
from medialib.media.renditions import (
    photo_pictures,
    poster_and_storyboard,
    storyboard_interval_ms,
    video_pictures,
)
from medialib.media.rule import Keep, Remux, Transcode, decide
from medialib.media.source import BytesSource, LocalSource
from medialib.media.transcode import command, convert
from tests import media_corpus
from tests.integration.test_cage import alive, wait_until


def prepared(name, target, **options):
    path = media_corpus.file(name)
    with LocalSource(path) as source:
        facts = probe(source)
    decision = decide(facts)
    convert(path, decision=decision, probe=facts, target=target, **options)
    with LocalSource(target) as source:
        return facts, probe(source)


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("turned.mp4", (108, 192)),
        ("anamorphic.mp4", (256, 108)),
        ("odd.mp4", (190, 106)),
        ("ten_bit.mp4", (192, 108)),
        ("full_chroma.mp4", (192, 108)),
        ("hdr.mp4", (192, 108)),
        ("interlaced.mp4", (192, 108)),
        ("varying.mp4", (192, 108)),
        ("motion_jpeg.mov", (192, 108)),
        ("old.wmv", (192, 108)),
        ("old.flv", (192, 108)),
        ("camera.mxf", (192, 108)),
        ("edit.mov", (192, 108)),
        ("av1.mkv", (192, 108)),
        ("no_length.webm", (192, 108)),
        ("cut_off.mp4", (192, 108)),
        ("cut_off.mkv", (192, 108)),
        ("late_clock.mkv", (192, 108)),
    ],
)
def test_what_is_made_needs_no_second_conversion(tmp_path, name, size):
    before, after = prepared(name, tmp_path / "playback.mp4")
    assert decide(after) == Keep()
    assert (after.width, after.height) == size
    assert abs(after.duration_ms - before.duration_ms) <= 100
    assert after.has_audio == before.has_audio
    assert after.keyframe_gap_ms <= 2000
    assert [path.name for path in tmp_path.iterdir()] == ["playback.mp4"]


def test_conversions_carry_no_metadata(tmp_path):
    path = media_corpus.file("dated.mp4")
    with LocalSource(path) as source:
        facts = probe(source)
    target = tmp_path / "playback.mp4"
    convert(path, decision=Remux(reasons=(), copy_audio=True), probe=facts, target=target)
    assert b"loci" in path.read_bytes()
    assert b"loci" not in target.read_bytes()
    with LocalSource(target) as source:
        assert probe(source).captured_at is None


def test_no_name_that_somebody_chose_reaches_ffmpeg(tmp_path):
    odd = tmp_path / "%03d -y http:‮ \n'\".mp4"
    odd.write_bytes(media_corpus.file("h264.mkv").read_bytes())
    with LocalSource(odd) as source:
        facts = probe(source)
    decision = decide(facts)
    words = " ".join(command(decision, target_name="playback.mp4", threads=1))
    assert "-i file:original" in words
    assert words.endswith("file:playback.mp4")
    convert(odd, decision=decision, probe=facts, target=tmp_path / "made" / "playback.mp4")
    with LocalSource(tmp_path / "made" / "playback.mp4") as source:
        assert decide(probe(source)) == Keep()
    with pytest.raises(ValueError):
        convert(odd, decision=decision, probe=facts, target=tmp_path / "a b%03d.mp4")


def test_progress_rises_to_the_end(tmp_path):
    steps = []
    prepared("long_gop.mp4", tmp_path / "playback.mp4", on_progress=steps.append)
    assert steps == sorted(steps)
    assert 0.9 < steps[-1] <= 1


def test_a_cancelled_conversion_leaves_nothing(tmp_path):
    with pytest.raises(CageCancelled):
        prepared("hevc.mp4", tmp_path / "playback.mp4", cancelled=lambda: True)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_conversion_leaves_nothing_and_says_what_ffmpeg_said(tmp_path):
    decision = Transcode(
        reasons=(), fps_num=25, fps_den=1, deinterlace=False, tone_map=False, max_side=1280
    )
    with LocalSource(media_corpus.file("plain.mp4")) as source:
        facts = probe(source)
    with pytest.raises(CageDied, match="FfmpegFailed"):
        convert(
            media_corpus.file("text.mp4"),
            decision=decision,
            probe=facts,
            target=tmp_path / "playback.mp4",
        )
    assert list(tmp_path.iterdir()) == []


CONVERTING = """
import os, sys
from pathlib import Path
from medialib.media import cage
cage.run_ffmpeg(
    ["-v", "error", "-re", "-f", "lavfi", "-i", "testsrc=d=60", "-f", "null", "-"],
    folder=Path(sys.argv[1]), duration_ms=60_000,
    on_progress=lambda share: print(os.getpid(), flush=True),
)
"""


def children(pid):
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat") as file:
                    parent = int(file.read().rpartition(")")[2].split()[1])
            except OSError:
                continue
            if parent == pid:
                found.append(int(name))
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("victim", ["parent", "child"])
def test_no_ffmpeg_outlives_who_started_it(tmp_path, victim):
    arguments = [sys.executable, "-c", CONVERTING, str(tmp_path)]
    with subprocess.Popen(
        arguments, cwd=cage.ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as parent:
        parent.stdout.readline()
        (child,) = children(parent.pid)
        (binary,) = children(child)
        os.kill(parent.pid if victim == "parent" else child, 9)
        assert wait_until(lambda: not alive(binary) and not alive(child))


def corner(image):
    """Name the corner that carries the red mark of the drawn picture."""
    width, height = image.size
    spots = {
        "top left": (4, 4),
        "top right": (width - 5, 4),
        "bottom left": (4, height - 5),
        "bottom right": (width - 5, height - 5),
    }
    pixels = {name: image.convert("RGB").getpixel(spot) for name, spot in spots.items()}
    return [name for name, (red, green, _) in pixels.items() if red > 150 and green < 100]


@pytest.mark.parametrize(
    "name",
    [
        *("photo.jpg", "photo.png", "photo.webp", "photo.avif", "photo.tiff", "photo.bmp"),
        *("phone.jpg", "phone.heic", "print.jpg", "palette.png", "moving.gif"),
    ],
)
def test_photos_become_upright_plain_jpegs_without_metadata(tmp_path, name):
    with LocalSource(media_corpus.file(name)) as source:
        made = photo_pictures(source, folder=tmp_path)
    for picture in (made.poster, made.web, made.analysis):
        with Image.open(picture.path) as image:
            assert image.format == "JPEG"
            assert image.mode == "RGB"
            assert image.size == (picture.width, picture.height)
            assert not image.getexif()
            assert "icc_profile" not in image.info
            assert corner(image) == ["top right" if name == "phone.jpg" else "top left"]
        data = picture.path.read_bytes()
        assert b"Acme" not in data
        assert b"Exif" not in data


@pytest.mark.parametrize("name", ["deep.png", "grey.jpg", "cut_off.jpg"])
def test_odd_photos_still_give_pictures(tmp_path, name):
    with LocalSource(media_corpus.file(name)) as source:
        made = photo_pictures(source, folder=tmp_path)
    with Image.open(made.poster.path) as image:
        low, high = image.convert("L").getextrema()
    assert high - low > 150


def test_wide_colours_are_brought_into_srgb(tmp_path):
    with LocalSource(media_corpus.file("wide_colour.jpg")) as source:
        made = photo_pictures(source, folder=tmp_path)
    with Image.open(made.web.path) as image:
        red, green, _ = image.getpixel((6, 6))
    assert green > 200
    assert red < 60


def test_large_photos_are_bounded(tmp_path):
    noise = Image.effect_noise((5000, 1000), 120).convert("RGB")
    path = tmp_path / "large.png"
    noise.save(path, compress_level=1)
    with LocalSource(path) as source:
        made = photo_pictures(source, folder=tmp_path / "made")
    assert (made.analysis.width, made.web.width, made.poster.width) == (4096, 1600, 640)
    assert made.analysis.path.stat().st_size < 5_000_000


def test_the_poster_is_there_before_the_last_tile(tmp_path):
    """Reads of the source are counted: most of them come after the poster."""
    media_corpus.ffmpeg(
        *("-f", "lavfi", "-i", "testsrc2=s=320x180:r=10:d=400", "-c:v", "libx264"),
        *("-preset", "ultrafast", "-g", "20", "-b:v", "8M", "-minrate", "8M", tmp_path / "a.mp4"),
    )
    data = (tmp_path / "a.mp4").read_bytes()
    counted = Counted(data)
    posters = []
    made = poster_and_storyboard(
        counted,
        duration_ms=400_000,
        folder=tmp_path / "made",
        on_poster=lambda poster: posters.append((poster, counted.reads)),
    )
    ((poster, reads_before),) = posters
    assert poster == made.poster
    assert poster.path.exists()
    assert reads_before < counted.reads / 2


class Counted(BytesSource):
    """Bytes that count how often they are read."""

    reads = 0

    def read_at(self, offset, length):
        self.reads += 1
        return super().read_at(offset, length)


def test_a_video_gets_a_poster_and_a_storyboard(tmp_path):
    with LocalSource(media_corpus.file("long_gop.mp4")) as source:
        made = poster_and_storyboard(source, duration_ms=20_000, folder=tmp_path)
    assert made.details == {
        "interval_ms": 2000,
        "columns": 10,
        "tile_width": 192,
        "tile_height": 108,
        "tiles": 10,
    }
    with Image.open(made.storyboard.path) as sheet:
        assert sheet.size == (1920, 108)
        for number in range(10):
            tile = sheet.crop((number * 192, 0, (number + 1) * 192, 108))
            # Two seconds are ten pictures; a tile may show a keyframe that is a little older.
            assert 0 <= number * 10 - media_corpus.read_barcode(tile) <= 12
    assert sorted(path.name for path in tmp_path.iterdir()) == ["poster.jpg", "storyboard.jpg"]


def test_a_storyboard_never_has_more_than_100_tiles():
    for seconds in (1, 2, 59, 199, 201, 3600, 26 * 3600):
        interval = storyboard_interval_ms(seconds * 1000)
        assert interval >= 2000
        assert interval * 100 >= seconds * 1000


def test_turned_pictures_stand_upright(tmp_path):
    with LocalSource(media_corpus.file("turned.mp4")) as source:
        (picture,) = video_pictures(source, at_ms=[0], folder=tmp_path)
        prepared("turned.mp4", tmp_path / "playback.mp4")
    assert (picture.width, picture.height) == (108, 192)
    with LocalSource(tmp_path / "playback.mp4") as source:
        (shown,) = video_pictures(source, at_ms=[0], folder=tmp_path / "shown")
    with Image.open(picture.path) as ours, Image.open(shown.path) as theirs:
        small = ours.convert("L").resize((9, 16)), theirs.convert("L").resize((9, 16))
        pairs = zip(small[0].tobytes(), small[1].tobytes(), strict=True)
        assert max(abs(one - other) for one, other in pairs) < 60


def test_pictures_of_an_object_without_a_file_read_little_of_it(tmp_path):
    class Counting(BytesSource):
        read = 0

        def read_at(self, offset, length):
            self.read += length
            return super().read_at(offset, length)

    path = tmp_path / "long.mp4"
    media_corpus.barcode(path, "-b:v", "8M", frames=250)
    source = Counting(path.read_bytes())
    made = video_pictures(source, at_ms=[9000, 1000, 1000], folder=tmp_path / "made")
    assert [picture.at_ms for picture in made] == [1000, 9000]


def test_two_conversions_run_side_by_side(tmp_path):
    threads = [
        threading.Thread(target=prepared, args=("hevc.mp4", tmp_path / f"{number}.mp4"))
        for number in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0.mp4", "1.mp4"]
