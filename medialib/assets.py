"""Row writes about assets: facts, renditions, state, keywords, events. Decides no order of work."""

from __future__ import annotations

import unicodedata
import uuid
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from medialib import storage
from medialib.models import Asset, Event, Keyword, Rendition

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from medialib.media.probe import Probe
    from medialib.models import User

MAX_NAME = 300
MAX_KEYWORD = 100
# SQLite takes a limited number of values in one statement.
_BATCH = 500
# One of a kind per asset; frames and web pictures are told apart by `at`.
_SUFFIXES = {"image/jpeg": ".jpg", "video/mp4": ".mp4", "image/webp": ".webp"}


def new_key(asset_id: uuid.UUID, suffix: str = "") -> str:
    """Make a fresh storage name for a file of an asset; never derived from people's names."""
    return f"assets/{asset_id}/{uuid.uuid4().hex}{suffix}"


def clean_filename(name: str) -> str:
    """Keep a file's own name as text: no folders, no control or direction marks, 300 characters."""
    base = name.replace("\\", "/").rsplit("/", 1)[-1]
    kept = "".join(c if unicodedata.category(c)[0] != "C" else " " for c in base)
    kept = " ".join(kept.split()).strip(". ") or "unnamed"
    if len(kept) <= MAX_NAME:
        return kept
    stem, dot, ending = kept.rpartition(".")
    if not dot or len(ending) > 10:
        return kept[:MAX_NAME]
    return f"{stem[: MAX_NAME - len(ending) - 1]}.{ending}"


def fold(word: str) -> str:
    """Fold a keyword so that spellings that look alike are one."""
    return " ".join(unicodedata.normalize("NFKC", word).casefold().split())


def set_keywords(asset: Asset, words: Iterable[str]) -> None:
    """Make these words (and no others) the asset's keywords."""
    wanted: dict[str, str] = {}
    for word in words:
        name = " ".join(word.split())[:MAX_KEYWORD]
        if fold(name):
            wanted.setdefault(fold(name)[:MAX_KEYWORD], name)
    rows = [
        Keyword.objects.get_or_create(folded=folded, defaults={"name": name})[0]
        for folded, name in wanted.items()
    ]
    asset.keywords.set(rows)


def touch_index(asset_id: uuid.UUID) -> None:
    """Raise the index generation: something that search shows has changed."""
    Asset.objects.filter(pk=asset_id).update(index_generation=F("index_generation") + 1)


def touch_many(asset_ids: Sequence[uuid.UUID]) -> None:
    """Raise the index generation of many assets."""
    for at in range(0, len(asset_ids), _BATCH):
        rows = Asset.objects.filter(pk__in=asset_ids[at : at + _BATCH])
        rows.update(index_generation=F("index_generation") + 1)


def note(
    type_: str,
    asset: Asset | None = None,
    *,
    actor: User | None = None,
    batch: uuid.UUID | None = None,
    **data: Any,
) -> Event:
    """Write an event to the outbox; call it inside the transaction of what happened."""
    batch = asset.batch if asset else batch
    return Event.objects.create(type=type_, asset=asset, actor=actor, batch=batch, data=data)


def set_facts(asset: Asset, probe: Probe, *, notes: Iterable[str] = ()) -> None:
    """Keep what our own probe says of the original."""
    captured = parse_datetime(probe.captured_at) if probe.captured_at else None
    if captured is not None and timezone.is_naive(captured):
        captured = timezone.make_aware(captured, timezone.get_default_timezone())
    facts: dict[str, Any] = {
        "kind": probe.kind,
        "content_type": probe.content_type,
        "width": probe.width,
        "height": probe.height,
        "duration_ms": probe.duration_ms if probe.kind == Asset.Kind.VIDEO else 0,
        "fps_num": probe.fps_num or None,
        "fps_den": probe.fps_den or None,
        "source_offset_ms": probe.start_offset_ms,
        "rotation": probe.rotation,
        "captured_at": asset.captured_at or captured,
        "captured_offset_minutes": probe.captured_offset_minutes,
        "captured_precision": Asset.Precision.SECOND if captured else asset.captured_precision,
        "source": asset.source or (probe.camera or "")[:200],
        "probe": probe.to_json(),
        "warnings": list(dict.fromkeys([*probe.warnings, *notes])),
    }
    generation = F("index_generation") + 1
    Asset.objects.filter(pk=asset.pk).update(**facts, index_generation=generation)
    # What was written is known; reading all of it back costs as much as writing it.
    for name, value in facts.items():
        setattr(asset, name, value)
    asset.refresh_from_db(fields=["index_generation"])


