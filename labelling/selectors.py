"""Reads of labelling: moments, boxes, totals, what failed. Writes nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from functools import partial
from typing import Any
from uuid import UUID

from django.db.models import Count, F, Max, QuerySet, Sum

from labelling.boxes import BLOCK_MS, read_window
from labelling.detections import Detection
from labelling.models import Analysis, Label, Moment
from labelling.taxonomy import fold
from medialib import storage
from medialib.exceptions import Missing
from medialib.models import Asset

# (asset_id, label_id, start_ms, end_ms, confidence, instances, screen_share)
MomentRow = tuple[UUID, int, int, int, float, int, float]


def has_analysis(asset: Asset) -> bool:
    """Tell whether an asset was ever labelled, or is about to be."""
    return Analysis.objects.filter(asset=asset).exclude(status=Analysis.Status.CANCELLED).exists()


def current_analysis(asset: Asset, *, feature: str = "labels") -> Analysis | None:
    """Give the analysis whose moments are shown, if there is one."""
    return Analysis.objects.filter(asset=asset, feature=feature, current=True).first()


def current_moments(
    asset: Asset, *, label: str | None = None, min_confidence: float = 0, feature: str = "labels"
) -> QuerySet[Moment]:
    """List an asset's moments with their labels, by time; `label` is a name in any case."""
    moments = Moment.objects.filter(asset=asset, feature=feature).select_related("label")
    if label:
        moments = moments.filter(label__folded=fold(label))
    if min_confidence > 0:
        moments = moments.filter(confidence__gte=min_confidence)
    return moments.order_by("start_ms", "label__name")


def shown_moments(asset: Asset) -> QuerySet[Moment]:
    """List an asset's moments as pages do: without those of labels that are hidden."""
    return current_moments(asset).exclude(label__hidden=True)


def detections_between(
    asset: Asset,
    *,
    start_ms: int,
    end_ms: int,
    labels: Collection[str] | None = None,
    feature: str = "labels",
) -> list[dict[str, Any]]:
    """Give the detections with boxes in [start_ms, end_ms), in one storage read.

    Each is {label, time_ms, confidence, boxes: [{left, top, width, height, confidence}]}; boxes
    may reach over the edge.
    """
    for last_try in (False, True):
        analysis = current_analysis(asset, feature=feature)
        if analysis is None or not analysis.boxes_name:
            return []
        try:
            found = read_window(
                analysis.boxes_index,
                start_ms=start_ms,
                end_ms=end_ms,
                read=partial(storage.read_range, analysis.boxes_name),
                labels=labels,
            )
        except Missing:
            # A rebuild put new boxes in place between the two reads: look once more.
            if last_try:
                return []
            continue
        return [_detection(detection) for detection in found]
    return []


def boxes_near(
    asset: Asset, *, times_ms: Collection[int], labels: Collection[str], hold_ms: int = 250
) -> dict[int, list[Detection]]:
    """Give for each time the detection of each label that is nearest to it, within `hold_ms`.

    One query; one storage read for times that lie near each other.
    """
    analysis = current_analysis(asset)
    if analysis is None or not analysis.boxes_name:
        return {}
    near: dict[int, list[Detection]] = {}
    for group in _neighbours(times_ms):
        try:
            found = read_window(
                analysis.boxes_index,
                start_ms=group[0] - hold_ms,
                end_ms=group[-1] + hold_ms + 1,
                read=partial(storage.read_range, analysis.boxes_name),
                labels=labels,
            )
        except Missing:
            # A rebuild put new boxes in place meanwhile: pictures do without.
            return near
        for at in group:
            near[at] = _nearest(found, at, hold_ms=hold_ms)
    return near


def _neighbours(times_ms: Collection[int]) -> Iterator[list[int]]:
    group: list[int] = []
    for at in sorted(set(times_ms)):
        if group and at - group[-1] > BLOCK_MS:
            yield group
            group = []
        group.append(at)
    if group:
        yield group


def _nearest(found: list[Detection], at: int, *, hold_ms: int) -> list[Detection]:
    best: dict[str, Detection] = {}
    for one in sorted(found, key=lambda each: abs(each.time_ms - at)):
        if abs(one.time_ms - at) <= hold_ms:
            best.setdefault(one.label, one)
    return list(best.values())


def _detection(detection: Detection) -> dict[str, Any]:
    boxes = [
        {
            "left": box.left,
            "top": box.top,
            "width": box.width,
            "height": box.height,
            "confidence": box.confidence,
        }
        for box in detection.boxes
    ]
    return {
        "label": detection.label,
        "time_ms": detection.time_ms,
        "confidence": detection.confidence,
        "boxes": boxes,
    }


