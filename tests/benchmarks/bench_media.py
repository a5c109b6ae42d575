"""Media beside ffmpeg, PyAV and a plain child by hand: conversions, pictures, probes, memory."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings

from tests.benchmarks import media_by_hand
from tests.benchmarks.measure import Ratio, compare, met, table

MIB = 1024**2
# What the corpus has of each sort that is let in.
_PROBED = (
    *("plain.mp4", "fragmented.mp4", "edit_list.mp4", "h264.mkv", "broadcast.ts", "cut_off.mp4"),
    *("turned.mp4", "varying.mp4", "hdr.mp4", "web.webm", "claims_26_hours.mp4", "corrupt.mp4"),
    *("phone.heic", "moving.gif", "photo_named.mp4"),
)
Row = tuple[str, str, str, str]


def main(smoke: bool) -> str:
    """Measure and draw the table."""
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    size = (30 if smoke else 1024) * MIB
    pairs = 1 if smoke else 7
    with tempfile.TemporaryDirectory(dir=settings.FILE_UPLOAD_TEMP_DIR) as name:
        folder = Path(name)
        large = _make_large(folder, seconds=2 if smoke else 10, size=size)
        rows = [
            *_conversion(folder, seconds=2 if smoke else 14, pairs=pairs),
            _to_poster(folder, large, pairs=1 if smoke else 5),
            _probes(pairs=pairs, smoke=smoke),
            *_memory(folder, large),
            *_pictures(folder, large, pairs=1 if smoke else 5),
        ]
    return table(rows)


def _ffmpeg(folder: Path, *arguments: str | Path) -> None:
    import imageio_ffmpeg

    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *map(str, arguments)]
    subprocess.run(command, check=True, cwd=folder)


def _picture(seconds: int) -> list[str]:
    """Describe a moving picture of 1080p30 with some noise, as ffmpeg's input."""
    return ["-f", "lavfi", "-i", f"testsrc2=s=1920x1080:r=30:d={seconds},noise=alls=12:allf=t"]


