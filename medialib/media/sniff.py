"""Tell from the first bytes whether a file may be a photo or a video. Opens and decodes nothing.

A yes is only a maybe: the probe decides. A no is final, so that playlists, drawings and texts
never reach a decoder whatever their names say.
"""

from __future__ import annotations

HEAD_BYTES = 4096

_PHOTO_BRANDS = frozenset(
    (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"avif", b"avis")
)
_QUICKTIME_BOXES = frozenset((b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"))
_PHOTO_STARTS = (
    b"\xff\xd8\xff",
    b"\x89PNG\r\n\x1a\n",
    b"GIF87a",
    b"GIF89a",
    b"II*\x00",
    b"MM\x00*",
)
_VIDEO_STARTS = (
    b"\x1aE\xdf\xa3",  # Matroska, WebM
    b"OggS",
    b"FLV\x01",
    b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",  # ASF, WMV
    b"\x00\x00\x01\xba",  # MPEG program stream
    b"\x00\x00\x01\xb3",  # MPEG elementary video
    b"\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02",  # MXF
)
_OTHER_STARTS = (
    (b"%PDF", "it is a PDF document"),
    (b"PK\x03\x04", "it is an archive or an office document"),
    (b"\x1f\x8b", "it is an archive"),
    (b"7z\xbc\xaf", "it is an archive"),
    (b"Rar!", "it is an archive"),
    (b"ID3", "it holds sound only"),
    (b"fLaC", "it holds sound only"),
    (b"8BPS", "it is a Photoshop document"),
    (b"\xff\x0a", "it is JPEG XL, which can't be read here yet"),
    (b"\x00\x00\x00\x0cJXL ", "it is JPEG XL, which can't be read here yet"),
    (b"\x00\x00\x00\x0cjP  ", "it is JPEG 2000, which can't be read here yet"),
    (b"\x7fELF", "it is a program"),
    (b"MZ", "it is a program"),
)
_TEXT_STARTS = (
    (b"#extm3u", "it is a playlist"),
    (b"ffconcat", "it is a playlist"),
    (b"[playlist]", "it is a playlist"),
    (b"<svg", "it is an SVG drawing"),
    (b"<!doctype html", "it is a web page"),
    (b"<html", "it is a web page"),
    (b"{", "it is JSON"),
)


def sniff(head: bytes) -> str | None:
    """Name what the first bytes (4096 or more) promise: `photo`, `video` or None."""
    if head.startswith(_PHOTO_STARTS) or _is_bitmap(head):
        return "photo"
    if head.startswith(_VIDEO_STARTS) or _is_transport_stream(head):
        return "video"
    if head[:4] == b"RIFF":
        return {b"WEBP": "photo", b"AVI ": "video"}.get(head[8:12])
    if head[4:8] == b"ftyp":
        # Picture sequences (`avis`, `msf1`) are shown by their first picture.
        return "photo" if head[8:12] in _PHOTO_BRANDS else "video"
    return "video" if head[4:8] in _QUICKTIME_BOXES else None


def refusal(head: bytes) -> str:
    """Say in one sentence why `sniff` found neither photo nor video."""
    return (
        f"This file is not a video or a photo we can read ({what_it_is(head)}). Nothing was stored."
    )


def what_it_is(head: bytes) -> str:
    """Name what these bytes are if they are no media, as a clause."""
    if not head:
        return "it is empty"
    for start, name in _OTHER_STARTS:
        if head.startswith(start):
            return name
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return "it holds sound only"
    if not _is_text(head):
        return "its bytes follow no format we know"
    return _which_text(head.lstrip(b"\xef\xbb\xbf \t\r\n").lower())


def _which_text(text: bytes) -> str:
    for start, name in _TEXT_STARTS:
        if text.startswith(start):
            return name
    if text.startswith((b"<?xml", b"<!--", b"<mpd", b"<smil", b"<!doctype svg")):
        if b"<svg" in text:
            return "it is an SVG drawing"
        return "it is a playlist" if b"<mpd" in text or b"<smil" in text else "it is XML"
    return "it is text"


def _is_text(head: bytes) -> bool:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    if b"\x00" in head:
        return False
    # The head may end inside a character, so the last three bytes may be left open.
    for end in range(len(head), max(len(head) - 4, 0), -1):
        try:
            head[:end].decode("utf-8")
        except UnicodeDecodeError:
            continue
        return True
    return False


def _is_bitmap(head: bytes) -> bool:
    return head[:2] == b"BM" and head[6:10] == b"\x00\x00\x00\x00" and head[15:18] == b"\x00" * 3


def _is_transport_stream(head: bytes) -> bool:
    # Blu-ray and camera files put four bytes before every packet.
    return any(
        len(head) > start + 2 * step
        and all(head[start + n * step] == 0x47 for n in range(min(4, len(head) // step)))
        for start, step in ((0, 188), (4, 192))
    )
