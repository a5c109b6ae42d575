"""How an asset looks from outside: one dict for lists, pages and search, addresses included."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from labelling.models import Analysis
from medialib.models import Asset, Rendition
from medialib.selectors import asset_status, open_steps, rendition


def asset_addresses(asset: Asset, request: HttpRequest | None = None) -> dict[str, str | None]:
    """Give the stable addresses of an asset's page and pictures; None where there is none yet."""
    playable = asset.kind == Asset.Kind.VIDEO and asset.state not in (
        Asset.State.PREPARING,
        Asset.State.REJECTED,
        Asset.State.FAILED,
    )
    poster = rendition(asset, Rendition.Kind.POSTER)
    paths = {
        "url": reverse("asset", args=[asset.pk]),
        "poster_url": reverse("media-poster", args=[asset.pk]) if poster else None,
        "playback_url": reverse("media-playback", args=[asset.pk]) if playable else None,
    }
    if request is None:
        return paths
    return {k: request.build_absolute_uri(v) if v else None for k, v in paths.items()}


def asset_summary(asset: Asset, request: HttpRequest | None = None) -> dict[str, Any]:
    """Describe one asset as the API does."""
    return asset_summaries([asset], request)[0]


def asset_summaries(rows: list[Asset], request: HttpRequest | None = None) -> list[dict[str, Any]]:
    """Describe assets with a fixed number of queries, however many there are."""
    ids = [asset.pk for asset in rows]
    steps = open_steps(ids)
    analyses: dict[Any, list[Analysis]] = {}
    for analysis in Analysis.objects.filter(asset_id__in=ids).order_by("created_at"):
        analyses.setdefault(analysis.asset_id, []).append(analysis)
    return [
        _summary(asset, steps.get(asset.pk, []), analyses.get(asset.pk, []), request)
        for asset in rows
    ]


def _summary(
    asset: Asset, steps: list[Any], analyses: list[Analysis], request: HttpRequest | None
) -> dict[str, Any]:
    status = asset_status(asset, steps)
    progress = {step.analysis_id: step.progress for step in steps if step.analysis_id}
    latest = {analysis.feature: analysis for analysis in analyses}
    status["analyses"] = [
        analysis_summary(analysis, progress.get(str(analysis.pk), 0.0))
        for analysis in latest.values()
    ]
    return {
        "id": str(asset.pk),
        "kind": asset.kind,
        "title": str(asset),
        "description": asset.description,
        "original_filename": asset.original_filename,
        "keywords": [keyword.name for keyword in asset.keywords.all()],
        "visibility": asset.visibility,
        "owner": asset.owner.get_username(),
        "status": status,
        "warnings": asset.warnings,
        "content_type": asset.content_type,
        "size": asset.size,
        "sha256": asset.sha256,
        "duration_ms": asset.duration_ms,
        "width": asset.width,
        "height": asset.height,
        "captured_at": asset.captured_at,
        "created_at": asset.created_at,
        "is_demo": asset.is_demo,
        **asset_addresses(asset, request),
    }


def analysis_summary(analysis: Analysis, progress: float = 0.0) -> dict[str, Any]:
    """Describe one analysis as the API does."""
    ended = analysis.status in (
        Analysis.Status.SUCCEEDED,
        Analysis.Status.FAILED,
        Analysis.Status.CANCELLED,
    )
    return {
        "id": str(analysis.pk),
        "asset_id": str(analysis.asset_id),
        "feature": analysis.feature,
        "backend": analysis.backend,
        "model_version": analysis.model_version,
        "status": analysis.status,
        "current": analysis.current,
        "code": analysis.code,
        "detail": analysis.detail,
        "notes": analysis.notes,
        "detections": analysis.detections,
        "cost": str(analysis.cost),
        "progress": 1.0 if ended else round(progress, 3),
        "created_at": analysis.created_at,
        "ended_at": analysis.ended_at,
    }
