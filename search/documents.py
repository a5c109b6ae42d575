"""Builds the documents that engines index, from the database. Writes nothing and asks no engine."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from django.db.models import Max, QuerySet

from labelling.models import Analysis, Moment
from labelling.taxonomy import Vocabulary
from labelling.vocabulary import get_vocabulary
from medialib.models import Asset
from medialib.selectors import asset_principals
from search import text

MomentRow = tuple[int, int, int, float, int]
_BATCH = 200
_ATTEMPTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetDocument:
    """All that search knows of one asset, at one generation.

    Texts are tokens joined by spaces; marks are exact words (`conditions.Marked`). Moments are
    (label id, start_ms, end_ms, confidence, instances); `ancestors` holds, for each label in them,
    everything above it. `moments_stamp` is the same as long as the moments are.
    """

    asset_id: str
    generation: int
    kind: str
    principals: frozenset[str]
    title: str = ""
    title_text: str = ""
    file_text: str = ""
    keywords_text: str = ""
    description_text: str = ""
    keywords: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()
    created_ms: int = 0
    captured_ms: int | None = None
    duration_ms: int = 0
    moments: tuple[MomentRow, ...] = ()
    moments_stamp: str = ""
    ancestors: Mapping[int, Iterable[int]] = field(default_factory=dict)


def searchable(asset: Asset) -> bool:
    """Tell whether an asset belongs into search: not in the trash and not rejected."""
    return asset.deleted_at is None and asset.state != Asset.State.REJECTED


def build_documents(asset_ids: Iterable[UUID], *, moments: bool = True) -> Iterator[AssetDocument]:
    """Build the documents of those of the assets that belong into search.

    Without moments they say all but what is seen: no categories, no mark `boxes`.

    Every change of what is indexed raises the asset's generation in its own transaction; a
    document is a snapshot when the generation is the same before and after reading. Assets that
    keep changing are left out: their own index steps follow.
    """
    waiting = list(asset_ids)
    for start in range(0, len(waiting), _BATCH):
        pending = waiting[start : start + _BATCH]
        for _ in range(_ATTEMPTS):
            documents = list(_read(pending, moments=moments))
            now = dict(Asset.objects.filter(pk__in=pending).values_list("pk", "index_generation"))
            pending = []
            for document in documents:
                if now.get(UUID(document.asset_id)) == document.generation:
                    yield document
                else:
                    pending.append(UUID(document.asset_id))
            if not pending:
                break


def _read(asset_ids: list[UUID], *, moments: bool) -> Iterator[AssetDocument]:
    vocabulary = get_vocabulary()
    rows = Asset.objects.filter(pk__in=asset_ids).prefetch_related("keywords", "groups")
    assets = [asset for asset in rows if searchable(asset)]
    newest = _newest([asset.pk for asset in assets])
    rows_of = _moments(list(newest)) if moments else {}
    looked_at = Analysis.objects.filter(asset__in=assets, feature="labels", current=True)
    labelled = set(looked_at.values_list("asset_id", flat=True))
    for asset in assets:
        yield document_of(
            asset,
            tuple(rows_of.get(asset.pk, ())),
            vocabulary=vocabulary,
            labelled=asset.pk in labelled,
            newest_moment=newest.get(asset.pk, 0),
        )


def _newest(asset_ids: list[UUID]) -> dict[UUID, int]:
    """Give the newest moment of each asset: moments are never changed, only replaced."""
    rows = _current(asset_ids).order_by().values("asset_id").annotate(newest=Max("pk"))
    return {row["asset_id"]: row["newest"] for row in rows}


def _current(asset_ids: list[UUID]) -> QuerySet[Moment]:
    return Moment.objects.filter(asset_id__in=asset_ids, analysis__current=True, feature="labels")


def _moments(asset_ids: list[UUID]) -> dict[UUID, list[MomentRow]]:
    found: defaultdict[UUID, list[MomentRow]] = defaultdict(list)
    rows = _current(asset_ids).values_list(
        "asset_id", "label_id", "start_ms", "end_ms", "confidence", "instances"
    )
    for asset_id, label, start, end, confidence, instances in rows.iterator(chunk_size=5_000):
        found[asset_id].append((label, start, end, confidence, instances))
    return found


def document_of(
    asset: Asset,
    moments: tuple[MomentRow, ...],
    *,
    vocabulary: Vocabulary,
    labelled: bool = True,
    newest_moment: int = 0,
) -> AssetDocument:
    """Make the document of one asset from its row and its moments."""
    labels = {moment[0] for moment in moments}
    ancestors = {label: vocabulary.ancestors(label) for label in labels}
    lineage = labels.union(*ancestors.values())
    categories = {name for label in lineage for name in vocabulary.categories.get(label, ())}
    keywords = [keyword.name for keyword in asset.keywords.all()]
    border = f" {text.BORDER} "
    return AssetDocument(
        asset_id=str(asset.pk),
        generation=asset.index_generation,
        kind=asset.kind,
        principals=frozenset(asset_principals(asset)),
        title=text.fold(asset.title or asset.original_filename),
        title_text=" ".join(text.tokens(asset.title)),
        file_text=" ".join(text.file_tokens(asset.original_filename)),
        keywords_text=border.join(" ".join(text.tokens(name)) for name in keywords),
        description_text=" ".join(text.tokens(asset.description)),
        keywords=tuple(sorted(text.fold(name) for name in keywords)),
        categories=tuple(sorted(categories)),
        marks=_marks(asset, moments, labelled=labelled),
        created_ms=_milliseconds(asset.created_at),
        captured_ms=_milliseconds(asset.captured_at) if asset.captured_at else None,
        duration_ms=asset.duration_ms,
        moments=moments,
        # Scores and times follow from kind and length as well, ancestors from the vocabulary.
        moments_stamp=f"{newest_moment} {asset.kind} {asset.duration_ms} {vocabulary.lineage}",
        ancestors=ancestors,
    )


def _marks(asset: Asset, moments: tuple[MomentRow, ...], *, labelled: bool) -> tuple[str, ...]:
    held = {
        f"owner:{asset.owner_id}": True,
        f"source:{text.fold(asset.source)}": bool(asset.source),
        "boxes": any(moment[4] > 0 for moment in moments),
        "unlabelled": not labelled,
        "failed": asset.state == Asset.State.FAILED,
    }
    return tuple(sorted(mark for mark, holds in held.items() if holds))


def _milliseconds(moment: datetime.datetime) -> int:
    return int(moment.timestamp() * 1000)
