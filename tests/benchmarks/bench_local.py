"""The local labeller on a minute of 720p video, beside decoding and network runs written by hand.

Both sides are counted with the start of the process that does the work.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from django.conf import settings

from tests.benchmarks.measure import compare, table

ROOT = Path(__file__).resolve().parents[2]
CLIP = ROOT / "medialib" / "demo_data" / "highway.mp4"
BY_HAND = Path(__file__).with_name("by_hand.py")
MODEL = ROOT / "labelling" / "data" / "models" / "nanodet-g-416-int8.onnx"
GOAL = 1.15


def main(smoke: bool) -> str:
    """Measure and draw the table."""
    seconds = 3 if smoke else 60
    with tempfile.TemporaryDirectory(dir=settings.FILE_UPLOAD_TEMP_DIR) as folder:
        clip = _make_clip(Path(folder), seconds=seconds)
        ratio = compare(
            lambda: _cpu(lambda: _analyse(clip, seconds * 1000)),
            lambda: _cpu(lambda: _by_hand(clip)),
            pairs=1 if smoke else 7,
        )
    figures = f"{ratio}: {ratio.ours_seconds:.2f} s ÷ {ratio.floor_seconds:.2f} s"
    what = f"local analysis of {seconds} s of 720p ÷ decoding and network runs by hand, CPU"
    return table([(what, f"≤ {GOAL}", figures, ratio.verdict(GOAL))])


def _make_clip(folder: Path, *, seconds: int) -> Path:
    from medialib.media import cage

    picture = ["-vf", "scale=1280:720,fps=25,format=yuv420p", "-an"]
    encoder = ["-c:v", "libx264", "-preset", "medium", "-crf", "23", "file:clip.mp4"]
    source = ["-stream_loop", "-1", "-t", str(seconds), "-i", f"file:{CLIP}"]
    cage.run_ffmpeg([*source, *picture, *encoder], folder=folder, duration_ms=seconds * 1000)
    return folder / "clip.mp4"


def _cpu(work: Callable[[], None]) -> float:
    """Count the CPU seconds of this process and of the children that end meanwhile."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    own = time.process_time()
    work()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    children = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return children + time.process_time() - own


def _analyse(clip: Path, duration_ms: int) -> None:
    from labelling.backends import get_backend
    from labelling.backends.base import AnalysisRequest
    from medialib.media.source import LocalSource

    with LocalSource(clip) as source:
        request = AnalysisRequest(
            analysis_id="bench",
            asset_id="bench",
            kind="video",
            feature="labels",
            source=source,
            width=1280,
            height=720,
            duration_ms=duration_ms,
        )
        started = get_backend("local").start(
            request, on_progress=lambda _: None, cancelled=lambda: False
        )
        assert started.pages is not None
        rows = sum(len(page["Labels"]) for page in started.pages)
    assert rows, "The clip is full of cars; an analysis that finds none is broken."


def _by_hand(clip: Path) -> None:
    # The labeller's child works with one thread each for numpy; so does this one.
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-I", str(BY_HAND), str(MODEL), str(clip)]
    done = subprocess.run(command, env=environment, capture_output=True, check=True)
    assert json.loads(done.stdout)