def _make_large(folder: Path, *, seconds: int, size: int) -> Path:
    """Make a film that is kept as it is: 1080p30 at 8 Mb/s, copied until it is large enough."""
    rate = ["-b:v", "8M", "-maxrate", "8M", "-bufsize", "4M", "-g", "60", "-pix_fmt", "yuv420p"]
    codec = ["-c:v", "libx264", "-preset", "veryfast"]
    _ffmpeg(folder, *_picture(seconds), *codec, *rate, "short.mp4")
    times = max(1, size // (folder / "short.mp4").stat().st_size)
    start = ["-movflags", "+faststart"]
    _ffmpeg(
        folder, "-stream_loop", str(times), "-i", "short.mp4", "-c", "copy", *start, "large.mp4"
    )
    return folder / "large.mp4"


def _cpu(work: Callable[[], object]) -> float:
    """Count the CPU seconds of this process and of the children that end meanwhile."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    own = time.process_time()
    work()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    children = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return children + time.process_time() - own


def _wall(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def _row(what: str, goal: float, ratio: Ratio, unit: str = "s") -> Row:
    figures = f"{ratio}: {ratio.ours_seconds:.2f} {unit} ÷ {ratio.floor_seconds:.2f} {unit}"
    return what, f"≤ {goal}", figures, ratio.verdict(goal)


def _conversion(folder: Path, *, seconds: int, pairs: int) -> Iterator[Row]:
    from medialib.media import renditions, transcode
    from medialib.media.probe import probe
    from medialib.media.rule import Transcode, decide
    from medialib.media.source import LocalSource

    codec = ["-c:v", "mpeg4", "-q:v", "4", "-pix_fmt", "yuv420p"]
    _ffmpeg(folder, *_picture(seconds), *codec, "-f", "mp4", "original")
    with LocalSource(folder / "original") as source:
        seen = probe(source)
    decision = decide(seen)
    assert isinstance(decision, Transcode)
    made = folder / "made"
    made.mkdir()

    def ours() -> None:
        transcode.convert(
            folder / "original", decision=decision, probe=seen, target=made / "playback.mp4"
        )

    def bare() -> None:
        threads = min(4, os.cpu_count() or 1)
        arguments = transcode.command(decision, target_name="bare.mp4", threads=threads)
        _ffmpeg(folder, *arguments, "-progress", os.devnull)

    def pictured() -> None:
        ours()
        with LocalSource(made / "playback.mp4") as source:
            renditions.poster_and_storyboard(source, duration_ms=seen.duration_ms, folder=made)

    def cpu(work: Callable[[], None]) -> Callable[[], float]:
        return lambda: _cpu(work)

    what = f"transcode of {seconds} s of 1080p through the cage ÷ the same bare ffmpeg command, CPU"
    yield _row(what, 1.05, compare(cpu(ours), cpu(bare), pairs=pairs))
    what = "that with poster and storyboard ÷ without, CPU"
    yield _row(what, 1.05, compare(cpu(pictured), cpu(ours), pairs=max(1, pairs - 4)))


def _owner() -> Any:
    from medialib.models import User

    return User.objects.get_or_create(username="media-bench")[0]


def _to_poster(folder: Path, large: Path, *, pairs: int) -> Row:
    """Time from the last byte (a whole file in the upload folder) to the stored poster."""
    from django.core.files import File

    from medialib import pipeline, services
    from medialib.media.probe import probe
    from medialib.media.source import LocalSource

    class Uploaded(File):
        """A file as the upload leaves it: storage takes it by renaming."""

        def temporary_file_path(self) -> str:
            return str(self.name)

    def ours() -> float:
        arrived = folder / "arrived"
        os.link(large, arrived)
        with arrived.open("rb") as opened:
            file = Uploaded(opened, name=str(arrived))
            begin = time.time()
            asset = services.create_asset(
                owner=_owner(), file=file, filename="large.mp4", force=True
            )
            pipeline.run_step(asset.steps.get(kind="prepare").pk)
        seconds = asset.renditions.get(kind="poster").created_at.timestamp() - begin
        services.trash_asset(asset, actor=_owner())
        return seconds

    def by_hand() -> None:
        media_by_hand.hash_of(large)
        with LocalSource(large) as source:
            probe(source)
        media_by_hand.first_keyframe(large, folder / "keyframe.jpg")

    what = f"{large.stat().st_size / 1024**3:.1f} GB kept as it is: last byte → poster ÷ (hash + "
    what += "caged probe + one keyframe by hand), wall"
    return _row(what, 2.0, compare(ours, lambda: _wall(by_hand), pairs=pairs))


def _probes(*, pairs: int, smoke: bool) -> Row:
    from medialib.media.probe import probe
    from medialib.media.source import LocalSource
    from tests import media_corpus

    paths = [media_corpus.file(name) for name in (_PROBED[:2] if smoke else _PROBED)]
    photos = ("phone", "moving", "photo")

    def ours() -> None:
        for path in paths:
            with LocalSource(path) as source:
                probe(source)

    def bare() -> None:
        for path in paths:
            kind = "photo" if path.name.startswith(photos) else "video"
            media_by_hand.bare_probe(path, kind)

    ratio = compare(lambda: _cpu(ours), lambda: _cpu(bare), pairs=pairs)
    return _row(f"probe of {len(paths)} files of the corpus ÷ the bare child, CPU", 1.3, ratio)


def _memory(folder: Path, large: Path) -> Iterator[Row]:
    from medialib import storage
    from medialib.models import Asset

    size = large.stat().st_size
    for what, sparse in (("wsgi", True), ("asgi", True), ("worker", False)):
        asset_id = uuid.uuid4()
        name = f"assets/{asset_id}/large"
        path = Path(settings.MEDIA_ROOT) / name
        path.parent.mkdir(parents=True)
        if sparse:
            with path.open("wb") as file:
                file.truncate(size)
        else:
            os.link(large, path)
        Asset.objects.create(
            id=asset_id,
            owner=_owner(),
            kind="video",
            original_name=name,
            original_filename="large.mp4",
            size=size,
            duration_ms=1000,
            visibility="public",
            content_type="video/mp4",
            state="searchable",
        )
        grown = _child_growth(what, asset_id, size) / MIB
        storage.delete(name)
        goal = 30 if what == "worker" else 64
        does = "prepares" if what == "worker" else "sends"
        label = f"peak RSS growth of a {what} process that {does} {size / 1024**3:.1f} GB"
        yield label, f"≤ {goal} MB", f"{grown:.1f} MB", met(grown <= goal)


def _child_growth(what: str, asset_id: uuid.UUID, size: int) -> int:
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.media_memory", what, str(asset_id)],
        env={**os.environ, "MEDIALIB_BENCH_SIZE": str(size)},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return int(done.stdout.split()[-1])


@contextmanager
def _bucket(folder: Path) -> Iterator[Any]:
    """Switch media storage to a real S3 server; gives its client."""
    from django.test import override_settings

    from medialib.environment import storage_options
    from tests.servers import versitygw

    with versitygw.running(folder / "s3") as gateway:
        os.environ.update(gateway.environment)
        place = storage_options("s3://media/library", folder)
        with override_settings(STORAGES={**settings.STORAGES, "default": place}):
            yield gateway.client()


class _Counting:
    """A source that counts what is read through it."""

    path = None

    def __init__(self, inner: Any, read: list[int]) -> None:
        self._inner, self._read, self.size = inner, read, inner.size

    def read_at(self, offset: int, length: int) -> bytes:
        """Pass a read on."""
        data = self._inner.read_at(offset, length)
        self._read[0] += len(data)
        return bytes(data)


def _pictures(folder: Path, large: Path, *, pairs: int) -> Iterator[Row]:
    from medialib import storage
    from medialib.media import renditions
    from medialib.media.probe import probe
    from tests.servers import versitygw

    what = f"20 moment pictures of a {large.stat().st_size / 1024**3:.1f} GB object in a bucket"
    if versitygw.program() is None:
        yield what, "≤ 1.5", "versitygw is not here", "–"
        return
    with _bucket(folder) as client:
        size = storage.write_path("assets/large/one", large)
        read = [0]
        with storage.open_source("assets/large/one") as source:
            length = probe(source).duration_ms
        times = [length * (2 * n + 1) // 40 for n in range(20)]
        made = folder / "pictures"
        made.mkdir()

        def ours() -> None:
            read[0] = 0
            with storage.open_source("assets/large/one") as source:
                renditions.video_pictures(_Counting(source, read), at_ms=times, folder=made)

        def by_hand() -> None:
            media_by_hand.pictures(client, "library/assets/large/one", times, made)

        ratio = compare(lambda: _wall(ours), lambda: _wall(by_hand), pairs=pairs)
        share = 100 * read[0] / size
        yield _row(f"{what} ÷ PyAV over a range file by hand, exact, wall", 1.5, ratio)
        yield "their part of the object read", "< 3 %", f"{share:.2f} %", met(share < 3)
        read[0] = 0
        with storage.open_source("assets/large/one") as source:
            counting = _Counting(source, read)
            sheet = renditions.poster_and_storyboard(counting, duration_ms=length, folder=made)
        share = 100 * read[0] / size * 20 / sheet.details["tiles"]
        what = "part of the object read for 20 keyframes (of its storyboard)"
        yield what, "< 1.5 %", f"{share:.2f} %", met(share < 1.5)
