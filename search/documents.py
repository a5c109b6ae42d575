"""Builds the documents that engines index, from the database. Writes nothing and asks no engine."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby, repeat
from operator import itemgetter
from typing import NamedTuple
from uuid import UUID

from django.db import connection
from django.db.models import Max

from labelling.models import Analysis, Moment
from labelling.taxonomy import Vocabulary
from labelling.vocabulary import get_vocabulary
from medialib.models import Asset
from medialib.selectors import shown_to
from search import text

MomentRow = tuple[int, int, int, float, int]
_BATCH = 200
_LABELS = Analysis.Feature.LABELS
_ATTEMPTS = 3
_MOMENT_ROW = itemgetter(slice(2, None))


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetDocument:
    """All that search knows of one asset, at one generation.

    Texts are tokens joined by spaces; marks are exact words (`conditions.Marked`). Moments are
    (label id, start_ms, end_ms, confidence, instances); for each label in them, if not for more,
    `ancestors` holds everything above it, `names` what it is called. `moments_stamp` is the same as
    long as the moments are.
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
    names: Mapping[int, str] = field(default_factory=dict)


class _Row(NamedTuple):
    """What a document takes from an asset's row: whole models take three times as long to make."""

    pk: UUID
    index_generation: int
    owner_id: int
    visibility: str
    kind: str
    state: str
    source: str
    title: str
    description: str
    original_filename: str
    duration_ms: int
    created_at: datetime.datetime
    captured_at: datetime.datetime | None
    deleted_at: datetime.datetime | None


def searchable(asset: Asset | _Row) -> bool:
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
            documents = dict(_read(pending, moments=moments))
            now = dict(Asset.objects.filter(pk__in=pending).values_list("pk", "index_generation"))
            pending = []
            for asset_id, document in documents.items():
                if now.get(asset_id) == document.generation:
                    yield document
                else:
                    pending.append(asset_id)
            if not pending:
                break


def _read(asset_ids: list[UUID], *, moments: bool) -> Iterator[tuple[UUID, AssetDocument]]:
    vocabulary = get_vocabulary()
    rows = Asset.objects.filter(pk__in=asset_ids).values_list(*_Row._fields)
    assets = [asset for row in rows if searchable(asset := _Row(*row))]
    found = [asset.pk for asset in assets]
    groups = _groups([row.pk for row in assets if row.visibility == Asset.Visibility.GROUPS])
    keywords = _keywords(found)
    looks = _looks(found)
    labelled = {asset for asset, feature in looks.values() if feature == _LABELS}
    rows_of: Mapping[UUID, list[MomentRow]] = {}
    if moments:
        rows_of, newest = _moments({look: asset for look, (asset, _) in looks.items()})
    else:
        newest = _newest(found)
    for asset in assets:
        document = _document_of(
            asset,
            tuple(rows_of.get(asset.pk, ())),
            vocabulary=vocabulary,
            groups=groups.get(asset.pk, ()),
            keywords=keywords.get(asset.pk, ()),
            labelled=asset.pk in labelled,
            newest_moment=newest.get(asset.pk, 0),
        )
        yield asset.pk, document


def _looks(asset_ids: list[UUID]) -> dict[UUID, tuple[UUID, str]]:
    """Give the analyses that count, each with its asset and feature."""
    rows = Analysis.objects.filter(asset_id__in=asset_ids, current=True).order_by()
    return {
        pk: (asset, feature) for pk, asset, feature in rows.values_list("pk", "asset", "feature")
    }


def _newest(asset_ids: list[UUID]) -> dict[UUID, int]:
    """Give the newest moment of each asset: moments are never changed, only replaced."""
    current = Moment.objects.filter(asset_id__in=asset_ids, analysis__current=True, feature=_LABELS)
    rows = current.order_by().values("asset_id").annotate(newest=Max("pk"))
    return {row["asset_id"]: row["newest"] for row in rows}


def _moments(
    looks: Mapping[UUID, UUID],
) -> tuple[dict[UUID, list[MomentRow]], dict[UUID, int]]:
    """Give the moments of each asset and the newest of them; rows as the database gives them.

    There are so many that making the same id of each row anew would take as long as reading them.
    """
    if not looks:
        return {}, {}
    rows = Moment.objects.filter(analysis__in=list(looks), feature=_LABELS).values_list(
        "analysis_id", "pk", "label_id", "start_ms", "end_ms", "confidence", "instances"
    )
    found: defaultdict[UUID, list[MomentRow]] = defaultdict(list)
    newest: defaultdict[UUID, int] = defaultdict(int)
    with connection.cursor() as cursor:
        cursor.execute(*rows.query.sql_with_params())
        # Those of an analysis mostly come side by side; where not, they are put together here.
        for look, held in groupby(cursor.fetchall(), itemgetter(0)):
            mine, asset = list(held), looks[UUID(str(look))]
            found[asset] += map(_MOMENT_ROW, mine)
            newest[asset] = max(newest[asset], *map(itemgetter(1), mine))
    return found, newest


def _groups(asset_ids: list[UUID]) -> dict[UUID, list[int]]:
    found: defaultdict[UUID, list[int]] = defaultdict(list)
    if asset_ids:
        rows = Asset.groups.through.objects.filter(asset_id__in=asset_ids)
        for asset, group in rows.values_list("asset_id", "group_id"):
            found[asset].append(group)
    return found


def _keywords(asset_ids: list[UUID]) -> dict[UUID, list[str]]:
    found: defaultdict[UUID, list[str]] = defaultdict(list)
    rows = Asset.keywords.through.objects.filter(asset_id__in=asset_ids).order_by("keyword")
    for asset, name in rows.values_list("asset_id", "keyword__name"):
        found[asset].append(name)
    return found


def _document_of(
    asset: _Row,
    moments: tuple[MomentRow, ...],
    *,
    vocabulary: Vocabulary,
    groups: Iterable[int],
    keywords: Sequence[str],
    labelled: bool,
    newest_moment: int,
) -> AssetDocument:
    """Make the document of one asset from its row and its moments."""
    inherited = vocabulary.inherited_categories
    labels = {moment[0] for moment in moments}
    categories: set[str] = set().union(*map(inherited.get, labels, repeat(())))
    border = f" {text.BORDER} "
    return AssetDocument(
        asset_id=str(asset.pk),
        generation=asset.index_generation,
        kind=asset.kind,
        principals=shown_to(owner=asset.owner_id, visibility=asset.visibility, groups=groups),
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
        ancestors=vocabulary.above,
        names=vocabulary.names,
    )


def _marks(asset: _Row, moments: tuple[MomentRow, ...], *, labelled: bool) -> tuple[str, ...]:
    held = {
        f"owner:{asset.owner_id}": True,
        f"source:{text.fold(asset.source)}": bool(asset.source),
        "boxes": any(moment[4] for moment in moments),
        "unlabelled": not labelled,
        "failed": asset.state == Asset.State.FAILED,
    }
    return tuple(sorted(mark for mark, holds in held.items() if holds))


def _milliseconds(moment: datetime.datetime) -> int:
    return int(moment.timestamp() * 1000)
