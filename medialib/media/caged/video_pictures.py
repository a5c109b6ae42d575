"""Take pictures out of a video: single moments, a poster, a storyboard. One open for all."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterator
from math import ceil
from pathlib import Path
from typing import Any, BinaryIO

import av
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from PIL import Image, ImageStat

from medialib.media.caged.opening import DAMAGED, open_video, picture_stream, prepare_decoder
from medialib.media.errors import MediaRejected

Emit = Callable[[dict[str, Any]], None]
POSTER_CANDIDATES = 5
LIVELY = 28.0
_JPEG: dict[str, Any] = {"format": "JPEG", "quality": 80, "optimize": True}
# A decoder gives a picture only after it was handed later ones: these, and one for each thread.
_REORDERED = 3
_MOST_EXPECTED = 16 * 1024**2
_TURNS = {
    90: Image.Transpose.ROTATE_90,
    180: Image.Transpose.ROTATE_180,
    270: Image.Transpose.ROTATE_270,
}


class Pictures:
    """An opened video that gives its picture at or before a time; ask in rising order."""

    def __init__(self, container: InputContainer, source: BinaryIO) -> None:
        stream = picture_stream(container)
        if stream is None or stream.time_base is None:
            raise MediaRejected("no_picture", "This file holds no moving picture.")
        prepare_decoder(stream)
        self._container = container
        self._stream: VideoStream = stream
        self._base = stream.time_base
        self._start = (container.start_time or 0) / av.time_base
        self._frames: Iterator[VideoFrame] = iter(())
        self._held: VideoFrame | None = None
        self._next: VideoFrame | None = None
        self._started = False
        # A source behind a link can fetch what a picture needs in one piece; a file needs no such.
        self._expect: Callable[[int, int], None] | None = getattr(source, "expect", None)

    def at(self, at_ms: int) -> VideoFrame | None:
        """Return the picture shown at this time, decoding from the keyframe before it."""
        target = self._start + at_ms / 1000
        if self._held is None or self._keyframe_between(target):
            self._jump(target, decode_to=target)
        while True:
            if self._next is not None:
                if self._held is not None and _time(self._next) > target + 0.0005:
                    return self._held
                self._held = self._next
            self._next = next(self._frames, None)
            if self._next is None:
                return self._held

    def near(self, at_ms: int, *, lag_ms: int) -> VideoFrame | None:
        """Return a picture at most `lag_ms` older than this time: a keyframe if one is so near."""
        target = self._start + at_ms / 1000
        if self._held is None or self._keyframe_between(target):
            self._jump(target, decode_to=0)
            self._held = self._held or next(self._frames, None)
        held = self._held
        if held is None or target - _time(held) <= lag_ms / 1000:
            return held
        return self.at(at_ms)

    def skip_details(self) -> None:
        """Pass over pictures that no other picture needs: times get a little less exact."""
        self._stream.codec_context.skip_frame = "NONREF"

    def image(self, frame: VideoFrame, side: int) -> Image.Image:
        """Scale a picture down (never up), with square pixels and upright."""
        width = frame.width * float(self._stream.codec_context.sample_aspect_ratio or 1)
        scale = min(1.0, side / max(width, frame.height))
        size = max(1, round(width * scale)), max(1, round(frame.height * scale))
        plane = frame.reformat(*size, format="rgb24", interpolation="AREA").planes[0]
        # Rows are padded; Pillow skips that, and importing numpy for it would double the time.
        image = Image.frombytes("RGB", size, bytes(plane), "raw", "RGB", plane.line_size, 1)
        turn = _TURNS.get(frame.rotation % 360)
        return image.transpose(turn) if turn is not None else image

    def _keyframe_between(self, target: float) -> bool:
        """Tell whether seeking would skip pictures that decoding on would have to decode."""
        assert self._held is not None
        here = _time(self._next or self._held)
        if target < _time(self._held):
            return True
        entries = self._stream.index_entries
        place = entries.search_timestamp(int(target / self._base), backward=True)
        if place < 0:
            return target - here > 5
        return float(entries[place].timestamp * self._base) > here + 0.1

    def _jump(self, target: float, *, decode_to: float) -> None:
        """Go to the keyframe before a time; a file that can't be sought is decoded on.

        `decode_to` is the time (seconds) up to which pictures will be decoded from there.
        """
        place = max(0, int(target / self._base))
        self._announce(place, int(decode_to / self._base))
        try:
            self._container.seek(place, stream=self._stream)
        except av.FFmpegError:
            if self._started:
                return
        self._started = True
        self._held = self._next = None
        self._frames = self._decoded()

    def _announce(self, place: int, until: int) -> None:
        """Fetch what lies between the keyframe before `place` and `until` (in the time base)."""
        if self._expect is None:
            return
        entries = self._stream.index_entries
        first = entries.search_timestamp(place, backward=True)
        if first < 0:
            return
        last = max(first, entries.search_timestamp(until, backward=True, any_frame=True))
        late = _REORDERED + self._stream.codec_context.thread_count
        end = entries[min(last + late, len(entries) - 1)]
        begin = entries[first].pos
        # Some indexes know only where groups of pictures begin.
        if end.size > 0 and 0 < end.pos + end.size - begin <= _MOST_EXPECTED:
            self._expect(begin, end.pos + end.size - begin)

    def _decoded(self) -> Iterator[VideoFrame]:
        """Decode on; damaged packets are passed over."""
        try:
            for packet in self._container.demux(self._stream):
                try:
                    yield from packet.decode()
                except av.FFmpegError:
                    continue
        except av.FFmpegError:
            # What lies behind damage can't be reached.
            return


def moments(request: dict[str, Any], source: BinaryIO, emit: Emit, folder: Path) -> dict[str, Any]:
    """Write `<ms>.jpg` for each asked time; the longer side is at most `request["side"]`."""
    del emit
    made = []
    with open_video(source) as container:
        pictures = Pictures(container, source)
        for at_ms in sorted(set(request["at_ms"])):
            frame = pictures.at(at_ms)
            if frame is not None:
                made.append(
                    _save(pictures.image(frame, request["side"]), folder, f"{at_ms}.jpg", at_ms)
                )
    if not made:
        raise MediaRejected("unreadable", DAMAGED)
    return {"pictures": made}


def overview(request: dict[str, Any], source: BinaryIO, emit: Emit, folder: Path) -> dict[str, Any]:
    """Emit the poster as soon as it is chosen; write `storyboard.jpg` and tell its geometry."""
    interval, duration = request["interval_ms"], request["duration_ms"]
    count = min(request["most_tiles"], max(1, ceil(duration / interval)))
    tiles: list[Image.Image] = []
    poster = _Poster(first=min(count // 10, count - 1), emit=emit)
    with open_video(source) as container:
        pictures = Pictures(container, source)
        pictures.skip_details()
        for number in range(count):
            frame = pictures.near(number * interval, lag_ms=request["lag_ms"])
            if frame is None:
                break
            tiles.append(pictures.image(frame, request["tile_side"]))
            if poster.wants(number):
                image = pictures.image(frame, request["poster_side"])
                poster.consider(tiles[-1], image, at_ms=number * interval)
    if not tiles:
        raise MediaRejected("unreadable", DAMAGED)
    poster.settle()
    return _storyboard(tiles, folder, interval, request["columns"])


class _Poster:
    """Chooses the first lively picture of a few, or the liveliest, and sends it off at once."""

    def __init__(self, *, first: int, emit: Emit) -> None:
        self._numbers = range(first, first + POSTER_CANDIDATES)
        self._emit = emit
        self._best: tuple[float, int, Image.Image] | None = None
        self._sent = False

    def wants(self, number: int) -> bool:
        """Tell whether this tile's picture is to be looked at."""
        return not self._sent and number in self._numbers

    def consider(self, tile: Image.Image, image: Image.Image, *, at_ms: int) -> None:
        """Look at one candidate; a lively one ends the search."""
        liveliness = _liveliness(tile)
        if self._best is None or liveliness > self._best[0]:
            self._best = liveliness, at_ms, image
        if liveliness >= LIVELY:
            self.settle()

    def settle(self) -> None:
        """Send the best picture so far, once."""
        if self._sent or self._best is None:
            return
        self._sent = True
        _, at_ms, image = self._best
        data = io.BytesIO()
        image.save(data, **_JPEG)
        size = {"width": image.width, "height": image.height, "at_ms": at_ms}
        self._emit({"poster": {**size, "jpeg": base64.b64encode(data.getvalue()).decode()}})


