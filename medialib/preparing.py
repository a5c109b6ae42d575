"""Make a fresh original ready: facts, a file that plays, pictures. Decides no order of work."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from math import ceil
from pathlib import Path

from django.conf import settings

from medialib import assets, pictures, storage
from medialib.media import probe as probing
from medialib.media import rule, transcode
from medialib.media.errors import MediaRejected
from medialib.media.source import LocalSource
from medialib.models import Asset, Rendition

# Before this the pace says little: readers and encoders take a moment to start.
_SETTLED_SECONDS = 5.0
_SETTLED_PROGRESS = 0.02
_DAMAGED = "This file is damaged inside. It was converted so that it plays; parts may be missing."


def prepare(asset: Asset) -> bool:
    """Look at the original and keep its facts; tells whether it has to be converted.

    Raises MediaRejected for what can't be shown, CageDied, StorageUnavailable.
    """
    with storage.open_source(asset.original_name) as source:
        if probing.kind_of(source) == Asset.Kind.PHOTO:
            pictures.make_photo(asset, source, on_facts=partial(_keep_facts, asset))
            return False
        probe = probing.probe(source)
        decision = _keep_facts(asset, probe)
        if isinstance(decision, rule.Keep):
            pictures.make_overview(asset, source, duration_ms=probe.duration_ms)
        # Looked for last, as it reads the whole file: the poster is there by now.
        if _may_be_damaged(probe, decision) and probing.is_damaged(source):
            probe = replace(probe, damaged=True, warnings=(*probe.warnings, _DAMAGED))
            assets.set_facts(asset, probe)
            return True
    return not isinstance(decision, rule.Keep)


def _keep_facts(asset: Asset, probe: probing.Probe) -> rule.Decision:
    decision = rule.decide(probe)
    if isinstance(decision, rule.Reject):
        raise MediaRejected(decision.code, decision.sentence)
    assets.set_facts(asset, probe)
    return decision


def _may_be_damaged(probe: probing.Probe, decision: rule.Decision) -> bool:
    """Tell whether damage is not known yet and would reach a browser."""
    copied = not isinstance(decision, rule.Transcode) and not probe.truncated
    return probe.kind == Asset.Kind.VIDEO and copied


def convert(
    asset: Asset, *, report: Callable[[float, str], None], cancelled: Callable[[], bool]
) -> None:
    """Make the file that plays, from scratch, and its pictures while it is at hand.

    `report` gets progress (0–1) and a sentence with the time left.
    """
    probe = probing.Probe.from_json(asset.probe)
    decision = rule.decide(probe)
    assert isinstance(decision, rule.Remux | rule.Transcode), "prepare asked for a conversion"
    began = time.monotonic()

    def on_progress(progress: float) -> None:
        left = time_left(progress, elapsed=time.monotonic() - began)
        report(progress, f"Converting, {left}" if left else "")

    with storage.local_copy(asset.original_name) as original, storage.scratch_folder() as folder:
        storage.check_room(asset.size)
        target = folder / "playback.mp4"
        transcode.convert(
            original,
            decision=decision,
            probe=probe,
            target=target,
            on_progress=on_progress,
            cancelled=cancelled,
            binary=settings.MEDIALIB_FFMPEG,
        )
        _keep_playback(asset, target)


def time_left(progress: float, *, elapsed: float) -> str:
    """Say how long it will still take, from the pace so far (seconds); "" while nobody can know."""
    if elapsed < _SETTLED_SECONDS or progress < _SETTLED_PROGRESS:
        return ""
    seconds = elapsed * (1 - progress) / progress
    if seconds < 60:
        return "less than a minute left"
    if seconds < 90 * 60:
        return f"about {ceil(seconds / 60)} min left"
    return f"about {round(seconds / 3600)} h left"


def _keep_playback(asset: Asset, target: Path) -> None:
    with LocalSource(target) as source:
        made = probing.probe(source)
        playback = assets.DerivedFile(
            Rendition.Kind.PLAYBACK,
            target,
            "video/mp4",
            width=made.width,
            height=made.height,
            details={"duration_ms": made.duration_ms},
        )
        assets.keep_renditions(asset, [playback])
        # One timeline: what is played, analysed and pictured is this file, so its length counts.
        Asset.objects.filter(pk=asset.pk).update(duration_ms=made.duration_ms)
        asset.refresh_from_db()
        pictures.make_overview(asset, source, duration_ms=made.duration_ms)
