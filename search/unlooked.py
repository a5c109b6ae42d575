"""Counts what search could not look at, so that "nothing found" never hides it. Asks no engine."""

from __future__ import annotations

import hashlib

from django.core.cache import cache
from django.db import connection
from django.db.models import Count, Exists, F, OuterRef, Q

from labelling.models import Analysis
from medialib.models import Asset, Event
from medialib.selectors import Principals, visible_assets
from search.results import Unlooked

# Counting takes a second over a million assets. Whatever happens to an asset is an event, so a
# count holds until the next one; what changes without one is heard of this much later.
_KEPT_SECONDS = 30
_NEWEST_EVENT = f"SELECT MAX(id) FROM {Event._meta.db_table}"
_ON_THE_WAY = Q(state__in=(Asset.State.PREPARING, Asset.State.LABELLING)) | ~Q(
    index_generation=F("indexed_generation")
)


def unlooked(principals: Principals) -> Unlooked | None:
    """Count these people's assets that wait for search, and those without labels; None if none."""
    key = _key(principals)
    counted: dict[str, int] | None = cache.get(key)
    if counted is None:
        counted = _count(principals)
        cache.set(key, counted, timeout=_KEPT_SECONDS)
    return Unlooked(**counted) if any(counted.values()) else None


def _count(principals: Principals) -> dict[str, int]:
    labels = Analysis.objects.filter(asset=OuterRef("pk"), feature="labels", current=True)
    rows = visible_assets(principals).exclude(state=Asset.State.REJECTED).order_by()
    return rows.aggregate(
        waiting=Count("pk", filter=_ON_THE_WAY),
        unlabelled=Count("pk", filter=Q(~_ON_THE_WAY, ~Exists(labels))),
    )


def _key(principals: Principals) -> str:
    # Without the ORM's share, which is most of it.
    with connection.cursor() as cursor:
        cursor.execute(_NEWEST_EVENT)
        (newest,) = cursor.fetchone()
    asker = repr((sorted(principals.names), principals.everything)).encode()
    return f"search.unlooked.{hashlib.blake2b(asker, digest_size=16).hexdigest()}.{newest}"
