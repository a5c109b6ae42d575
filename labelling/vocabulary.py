"""Keeps the vocabulary: loads the shipped file, adds what answers bring, hands the value out.

The value itself, `Vocabulary`, is pure and lives in `labelling.taxonomy`.
"""

from __future__ import annotations

import hashlib
import re
import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

from django.db import connection, transaction
from django.db.models import Model, QuerySet

from labelling import lineage
from labelling.detections import LabelFacts
from labelling.models import Label, LabelAlias, LabelCategory, LabelParent, VocabularyVersion
from labelling.taxonomy import (
    SHIPPED,
    VOCABULARY_FILE,
    Vocabulary,
    VocabularyRow,
    fold,
    name_is_fit,
    read_rows,
    would_make_cycle,
)
from medialib.exceptions import Refused

__all__ = [
    "Vocabulary",
    "ensure_labels",
    "fold",
    "get_vocabulary",
    "is_rekognition",
    "learn_facts",
    "load_vocabulary",
    "vocabulary_changed",
]

# SQLite takes a limited number of values in one statement.
_BATCH = 500
_VERSION_ROW = 1
_VERSION_IN_FORCE = "SELECT token FROM labelling_vocabularyversion WHERE id = 1"
_Value = TypeVar("_Value")
# The value that was read last in this process, with the version it was read under.
_read: dict[str, Vocabulary] = {}


def get_vocabulary() -> Vocabulary:
    """Give the vocabulary in force; costs one small read while nothing has changed."""
    version = _version()
    if version is None:
        return Vocabulary.from_rows(_stored_rows())
    if version not in _read:
        vocabulary = Vocabulary.from_rows(_stored_rows(), version=version)
        _read.clear()
        _read[version] = vocabulary
        return vocabulary
    return _read[version]


def _version() -> str | None:
    """Read under which version the vocabulary is; every search asks, so without the ORM's share."""
    with connection.cursor() as cursor:
        cursor.execute(_VERSION_IN_FORCE)
        row = cursor.fetchone()
    return str(row[0]) if row else None


def vocabulary_changed() -> None:
    """Tell every process to read the vocabulary anew. Call it in the transaction of the change."""
    VocabularyVersion.objects.update_or_create(
        pk=_VERSION_ROW, defaults={"token": str(uuid.uuid4())}
    )


def hide_labels(labels: QuerySet[Label], *, hidden: bool) -> int:
    """Keep labels out of lists, suggestions and facets, or show them again; gives how many."""
    with transaction.atomic():
        changed = labels.exclude(hidden=hidden).update(hidden=hidden)
        vocabulary_changed()
    return changed


def ensure_labels(
    names: Iterable[str], *, origin: Label.Origin = Label.Origin.ANSWER
) -> dict[str, int]:
    """Give the id of every name, adding labels that are missing; keys are the names as given.

    Refused if a name is not 1 to 100 printable characters.
    """
    wanted = {name: _folded_label(name) for name in names}
    known = _label_ids(wanted.values())
    missing = {key: name for name, key in wanted.items() if key not in known}
    if missing:
        rows = [Label(name=name, folded=key, origin=origin) for key, name in missing.items()]
        with transaction.atomic():
            Label.objects.bulk_create(rows, ignore_conflicts=True, batch_size=_BATCH)
            vocabulary_changed()
        known |= _label_ids(missing)
    return {name: known[key] for name, key in wanted.items()}


def load_vocabulary(path: Path = VOCABULARY_FILE) -> int:
    """Load the shipped vocabulary; give its number of labels. Doing it again changes nothing."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    rows = read_rows(path)
    if VocabularyVersion.objects.filter(pk=_VERSION_ROW, shipped_sha256=digest).exists():
        return len(rows)
    with transaction.atomic():
        before = lineage.relations()
        ids = ensure_labels((row.name for row in rows), origin=Label.Origin.TAXONOMY)
        for batch in _batches(ids.values()):
            # A name that an answer brought first belongs to the taxonomy from now on.
            Label.objects.filter(pk__in=batch).update(origin=Label.Origin.TAXONOMY)
        _replace_shipped(rows, ids=ids)
        lineage.index_again({label for label, _ in before ^ lineage.relations()})
        VocabularyVersion.objects.update_or_create(
            pk=_VERSION_ROW, defaults={"token": str(uuid.uuid4()), "shipped_sha256": digest}
        )
    return len(rows)


def learn_facts(facts: Collection[LabelFacts], *, model_version: str) -> dict[str, int]:
    """Add an answer's labels with their parents, aliases and categories; give the labels' ids.

    Rekognition's word stands above a local model's: the latter counts only for labels of which
    nobody else has said anything. Relations that would make a circle are left out.
    """
    ids = ensure_labels([*(fact.name for fact in facts), *(p for f in facts for p in f.parents)])
    news = [
        *_parent_news(facts, ids=ids, model_version=model_version),
        *_word_news(facts, ids=ids, model_version=model_version),
    ]
    if news:
        with transaction.atomic():
            for table in (LabelParent, LabelAlias, LabelCategory):
                _add(table, [row for row in news if isinstance(row, table)])
            vocabulary_changed()
            moved = [row for row in news if isinstance(row, LabelParent | LabelCategory)]
            if moved:
                lineage.index_again({row.label_id for row in moved})
    return ids


def is_rekognition(model_version: str) -> bool:
    """Tell Rekognition's model versions ("2.0", "3.0") from those of local models."""
    return re.fullmatch(r"\d+(\.\d+)*", model_version) is not None


