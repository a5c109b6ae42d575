"""Brings the index to the state of the database, by generation. The database is the truth."""

from __future__ import annotations

import gc
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from uuid import UUID

from django.db import transaction

from labelling.vocabulary import get_vocabulary
from medialib.models import Asset
from search.backends import get_backend
from search.backends.base import IndexMissing, RebuildTarget, SchemaMismatch
from search.documents import AssetDocument, build_documents, searchable

# Rows that are gone have no generation any more, and ids never come back.
_FOR_EVER = 2**62
_BATCH = 200
# While these wait for the engine, the next batch is made ready.
_SENDERS = 2
_OBJECTS_BETWEEN_COLLECTIONS = 200_000
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
    What a killed rebuild has put already is kept, as far as it still is what the rows say.
    """
    backend = get_backend()
    total, done, put = Asset.objects.count(), 0, 0
    with (
        _seldom_collecting(),
        backend.rebuild(made_from=get_vocabulary().version) as target,
        ThreadPoolExecutor(_SENDERS) as senders,
    ):
        held = _Held(target.held())
        sending: deque[Future[int]] = deque()
        for batch in _all_ids():
            send = _part_of(batch, held.up_to(batch[-1])).prepare(target)
            put += sending.popleft().result() if len(sending) == _SENDERS else 0
            sending.append(senders.submit(send))
            done += len(batch)
            if on_progress is not None:
                on_progress(done, total)
        put += sum(sent.result() for sent in sending)
        target.remove(dict.fromkeys(held.up_to(None), _FOR_EVER))
    # Only now is true what the new index holds.
    indexed = backend.generations()
    while batch_held := dict(islice(indexed, _BATCH)):
        _note({UUID(asset_id): generation for asset_id, generation in batch_held.items()})
    return put


@contextmanager
def _seldom_collecting() -> Iterator[None]:
    """Look for cycles after many batches only: rows hold none, but are looked through each time."""
    usual = gc.get_threshold()
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS, *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)


class _Held:
    """What an index being built holds already, given out in order of ids."""

    def __init__(self, entries: Iterator[tuple[str, int]]) -> None:
        self._entries = entries
        self._next = next(entries, None)

    def up_to(self, last: UUID | None) -> dict[str, int]:
        """Give the generations of those up to an asset that were not given out yet."""
        found = {}
        while self._next is not None and (last is None or self._next[0] <= str(last)):
            found[self._next[0]] = self._next[1]
            self._next = next(self._entries, None)
        return found


@dataclass(frozen=True, slots=True)
class _Part:
    """What an index being built still needs of a batch, and how many of it are there already."""

    documents: list[AssetDocument]
    gone: Mapping[str, int]
    kept: int

    def prepare(self, target: RebuildTarget) -> Callable[[], int]:
        """Make it ready; what is given brings it in and counts what is there of the batch then."""
        add = target.prepare(self.documents)

        def send() -> int:
            if self.gone:
                target.remove(self.gone)
            return self.kept + add()

        return send


def _part_of(batch: list[UUID], held: Mapping[str, int]) -> _Part:
    """Read what is missing of a batch.

    Nobody may have written to a half-built index since its rebuild was killed, so what it holds is
    compared with the rows.
    """
    if not held:
        return _Part(list(build_documents(batch)), {}, 0)
    rows = {str(row.pk): row for row in Asset.objects.filter(pk__in=batch).only(*_FACTS)}
    wanted = {key: row.index_generation for key, row in rows.items() if searchable(row)}
    kept = {key for key, generation in held.items() if generation >= wanted.get(key, _FOR_EVER)}
    gone = {
        key: rows[key].index_generation if key in rows else _FOR_EVER
        for key in held.keys() - wanted.keys()
    }
    missing = [UUID(key) for key in wanted if key not in kept]
    return _Part(list(build_documents(missing)), gone, len(kept))


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
    documents = list(
        build_documents((each for each in asset_ids if each not in out), moments=False)
    )
    # A title or who may see it: what is seen in the asset is not read again for that.
    done = backend.update_facts(documents)
    rest = [UUID(each.asset_id) for each in documents if each.asset_id not in done]
    documents = [each for each in documents if each.asset_id in done]
    if rest:
        whole = list(build_documents(rest))
        backend.put(whole)
        documents += whole
    if out:
        backend.remove({str(asset_id): generation for asset_id, generation in out.items()})
    put = {UUID(document.asset_id): document.generation for document in documents}
    _note(put | {asset_id: out[asset_id] for asset_id in out if asset_id in assets})


def _note(generations: Mapping[UUID, int]) -> None:
    """Write down what the index holds; a late writer never takes a newer note back."""
    rows = Asset.objects.filter(pk__in=list(generations)).values_list("pk", "indexed_generation")
    behind: defaultdict[int, list[UUID]] = defaultdict(list)
    for asset_id, noted in rows:
        if noted < generations[asset_id]:
            behind[generations[asset_id]].append(asset_id)
    with transaction.atomic():
        for generation, asset_ids in behind.items():
            Asset.objects.filter(pk__in=asset_ids, indexed_generation__lt=generation).update(
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
