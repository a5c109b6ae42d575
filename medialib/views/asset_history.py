"""What happened to an asset, and what labelling it took: its history and its costs in words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from labelling.models import Analysis
from medialib.models import Asset
from medialib.selectors import asset_history
from medialib.views.labeller import backend_note

_WORDS = {
    "asset.created": "Added",
    "asset.changed": "Changed",
    "asset.labelling": "Labelling asked for",
    "asset.searchable": "Searchable",
    "asset.rejected": "Cannot be shown",
    "asset.failed": "Preparing failed",
    "asset.retried": "Tried again",
    "asset.trashed": "Moved to the trash",
    "asset.restored": "Taken out of the trash",
    "asset.cancelled": "Stopped",
    "analysis.failed": "Labelling failed",
    "analysis.cancelled": "Labelling stopped",
    "budget.reached": "Waited for money",
}
_STATUS = {
    "QUEUED": "in the queue",
    "IN_PROGRESS": "running",
    "SUCCEEDED": "done",
    "FAILED": "failed",
    "CANCELLED": "stopped",
}


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that happened: when, what, by whom, and more about it."""

    at: datetime
    what: str
    who: str
    more: str


@dataclass(frozen=True, slots=True)
class Run:
    """One labelling run and what it has cost."""

    at: datetime
    labeller: str
    model: str
    status: str
    detail: str
    detections: int
    took_ms: int
    cost: Decimal
    current: bool


def happenings(asset: Asset) -> list[Happening]:
    """Give the latest of what happened to an asset, newest first."""
    return [
        Happening(
            at=event.created_at,
            what=_WORDS.get(event.type, event.type.replace(".", " ").capitalize()),
            who=event.actor.get_username() if event.actor else "",
            more=_more(event.data),
        )
        for event in asset_history(asset)
    ]


def _more(data: dict[str, Any]) -> str:
    """Say what is worth knowing of an event; names of fields read as words."""
    if data.get("detail"):
        return str(data["detail"])
    if data.get("fields"):
        return ", ".join(str(field) for field in data["fields"])
    return str(data.get("answer") or data.get("filename") or "")


def runs(analyses: Iterable[Analysis]) -> list[Run]:
    """Describe labelling runs, in the order they come in."""
    return [
        Run(
            at=analysis.created_at,
            labeller=backend_note(analysis.backend, model_version=""),
            model=analysis.model_version,
            status=_STATUS[analysis.status],
            detail=analysis.detail,
            detections=analysis.detections,
            took_ms=_took(analysis),
            cost=analysis.cost,
            current=analysis.current,
        )
        for analysis in analyses
    ]


def _took(analysis: Analysis) -> int:
    if analysis.started_at is None or analysis.ended_at is None:
        return 0
    return round((analysis.ended_at - analysis.started_at).total_seconds() * 1000)
