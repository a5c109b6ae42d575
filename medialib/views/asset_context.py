"""Gathers what the asset page shows: state, facts, player, moments. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format

from labelling.models import Analysis, LabelParent, Moment
from labelling.selectors import shown_moments
from medialib import steps
from medialib.models import Asset, Rendition, Step
from medialib.references import LOST_CODES
from medialib.selectors import asset_status, rendition
from medialib.templatetags import medialib_words as words
from medialib.views.asset_history import Happening, Run, happenings, runs
from medialib.views.cards import AssetCard, make_card
from medialib.views.labeller import Labeller, backend_note, current_labeller
from medialib.views.moments import Found, Moments, arrange

_SENTENCES = {
    Asset.State.PREPARING: "The file is being looked at and made ready to play.",
    Asset.State.LABELLING: "Findable by its words already; its labels are being found.",
    Asset.State.REJECTED: "This file cannot be shown. The original is kept for 7 days.",
    Asset.State.FAILED: "Preparing this file broke on our side. The original is kept.",
}
_FAILED_LABELS = "Labelling failed. Everything else works; try it again."


@dataclass(frozen=True, slots=True)
class StateNote:
    """Where the asset stands, when that needs saying."""

    tone: str
    sentence: str
    progress: float
    is_running: bool
    offers: tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class AssetPage:
    """All that the asset page shows."""

    card: AssetCard
    note: StateNote | None
    facts: list[tuple[str, str]]
    warnings: list[str]
    keywords: list[str]
    description: str
    playback_url: str
    picture_url: str
    original_url: str
    width: int
    height: int
    moments: Moments
    totals: str
    labelled_by: str
    labeller: Labeller | None
    history: list[Happening]
    runs: list[Run]
    csv_url: str
    data: dict[str, Any]


def asset_page(
    asset: Asset, *, wanted: Sequence[str], can_edit: bool, is_member: bool = False
) -> AssetPage:
    """Gather the page of one asset; `wanted` are the labels to switch on.

    What was done with it, and what that has cost, is told to members only.
    """
    poster = rendition(asset, Rendition.Kind.POSTER)
    analyses = list(asset.analyses.filter(feature=Analysis.Feature.LABELS))
    current = next((a for a in analyses if a.current), None)
    found = _found(asset)
    moments = arrange(found, wanted=wanted, parents=_parents(asset))
    shown = asset.state in (Asset.State.LABELLING, Asset.State.SEARCHABLE)
    video = shown and asset.kind == Asset.Kind.VIDEO
    card = make_card(asset, has_poster=poster is not None)
    return AssetPage(
        card=card,
        note=_note(asset, analyses[0] if analyses else None, can_edit=can_edit),
        facts=_facts(asset),
        warnings=[*map(str, asset.warnings), *(map(str, current.notes) if current else ())],
        keywords=sorted(keyword.name for keyword in asset.keywords.all()),
        description=asset.description,
        playback_url=reverse("media-playback", args=[asset.pk]) if video else "",
        picture_url=_picture_url(asset) if shown and not video else "",
        original_url=reverse("media-original", args=[asset.pk]) if can_edit else "",
        width=asset.width or 1280,
        height=asset.height or 720,
        moments=moments,
        totals=_totals(moments, current, is_video=card.is_video),
        labelled_by=_labelled_by(current),
        labeller=current_labeller() if current and not moments.total else None,
        history=happenings(asset) if is_member else [],
        runs=runs(analyses) if is_member else [],
        csv_url=reverse("asset-moments-csv", args=[asset.pk]) if found else "",
        data=_data(asset, moments),
    )


def _found(asset: Asset) -> list[Found]:
    columns = ("label__name", "start_ms", "end_ms", "confidence", "instances")
    return [Found(*row) for row in shown_moments(asset).values_list(*columns)]


def _parents(asset: Asset) -> dict[str, list[str]]:
    seen = Moment.objects.filter(asset=asset).order_by().values("label")
    rows = LabelParent.objects.filter(label__in=seen).order_by("parent__name")
    parents: dict[str, list[str]] = {}
    for name, parent in rows.values_list("label__name", "parent__name"):
        parents.setdefault(name, []).append(parent)
    return parents


def _picture_url(asset: Asset) -> str:
    web = rendition(asset, Rendition.Kind.WEB)
    return reverse("media-web" if web else "media-poster", args=[asset.pk])


def _note(asset: Asset, latest: Analysis | None, *, can_edit: bool) -> StateNote | None:
    """Say where the asset stands; an asset that is simply searchable needs no words."""
    if asset.code in LOST_CODES and asset.state == Asset.State.SEARCHABLE:
        return StateNote("warn", asset.detail, progress=0, is_running=False, offers=None)
    if asset.state == Asset.State.SEARCHABLE:
        return _labels_note(latest, can_edit=can_edit)
    status = asset_status(asset)
    running = asset.state in (Asset.State.PREPARING, Asset.State.LABELLING)
    return StateNote(
        tone="busy" if running else "bad",
        sentence=status["detail"] or _SENTENCES[Asset.State(asset.state)],
        progress=status["progress"],
        is_running=running,
        offers=_offer(asset) if can_edit else None,
    )


def _offer(asset: Asset) -> tuple[str, str] | None:
    """Name what an editor can do about a state: an action and its button's words."""
    if asset.state == Asset.State.FAILED:
        return "retry", "Try again"
    converting = asset.state == Asset.State.PREPARING
    if converting and steps.is_open(asset.pk, (Step.Kind.CONVERT,)):
        return "stop", "Stop converting"
    return None


