"""Finds objects in a photo or a video with an ONNX network. Runs in the caged child only.

Knows classes by their number; names, parents and minimum numbers of samples are the parent's.
Takes detectors of NanoDet's family: input BGR (NCHW, both sides multiples of 32), outputs `scores`
[1, cells, classes] after the sigmoid and `dist` [1, cells, 4 × bins] for the strides 8, 16, 32.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

# Set before numpy comes in: its threads would reserve memory that the cage does not give.
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import av
import numpy as np
import onnxruntime
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter
from numpy.typing import NDArray

from medialib.media.caged.opening import open_video, picture_stream, prepare_decoder
from medialib.media.errors import MediaRejected

Floats = NDArray[np.float32]
# A sample: its time in milliseconds and [class, score, left, top, width, height], all ratios.
Sample = list[Any]

_STRIDES = (8, 16, 32)
_PAD = 32
_MEAN = np.array([103.53, 116.28, 123.675], np.float32).reshape(3, 1, 1)
_SPREAD = np.array([57.375, 57.12, 58.395], np.float32).reshape(3, 1, 1)
_SAME_CLASS_OVERLAP = 0.6
_OTHER_CLASS_OVERLAP = 0.7
_MOST_CANDIDATES = 400
_BATCH = 20


def detect(
    request: dict[str, Any],
    source: BinaryIO,
    emit: Callable[[dict[str, Any]], None],
    folder: Path,
) -> dict[str, Any]:
    """Look at a photo, or at a video every so often; emit samples in batches, return its facts.

    `request`: model (path), sha256 (or empty), thresholds (a number for each class), long_side,
    frames_per_second, is_photo, duration_ms. Each message is {"progress": 0–1, "samples": […]}.
    """
    network = Network(
        Path(request["model"]),
        sha256=request["sha256"],
        thresholds=request["thresholds"],
        long_side=request["long_side"],
    )
    try:
        with _open(source, request) as container:
            return _look(container, network, request, emit)
    except (av.error.FFmpegError, IndexError) as error:
        message = f"The labeller can't read this file ({error})."
        raise MediaRejected("unreadable", message) from error


def _open(source: BinaryIO, request: dict[str, Any]) -> InputContainer:
    try:
        return open_video(source, stills=request["is_photo"])
    except MediaRejected as error:
        message = f"The labeller can't read this file ({error.detail.rstrip('.')})."
        raise MediaRejected("unreadable", message) from error


def _look(
    container: Any,
    network: Network,
    request: dict[str, Any],
    emit: Callable[[dict[str, Any]], None],
) -> dict[str, Any]:
    stream = picture_stream(container)
    if stream is None:
        raise MediaRejected("unreadable", "The labeller found no picture in this file.")
    prepare_decoder(stream)
    duration = max(1, request["duration_ms"])
    batch: list[Sample] = []
    count = 0
    for time_ms, frame in _sampled(container, stream, request):
        batch.append([time_ms, network.find(frame)])
        count += 1
        if len(batch) >= _BATCH:
            emit({"progress": min(1.0, time_ms / duration), "samples": batch})
            batch = []
    if not count:
        raise MediaRejected("unreadable", "The labeller found no picture in this file.")
    emit({"progress": 1.0, "samples": batch})
    rate = stream.average_rate
    return {
        "samples": count,
        "codec": stream.codec_context.name,
        "format": container.format.long_name,
        "width": stream.codec_context.width,
        "height": stream.codec_context.height,
        "frame_rate": float(rate) if rate else 0.0,
    }


def _sampled(
    container: Any, stream: Any, request: dict[str, Any]
) -> Iterator[tuple[int, VideoFrame]]:
    """Give the first frame at or after every point of the grid; the others are only decoded."""
    if request["is_photo"]:
        yield 0, next(container.decode(stream))
        return
    step = 1000 / request["frames_per_second"]
    start = (container.start_time or 0) / av.time_base
    due = 0.0
    for frame in _frames(container, stream):
        if frame.time is None:
            continue
        # A microsecond of grace, as times of a third of a second are not exact numbers.
        time_ms = max(0.0, (frame.time - start) * 1000)
        if time_ms + 0.001 >= due:
            due = step * (int((time_ms + 0.001) / step) + 1)
            yield int(time_ms + 0.001), frame


def _frames(container: Any, stream: Any) -> Iterator[Any]:
    """Decode all that can be decoded; a broken packet costs its own pictures only."""
    for packet in container.demux(stream):
        try:
            yield from packet.decode()
        except av.error.InvalidDataError:
            continue


class Network:
    """A loaded detector. `find` gives what it sees in one frame."""

    def __init__(
        self, model: Path, *, sha256: str, thresholds: list[float], long_side: int
    ) -> None:
        data = model.read_bytes()
        if sha256 and hashlib.sha256(data).hexdigest() != sha256:
            raise MediaRejected(
                "model_changed", "The labeller's model file is not the one that was agreed on."
            )
        options = onnxruntime.SessionOptions()
        # Measured: on frames this small more threads only cost more.
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            data, options, providers=["CPUExecutionProvider"]
        )
        self._input = self._session.get_inputs()[0].name
        self._thresholds = np.array(thresholds, np.float32)
        self._long_side = long_side
        self._reformatter = VideoReformatter()
        self._canvas = np.zeros((0, 0, 3), np.uint8)
        self._centres = np.zeros((0, 3), np.float32)

    def find(self, frame: VideoFrame) -> list[list[float]]:
        """Give [class, score, left, top, width, height] of each object; ratios of the frame."""
        scale = self._long_side / max(frame.width, frame.height)
        width = max(1, round(frame.width * scale))
        height = max(1, round(frame.height * scale))
        small = self._reformatter.reformat(
            frame, width=width, height=height, format="bgr24", interpolation=Interpolation.AREA
        )
        scores, dist = self._session.run(
            ["scores", "dist"],
            {self._input: self._prepare(np.asarray(small.to_ndarray(), np.uint8))},
        )
        cells, classes = np.nonzero(scores[0] >= self._thresholds)
        if not len(cells):
            return []
        found = scores[0][cells, classes]
        best = np.argsort(-found)[:_MOST_CANDIDATES]
        boxes = _boxes(dist[0][cells[best]], self._centres[cells[best]])
        boxes = np.clip(boxes, 0, [width, height, width, height])
        kept = _suppress(boxes, classes[best])
        return [
            _row(int(classes[best[place]]), float(found[best[place]]), boxes[place], width, height)
            for place in kept
        ]

    def _prepare(self, picture: NDArray[np.uint8]) -> Floats:
        """Pad with black to multiples of 32, then normalise and put the colours first."""
        high, wide = (-(-side // _PAD) * _PAD for side in picture.shape[:2])
        if self._canvas.shape[:2] != (high, wide):
            self._canvas = np.zeros((high, wide, 3), np.uint8)
            self._centres = _cell_centres(wide, high)
        self._canvas[: picture.shape[0], : picture.shape[1]] = picture
        values = self._canvas.transpose(2, 0, 1).astype(np.float32, order="C")
        values -= _MEAN
        values /= _SPREAD
        return values[np.newaxis]


def _cell_centres(width: int, height: int) -> Floats:
    """List (x, y, stride) of every cell, row by row, stride by stride, as the network does."""
    parts = []
    for stride in _STRIDES:
        columns, rows = -(-width // stride), -(-height // stride)
        xs = np.tile((np.arange(columns) + 0.5) * stride, rows)
        ys = np.repeat((np.arange(rows) + 0.5) * stride, columns)
        parts.append(np.stack([xs, ys, np.full_like(xs, stride)], axis=1))
    return np.concatenate(parts).astype(np.float32)


def _boxes(dist: Floats, centres: Floats) -> Floats:
    """Turn distributions over bins into (left, top, right, bottom) in input pixels."""
    bins = dist.reshape(len(dist), 4, -1)
    weights = np.exp(bins - bins.max(axis=2, keepdims=True))
    weights /= weights.sum(axis=2, keepdims=True)
    sides = (weights @ np.arange(bins.shape[2], dtype=np.float32)) * centres[:, 2:3]
    x, y = centres[:, 0], centres[:, 1]
    return np.stack([x - sides[:, 0], y - sides[:, 1], x + sides[:, 2], y + sides[:, 3]], axis=1)


def _suppress(boxes: Floats, classes: NDArray[np.int64]) -> list[int]:
    """Keep the best of overlapping boxes (given best first), stricter within one class."""
    kept = _best_of(boxes, list(range(len(boxes))), limit=_SAME_CLASS_OVERLAP, classes=classes)
    return _best_of(boxes, kept, limit=_OTHER_CLASS_OVERLAP, classes=None)


def _best_of(
    boxes: Floats, places: list[int], *, limit: float, classes: NDArray[np.int64] | None
) -> list[int]:
    left = np.array(places, np.int64)
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    kept: list[int] = []
    while len(left):
        best, left = int(left[0]), left[1:]
        kept.append(best)
        corner = np.maximum(boxes[best, :2], boxes[left, :2])
        other = np.minimum(boxes[best, 2:], boxes[left, 2:])
        shared = np.clip(other - corner, 0, None).prod(axis=1)
        union = areas[best] + areas[left] - shared
        beaten = shared > limit * np.maximum(union, 1e-6)
        if classes is not None:
            beaten &= classes[left] == classes[best]
        left = left[~beaten]
    return kept


def _row(number: int, score: float, box: Floats, width: int, height: int) -> list[float]:
    left, top, right, bottom = (float(side) for side in box)
    ratios = (left / width, top / height, (right - left) / width, (bottom - top) / height)
    return [number, round(score, 4), *(round(ratio, 5) for ratio in ratios)]
