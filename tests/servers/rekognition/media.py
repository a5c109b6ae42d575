"""Looks at the media itself, as the real service would: fetches it from S3 and probes it."""

from __future__ import annotations

import io
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import av
import boto3
import numpy as np
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from PIL import Image, UnidentifiedImageError

from tests.servers.rekognition.refusals import refusal

MAX_VIDEO_BYTES = 10 * 1024**3
MAX_IMAGE_BYTES, MAX_IMAGE_OBJECT = 5 * 1024**2, 15 * 1024**2
MIN_SIDE, MAX_SIDE = 80, 10_000
_PRINT_SIDE = 16


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of media after looking: facts, and a print of the first decoded picture.

    `failure` is what a job would end with: the real service looks into a video only after Start.
    """

    width: int
    height: int
    print_: int
    codec: str = ""
    duration_ms: int = 0
    fps: float = 0.0
    failure: str = ""

    @property
    def is_video(self) -> bool:
        return bool(self.codec)


class Bucket:
    """The S3 server that the double reads media from, with credentials of its own."""

    def __init__(
        self, endpoint: str | None, *, region: str, key: str = "", secret: str = ""
    ) -> None:
        self._region = region
        self._client: Any = boto3.session.Session().client(
            "s3",
            endpoint_url=endpoint,
            region_name=region,
            aws_access_key_id=key or None,
            aws_secret_access_key=secret or None,
            config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
        )
        self._places: dict[str, str] = {}

    def fetch(self, place: dict[str, str], file: IO[bytes], *, limit: int) -> int:
        """Copy an object into a file; gives its size, and copies nothing that is too large."""
        named = {"Bucket": place["Bucket"], "Key": place["Name"]}
        if "Version" in place:
            named["VersionId"] = place["Version"]
        try:
            if self._place(place["Bucket"]) != self._region:
                raise refusal("InvalidS3ObjectException")
            size = int(self._client.head_object(**named)["ContentLength"])
            if size <= limit:
                for chunk in self._client.get_object(**named)["Body"].iter_chunks(1 << 20):
                    file.write(chunk)
        except (ClientError, BotoCoreError):
            raise refusal("InvalidS3ObjectException") from None
        file.flush()
        return size

    def _place(self, bucket: str) -> str:
        if bucket not in self._places:
            told = self._client.get_bucket_location(Bucket=bucket)["LocationConstraint"]
            self._places[bucket] = told or "us-east-1"
        return self._places[bucket]

    def video(self, place: dict[str, str]) -> Seen:
        with tempfile.NamedTemporaryFile() as file:
            size = self.fetch(place, file, limit=MAX_VIDEO_BYTES)
            if size > MAX_VIDEO_BYTES:
                raise refusal(
                    "VideoTooLargeException",
                    f"Video size in bytes: {size} is more than the maximum limit of: "
                    f"{MAX_VIDEO_BYTES} bytes.",
                )
            return look_at_video(Path(file.name))

    def photo(self, place: dict[str, str]) -> Seen:
        with tempfile.NamedTemporaryFile() as file:
            if self.fetch(place, file, limit=MAX_IMAGE_OBJECT) > MAX_IMAGE_OBJECT:
                raise refusal("ImageTooLargeException")
            return look_at_photo(Path(file.name).read_bytes())


def look_at_video(path: Path) -> Seen:
    """Probe a video; what is not H.264 in MP4 or MOV ends as the real service ends it."""
    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            codec = stream.codec_context.name
            wrapped = "mp4" in container.format.name.split(",")
            duration = container.duration or 0
            frame = next(container.decode(stream))
            return Seen(
                width=frame.width,
                height=frame.height,
                print_=_print(frame.to_image()),
                codec=codec,
                duration_ms=round(duration / 1000),
                fps=float(stream.average_rate or 0),
                failure="" if codec == "h264" and wrapped else "Unsupported codec/format.",
            )
    except (av.FFmpegError, IndexError, StopIteration):
        return Seen(0, 0, 0, codec="unknown", failure="Unsupported codec/format.")


def look_at_photo(data: bytes) -> Seen:
    """Probe a picture; raises what DetectLabels answers for what it can't take."""
    try:
        with Image.open(io.BytesIO(data)) as picture:
            if picture.format not in ("JPEG", "PNG"):
                raise refusal("InvalidImageFormatException")
            sides = picture.size
            if min(sides) < MIN_SIDE:
                raise refusal("InvalidParameterException")
            if max(sides) > MAX_SIDE:
                raise refusal("ImageTooLargeException")
            return Seen(*sides, print_=_print(picture))
    except (UnidentifiedImageError, OSError):
        raise refusal("InvalidImageFormatException") from None


def _print(picture: Image.Image) -> int:
    """Hash a decoded picture so that another encoding of it comes out nearly the same."""
    small = picture.convert("L").resize((_PRINT_SIDE + 1, _PRINT_SIDE), Image.Resampling.BOX)
    values = np.asarray(small, dtype=np.int16)
    bits = (values[:, 1:] > values[:, :-1]).flatten()
    return int("".join("1" if bit else "0" for bit in bits), 2)


def apart(one: int, other: int) -> int:
    """Count the bits (of 256) in which two prints differ."""
    return (one ^ other).bit_count()
