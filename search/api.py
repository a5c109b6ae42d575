"""`/api/search/` and `/api/labels/`: validates, calls one service, shapes the answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Exists, OuterRef
from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from medialib.models import Asset, Rendition
from medialib.selectors import Principals, visible_assets
from search import services
from search.backends.base import LENGTHS, SORTS
from search.query import MAX_LENGTH
from search.results import FacetValue, FoundMoment, Result, SearchAnswer

_NOBODY = UUID(int=0)
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


class SearchParametersSerializer(serializers.Serializer[Any]):
    """What may be asked."""

    q = serializers.CharField(
        required=False,
        allow_blank=True,
        default="",
        trim_whitespace=False,
        help_text=f"What to find, at most {MAX_LENGTH:,} characters: words, `AND OR NOT -`, "
        'brackets, `"phrases"`, `a THEN b WITHIN 10s`, `label:`, `kind:`, `category:`, '
        "`keyword:`, `text:`, `file:`, `date:`, `captured:`, `length:`, `dur:`, `conf:`, "
        "`car@80`, `within:asset`. Empty: everything you may see.",
    )
    kind = serializers.ChoiceField(
        ["photo", "video"], required=False, help_text="Only photos, or only videos."
    )
    min_confidence = serializers.FloatField(
        required=False,
        default=0,
        min_value=0,
        max_value=100,
        help_text="Only labels at least that sure, 0–100, for every term; rounded up to the "
        "steps 35, 40 … 95, 97, 99.",
    )
    within = serializers.ChoiceField(
        ["moment", "asset"],
        required=False,
        default="moment",
        help_text="`moment`: everything at the same time; `asset`: anywhere in the asset.",
    )
    sort = serializers.ChoiceField(
        SORTS, required=False, default="relevance", help_text="What comes first."
    )
    cursor = serializers.CharField(
        required=False, max_length=1_000, help_text="From `next`; belongs to this very search."
    )
    page_size = serializers.IntegerField(
        required=False,
        default=20,
        min_value=1,
        max_value=services.MAX_PAGE_SIZE,
        help_text="Assets a page.",
    )
    label = serializers.ListField(  # type: ignore[assignment]
        child=serializers.CharField(max_length=100),
        required=False,
        default=list,
        max_length=10,
        help_text="Only assets in which these labels are seen somewhere; may be repeated.",
    )
    category = serializers.ListField(
        child=serializers.CharField(max_length=100),
        required=False,
        default=list,
        max_length=10,
        help_text="Only assets with labels of these categories; may be repeated.",
    )
    month = serializers.RegexField(
        r"^\d{4}-\d{2}$", required=False, help_text="Month taken, else uploaded: `2026-06`."
    )
    length = serializers.ChoiceField(
        [name for name, _, _ in LENGTHS],
        required=False,
        help_text="`short` under 1 min, `medium` 1 to 10 min, `long` from 10 min; videos only.",
    )
    facets = serializers.BooleanField(
        required=False, default=True, help_text="Whether to count facets as well."
    )


class UnderstoodSerializer(serializers.Serializer[Any]):
    """What a piece of the search was understood as."""

    text = serializers.CharField(help_text="The piece as it was typed.")
    type = serializers.ChoiceField(
        ["label", "category", "text", "filter", "relation"], help_text="What it is."
    )
    value = serializers.CharField(help_text="What it stands for.")
    negated = serializers.BooleanField(help_text="Whether it is taken away.")
    reason = serializers.CharField(help_text="Why, as a sentence; empty if it is plain.")


class UnderstoodQuerySerializer(serializers.Serializer[Any]):
    """The search as it was understood."""

    text = serializers.CharField(help_text="The search as it was typed.")
    canonical = serializers.CharField(help_text="As understood, in the language itself.")
    understood = UnderstoodSerializer(many=True, help_text="Piece by piece.")
    suggestions = serializers.ListField(
        child=serializers.CharField(), help_text="Searches that may have been meant."
    )


class TotalSerializer(serializers.Serializer[Any]):
    """How much was found."""

    assets = serializers.IntegerField(help_text="Matching assets.")
    moments = serializers.IntegerField(help_text="Matching moments in all of them.")
    exact = serializers.BooleanField(help_text="False: there are more than that.")


class SeenLabelSerializer(serializers.Serializer[Any]):
    """A label seen in a moment."""

    label = serializers.CharField(help_text="Name of the label.")  # type: ignore[assignment]
    confidence = serializers.FloatField(help_text="Best confidence there, 0–100.")


class FoundMomentSerializer(serializers.Serializer[Any]):
    """A span that matches, half-open; 0, 0 in a photo."""

    label = serializers.CharField(  # type: ignore[assignment]
        help_text="The label seen most surely in it."
    )
    start_ms = serializers.IntegerField(help_text="Where it begins, in milliseconds.")
    end_ms = serializers.IntegerField(help_text="Where it ends, in milliseconds.")
    confidence = serializers.FloatField(help_text="Best confidence in it, 0–100.")
    labels = SeenLabelSerializer(many=True, help_text="All labels asked for that are seen in it.")
    thumbnail_url = serializers.URLField(help_text="A picture of the moment (JPEG).")
    url = serializers.URLField(help_text="The asset's page, at this moment.")


class FoundAssetSerializer(serializers.Serializer[Any]):
    """An asset as a list of hits shows it."""

    id = serializers.UUIDField(help_text="Id of the asset.")
    kind = serializers.ChoiceField(Asset.Kind.choices, help_text="`photo` or `video`.")
    title = serializers.CharField(help_text="Its title, or the file's name when it has none.")
    state = serializers.ChoiceField(Asset.State.choices, help_text="Where it stands.")
    duration_ms = serializers.IntegerField(help_text="Length in milliseconds; 0 for photos.")
    width = serializers.IntegerField(allow_null=True, help_text="Width in pixels, upright.")
    height = serializers.IntegerField(allow_null=True, help_text="Height in pixels, upright.")
    captured_at = serializers.DateTimeField(allow_null=True, help_text="When it was taken.")
    created_at = serializers.DateTimeField(help_text="When it came into the library (UTC).")
    is_demo = serializers.BooleanField(help_text="Whether it belongs to the demo.")
    url = serializers.URLField(help_text="Its page.")
    poster_url = serializers.URLField(allow_null=True, help_text="A picture of it (JPEG).")
    playback_url = serializers.URLField(
        allow_null=True, help_text="The file to play (MP4, byte ranges); photos have none."
    )


class ResultSerializer(serializers.Serializer[Any]):
    """An asset that matches."""

    asset = FoundAssetSerializer(help_text="The asset, in short; `GET /api/assets/{id}/` has all.")
    moment_count = serializers.IntegerField(help_text="Its matching moments.")
    screen_ms = serializers.IntegerField(help_text="How long they last in all; 0 for photos.")
    why = serializers.ListField(
        child=serializers.CharField(), help_text="Why it matches, in sentences."
    )
    moments = FoundMomentSerializer(
        many=True, help_text="The matching moments in time order, the surest 50 if there are more."
    )


class FacetValueSerializer(serializers.Serializer[Any]):
    """A value of a facet."""

    value = serializers.CharField(help_text="The value, as it is given back to select it.")
    count = serializers.IntegerField(
        help_text="Assets with it, leaving this facet's own choice out."
    )
    selected = serializers.BooleanField(help_text="Whether it is selected.")


class SearchAnswerSerializer(serializers.Serializer[Any]):
    """What a search answers."""

    query = UnderstoodQuerySerializer(help_text="What was understood.")
    total = TotalSerializer(help_text="How much was found.")
    results = ResultSerializer(many=True, help_text="The page, best first or as sorted.")
    facets = serializers.DictField(
        child=FacetValueSerializer(many=True),
        help_text="`kind`, `label`, `category`, `month`, `length`: the most frequent values.",
    )
    next = serializers.URLField(allow_null=True, help_text="The next page; null at the end.")


class SuggestParametersSerializer(serializers.Serializer[Any]):
    """What labels to suggest."""

    prefix = serializers.CharField(
        required=False,
        allow_blank=True,
        default="",
        max_length=100,
        help_text="How a word of the label begins; empty: the labels seen most.",
    )
    limit = serializers.IntegerField(
        required=False, default=12, min_value=1, max_value=100, help_text="How many at most."
    )


class SuggestionSerializer(serializers.Serializer[Any]):
    """A label to search for."""

    label = serializers.CharField(help_text="Name of the label.")  # type: ignore[assignment]
    count = serializers.IntegerField(help_text="Assets that you would find by it.")


class SuggestionListSerializer(serializers.Serializer[Any]):
    """Labels to search for."""

    results = SuggestionSerializer(many=True, help_text="Most assets first.")


class SearchView(APIView):
    """Search."""

    required_scope = "read"
    problem_statuses = {"GET": {"503": "Search is away for a moment"}}

    @extend_schema(
        operation_id="search",
        parameters=[SearchParametersSerializer],
        responses=SearchAnswerSerializer,
    )
    def get(self, request: Request) -> Response:
        """Find assets with the moments that match, why they match, exact totals and facets."""
        asked = _validated(SearchParametersSerializer, request)
        principals = Principals.of(request.user)
        answer = services.search(asked.pop("q"), principals=principals, **asked)
        return Response(_answer(answer, request, principals))


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
        asked = _validated(SuggestParametersSerializer, request)
        found = services.suggest(
            asked["prefix"], principals=Principals.of(request.user), limit=asked["limit"]
        )
        return Response({"results": [asdict(suggestion) for suggestion in found]})


def _validated(serializer_class: type[Any], request: Request) -> dict[str, Any]:
    serializer = serializer_class(data=request.query_params)
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


def _answer(answer: SearchAnswer, request: Request, principals: Principals) -> dict[str, Any]:
    query, shape = answer.query, _Shape(request, answer.query.canonical)
    summaries = shape.summaries([result.asset_id for result in answer.results], principals)
    return {
        "query": {
            "text": query.text,
            "canonical": query.canonical,
            "understood": [asdict(piece) for piece in query.understood],
            "suggestions": list(query.suggestions),
        },
        "total": asdict(answer.total),
        "results": [
            shape.result(result, summaries[result.asset_id])
            for result in answer.results
            if result.asset_id in summaries
        ],
        "facets": {
            name: [_facet_value(value) for value in values]
            for name, values in answer.facets.items()
        },
        "next": _next_address(request, answer.next),
    }


def _facet_value(value: FacetValue) -> dict[str, Any]:
    return {"value": value.value, "count": value.count, "selected": value.selected}


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
        posters = Rendition.objects.filter(asset=OuterRef("pk"), kind=Rendition.Kind.POSTER)
        rows = visible_assets(principals).filter(pk__in=ids).annotate(has_poster=Exists(posters))
        return {str(row["id"]): self._summary(row) for row in rows.values(*_FIELDS, "has_poster")}

    def _summary(self, row: dict[str, Any]) -> dict[str, Any]:
        asset_id = row["id"] = str(row["id"])
        row["title"] = row["title"] or row.pop("original_filename")
        row.pop("original_filename", None)
        poster = f"{self._poster}{asset_id}{self._poster_end}" if row.pop("has_poster") else None
        video = row["kind"] == Asset.Kind.VIDEO
        playback = f"{self._playback}{asset_id}{self._playback_end}" if video else None
        page = f"{self._page}{asset_id}{self._page_end}"
        return {**row, "url": page, "poster_url": poster, "playback_url": playback}

    def result(self, result: Result, summary: dict[str, Any]) -> dict[str, Any]:
        """Shape one result."""
        moment = self._photo if summary["kind"] == Asset.Kind.PHOTO else self._video
        return {
            "asset": summary,
            "moment_count": result.moment_count,
            "screen_ms": result.screen_ms,
            "why": list(result.why),
            "moments": [
                {
                    "label": found.label,
                    "start_ms": found.start_ms,
                    "end_ms": found.end_ms,
                    "confidence": found.confidence,
                    "labels": [
                        {"label": seen.label, "confidence": seen.confidence}
                        for seen in found.labels
                    ],
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


def _parted(base: str, name: str) -> tuple[str, str, str]:
    return (base + reverse(name, args=[_NOBODY])).partition(f"{_NOBODY}")


def _next_address(request: Request, cursor: str | None) -> str | None:
    if cursor is None:
        return None
    parameters = request.query_params.copy()
    parameters["cursor"] = cursor
    return request.build_absolute_uri(f"{request.path}?{parameters.urlencode()}")
