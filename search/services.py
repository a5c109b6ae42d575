"""What others ask of search: find, suggest, index, rebuild, check. Knows no engine by name."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from django.conf import settings

from labelling.taxonomy import Vocabulary
from labelling.vocabulary import get_vocabulary
from medialib.exceptions import SearchUnavailable
from medialib.models import Asset
from medialib.selectors import Principals, visible_assets
from search import cursors
from search.backends import get_backend
from search.backends.base import (
    FACETS,
    SORTS,
    Hit,
    IndexMissing,
    Page,
    SearchBackend,
    SearchRequest,
    Selection,
    Sort,
)
from search.conditions import Condition, nearly
from search.feeding import check, index_assets, prepare_index, rebuild, remove_assets
from search.lexicon import Nearest
from search.names import category_named, label_named, source_named
from search.query import InvalidQuery, Mark, Query, Span, leaves
from search.resolve import Resolver, rounded
from search.results import (
    FacetValue,
    FoundMoment,
    Result,
    SearchAnswer,
    SeenLabel,
    Suggestion,
    Total,
    Understood,
    UnderstoodQuery,
)
from search.text import fold
from search.understand import Understanding, plain_words, understood_before
from search.unlooked import unlooked
from search.why import explainer

__all__ = [
    "check",
    "health",
    "index_assets",
    "prepare_index",
    "rebuild",
    "remove_assets",
    "search",
    "suggest",
]

MAX_PAGE_SIZE = 100
_FACET_VALUES = 25
_NEAR_MISSES = 5
Answer = TypeVar("Answer")


def search(
    text: str,
    *,
    principals: Principals,
    kind: str | None = None,
    min_confidence: float = 0,
    within: str = "moment",
    sort: Sort = "relevance",
    cursor: str | None = None,
    page_size: int = 20,
    label: Sequence[str] = (),
    category: Sequence[str] = (),
    month: str | None = None,
    length: str | None = None,
    facets: bool = True,
) -> SearchAnswer:
    """Find assets and moments; raise InvalidQuery, or SearchUnavailable in an outage."""
    vocabulary, understanding, query = _understanding(text, principals)
    request = SearchRequest(
        principals=principals,
        condition=_condition(vocabulary, query, min_confidence, principals),
        anywhere=query.anywhere or within == "asset",
        moment_length=_bounds(query.moment_length),
        join_ms=query.join_ms,
        selection=_selection(vocabulary, kind, label, category, month, length),
        sort=_sort_of(sort, asks=query.tree is not None),
        page_size=_checked_page_size(page_size),
        facets=FACETS if facets else (),
    )
    mark = _mark(request, str(query), min_confidence)
    request = _behind(request, cursor, mark)
    page = _asked(lambda backend: backend.search(request))
    understood = _understood(text, understanding, min_confidence)
    return _answer(page, understood, request, vocabulary, mark)


def _answer(
    page: Page,
    understood: UnderstoodQuery,
    request: SearchRequest,
    vocabulary: Vocabulary,
    mark: str,
) -> SearchAnswer:
    return SearchAnswer(
        query=understood,
        total=Total(page.assets, page.moments, page.exact),
        results=_results(page, request.condition, vocabulary),
        near_misses=_near_misses(request, vocabulary),
        unlooked=None if page.assets else unlooked(request.principals),
        facets=_facet_values(page, request.selection, vocabulary),
        next=_next(page, mark),
    )


def _condition(
    vocabulary: Vocabulary, query: Query, min_confidence: float, principals: Principals
) -> Condition:
    asker = next((name[2:] for name in principals.names if name.startswith("u:")), "")
    resolver = Resolver(vocabulary, min_confidence, query.confidence or 0.0, asker)
    return resolver.condition(query)


def _understanding(text: str, principals: Principals) -> tuple[Vocabulary, Understanding, Query]:
    vocabulary, words = get_vocabulary(), plain_words(text)
    seen_words = _asked(lambda backend: backend.words_seen(words, principals))
    today = datetime.datetime.now(datetime.UTC).date()
    near = _nearest() if settings.MEDIALIB_EMBEDDINGS else None
    understanding = understood_before(text, vocabulary, seen_words, today, near)
    _sources_known(understanding.query, principals)
    return vocabulary, understanding, understanding.query


def _nearest() -> Nearest:
    # Only here, as what it imports would cost every process tens of megabytes.
    from search.embeddings.nearest import nearest

    return nearest


def _near_misses(request: SearchRequest, vocabulary: Vocabulary) -> tuple[Result, ...]:
    """Find what a THEN just misses; for the first page only."""
    condition = nearly(request.condition)
    if condition is None or request.after is not None:
        return ()
    near = replace(request, condition=condition, page_size=_NEAR_MISSES, facets=())
    page = _asked(lambda backend: backend.search(near))
    return _results(page, condition, vocabulary)


def _sources_known(query: Query, principals: Principals) -> None:
    """Refuse a source that no asset has that the asker may see, and name the nearest."""
    for leaf in leaves(query.tree):
        if isinstance(leaf, Mark) and leaf.field == "source":
            held = visible_assets(principals).exclude(source="").order_by()
            source_named(leaf.value, held.values_list("source", flat=True).distinct())


def _mark(request: SearchRequest, canonical: str, min_confidence: float) -> str:
    asked = (float(min_confidence), request.anywhere, request.selection, request.sort)
    return cursors.fingerprint(canonical, *asked)


def _behind(request: SearchRequest, cursor: str | None, mark: str) -> SearchRequest:
    """Go on behind the hit that a cursor names, if there is one."""
    if not cursor:
        return request
    value_type = str if request.sort == "title" else float
    return replace(request, after=cursors.read(cursor, mark, like=value_type))


def _bounds(span: Span | None) -> tuple[int | None, int | None] | None:
    return None if span is None else (span.low_ms, span.high_ms)


def _selection(
    vocabulary: Vocabulary,
    kind: str | None,
    labels: Sequence[str],
    categories: Sequence[str],
    month: str | None,
    length: str | None,
) -> Selection:
    names = [label_named(name, vocabulary, field="label") for name in labels]
    return Selection(
        kind=kind or "",
        labels=tuple(vocabulary.ids[fold(name)] for name in names),
        categories=tuple(category_named(name, vocabulary, field="category") for name in categories),
        month=month or "",
        length=length or "",
    )


def suggest(prefix: str, *, principals: Principals, limit: int = 12) -> list[Suggestion]:
    """List labels that begin with these letters (in some word of a name or alias) by use."""
    vocabulary = get_vocabulary()
    wanted = fold(prefix)
    labels = None
    if wanted:
        labels = {
            label
            for form, ids in vocabulary.forms.items()
            if form.startswith(wanted) or f" {wanted}" in form
            for label in ids
        }
        if not labels:
            return []
    counts = _asked(lambda backend: backend.label_counts(principals, labels))
    named = [
        (vocabulary.names[label], n)
        for label, n in counts.items()
        if label in vocabulary.names and label not in vocabulary.hidden
    ]
    named.sort(key=lambda pair: (-pair[1], pair[0]))
    return [Suggestion(name, count) for name, count in named[:limit]]


def health() -> dict[str, Any]:
    """Say how search is; raise SearchUnavailable when it can't be asked."""
    _asked(lambda backend: backend.probe())
    found = get_backend().health()
    if not found.ok:
        raise SearchUnavailable(found.detail)
    return {
        "backend": get_backend().name,
        "detail": found.detail,
        "assets": found.assets,
        "moments": found.moments,
        "size_bytes": found.size_bytes,
    }


