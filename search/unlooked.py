"""Counts what search could not look at, so that "nothing found" never hides it. Asks no engine."""

from __future__ import annotations

from django.db.models import Count, Exists, F, OuterRef, Q

from labelling.models import Analysis
from medialib.models import Asset
from medialib.selectors import Principals, visible_assets
from search.results import Unlooked

_ON_THE_WAY = Q(state__in=(Asset.State.PREPARING, Asset.State.LABELLING)) | ~Q(
    index_generation=F("indexed_generation")
)


def unlooked(principals: Principals) -> Unlooked | None:
    """Count these people's assets that wait for search, and those without labels; None if none."""
    labels = Analysis.objects.filter(asset=OuterRef("pk"), feature="labels", current=True)
    rows = visible_assets(principals).exclude(state=Asset.State.REJECTED).order_by()
    counted = rows.aggregate(
        waiting=Count("pk", filter=_ON_THE_WAY),
        unlabelled=Count("pk", filter=Q(~_ON_THE_WAY, ~Exists(labels))),
    )
    return Unlooked(**counted) if any(counted.values()) else None