def _folded_label(name: str) -> str:
    if not name_is_fit(name):
        message = f"“{name[:40]}” can't be a label: names are 1 to 100 printable characters."
        raise Refused(message, code="invalid_label")
    return fold(name)


def _label_ids(folded: Iterable[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for batch in _batches(folded):
        found.update(Label.objects.filter(folded__in=batch).values_list("folded", "pk"))
    return found


def _batches(values: Iterable[_Value]) -> Iterator[list[_Value]]:
    listed = list(values)
    return (listed[at : at + _BATCH] for at in range(0, len(listed), _BATCH))


def _add(table: type[Model], rows: list[Model]) -> None:
    table._default_manager.bulk_create(rows, ignore_conflicts=True, batch_size=_BATCH)


def _stored_rows() -> Iterator[VocabularyRow]:
    parents: defaultdict[int, list[tuple[str, str]]] = defaultdict(list)
    aliases: defaultdict[int, list[str]] = defaultdict(list)
    categories: defaultdict[int, list[str]] = defaultdict(list)
    labels = list(Label.objects.order_by("pk").values_list("pk", "name", "hidden"))
    names = {label_id: name for label_id, name, _ in labels}
    relations = LabelParent.objects.order_by("pk").values_list(
        "label_id", "parent_id", "model_version"
    )
    for label_id, parent_id, origin in relations:
        if parent_id in names:
            parents[label_id].append((names[parent_id], origin))
    for label_id, alias in LabelAlias.objects.order_by("pk").values_list("label_id", "name"):
        aliases[label_id].append(alias)
    for label_id, name in LabelCategory.objects.order_by("pk").values_list("label_id", "name"):
        categories[label_id].append(name)
    for label_id, name, hidden in labels:
        yield VocabularyRow(
            label_id=label_id,
            name=name,
            parents=tuple(parents.get(label_id, ())),
            aliases=tuple(aliases.get(label_id, ())),
            categories=tuple(categories.get(label_id, ())),
            hidden=hidden,
        )


def _replace_shipped(rows: Iterable[VocabularyRow], *, ids: Mapping[str, int]) -> None:
    facts = [
        LabelFacts(
            name=row.name,
            parents=tuple(parent for parent, _ in row.parents),
            aliases=row.aliases,
            categories=row.categories,
        )
        for row in rows
    ]
    for table in (LabelParent, LabelAlias, LabelCategory):
        table._default_manager.filter(model_version=SHIPPED).delete()
    _add(LabelParent, _parent_news(facts, ids=ids, model_version=SHIPPED))
    words = _word_news(facts, ids=ids, model_version=SHIPPED)
    _add(LabelAlias, [row for row in words if isinstance(row, LabelAlias)])
    _add(LabelCategory, [row for row in words if isinstance(row, LabelCategory)])


def _is_local(model_version: str) -> bool:
    return model_version != SHIPPED and not is_rekognition(model_version)


def _spoken_for(table: type[Model], *, model_version: str) -> set[int]:
    """List the labels of which a local model may say nothing, as somebody else has spoken."""
    if not _is_local(model_version):
        return set()
    others = table._default_manager.exclude(model_version=model_version)
    return set(others.values_list("label_id", flat=True))


def _parent_news(
    facts: Iterable[LabelFacts], *, ids: Mapping[str, int], model_version: str
) -> list[Model]:
    graph: defaultdict[int, set[int]] = defaultdict(set)
    for label_id, parent_id in LabelParent.objects.values_list("label_id", "parent_id"):
        graph[label_id].add(parent_id)
    silent = _spoken_for(LabelParent, model_version=model_version)
    news: list[Model] = []
    for fact in facts:
        label_id = ids[fact.name]
        for parent_id in (ids[parent] for parent in fact.parents):
            if label_id in silent or parent_id in graph[label_id]:
                continue
            if would_make_cycle(label_id, parent=parent_id, parents=graph):
                continue
            graph[label_id].add(parent_id)
            news.append(
                LabelParent(label_id=label_id, parent_id=parent_id, model_version=model_version)
            )
    return news


def _word_news(
    facts: Iterable[LabelFacts], *, ids: Mapping[str, int], model_version: str
) -> list[Model]:
    aliases = set(LabelAlias.objects.values_list("label_id", "folded"))
    # One category per label, as Rekognition has it: who spoke first is believed.
    categorised = set(LabelCategory.objects.values_list("label_id", flat=True))
    silent = _spoken_for(LabelAlias, model_version=model_version)
    news: list[Model] = []
    for fact in facts:
        label_id = ids[fact.name]
        for alias in fact.aliases:
            key = (label_id, _folded_label(alias))
            if key not in aliases and label_id not in silent:
                aliases.add(key)
                row = LabelAlias(label_id=label_id, name=alias, folded=key[1])
                row.model_version = model_version
                news.append(row)
        if fact.categories and label_id not in categorised:
            categorised.add(label_id)
            for name in fact.categories:
                news.append(
                    LabelCategory(label_id=label_id, name=name, model_version=model_version)
                )
    return news