def _labels_note(latest: Analysis | None, *, can_edit: bool) -> StateNote | None:
    if latest is None or latest.status not in ("FAILED", "CANCELLED"):
        return None
    cancelled = latest.status == "CANCELLED"
    sentence = "Labelling was stopped." if cancelled else latest.detail or _FAILED_LABELS
    offers = ("label-again", "Label again") if can_edit else None
    return StateNote(tone="warn", sentence=sentence, progress=0, is_running=False, offers=offers)


def _facts(asset: Asset) -> list[tuple[str, str]]:
    """List what is known of the file, each value with its unit."""
    rate = asset.fps_num / asset.fps_den if asset.fps_num and asset.fps_den else 0.0
    facts = [
        ("File", asset.original_filename),
        ("Type", asset.content_type),
        ("Original", "stays where it is, outside the library" if asset.is_reference else ""),
        ("Size", words.size(asset.size)),
        ("Frame", f"{asset.width} × {asset.height} px" if asset.width else ""),
        ("Length", words.duration(asset.duration_ms) if asset.duration_ms else ""),
        (
            "Frame rate",
            f"{rate:.2f}".rstrip("0").rstrip(".") + " per second"
            if rate and asset.duration_ms
            else "",
        ),
        ("Taken", _taken(asset)),
        ("Source", asset.source),
        ("Added", f"{_moment(asset.created_at)} by {asset.owner.get_username()}"),
        ("Seen by", _SEEN_BY[asset.visibility]),
    ]
    return [(name, value) for name, value in facts if value]


_SEEN_BY = {
    "private": "its owner only",
    "groups": "some groups",
    "library": "everyone signed in",
    "public": "everyone, without signing in",
}
_TAKEN_FORMATS = {"year": "Y", "month": "F Y", "day": "j M Y"}


def _taken(asset: Asset) -> str:
    if asset.captured_at is None:
        return ""
    pattern = _TAKEN_FORMATS.get(asset.captured_precision, "j M Y, H:i")
    return date_format(timezone.localtime(asset.captured_at), pattern)


def _moment(value: Any) -> str:
    return date_format(timezone.localtime(value), "j M Y, H:i")


def _totals(moments: Moments, current: Analysis | None, *, is_video: bool) -> str:
    """Count what was found: labels, moments, detections."""
    parts = [_count(len(moments.labels), "label")]
    if is_video:
        parts.append(_count(moments.total, "moment"))
    if current and current.detections:
        parts.append(_count(current.detections, "detection"))
    return " · ".join(parts)


def _count(number: int, word: str) -> str:
    return f"{words.thousands(number)} {word}{'' if number == 1 else 's'}"


def _labelled_by(current: Analysis | None) -> str:
    if current is None:
        return ""
    return backend_note(current.backend, model_version=current.model_version)


def _data(asset: Asset, moments: Moments) -> dict[str, Any]:
    """Give the page's modules what they need, times in ms."""
    sheet = rendition(asset, Rendition.Kind.STORYBOARD)
    url = reverse("media-storyboard", args=[asset.pk])
    return {
        "duration_ms": asset.duration_ms,
        "frame_ms": 1000 * (asset.fps_den or 1) / (asset.fps_num or 25),
        "labels": moments.data,
        "seen_by": _SEEN_BY[asset.visibility],
        "detections_url": reverse("api-asset-detections", args=[asset.pk]),
        "storyboard": {"url": url, **sheet.details} if sheet else None,
    }
