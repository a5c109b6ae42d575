"""The library page: everything this person may see, newest first. Reads only."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from django.contrib.auth.decorators import login_required
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from medialib.forms import LibraryForm
from medialib.models import Asset
from medialib.selectors import Principals, visible_assets
from medialib.views.cards import STATE_WORDS, AssetCard, make_cards, with_posters
from medialib.views.labeller import Labeller, current_labeller

PAGE_SIZE = 48


@dataclass(frozen=True, slots=True)
class Choice:
    """One value a filter can take, with what is there behind it."""

    value: str
    name: str
    count: int
    selected: bool


@dataclass(frozen=True, slots=True)
class LibraryPage:
    """All that the library page shows."""

    cards: list[AssetCard]
    kinds: list[Choice]
    states: list[Choice]
    total: int
    matching: int
    next_before: str
    labeller: Labeller | None


@login_required
@require_safe
def library_page(request: HttpRequest) -> HttpResponse:
    """Show the library, or how to begin when it is empty."""
    form = LibraryForm(request.GET)
    form.is_valid()
    chosen = form.chosen()
    page = _library(Principals.of(request.user), chosen)
    part = "medialib/_cards.html" if request.headers.get("HX-Request") else "medialib/library.html"
    response = render(request, part, {"page": page, "chosen": chosen})
    response["Vary"] = "HX-Request"
    return response


def _library(principals: Principals, chosen: dict[str, str]) -> LibraryPage:
    rows = visible_assets(principals)
    counts = _counts(rows)
    fitting = [
        (kind, state, count)
        for (kind, state), count in counts.items()
        if chosen["kind"] in ("", kind) and chosen["state"] in ("", state)
    ]
    found = _after(_filtered(rows, chosen), chosen["before"])
    assets = list(with_posters(found)[: PAGE_SIZE + 1])
    total = sum(counts.values())
    return LibraryPage(
        cards=make_cards(assets[:PAGE_SIZE]),
        kinds=_kinds(counts, chosen["kind"]),
        states=_states(counts, chosen["state"]),
        total=total,
        matching=sum(count for _, _, count in fitting),
        next_before=str(assets[PAGE_SIZE - 1].pk) if len(assets) > PAGE_SIZE else "",
        labeller=None if total else current_labeller(),
    )


def _counts(rows: QuerySet[Asset]) -> dict[tuple[str, str], int]:
    grouped = rows.order_by().values_list("kind", "state").annotate(count=Count("pk"))
    return {(kind, state): count for kind, state, count in grouped}


def _filtered(rows: QuerySet[Asset], chosen: dict[str, str]) -> QuerySet[Asset]:
    wanted = {name: chosen[name] for name in ("kind", "state") if chosen[name]}
    return rows.filter(**wanted)


def _after(rows: QuerySet[Asset], before: str) -> QuerySet[Asset]:
    """Go on behind the last asset of the page before; an id that is gone starts anew."""
    last = Asset.objects.filter(pk=uuid.UUID(before)).first() if before else None
    if last is None:
        return rows
    older = Q(created_at__lt=last.created_at)
    return rows.filter(older | Q(created_at=last.created_at, pk__lt=last.pk))


def _kinds(counts: dict[tuple[str, str], int], selected: str) -> list[Choice]:
    names = (("", "All"), (Asset.Kind.VIDEO, "Videos"), (Asset.Kind.PHOTO, "Photos"))
    return [
        Choice(
            value=value,
            name=name,
            count=sum(n for (kind, _), n in counts.items() if value in ("", kind)),
            selected=value == selected,
        )
        for value, name in names
    ]


def _states(counts: dict[tuple[str, str], int], selected: str) -> list[Choice]:
    """List the states worth a look: those that are not simply "searchable"."""
    choices = []
    for value, (word, _) in STATE_WORDS.items():
        count = sum(n for (_, state), n in counts.items() if state == value)
        if (count and value != Asset.State.SEARCHABLE) or value == selected:
            choices.append(Choice(value=value, name=word, count=count, selected=value == selected))
    return choices