def set_state(
    asset: Asset, state: str, *, code: str = "", detail: str = "", indexed: bool = False
) -> None:
    """Set where an asset stands, with a code and a sentence where it ended badly.

    With `indexed`, search holds all of it that the new state shows there.
    """
    Asset.objects.filter(pk=asset.pk).update(
        state=state,
        code=code,
        detail=detail[:500],
        index_generation=F("index_generation") + int(not indexed),
        updated_at=timezone.now(),
    )
    asset.refresh_from_db(fields=["state", "code", "detail", "index_generation"])


def set_trouble(asset: Asset, *, code: str, detail: str) -> None:
    """Keep what is wrong with an asset that has found its place; its state stays as it is."""
    Asset.objects.filter(pk=asset.pk).update(code=code, detail=detail[:500])
    asset.code, asset.detail = code, detail[:500]


@dataclass(frozen=True, slots=True)
class DerivedFile:
    """A file that is to become a rendition; `at` as in Rendition."""

    kind: str
    path: Path
    content_type: str
    at: int = 0
    width: int | None = None
    height: int | None = None
    details: dict[str, Any] = field(default_factory=dict)


def keep_renditions(asset: Asset, files: Sequence[DerivedFile]) -> list[Rendition]:
    """Store derived files and put their rows in place of older ones, all of them or none."""
    with ExitStack() as stored:
        rows = [_stored(asset, file, stored) for file in files]
        with transaction.atomic():
            places = {(row.kind, row.at) for row in rows}
            old = [row for row in _at_places(asset, places) if (row.kind, row.at) in places]
            if old:
                Rendition.objects.filter(pk__in=[row.pk for row in old]).delete()
            Rendition.objects.bulk_create(rows)
        stored.pop_all()
    for row in old:
        storage.delete(row.name)
    return rows


def _stored(asset: Asset, file: DerivedFile, stored: ExitStack) -> Rendition:
    name = new_key(asset.pk, _SUFFIXES.get(file.content_type, ""))
    size = storage.write_path(name, file.path)
    stored.callback(storage.delete, name)
    return Rendition(
        asset=asset,
        kind=file.kind,
        at=file.at,
        name=name,
        content_type=file.content_type,
        size=size,
        width=file.width,
        height=file.height,
        details=file.details,
    )


def _at_places(asset: Asset, places: set[tuple[str, int]]) -> QuerySet[Rendition]:
    """Give the renditions of an asset at these places, and perhaps some more."""
    kinds, times = zip(*places, strict=True)
    rows = Rendition.objects.filter(asset=asset, kind__in=set(kinds), at__in=set(times))
    return rows.only("kind", "at", "name")


def drop_renditions(rows: Iterable[Rendition]) -> None:
    """Remove derived files: rows first, so that nothing points at an object that is gone."""
    for row in rows:
        Rendition.objects.filter(pk=row.pk).delete()
        storage.delete(row.name)


def object_names(asset: Asset) -> list[str]:
    """List the storage names that are the library's own: all renditions, and the original.

    An original that is kept by reference is not the library's to remove, so it is left out.
    """
    original = [] if asset.is_reference else [asset.original_name]
    return [*original, *asset.renditions.values_list("name", flat=True)]
