"""The search page: asks the search service and shows what it answers. Every state is an address."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from medialib.exceptions import SearchUnavailable
from medialib.selectors import Principals, visible_assets
from medialib.views.cards import AssetCard, make_cards, with_posters
from medialib.views.labeller import Labeller, current_labeller
from search import services
from search.backends.base import SORTS
from search.forms import CONFIDENCES, Asked, SearchForm
from search.query import InvalidQuery
from search.results import Suggestion
from search.views.context import Found, shape

PAGE_SIZE = 20
NEWEST = 24
_SORT_NAMES = {
    "relevance": "best",
    "newest": "newest",
    "captured": "date taken",
    "screen_time": "longest seen",
    "moments": "most moments",
    "title": "title",
}
_CONFIDENCE_NAMES = {0: "any"}
_EXAMPLES = ("cars", "car and person", "dog then car within 10s", "car not truck")


@dataclass(frozen=True, slots=True)
class Option:
    """A value of a select field."""

    value: str
    name: str
    selected: bool


@dataclass(frozen=True, slots=True)
class Help:
    """What the page says when there is nothing to show: what is there, what can be found."""

    labels: list[tuple[Suggestion, str]]
    library_size: int
    labeller: Labeller


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why there is no answer."""

    title: str
    sentence: str
    # When search is away, the newest of the library stand in for its answer.
    is_away: bool = False
    library: tuple[AssetCard, ...] = ()


@dataclass(frozen=True, slots=True)
class SearchPage:
    """All that the search page shows."""

    asked: Asked
    seconds: float = 0.0
    found: Found | None = None
    help: Help | None = None
    trouble: Trouble | None = None


@login_required
@require_safe
def search_page(request: HttpRequest) -> HttpResponse:
    """Show what a search finds; without words, what could be searched for."""
    asked = SearchForm.asked(request.GET)
    page, status = _page(asked, Principals.of(request.user))
    part = bool(request.headers.get("HX-Request")) and page.found is not None
    template = "search/_rows.html" if part else "search/search.html"
    context = {
        "page": page,
        "search_text": asked.q,
        "examples": _EXAMPLES,
        "sorts": [Option(s, _SORT_NAMES[s], s == asked.sort) for s in SORTS],
        "confidences": [
            Option(str(n), _CONFIDENCE_NAMES.get(n, f"≥ {n} %"), n == asked.min_confidence)
            for n in CONFIDENCES
        ],
    }
    response = render(request, template, context, status=status)
    response["Vary"] = "HX-Request"
    return response


def _page(asked: Asked, principals: Principals) -> tuple[SearchPage, int]:
    try:
        if not (asked.q or asked.is_filtered):
            return SearchPage(asked, help=_help(asked, principals)), 200
        return _answered(asked, principals), 200
    except InvalidQuery as error:
        trouble = Trouble("This search cannot be read", error.detail)
        return SearchPage(asked, trouble=trouble), 400
    except SearchUnavailable as error:
        newest = make_cards(with_posters(visible_assets(principals))[:NEWEST])
        trouble = Trouble("", error.detail, is_away=True, library=tuple(newest))
        return SearchPage(asked, trouble=trouble), 503


def _answered(asked: Asked, principals: Principals) -> SearchPage:
    began = time.perf_counter()
    answer = services.search(
        asked.q,
        principals=principals,
        kind=asked.kind or None,
        min_confidence=asked.min_confidence,
        within=asked.within,
        sort=asked.sort,
        cursor=asked.cursor or None,
        page_size=PAGE_SIZE,
        label=asked.label,
        category=asked.category,
        month=asked.month or None,
        length=asked.length or None,
        # Facets belong to the whole search: a further page has them on it already.
        facets=not asked.cursor,
    )
    # Rounded up to a hundredth: nothing takes 0.00 s.
    seconds = math.ceil((time.perf_counter() - began) * 100) / 100
    found = shape(answer, asked, principals=principals)
    nothing = _help(asked, principals) if not found.rows and not asked.cursor else None
    return SearchPage(asked, seconds=seconds, found=found, help=nothing)


def _help(asked: Asked, principals: Principals) -> Help:
    there = services.suggest("", principals=principals, limit=24)
    return Help(
        labels=[(suggestion, Asked(q=suggestion.label).address()) for suggestion in there],
        library_size=visible_assets(principals).count(),
        labeller=current_labeller(),
    )
