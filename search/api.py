"""`/api/search/` and `/api/labels/`: validates, calls one service, shapes the answer."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet
from django.http import QueryDict
from django.urls import reverse
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from medialib.models import Asset, Rendition
from medialib.selectors import Principals, visible_assets
from search import services, trees
from search.results import FoundMoment, Result, SearchAnswer
from search.serializers import (
    SearchAnswerSerializer,
    SearchParametersSerializer,
    SearchTreeSerializer,
    SuggestionListSerializer,
    SuggestParametersSerializer,
)

_NOBODY = UUID(int=0)
# Made once: making one copies all its fields.
_SEARCH, _SEARCH_TREE = SearchParametersSerializer(), SearchTreeSerializer()
_SUGGEST = SuggestParametersSerializer()
_FIELDS = (
    "id",
    "kind",
    "title",
    "original_filename",
    "state",
    "duration_ms",
    "width",
    "height",
    "captured_at",
    "created_at",
    "is_demo",
)


class SearchView(APIView):
    """Search."""

    required_scope = "read"
    problem_statuses = {way: {"503": "Search is away for a moment"} for way in ("GET", "POST")}

    @extend_schema(
        operation_id="search",
        parameters=[SearchParametersSerializer],
        responses=SearchAnswerSerializer,
    )
    def get(self, request: Request) -> Response:
        """Find assets with the moments that match, why they match, exact totals and facets."""
        asked = _validated(_SEARCH, request.query_params)
        return _searched(request, request.query_params.copy(), asked.pop("q"), asked)

    @extend_schema(
        operation_id="search_tree",
        examples=[
            OpenApiExample(
                "A car, then a person",
                request_only=True,
                value={
                    "query": {
                        "then": [{"label": "Car", "min_confidence": 80}, {"label": "Person"}],
                        "within_ms": 10000,
                    },
                    "kind": "video",
                },
            )
        ],
        request=SearchTreeSerializer,
        responses=SearchAnswerSerializer,
    )
    def post(self, request: Request) -> Response:
        """Search as programs do, by a tree instead of words; `next` is an address to GET."""
        asked = _validated(_SEARCH_TREE, request.data)
        text = str(trees.read_tree(asked.pop("query")))
        given = QueryDict(mutable=True)
        given["q"] = text
        for name, value in asked.items():
            if name != "cursor":
                given.setlist(name, value if isinstance(value, list) else [value])
        return _searched(request, given, text, asked)


class LabelListView(APIView):
    """Suggestions."""

    required_scope = "read"
    problem_statuses = {"GET": {"503": "Search is away for a moment"}}

    @extend_schema(
        operation_id="labels_suggest",
        parameters=[SuggestParametersSerializer],
        responses=SuggestionListSerializer,
    )
    def get(self, request: Request) -> Response:
        """Suggest labels that begin so, with the number of assets you would find by them."""
        asked = _validated(_SUGGEST, request.query_params)
        found = services.suggest(
            asked["prefix"], principals=Principals.of(request.user), limit=asked["limit"]
        )
        return Response({"results": found})


def _searched(request: Request, given: QueryDict, text: str, asked: dict[str, Any]) -> Response:
    """Answer; `given` are the parameters that the next page's address repeats."""
    principals = Principals.of(request.user)
    answer = services.search(text, principals=principals, **asked)
    return Response(_answer(answer, request, principals, given))


def _validated(serializer: Serializer[Any], given: Any) -> dict[str, Any]:
    """Check what was asked; a serializer that holds no data of a call serves all calls at once."""
    return dict(serializer.run_validation(given))


def _answer(
    answer: SearchAnswer, request: Request, principals: Principals, given: QueryDict
) -> dict[str, Any]:
    query, shape = answer.query, _Shape(request, answer.query.canonical)
    shown = (*answer.results, *answer.near_misses)
    summaries = shape.summaries([result.asset_id for result in shown], principals)
    return {
        "query": {
            "text": query.text,
            "canonical": query.canonical,
            "understood": query.understood,
            "suggestions": query.suggestions,
        },
        "total": answer.total,
        "results": shape.results(answer.results, summaries),
        "near_misses": shape.results(answer.near_misses, summaries),
        "unlooked": answer.unlooked,
        "facets": answer.facets,
        "next": _next_address(request, answer.next, given),
    }


