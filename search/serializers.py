"""The shapes of `/api/search/` and `/api/labels/`: what may be asked and what is answered."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from medialib.models import Asset
from search import services
from search.backends.base import LENGTHS, SORTS
from search.query import MAX_LENGTH


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
        "`count:`, `join:`, `has:boxes`, `is:`, `owner:me`, `source:`, `car@80`, `dog#2`, "
        "`within:asset`. Empty: everything you may see.",
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


class SearchTreeSerializer(SearchParametersSerializer):
    """What a program asks: the search as a tree, and the same parameters."""

    q = None  # type: ignore[assignment]
    query = serializers.JSONField(
        help_text='`{"all": […]}`, `{"any": […]}`, `{"none": […]}`, `{"then": […], "within_ms": '
        '10000}`, or one term: `{"label": "Car", "min_confidence": 80, "count": 2}`, `{"text": '
        '"red car"}`; `kind`, `category`, `keyword`, `file`, `date`, `captured`, `length`, `has`, '
        "`is`, `owner` and `source` take what they take in the language.",
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

    assets = serializers.IntegerField(help_text="Number of matching assets.")
    moments = serializers.IntegerField(help_text="Number of matching moments in all of them.")
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
    moment_count = serializers.IntegerField(help_text="Number of its matching moments.")
    screen_ms = serializers.IntegerField(help_text="Milliseconds they last in all; 0 for photos.")
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
        help_text="Number of assets with it, leaving this facet's own choice out."
    )
    selected = serializers.BooleanField(help_text="Whether it is selected.")


class UnlookedSerializer(serializers.Serializer[Any]):
    """What search could not look at."""

    waiting = serializers.IntegerField(
        help_text="Number of your assets on their way: being prepared, labelled or indexed."
    )
    unlabelled = serializers.IntegerField(
        help_text="Number of your assets without labels: never labelled, or labelling failed. "
        "They are found by their words only."
    )


class SearchAnswerSerializer(serializers.Serializer[Any]):
    """What a search answers."""

    query = UnderstoodQuerySerializer(help_text="What was understood.")
    total = TotalSerializer(help_text="How much was found.")
    results = ResultSerializer(many=True, help_text="The page, best first or as sorted.")
    near_misses = ResultSerializer(
        many=True,
        help_text="For a THEN, on the first page: up to 5 assets in which it is so, but further "
        "apart than was asked. They count in no total.",
    )
    unlooked = UnlookedSerializer(
        allow_null=True,
        help_text="Counted when nothing was found: what could not be looked at and might have it. "
        "Null when something was found, or everything was looked at. "
        "When search itself is away, the answer is 503 with the code `search_unavailable`.",
    )
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
    count = serializers.IntegerField(help_text="Number of assets that you would find by it.")


class SuggestionListSerializer(serializers.Serializer[Any]):
    """Labels to search for."""

    results = SuggestionSerializer(many=True, help_text="Most assets first.")