def _storyboard(
    tiles: list[Image.Image], folder: Path, interval: int, most_columns: int
) -> dict[str, Any]:
    width, height = tiles[0].size
    columns = min(most_columns, len(tiles))
    sheet = Image.new("RGB", (columns * width, ceil(len(tiles) / columns) * height))
    for number, tile in enumerate(tiles):
        row, column = divmod(number, columns)
        # Some streams change their size in the middle.
        fitting = tile if tile.size == (width, height) else tile.resize((width, height))
        sheet.paste(fitting, (column * width, row * height))
    details = {
        "interval_ms": interval,
        "columns": columns,
        "tile_width": width,
        "tile_height": height,
        "tiles": len(tiles),
    }
    return {"storyboard": _save(sheet, folder, "storyboard.jpg", 0), "details": details}


def _liveliness(image: Image.Image) -> float:
    """Say how much there is to see: black and fading pictures make poor posters."""
    return float(ImageStat.Stat(image.convert("L")).stddev[0])


def _time(frame: VideoFrame) -> float:
    return frame.time if frame.time is not None else 0.0


def _save(image: Image.Image, folder: Path, name: str, at_ms: int) -> dict[str, Any]:
    image.save(folder / name, **_JPEG)
    return {"name": name, "width": image.width, "height": image.height, "at_ms": at_ms}