def asset_totals(asset: Asset, *, feature: str = "labels") -> dict[str, int]:
    """Count detections, moments and distinct labels of what is shown of an asset."""
    analysis = current_analysis(asset, feature=feature)
    counted = Moment.objects.filter(asset=asset, feature=feature).aggregate(
        moments=Count("pk"), labels=Count("label", distinct=True)
    )
    return {"detections": analysis.detections if analysis else 0, **counted}


def label_totals(asset: Asset, *, feature: str = "labels") -> list[dict[str, Any]]:
    """Give {label, moments, screen_ms, confidence} for each label of an asset, most seen first."""
    totals = (
        Moment.objects.filter(asset=asset, feature=feature)
        .values(name=F("label__name"))
        .annotate(
            moments=Count("pk"),
            screen_ms=Sum(F("end_ms") - F("start_ms")),
            best=Max("confidence"),
        )
        .order_by("-screen_ms", "-best", "name")
    )
    return [
        {
            "label": row["name"],
            "moments": row["moments"],
            "screen_ms": row["screen_ms"],
            "confidence": row["best"],
        }
        for row in totals
    ]


def best_moment_starts(
    asset: Asset, *, per_label: int, limit: int, feature: str = "labels"
) -> list[int]:
    """List the times (ms) of each label's best moments, best first within `limit`, distinct."""
    moments = Moment.objects.filter(asset=asset, feature=feature)
    taken: dict[int, int] = {}
    ranked: list[tuple[int, float, int]] = []
    rows = moments.order_by("-confidence", "start_ms").values_list(
        "label_id", "confidence", "start_ms"
    )
    for label_id, confidence, start_ms in rows:
        rank = taken.get(label_id, 0)
        if rank < per_label:
            taken[label_id] = rank + 1
            # Every label's best comes before any label's second best.
            ranked.append((rank, -confidence, start_ms))
    return list(dict.fromkeys(start_ms for _, _, start_ms in sorted(ranked)))[:limit]


def stored_starts(asset: Asset, at_ms: Collection[int]) -> set[int]:
    """Tell which of these times (ms) are starts of moments that are shown."""
    moments = Moment.objects.filter(asset=asset, start_ms__in=list(at_ms)[:1000])
    return set(moments.values_list("start_ms", flat=True))


def failure_sentence(asset: Asset) -> str:
    """Say why labels are missing if the last analysis of a feature has failed; else empty."""
    latest: dict[str, Analysis] = {}
    ended = Analysis.objects.filter(asset=asset).exclude(status=Analysis.Status.CANCELLED)
    for analysis in ended.order_by("created_at"):
        latest[analysis.feature] = analysis
    failed = [entry for entry in latest.values() if entry.status == Analysis.Status.FAILED]
    return " ".join(f"Labelling failed: {entry.detail}" for entry in failed)[:500]


def object_names(asset: Asset) -> list[str]:
    """List the stored objects that belong to an asset's analyses."""
    rows = Analysis.objects.filter(asset=asset).values_list("raw_name", "boxes_name", "reading")
    names: list[str] = []
    for raw_name, boxes_name, reading in rows:
        names += [raw_name, boxes_name, *reading.get("parts", ())]
    return [name for name in names if name]


def moment_rows(asset_ids: Iterable[UUID]) -> Iterator[MomentRow]:
    """Give the moments of assets for search documents, by asset, label and time."""
    moments = Moment.objects.filter(asset_id__in=list(asset_ids))
    yield from moments.order_by("asset_id", "label_id", "start_ms").values_list(
        "asset_id",
        "label_id",
        "start_ms",
        "end_ms",
        "confidence",
        "instances",
        "screen_share",
    )


def boxed_labels(asset_ids: Iterable[UUID]) -> dict[UUID, set[int]]:
    """Give, for each asset, the labels that are seen with boxes."""
    boxed: dict[UUID, set[int]] = {}
    moments = Moment.objects.filter(asset_id__in=list(asset_ids), instances__gt=0)
    for asset_id, label_id in moments.values_list("asset_id", "label_id").distinct():
        boxed.setdefault(asset_id, set()).add(label_id)
    return boxed


def label_ids(names: Iterable[str]) -> dict[str, int]:
    """Give the ids of labels by name, in any case; names that are no labels are left out."""
    folded = {fold(name): name for name in names}
    rows = Label.objects.filter(folded__in=list(folded)).values_list("folded", "pk")
    return {folded[key]: label_id for key, label_id in rows}
