"""The first bytes tell photo, video or neither, and a no comes with its reason."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medialib.media.sniff import refusal, sniff


def ftyp(brand: bytes) -> bytes:
    return b"\x00\x00\x00\x20ftyp" + brand + b"\x00" * 20


PHOTOS = {
    "jpeg": b"\xff\xd8\xff\xe1....Exif",
    "png": b"\x89PNG\r\n\x1a\n\x00",
    "gif": b"GIF89a......",
    "webp": b"RIFF\x10\x00\x00\x00WEBPVP8 ",
    "tiff little": b"II*\x00\x08\x00",
    "tiff big": b"MM\x00*\x00\x08",
    "bmp": b"BM\x36\x00\x0c\x00\x00\x00\x00\x00\x36\x00\x00\x00\x28\x00\x00\x00",
    "heic": ftyp(b"heic"),
    "avif": ftyp(b"avif"),
}
VIDEOS = {
    "mp4": ftyp(b"isom"),
    "mov": ftyp(b"qt  "),
    "old mov": b"\x00\x00\x00\x08wide\x00\x00\x10\x00mdat",
    "mkv": b"\x1aE\xdf\xa3\x93\x42\x82",
    "avi": b"RIFF\x10\x00\x00\x00AVI LIST",
    "ts": (b"\x47" + b"\xff" * 187) * 6,
    "m2ts": (b"\x00" * 4 + b"\x47" + b"\xff" * 187) * 6,
    "mpg": b"\x00\x00\x01\xba\x44",
    "flv": b"FLV\x01\x05",
    "wmv": b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9",
    "ogg": b"OggS\x00\x02",
}
OTHERS = {
    b"": "it is empty",
    b"#EXTM3U\n#EXT-X-VERSION:3\n": "it is a playlist",
    b"\xef\xbb\xbf \n#EXTM3U": "it is a playlist",
    b"ffconcat version 1.0\nfile a.mp4": "it is a playlist",
    b'<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg">': "it is a playlist",
    b'<?xml version="1.0"?>\n<svg width="10">': "it is an SVG drawing",
    b"<svg xmlns='http://www.w3.org/2000/svg'>": "it is an SVG drawing",
    b"<!DOCTYPE html><html>": "it is a web page",
    b'{"VideoMetadata": {}}': "it is JSON",
    b"just some words\n" * 400: "it is text",
    "nur W\u00f6rter \u2026".encode() * 400: "it is text",
    b"%PDF-1.7\n": "it is a PDF document",
    b"PK\x03\x04\x14": "it is an archive or an office document",
    b"ID3\x04\x00": "it holds sound only",
    b"RIFF\x10\x00\x00\x00WAVEfmt ": "it holds sound only",
    bytes(range(256)) * 16: "its bytes follow no format we know",
    b"\x00" * 4096: "its bytes follow no format we know",
}


@pytest.mark.parametrize("name", PHOTOS)
def test_photos_are_seen(name):
    assert sniff(PHOTOS[name]) == "photo"


@pytest.mark.parametrize("name", VIDEOS)
def test_videos_are_seen(name):
    assert sniff(VIDEOS[name]) == "video"


@pytest.mark.parametrize("head", OTHERS, ids=list(OTHERS.values()))
def test_everything_else_is_refused_with_its_reason(head):
    assert sniff(head[:4096]) is None
    assert refusal(head[:4096]) == (
        f"This file is not a video or a photo we can read ({OTHERS[head]}). Nothing was stored."
    )


@given(st.binary(max_size=5000))
def test_any_bytes_get_an_answer(head):
    assert sniff(head) in {"photo", "video", None}
    assert refusal(head).endswith("Nothing was stored.")