class _Shape:
    """Shapes the results of one answer; addresses are looked up once for all its moments."""

    def __init__(self, request: Request, canonical: str) -> None:
        base = request.build_absolute_uri("/")[:-1]
        self._query = urlencode({"q": canonical})
        frame = base + reverse("media-frame", args=[_NOBODY, 0])
        self._frame, _, self._frame_end = frame.partition(f"{_NOBODY}")
        self._frame_middle, _, self._frame_end = self._frame_end.partition("0")
        self._poster, _, self._poster_end = _parted(base, "media-poster")
        self._playback, _, self._playback_end = _parted(base, "media-playback")
        self._page, _, self._page_end = _parted(base, "asset")

    def summaries(self, ids: Sequence[str], principals: Principals) -> dict[str, dict[str, Any]]:
        """Read the assets of a page in one query, by id.

        Rights are read from the rows once more: the index may be a moment behind a change of them.
        """
        rows = visible_assets(principals, among=_rows().filter(pk__in=ids))
        return {str(row["id"]): self._summary(row) for row in rows}

    def _summary(self, row: dict[str, Any]) -> dict[str, Any]:
        asset_id = row["id"] = str(row["id"])
        row["title"] = row["title"] or row.pop("original_filename")
        row.pop("original_filename", None)
        poster = f"{self._poster}{asset_id}{self._poster_end}" if row.pop("has_poster") else None
        video = row["kind"] == Asset.Kind.VIDEO
        playback = f"{self._playback}{asset_id}{self._playback_end}" if video else None
        page = f"{self._page}{asset_id}{self._page_end}"
        return {**row, "url": page, "poster_url": poster, "playback_url": playback}

    def results(
        self, results: Sequence[Result], summaries: dict[str, dict[str, Any]]
    ) -> list[dict[str, Any]]:
        """Shape those results whose assets may still be seen."""
        shown = (result for result in results if result.asset_id in summaries)
        return [self.result(result, summaries[result.asset_id]) for result in shown]

    def result(self, result: Result, summary: dict[str, Any]) -> dict[str, Any]:
        """Shape one result."""
        moment = self._photo if summary["kind"] == Asset.Kind.PHOTO else self._video
        return {
            "asset": summary,
            "moment_count": result.moment_count,
            "screen_ms": result.screen_ms,
            "why": result.why,
            "moments": [
                {
                    "label": found.label,
                    "start_ms": found.start_ms,
                    "end_ms": found.end_ms,
                    "confidence": found.confidence,
                    "labels": found.labels,
                    **moment(found, summary),
                }
                for found in result.moments
            ],
        }

    def _photo(self, _found: FoundMoment, summary: dict[str, Any]) -> dict[str, str]:
        return {
            "thumbnail_url": f"{self._poster}{summary['id']}{self._poster_end}",
            "url": f"{summary['url']}#{self._query}",
        }

    def _video(self, found: FoundMoment, summary: dict[str, Any]) -> dict[str, str]:
        start, end = found.start_ms, found.end_ms
        picture = f"{self._frame}{summary['id']}{self._frame_middle}{start}{self._frame_end}"
        span = f"t={start / 1000:.12g},{end / 1000:.12g}"
        return {"thumbnail_url": picture, "url": f"{summary['url']}#{span}&{self._query}"}


@cache
def _rows() -> QuerySet[Asset, dict[str, Any]]:
    """Make the query of what is said of assets, in no order; making it takes as long as asking."""
    posters = Rendition.objects.filter(asset=OuterRef("pk"), kind=Rendition.Kind.POSTER)
    rows: QuerySet[Asset, dict[str, Any]] = (
        Asset.objects.order_by().annotate(has_poster=Exists(posters)).values(*_FIELDS, "has_poster")
    )
    return rows


def _parted(base: str, name: str) -> tuple[str, str, str]:
    return (base + reverse(name, args=[_NOBODY])).partition(f"{_NOBODY}")


def _next_address(request: Request, cursor: str | None, given: QueryDict) -> str | None:
    if cursor is None:
        return None
    parameters = given.copy()
    parameters["cursor"] = cursor
    return request.build_absolute_uri(f"{request.path}?{parameters.urlencode()}")
