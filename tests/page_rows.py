"""Rows for tests of the pages, and the words of a page. No bytes stand behind these assets."""

from __future__ import annotations

import re
import uuid

from labelling.models import Analysis, Label, Moment
from medialib.models import Asset, Rendition


def make_asset(owner, *, title="Harbour", kind="video", **fields):
    number = uuid.uuid4().hex
    asset = Asset.objects.create(
        owner=owner,
        kind=kind,
        title=title,
        original_filename=f"{title}.mp4",
        original_name=f"originals/{number}",
        size=1000,
        width=320,
        height=180,
        **{
            "state": Asset.State.SEARCHABLE,
            "duration_ms": 60_000 if kind == "video" else 0,
            "visibility": "library",
            **fields,
        },
    )
    Rendition.objects.create(
        asset=asset,
        kind=Rendition.Kind.POSTER,
        name=f"posters/{number}",
        content_type="image/jpeg",
        size=10,
    )
    return asset


def see(asset, *names, boxes=1):
    """Say that these labels are seen in an asset, each for two seconds after the one before."""
    analysis = Analysis.objects.create(
        asset=asset, backend="recorded", status="SUCCEEDED", current=True, detections=4
    )
    for place, name in enumerate(names):
        label, _ = Label.objects.get_or_create(folded=name.lower(), defaults={"name": name})
        start = place * 2000 if asset.kind == "video" else 0
        Moment.objects.create(
            asset=asset,
            analysis=analysis,
            label=label,
            start_ms=start,
            end_ms=start + 2000 if asset.kind == "video" else 0,
            confidence=min(90 + place, 99),
            mean_confidence=80,
            instances=boxes,
        )
    return asset


def text_of(response):
    """Give the words of a page, without tags."""
    words = re.sub(r"<(script|style)\b.*?</\1>|<[^>]+>", " ", response.content.decode(), flags=re.S)
    return " ".join(words.split())
