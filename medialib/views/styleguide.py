"""`/styleguide/`: every component of the pages in every state, for those who build them.

Off unless MEDIALIB_STYLEGUIDE is set; what it shows is made up and touches no asset.
"""

from __future__ import annotations

import dataclasses

from django import forms
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from medialib.forms import DescribeForm
from medialib.models import Asset
from medialib.views.activity_context import Group, Row, Stage
from medialib.views.activity_health import Health
from medialib.views.cards import STATE_WORDS, AssetCard

TOKENS = (
    *("surface-0", "surface-1", "surface-2", "surface-3", "line", "line-strong"),
    *("text-1", "text-2", "text-3", "accent", "accent-wash", "ok", "ok-wash"),
    *("warn", "warn-wash", "bad", "bad-wash"),
)


@login_required
@require_safe
def styleguide(request: HttpRequest) -> HttpResponse:
    """Show every component in every state."""
    if not settings.MEDIALIB_STYLEGUIDE:
        raise Http404
    context = {
        "tokens": TOKENS,
        "lanes": range(1, 9),
        "tones": ["", "ok", "warn", "bad", "accent"],
        "notices": [("ok", "check"), ("warn", "alert"), ("bad", "alert"), ("busy", "clock")],
        "cards": [_card(state) for state in STATE_WORDS],
        "groups": _groups(),
        "health": [
            Health("Fine", "at work"),
            Health("Low", "1.2 GB free", "warn"),
            Health("Away", "silent for 3 min", "bad"),
        ],
        "form": _wrong_form(),
    }
    return render(request, "medialib/styleguide.html", context)


def _card(state: str) -> AssetCard:
    word, tone = STATE_WORDS[state]
    return AssetCard(
        id="",
        title=f"A video that is {word}, with a name that is too long for its place",
        kind=Asset.Kind.VIDEO,
        url="#",
        poster_url="",
        duration_ms=761_000,
        taken_at=timezone.now(),
        is_demo=state == Asset.State.SEARCHABLE,
        size=12_400_000,
        state=state,
        state_word=word,
        state_tone=tone,
        detail="" if state == Asset.State.SEARCHABLE else "A sentence says why.",
    )


def _groups() -> list[Group]:
    stages = (Stage("looking", 1200), Stage("converting", 72_000))
    row = Row(_card(Asset.State.LABELLING), 1, "Labelling", "", 0.42, timezone.now(), stages)
    waiting = dataclasses.replace(
        row,
        sentence="Waiting for a free slot",
        note="number 4 in its queue",
        progress=None,
        can_put_first=True,
    )
    failed = dataclasses.replace(
        row, sentence="Converting it failed.", note="The disk is full.", progress=None
    )
    final = dataclasses.replace(
        failed, sentence="It cannot be shown.", note="It has no picture.", at=None, stages=()
    )
    return [
        Group("running", "Running", "", (dataclasses.replace(row, can_cancel=True),), 1),
        Group("waiting", "Waiting", "", (waiting,), 12),
        Group("failed", "Failed this time", "", (dataclasses.replace(failed, can_retry=True),), 1),
        Group("final", "Failed for good", "", (final,), 1),
        Group("done", "Done today", "Nothing has ended today yet.", (), 0),
    ]


def _wrong_form() -> forms.Form:
    form = DescribeForm({"title": "Harbour", "keywords": "word " * 40, "visibility": "library"})
    form.is_valid()
    return form
