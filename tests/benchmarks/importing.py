"""Imports of small photos beside the least that anyone would do by hand: hash, probe, insert a row.

What an import does more: it looks for duplicates, stores the bytes, makes three pictures, and
queues labelling and search. Each photo is imported once: no two are equal.
"""

from __future__ import annotations

import hashlib
import io
import os
import random
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.benchmarks.measure import Ratio, compare

PHOTOS, PAIRS = 500, 7


def import_ratio(*, photos: int = PHOTOS, pairs: int = PAIRS) -> Ratio:
    """Relate CPU seconds by hand to those of an import until it is prepared: 1 is as cheap."""
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    with tempfile.TemporaryDirectory() as folder:
        folders = [Path(folder) / str(number) for number in range(pairs)]
        for number, each in enumerate(folders):
            _draw(each, count=max(1, photos // pairs), seed=number)
        waiting = {"ours": iter(folders), "floor": iter(folders)}
        # The first pair pays for what a long run pays once; it is not counted.
        warm = Path(folder) / "warm"
        _draw(warm, count=2, seed=pairs)
        _by_hand(warm)
        _imported(warm)
        return compare(
            lambda: _cpu(lambda: _by_hand(next(waiting["floor"]))),
            lambda: _cpu(lambda: _imported(next(waiting["ours"]))),
            pairs=pairs,
        )


def _draw(folder: Path, *, count: int, seed: int) -> None:
    from PIL import Image

    chance = random.Random(seed)
    folder.mkdir()
    for number in range(count):
        spots = Image.frombytes("RGB", (16, 12), chance.randbytes(16 * 12 * 3))
        spots.resize((640, 480), Image.Resampling.BICUBIC).save(folder / f"{number}.jpg")


def _owner() -> object:
    from medialib.models import User

    return User.objects.get_or_create(username="imports", is_superuser=True)[0]


def _by_hand(folder: Path) -> None:
    from medialib.media.probe import probe
    from medialib.media.source import LocalSource
    from medialib.models import Asset
    from medialib.models.asset import new_id

    owner = _owner()
    for path in sorted(folder.iterdir()):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        with LocalSource(path) as source:
            facts = probe(source)
        Asset.objects.create(
            owner=owner,
            kind=facts.kind,
            original_filename=path.name,
            # So that an import of the same file finds no twin.
            sha256=digest[::-1],
            original_name=f"by-hand/{new_id().hex}",
            size=path.stat().st_size,
            width=facts.width,
            height=facts.height,
        )


def _imported(folder: Path) -> None:
    """Import a folder by the command, and prepare what came in as a worker does."""
    from django.core.management import call_command

    from medialib import pipeline
    from medialib.models import Step

    call_command("import_media", str(folder), "--owner=imports", stdout=io.StringIO())
    ready = Step.objects.filter(kind=Step.Kind.PREPARE, state=Step.State.READY)
    steps = list(ready.values_list("pk", flat=True))
    assert len(steps) == len(list(folder.iterdir())), "Every photo must be new."
    for step in steps:
        pipeline.run_step(step)


def _cpu(work: Callable[[], None]) -> float:
    """Give the CPU seconds of this process and of the caged children that have ended."""
    before = os.times()
    work()
    after = os.times()
    return sum(after[:4]) - sum(before[:4])
