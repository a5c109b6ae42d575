"""Brings the index to the state of the database, by generation. The database is the truth."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from uuid import UUID

from django.db import transaction

from medialib.models import Asset
from search.backends import get_backend
from search.backends.base import IndexMissing, SchemaMismatch
from search.documents import build_documents, searchable

# Rows that are gone have no generation any more, and ids never come back.
_FOR_EVER = 2**62
_BATCH = 200
_FACTS = ("pk", "deleted_at", "state", "index_generation")
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Drift:
    """Where the index differs from the database: not in it, too old in it, not to be in it."""

    missing: tuple[str, ...]
    stale: tuple[str, ...]
    foreign: tuple[str, ...]

    @property
    def count(self) -> int:
        """Count the assets that differ."""
        return len(self.missing) + len(self.stale) + len(self.foreign)


def index_assets(asset_ids: Iterable[UUID | str]) -> None:
    """Put assets into search as they are now, or take them out; twice or late does no harm.

    An embedded index that is missing or of another version is built anew first.
    Raises SearchUnavailable when the engine is away.
    """
    wanted = [UUID(str(asset_id)) for asset_id in asset_ids]
    try:
        _index(wanted)
    except (IndexMissing, SchemaMismatch):
        if not prepare_index():
            raise
        _index(wanted)


def remove_assets(asset_ids: Iterable[UUID | str]) -> None:
    """Take assets out of search for good, whatever their rows say."""
    try:
        get_backend().remove({str(asset_id): _FOR_EVER for asset_id in asset_ids})
    except IndexMissing:
        # What is in no index need not be taken out; a rebuild will not find the rows either.
        return


def prepare_index() -> bool:
    """Make the index usable where that needs nobody: create it, or build an embedded one anew.

    Call it when the service starts. Gives False if a person has to run the rebuild.
    """
    backend = get_backend()
    try:
        backend.probe()
    except IndexMissing:
        if not Asset.objects.filter(indexed_generation__gt=0).exists():
            backend.ensure_ready()
            return True
    except SchemaMismatch:
        if "repairs_itself" not in backend.capabilities:
            return False
    else:
        return True
    if "repairs_itself" not in backend.capabilities:
        return False
    rebuild()
    return True


def rebuild(on_progress: Progress | None = None) -> int:
    """Build the index anew from the database beside the old one; give the number of assets.

    Reads in batches, so memory stays bounded; the old index answers until the new one is whole.
    """
    backend = get_backend()
    total, done, put = Asset.objects.count(), 0, 0
    with backend.rebuild() as target:
        for batch in _all_ids():
            put += target.put(build_documents(batch))
            done += len(batch)
            if on_progress is not None:
                on_progress(done, total)
    # Only now is true what the new index holds.
    indexed = backend.generations()
    while batch_held := dict(islice(indexed, _BATCH)):
        _note({UUID(asset_id): generation for asset_id, generation in batch_held.items()})
    return put


def check(*, repair: bool = False) -> Drift:
    """Compare the index with the database, both in order of ids; repair what differs if asked."""
    indexed = get_backend().generations()
    missing: list[str] = []
    stale: list[str] = []
    foreign: list[str] = []
    held = next(indexed, None)
    for asset_id, generation in _searchable_rows():
        while held is not None and held[0] < asset_id:
            foreign.append(held[0])
            held = next(indexed, None)
        if held is None or held[0] != asset_id:
            missing.append(asset_id)
            continue
        if held[1] < generation:
            stale.append(asset_id)
        held = next(indexed, None)
    foreign += [held[0]] if held is not None else []
    foreign += [asset_id for asset_id, _ in indexed]
    drift = Drift(tuple(missing), tuple(stale), tuple(foreign))
    if repair:
        differing = [*missing, *stale, *foreign]
        for start in range(0, len(differing), _BATCH):
            index_assets(differing[start : start + _BATCH])
    return drift


def _index(asset_ids: list[UUID]) -> None:
    rows = Asset.objects.filter(pk__in=asset_ids)
    assets = {asset.pk: asset for asset in rows.only(*_FACTS)}
    out = {
        asset_id: assets[asset_id].index_generation if asset_id in assets else _FOR_EVER
        for asset_id in asset_ids
        if asset_id not in assets or not searchable(assets[asset_id])
    }
    backend = get_backend()
    documents = list(build_documents(asset_id for asset_id in asset_ids if asset_id not in out))
    if documents:
        backend.put(documents)
    if out:
        backend.remove({str(asset_id): generation for asset_id, generation in out.items()})
    put = {UUID(document.asset_id): document.generation for document in documents}
    _note(put | {asset_id: out[asset_id] for asset_id in out if asset_id in assets})


def _note(generations: Mapping[UUID, int]) -> None:
    """Write down what the index holds; a late writer never takes a newer note back."""
    rows = Asset.objects.filter(pk__in=list(generations)).values_list("pk", "indexed_generation")
    behind = [pk for pk, noted in rows if noted < generations[pk]]
    with transaction.atomic():
        for asset_id in behind:
            generation = generations[asset_id]
            Asset.objects.filter(pk=asset_id, indexed_generation__lt=generation).update(
                indexed_generation=generation
            )


def _all_ids() -> Iterator[list[UUID]]:
    last: UUID | None = None
    while True:
        rows = Asset.objects.order_by("pk")
        if last is not None:
            rows = rows.filter(pk__gt=last)
        batch = list(rows.values_list("pk", flat=True)[:_BATCH])
        if not batch:
            return
        last = batch[-1]
        yield batch


def _searchable_rows() -> Iterator[tuple[str, int]]:
    for batch in _all_ids():
        rows = Asset.objects.filter(pk__in=batch).only(*_FACTS)
        for asset in sorted(rows, key=lambda row: row.pk):
            if searchable(asset):
                yield str(asset.pk), asset.index_generation
