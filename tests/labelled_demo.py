"""The demo library with all its labels, made once and copied until the code that makes it changes.

Labelling it takes the best part of a minute, and many tests look at it. Asserts nothing.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from tests import prepared, service

_PACKAGES = ("medialib", "labelling", "search")


def copy_to(folder: Path) -> None:
    """Fill an empty data folder."""
    made = prepared.kept("labelled-demo", _key(), _make)
    shutil.copytree(made / "data", folder, dirs_exist_ok=True)


def _key() -> str:
    """Name it after all code of the product, its libraries and the demo's files."""
    digest = hashlib.sha256()
    code = [path for package in _PACKAGES for path in (service.ROOT / package).rglob("*.py")]
    demo = (service.ROOT / "medialib" / "demo_data").iterdir()
    for path in sorted([*code, *demo, service.ROOT / "requirements.txt"]):
        if path.is_file():
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _make(made: Path) -> None:
    with service.running(made / "data", demo=True) as started:
        started.demo_searchable()
