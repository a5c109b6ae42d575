"""Sends assets to search again when what stands above their labels changes. Asks no engine."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from labelling.models import LabelCategory, LabelParent, Moment
from medialib import assets, steps
from medialib.models import Step


def relations() -> frozenset[tuple[int, int | str]]:
    """Give what search keeps of the vocabulary in its documents: (label, parent or category)."""
    return frozenset(
        (
            *LabelParent.objects.values_list("label_id", "parent_id"),
            *LabelCategory.objects.values_list("label_id", "name"),
        )
    )


def index_again(label_ids: Iterable[int]) -> int:
    """Index those assets again in which these labels, or any below them, are seen; give how many.

    Call it in the transaction of the change.
    """
    seen = Moment.objects.filter(label__in=_with_all_below(label_ids), feature="labels")
    asset_ids = list(seen.order_by().values_list("asset_id", flat=True).distinct())
    assets.touch_many(asset_ids)
    steps.add_many(asset_ids, Step.Kind.INDEX)
    return len(asset_ids)


def _with_all_below(label_ids: Iterable[int]) -> set[int]:
    children: defaultdict[int, set[int]] = defaultdict(set)
    for child, parent in LabelParent.objects.values_list("label_id", "parent_id"):
        children[parent].add(child)
    found: set[int] = set()
    waiting = list(label_ids)
    while waiting:
        label_id = waiting.pop()
        if label_id not in found:
            found.add(label_id)
            waiting += children[label_id]
    return found
