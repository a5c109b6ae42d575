"""What others ask of search: find, suggest, index, rebuild, check. Knows no engine by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from labelling.taxonomy import Vocabulary
from labelling.vocabulary import get_vocabulary
from medialib.exceptions import SearchUnavailable
from medialib.models import Asset
from medialib.selectors import Principals
from search import cursors, why
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
from search.conditions import Condition
from search.feeding import check, index_assets, prepare_index, rebuild, remove_assets
from search.query import InvalidQuery
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
from search.understand import Understanding, nearest, plain_words, understand

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
    """Find assets with their moments.

    Raises InvalidQuery for what can't be understood, SearchUnavailable when the engine is away.
    """
    vocabulary, words = get_vocabulary(), plain_words(text)
    seen_words = _asked(lambda backend: backend.words_seen(words, principals))
    understanding = understand(text, vocabulary, seen_words=seen_words)
    query = understanding.query
    resolver = Resolver(vocabulary, floor=min_confidence, default=query.confidence or 0.0)
    selection = Selection(
        kind=kind or "",
        labels=tuple(resolver.seen(_known_label(name, vocabulary)).label for name in label),
        categories=tuple(_known_category(name, vocabulary) for name in category),
        month=month or "",
        length=length or "",
    )
    sort = _sort_of(sort, asks=query.tree is not None)
    anywhere = query.anywhere or within == "asset"
    mark = cursors.fingerprint(str(query), min_confidence, anywhere, selection, sort)
    span = query.moment_length
    request = SearchRequest(
        principals=principals,
        condition=resolver.condition(query),
        anywhere=anywhere,
        moment_length=(span.low_ms, span.high_ms) if span else None,
        selection=selection,
        sort=sort,
        after=cursors.read(cursor, mark, like=str if sort == "title" else float)
        if cursor
        else None,
        page_size=_checked_page_size(page_size),
        facets=FACETS if facets else (),
    )
    page = _asked(lambda backend: backend.search(request))
    return SearchAnswer(
        query=_understood(text, understanding, min_confidence),
        total=Total(page.assets, page.moments, page.exact),
        results=tuple(_result(hit, request.condition, vocabulary) for hit in page.hits),
        facets=_facet_values(page, selection, vocabulary),
        next=_next(page, mark),
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
        (vocabulary.names[label], n) for label, n in counts.items() if label in vocabulary.names
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


def _known_label(name: str, vocabulary: Vocabulary) -> str:
    ids = vocabulary.find(name)
    if not ids:
        raise _unknown("label", name, list(vocabulary.names.values()))
    return vocabulary.names[ids[0]]


def _known_category(name: str, vocabulary: Vocabulary) -> str:
    known = vocabulary.category_labels.get(fold(name))
    if known is None:
        raise _unknown("category", name, [name for name, _ in vocabulary.category_labels.values()])
    return known[0]


def _unknown(what: str, name: str, known: Sequence[str]) -> InvalidQuery:
    near = nearest(name, known)
    cure = f"Did you mean “{near}”?" if near else f"Leave out the {what}."
    error = InvalidQuery(f"There is no {what} “{name[:100]}”.", cure=cure, code=f"unknown_{what}")
    error.field = what
    return error


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


def _result(hit: Hit, condition: Condition, vocabulary: Vocabulary) -> Result:
    moments = []
    for piece in hit.pieces:
        labels = tuple(
            SeenLabel(vocabulary.names.get(label, str(label)), confidence)
            for label, confidence in piece.labels
        )
        first = labels[0].label if labels else ""
        moments.append(FoundMoment(first, piece.start_ms, piece.end_ms, piece.confidence, labels))
    return Result(
        asset_id=hit.asset_id,
        score=hit.score,
        moment_count=hit.moment_count,
        screen_ms=hit.screen_ms,
        why=why.reasons(hit, condition, vocabulary),
        moments=tuple(moments),
    )


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
    facets = {}
    for name, counted in page.facets.items():
        values = [
            FacetValue(shown, count, shown in selected[name])
            for value, count in counted
            if (shown := vocabulary.names.get(value, "") if isinstance(value, int) else value)
        ]
        kept = [value for at, value in enumerate(values) if at < _FACET_VALUES or value.selected]
        facets[name] = tuple(kept)
    return facets


def _next(page: Page, mark: str) -> str | None:
    if not page.more or not page.hits:
        return None
    last = page.hits[-1]
    return cursors.write(mark, sort_value=last.sort_value, asset_id=last.asset_id)
