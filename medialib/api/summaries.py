"""How an asset looks from outside: one dict for lists, pages and search, addresses included."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest
from django.urls import reverse

from labelling.models import Analysis
from medialib.models import Asset, Rendition
from medialib.selectors import asset_status, open_steps, rendition

_NOBODY = UUID(int=0)


class _Addresses:
    """The addresses of many assets: looked up once, not once for each of them."""

    def __init__(self, request: HttpRequest | None) -> None:
        base = request.build_absolute_uri("/")[:-1] if request else ""
        names = {"url": "asset", "poster_url": "media-poster", "playback_url": "media-playback"}
        self._patterns = {
            key: (base + reverse(name, args=[_NOBODY])).partition(str(_NOBODY))
            for key, name in names.items()
        }

    def of(self, asset: Asset) -> dict[str, str | None]:
        """Give an asset's page and pictures; None where there is none yet."""
        playable = asset.kind == Asset.Kind.VIDEO and asset.state not in (
            Asset.State.PREPARING,
            Asset.State.REJECTED,
            Asset.State.FAILED,
        )
        there = {
            "url": True,
            "poster_url": rendition(asset, Rendition.Kind.POSTER) is not None,
            "playback_url": playable,
        }
        return {
            key: f"{before}{asset.pk}{after}" if there[key] else None
            for key, (before, _, after) in self._patterns.items()
        }


def asset_summary(asset: Asset, request: HttpRequest | None = None) -> dict[str, Any]:
    """Describe one asset as the API does."""
    return asset_summaries([asset], request)[0]


def asset_summaries(rows: list[Asset], request: HttpRequest | None = None) -> list[dict[str, Any]]:
    """Describe assets with a fixed number of queries, however many there are."""
    ids = [asset.pk for asset in rows]
    steps = open_steps(ids)
    analyses: dict[Any, list[Analysis]] = {}
    # The index of the boxes may hold thousands of numbers that nobody here reads.
    found = Analysis.objects.filter(asset_id__in=ids).defer("boxes_index", "parameters")
    for analysis in found.order_by("created_at"):
        analyses.setdefault(analysis.asset_id, []).append(analysis)
    addresses = _Addresses(request)
    return [
        _summary(asset, steps.get(asset.pk, []), analyses.get(asset.pk, []), addresses)
        for asset in rows
    ]


def _summary(
    asset: Asset, steps: list[Any], analyses: list[Analysis], addresses: _Addresses
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
        "is_reference": asset.is_reference,
        "sha256": asset.sha256,
        "duration_ms": asset.duration_ms,
        "width": asset.width,
        "height": asset.height,
        "captured_at": asset.captured_at,
        "created_at": asset.created_at,
        "is_demo": asset.is_demo,
        **addresses.of(asset),
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
