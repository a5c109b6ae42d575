"""Walks folders for an import and pairs media with what lies beside them. Writes no rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from medialib.exceptions import Refused
from medialib.media import sniff

_HEAD = 64 * 1024


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file that looks like media, and the recorded answer beside it, if there is one."""

    path: Path
    answer: Path | None
    size: int


def find_candidates(paths: Iterable[str]) -> Iterator[Candidate]:
    """Give the media under these paths by name; links that lead out of their root are left out.

    Raises Refused for a path that is not there.
    """
    for text in paths:
        root = Path(text)
        if not root.exists():
            raise Refused(f"There is no file or folder {text}.")
        files = [root] if root.is_file() else sorted(p for p in root.rglob("*") if p.is_file())
        for path in files:
            if _inside(path, root) and _is_media(path):
                yield Candidate(path, _answer_beside(path), path.stat().st_size)


def _inside(path: Path, root: Path) -> bool:
    if any(part.startswith(".") for part in path.relative_to(root).parts):
        return False
    if root.is_file():
        return True
    return path.resolve().is_relative_to(root.resolve())


def _is_media(path: Path) -> bool:
    with path.open("rb") as file:
        return sniff.sniff(file.read(_HEAD)) is not None


def _answer_beside(path: Path) -> Path | None:
    """Look for `clip.mp4.json` or `clip.json` beside `clip.mp4`."""
    for name in (f"{path.name}.json", f"{path.stem}.json"):
        beside = path.with_name(name)
        if beside.is_file() and not beside.is_symlink():
            return beside
    return None