def _asked(ask: Callable[[SearchBackend], Answer]) -> Answer:
    """Ask the engine; a library that has never been indexed gets its empty index first."""
    backend = get_backend()
    try:
        return ask(backend)
    except IndexMissing:
        # An index that was there and is gone must not look like an empty library.
        if Asset.objects.filter(indexed_generation__gt=0).exists():
            raise
    backend.ensure_ready()
    return ask(backend)


def _sort_of(sort: Sort, *, asks: bool) -> Sort:
    if sort not in SORTS:
        raise InvalidQuery(f"There is no sort “{sort}”.", cure=f"Use {', '.join(SORTS)}.")
    # Without anything asked for, nothing is more relevant than something else.
    return "newest" if sort == "relevance" and not asks else sort


def _checked_page_size(page_size: int) -> int:
    if not 1 <= page_size <= MAX_PAGE_SIZE:
        error = InvalidQuery(
            f"A page of {page_size} can't be given.", cure=f"Ask for 1 to {MAX_PAGE_SIZE}."
        )
        error.field = "page_size"
        raise error
    return page_size


def _understood(text: str, understanding: Understanding, min_confidence: float) -> UnderstoodQuery:
    notes = [_rounding(understanding.query.confidence or 0.0), _rounding(min_confidence)]
    chips: Iterable[Understood] = (*understanding.understood, *(note for note in notes if note))
    return UnderstoodQuery(text, str(understanding.query), tuple(chips), understanding.suggestions)


def _rounding(confidence: float) -> Understood | None:
    return rounded(confidence, text=f"{confidence:g} %")


def _results(page: Page, condition: Condition, vocabulary: Vocabulary) -> tuple[Result, ...]:
    explain = explainer(condition, vocabulary)
    return tuple(
        [
            Result(
                asset_id=hit.asset_id,
                score=hit.score,
                moment_count=hit.moment_count,
                screen_ms=hit.screen_ms,
                why=explain(hit),
                moments=_moments(hit, vocabulary.names),
            )
            for hit in page.hits
        ]
    )


def _moments(hit: Hit, names: Mapping[int, str]) -> tuple[FoundMoment, ...]:
    moments = []
    for piece in hit.pieces:
        # Mostly one label is seen in it, for which setting up a comprehension takes longest.
        labels: tuple[SeenLabel, ...] = ()
        for label, sure in piece.labels:
            labels += (SeenLabel(names.get(label) or str(label), sure),)
        first = labels[0].label if labels else ""
        moments.append(FoundMoment(first, piece.start_ms, piece.end_ms, piece.confidence, labels))
    return tuple(moments)


def _facet_values(
    page: Page, selection: Selection, vocabulary: Vocabulary
) -> dict[str, tuple[FacetValue, ...]]:
    selected = {
        "kind": {selection.kind},
        "label": {vocabulary.names[label] for label in selection.labels},
        "category": set(selection.categories),
        "month": {selection.month},
        "length": {selection.length},
    }
    return {
        name: tuple(_shown(counted, selected[name], vocabulary))
        for name, counted in page.facets.items()
    }


def _shown(
    counted: Iterable[tuple[str | int, int]], selected: set[str], vocabulary: Vocabulary
) -> Iterator[FacetValue]:
    """Give the commonest values of a facet, and those that are selected wherever they stand."""
    shown, missing = 0, selected - {""}
    for value, count in counted:
        name = vocabulary.names.get(value, "") if isinstance(value, int) else value
        chosen = name in selected
        if name and (chosen or value not in vocabulary.hidden):
            shown += 1
            missing.discard(name)
            if chosen or shown <= _FACET_VALUES:
                yield FacetValue(name, count, chosen)
            if shown >= _FACET_VALUES and not missing:
                return


def _next(page: Page, mark: str) -> str | None:
    if not page.more or not page.hits:
        return None
    last = page.hits[-1]
    return cursors.write(mark, sort_value=last.sort_value, asset_id=last.asset_id)
