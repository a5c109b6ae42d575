"""Pictures of assets: overview, moments' frames, and what stands in until a frame is made.

Decides no order of work; the decoding itself happens in the cage.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.conf import settings
from django.core.cache import cache
from django.db import transaction

from labelling import selectors as labels
from medialib import assets, steps, storage
from medialib.media import probe as probing
from medialib.media import renditions
from medialib.media.source import Source
from medialib.models import Asset, Rendition, Step, WantedFrame
from medialib.selectors import nearest_frame, rendition

_FRAMES_PER_LABEL = 5
_FRAME_WIDTH = 480
# People's own pictures come first: at most this part of the frames is made without being asked.
_UNASKED_SHARE = 0.5
_MOST_WANTED = 100
_TILES_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class StandIn:
    """What is shown in place of a frame that is not made yet: a kept picture, or a tile's JPEG."""

    kept: Rendition | None = None
    tile: bytes = b""


def make_overview(asset: Asset, source: Source, *, duration_ms: int) -> None:
    """Make a video's poster and storyboard."""
    with storage.scratch_folder() as folder:
        video = renditions.poster_and_storyboard(
            source,
            duration_ms=duration_ms,
            folder=folder,
            on_poster=lambda poster: _keep(asset, Rendition.Kind.POSTER, poster),
        )
        if video.storyboard is not None:
            _keep(asset, Rendition.Kind.STORYBOARD, video.storyboard, video.details)


def make_photo(
    asset: Asset, source: Source, *, on_facts: Callable[[probing.Probe], object]
) -> None:
    """Look at a photo and make its sizes, in one go; `on_facts` hears first what it is."""
    with storage.scratch_folder() as folder:
        made = renditions.photo_pictures(source, folder=folder)
        on_facts(made.probe)
        sizes = {
            Rendition.Kind.POSTER: made.poster,
            Rendition.Kind.ANALYSIS: made.analysis,
            Rendition.Kind.WEB: made.web,
        }
        assets.keep_renditions(asset, [_file(kind, size) for kind, size in sizes.items()])


def make_frames(asset: Asset) -> None:
    """Make the frames that are missing: of each label's best moments, and those asked for."""
    asked = list(WantedFrame.objects.filter(asset=asset).values_list("at", flat=True))
    best = best_starts(asset)
    have = set(asset.renditions.filter(kind=Rendition.Kind.FRAME).values_list("at", flat=True))
    missing = sorted({*best, *labels.stored_starts(asset, asked)} - have)
    if missing:
        _make_frames(asset, missing)
        _evict(asset, keep={*best, *missing})
    WantedFrame.objects.filter(asset=asset, at__in=asked).delete()


def best_starts(asset: Asset) -> list[int]:
    """List the times whose frames are made without being asked for."""
    limit = int(settings.MEDIALIB_MAX_FRAMES * _UNASKED_SHARE)
    return labels.best_moment_starts(asset, per_label=_FRAMES_PER_LABEL, limit=limit)


def _make_frames(asset: Asset, at_ms: Sequence[int]) -> None:
    playback = rendition(asset, Rendition.Kind.PLAYBACK)
    name = playback.name if playback else asset.original_name
    with storage.open_source(name) as source, storage.scratch_folder() as folder:
        made = renditions.video_pictures(source, at_ms=at_ms, folder=folder, width=_FRAME_WIDTH)
        for picture in made:
            _keep(asset, Rendition.Kind.FRAME, picture, at=picture.at_ms)


def _evict(asset: Asset, *, keep: set[int]) -> None:
    """Remove the oldest frames above the cap; those of the best moments and fresh ones stay."""
    frames = asset.renditions.filter(kind=Rendition.Kind.FRAME)
    surplus = frames.count() - settings.MEDIALIB_MAX_FRAMES
    if surplus <= 0:
        return
    old = [row for row in frames.order_by("created_at", "pk") if row.at not in keep]
    assets.drop_renditions(old[:surplus])


def want_frame(asset: Asset, at_ms: int) -> bool:
    """Ask for the frame at a stored moment's start; tells whether it will be made.

    Other times are never made: pages ask for moments only, and strangers could fill the disk.
    """
    ready = asset.state in (Asset.State.LABELLING, Asset.State.SEARCHABLE)
    if asset.kind != Asset.Kind.VIDEO or not ready or not labels.stored_starts(asset, [at_ms]):
        return False
    if WantedFrame.objects.filter(asset=asset).count() >= _MOST_WANTED:
        return False
    with transaction.atomic():
        _, fresh = WantedFrame.objects.get_or_create(asset=asset, at=at_ms)
        if fresh:
            steps.add(asset.pk, Step.Kind.PICTURES)
    return True


def stand_in(asset: Asset, at_ms: int) -> StandIn:
    """Find what is nearest in time: a kept frame, a tile of the storyboard, or else the poster."""
    frame = nearest_frame(asset, at_ms)
    sheet = rendition(asset, Rendition.Kind.STORYBOARD)
    interval = sheet.details.get("interval_ms", 0) if sheet else 0
    if sheet and interval and (frame is None or abs(frame.at - at_ms) > interval):
        tiles = _tiles(sheet)
        if tiles:
            return StandIn(tile=tiles[min(at_ms // interval, len(tiles) - 1)])
    return StandIn(kept=frame or rendition(asset, Rendition.Kind.POSTER))


def _tiles(sheet: Rendition) -> list[bytes]:
    """Give all tiles of a storyboard, cut once: a page asks for many of them together."""
    key = f"tiles:{sheet.pk}:{sheet.name.rsplit('/', 1)[-1]}"
    tiles: list[bytes] | None = cache.get(key)
    if tiles is None:
        with storage.open_source(sheet.name) as source, storage.scratch_folder() as folder:
            made = renditions.storyboard_tiles(source, details=sheet.details, folder=folder)
            tiles = [path.read_bytes() for path in made]
        cache.set(key, tiles, timeout=_TILES_SECONDS)
    return tiles


def _keep(
    asset: Asset,
    kind: str,
    picture: renditions.Picture,
    details: dict[str, int] | None = None,
    *,
    at: int = 0,
) -> None:
    assets.keep_renditions(asset, [_file(kind, picture, details, at=at)])


def _file(
    kind: str,
    picture: renditions.Picture,
    details: dict[str, int] | None = None,
    *,
    at: int = 0,
) -> assets.DerivedFile:
    return assets.DerivedFile(
        kind,
        picture.path,
        picture.content_type,
        at=at,
        width=picture.width,
        height=picture.height,
        details=details or {},
    )
