"""The library page: everything this person may see, in the order they choose. Reads only."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.contrib.auth.decorators import login_required
from django.db.models import Count, Expression, F, Q, QuerySet, Value
from django.db.models.functions import Coalesce, Lower, NullIf
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from medialib.assets import fold
from medialib.forms import LIBRARY_SORTS, LibraryForm
from medialib.models import Asset, Keyword
from medialib.selectors import Principals, can_edit, visible_assets
from medialib.views.cards import STATE_WORDS, AssetCard, make_cards, with_posters
from medialib.views.labeller import Labeller, current_labeller

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from medialib.models import User

PAGE_SIZE = 48
KEYWORDS = 40
UNDO = "library.undo"
_TITLE = Lower(Coalesce(NullIf("title", Value("")), "original_filename"))
# What the sorts compare, and whether the largest comes first; the id decides between equals.
_SORTS: dict[str, tuple[Expression | F, bool]] = {
    "newest": (F("created_at"), True),
    "oldest": (F("created_at"), False),
    "title": (_TITLE, False),
    "longest": (F("duration_ms"), True),
    "largest": (F("size"), True),
}


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
    editable: frozenset[str]
    kinds: list[Choice]
    states: list[Choice]
    sorts: list[Choice]
    keywords: list[Choice]
    total: int
    matching: int
    demo: int
    next_before: str
    labeller: Labeller | None

    @property
    def is_first_run(self) -> bool:
        """Tell whether nothing but the demo is there."""
        return 0 < self.demo == self.total


@login_required
@require_safe
def library_page(request: HttpRequest) -> HttpResponse:
    """Show the library, or how to begin when it is empty."""
    form = LibraryForm(request.GET)
    form.is_valid()
    chosen = form.chosen()
    page = _library(request.user, chosen)
    is_part = bool(request.headers.get("HX-Request"))
    part = "medialib/_cards.html" if is_part else "medialib/library.html"
    # An undo is offered once, on the page that follows the removal.
    undo = [] if is_part else request.session.pop(UNDO, [])
    response = render(request, part, {"page": page, "chosen": chosen, "undo": undo})
    response["Vary"] = "HX-Request"
    return response


def _library(user: User | AnonymousUser, chosen: dict[str, str]) -> LibraryPage:
    seen = visible_assets(Principals.of(user))
    rows = seen
    if chosen["keyword"]:
        rows = rows.filter(keywords__folded=fold(chosen["keyword"]))
    counts = _counts(rows)
    found = _page(_filtered(rows, chosen), chosen["sort"], chosen["before"])
    assets = list(with_posters(found)[: PAGE_SIZE + 1])
    total = sum(counts.values())
    demo = seen.filter(is_demo=True).count()
    return LibraryPage(
        cards=make_cards(assets[:PAGE_SIZE]),
        editable=frozenset(str(asset.pk) for asset in assets if can_edit(user, asset)),
        kinds=_kinds(counts, chosen["kind"]),
        states=_states(counts, chosen["state"]),
        sorts=[Choice(value, name, 0, value == chosen["sort"]) for value, name in LIBRARY_SORTS],
        keywords=_keywords(seen, chosen["keyword"]),
        total=total,
        matching=_matching(counts, chosen),
        demo=demo,
        next_before=str(assets[PAGE_SIZE - 1].pk) if len(assets) > PAGE_SIZE else "",
        labeller=current_labeller() if demo == total else None,
    )


def _counts(rows: QuerySet[Asset]) -> dict[tuple[str, str], int]:
    grouped = rows.order_by().values_list("kind", "state").annotate(count=Count("pk"))
    return {(kind, state): count for kind, state, count in grouped}


def _matching(counts: dict[tuple[str, str], int], chosen: dict[str, str]) -> int:
    return sum(
        count
        for (kind, state), count in counts.items()
        if chosen["kind"] in ("", kind) and chosen["state"] in ("", state)
    )


def _filtered(rows: QuerySet[Asset], chosen: dict[str, str]) -> QuerySet[Asset]:
    wanted = {name: chosen[name] for name in ("kind", "state") if chosen[name]}
    return rows.filter(**wanted)


def _page(rows: QuerySet[Asset], sort: str, before: str) -> QuerySet[Asset]:
    """Sort, and go on behind the last asset of the page before; an id that is gone starts anew."""
    place, descending = _SORTS[sort or "newest"]
    sorted_rows = rows.alias(place=place)
    sign = "-" if descending else ""
    ordered = sorted_rows.order_by(f"{sign}place", f"{sign}pk")
    last = _place_of(before, place)
    if last is None:
        return ordered
    side = "lt" if descending else "gt"
    behind = Q(**{f"place__{side}": last}) | Q(place=last, **{f"pk__{side}": uuid.UUID(before)})
    return ordered.filter(behind)


def _place_of(before: str, place: Expression | F) -> Any:
    if not before:
        return None
    rows = Asset.objects.filter(pk=uuid.UUID(before)).annotate(place=place)
    return rows.values_list("place", flat=True).first()


def _keywords(seen: QuerySet[Asset], selected: str) -> list[Choice]:
    """List the keywords used most, and the selected one in any case."""
    used = Keyword.objects.filter(assets__in=seen.order_by().values("pk"))
    counted = used.annotate(count=Count("assets")).order_by("-count", "folded")[:KEYWORDS]
    choices = [
        Choice(word.name, word.name, word.count, word.folded == fold(selected)) for word in counted
    ]
    choices.sort(key=lambda choice: choice.name.casefold())
    if selected and not any(choice.selected for choice in choices):
        choices.insert(0, Choice(selected, selected, 0, True))
    return choices


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
