"""What goes in and out of the REST API, described with units and ranges. No logic.

A field named `label` hides the framework's own attribute of that name, which is not used here.
"""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from labelling.models import Analysis
from medialib.models import Asset

FEATURES = ["labels"]


class AnalysisSerializer(serializers.Serializer[Any]):
    """Our record of one labelling run."""

    id = serializers.UUIDField(help_text="Id of the analysis.")
    asset_id = serializers.UUIDField(help_text="The asset that is analysed.")
    feature = serializers.ChoiceField(Analysis.Feature.choices, help_text="What is looked for.")
    backend = serializers.CharField(help_text="Who looks: `local`, `recorded`, …")
    model_version = serializers.CharField(help_text="The model, as the backend names it.")
    status = serializers.ChoiceField(Analysis.Status.choices, help_text="Where the run stands.")
    current = serializers.BooleanField(help_text="Whether search and pages show this run.")
    code = serializers.CharField(help_text="Short name of what went wrong, else empty.")
    detail = serializers.CharField(help_text="What went wrong, as a sentence, else empty.")
    notes = serializers.ListField(
        child=serializers.CharField(), help_text="What a person should know of the answer."
    )
    detections = serializers.IntegerField(help_text="Number of detections in the answer.")
    cost = serializers.CharField(help_text="Cost in US dollars.")
    progress = serializers.FloatField(help_text="0 to 1.")
    created_at = serializers.DateTimeField(help_text="When it was asked for (UTC).")
    ended_at = serializers.DateTimeField(allow_null=True, help_text="When it ended (UTC).")


class StatusSerializer(serializers.Serializer[Any]):
    """Where an asset stands."""

    state = serializers.ChoiceField(
        Asset.State.choices,
        help_text="`preparing` → `labelling` (findable by its words) → `searchable`; `rejected` "
        "(can't be shown; the original is kept 7 days) or `failed` (retry is offered).",
    )
    code = serializers.CharField(
        help_text="Short name of what went wrong, else empty. Of an original that is kept by "
        "reference: `original_gone`, `original_changed` or `original_closed` (may not be read, or "
        "is gone from a bucket that may not be listed); "
        "its `playback_url` then answers 410 with the sentence, unless there is a rendition."
    )
    detail = serializers.CharField(help_text="A sentence for people.")
    waiting_for = serializers.CharField(
        help_text="`slot`, `budget`, `provider`, `storage`, `search`, `retry` or empty."
    )
    progress = serializers.FloatField(help_text="Progress of what is done now, 0 to 1.")
    analyses = AnalysisSerializer(many=True, help_text="The latest analysis of each feature.")


class AssetSerializer(serializers.Serializer[Any]):
    """One kept photo or video."""

    id = serializers.UUIDField(help_text="Id of the asset.")
    kind = serializers.ChoiceField(Asset.Kind.choices, help_text="`photo` or `video`.")
    title = serializers.CharField(help_text="Its title, or the file's name when it has none.")
    description = serializers.CharField(help_text="A description in plain text.")
    original_filename = serializers.CharField(help_text="The file's own name, as text.")
    keywords = serializers.ListField(
        child=serializers.CharField(), help_text="Words given by people."
    )
    visibility = serializers.ChoiceField(Asset.Visibility.choices, help_text="Who may see it.")
    owner = serializers.CharField(help_text="User name of the owner.")
    status = StatusSerializer(help_text="Where it stands.")
    warnings = serializers.ListField(
        child=serializers.CharField(), help_text="What a person should know of the file."
    )
    content_type = serializers.CharField(help_text="From our own probe; empty until then.")
    size = serializers.IntegerField(help_text="Size of the original in bytes.")
    is_reference = serializers.BooleanField(
        help_text="Whether the original stays where an import found it, outside the library."
    )
    sha256 = serializers.CharField(help_text="SHA-256 of the original, hex.")
    duration_ms = serializers.IntegerField(help_text="Length in milliseconds; 0 for photos.")
    width = serializers.IntegerField(allow_null=True, help_text="Width in pixels, upright.")
    height = serializers.IntegerField(allow_null=True, help_text="Height in pixels, upright.")
    captured_at = serializers.DateTimeField(allow_null=True, help_text="When it was taken.")
    created_at = serializers.DateTimeField(help_text="When it came into the library (UTC).")
    is_demo = serializers.BooleanField(help_text="Whether it belongs to the demo.")
    url = serializers.URLField(help_text="Its page.")
    poster_url = serializers.URLField(allow_null=True, help_text="A picture of it (JPEG).")
    playback_url = serializers.URLField(
        allow_null=True, help_text="The file to play (MP4, byte ranges)."
    )


class SaidSerializer(serializers.Serializer[Any]):
    """What a person may say of an asset; every door that takes such words takes these fields."""

    title = serializers.CharField(
        required=False, allow_blank=True, max_length=300, help_text="Title, up to 300 characters."
    )
    description = serializers.CharField(
        required=False, allow_blank=True, max_length=10_000, help_text="Up to 10,000 characters."
    )
    keywords = serializers.ListField(
        child=serializers.CharField(max_length=100),
        required=False,
        max_length=100,
        help_text="Up to 100 keywords of up to 100 characters.",
    )
    visibility = serializers.ChoiceField(
        Asset.Visibility.choices, required=False, help_text="Who may see it."
    )


class AssetCreateSerializer(SaidSerializer):
    """A file and what is said of it; keywords repeat the field or are parted by commas."""

    file = serializers.FileField(
        allow_empty_file=True, use_url=False, help_text="The photo or video."
    )


class AssetChangeSerializer(SaidSerializer):
    """What may be changed of an asset; fields left out stay, keywords left out are taken away."""


class SparseSerializer(serializers.Serializer[Any]):
    """Which fields are wanted."""

    fields = serializers.CharField(  # type: ignore[assignment]
        required=False,
        max_length=1000,
        help_text="Only these fields of an asset, parted by commas: `id,title,status`.",
    )


class AssetFilterSerializer(SparseSerializer):
    """Filters of the asset list."""

    kind = serializers.ChoiceField(Asset.Kind.choices, required=False, help_text="Only this kind.")
    state = serializers.ChoiceField(
        Asset.State.choices, required=False, help_text="Only assets in this state."
    )
    keyword = serializers.CharField(required=False, help_text="Only assets with this keyword.")
    fingerprint = serializers.CharField(
        required=False,
        max_length=64,
        help_text="Only your own with this fingerprint: SHA-256 of size, first and last MiB.",
    )


class MomentSerializer(serializers.Serializer[Any]):
    """A span in which a label is seen; milliseconds, half-open; a photo has 0, 0."""

    label = serializers.CharField(help_text="Name of the label.")  # type: ignore[assignment]
    start_ms = serializers.IntegerField(help_text="First millisecond.")
    end_ms = serializers.IntegerField(help_text="First millisecond after it.")
    confidence = serializers.FloatField(help_text="Best confidence in it, 0 to 100.")
    mean_confidence = serializers.FloatField(help_text="Mean confidence in it, 0 to 100.")
    instances = serializers.IntegerField(help_text="Largest number of boxes at one time.")
    screen_share = serializers.FloatField(help_text="Share of the picture in boxes, 0 to 1.")
    thumbnail_url = serializers.URLField(allow_null=True, help_text="A picture of it (JPEG).")
    url = serializers.URLField(help_text="The asset's page, opened at this moment.")


class MomentTotalsSerializer(serializers.Serializer[Any]):
    """Totals of what was found in an asset, whatever the filters."""

    detections = serializers.IntegerField(help_text="Number of detections in the answer.")
    moments = serializers.IntegerField(help_text="Number of moments.")
    labels = serializers.IntegerField(help_text="Number of distinct labels.")


class MomentListSerializer(serializers.Serializer[Any]):
    """The moments of one asset."""

    totals = MomentTotalsSerializer(help_text="Totals of the current analysis.")
    results = MomentSerializer(many=True, help_text="The moments.")
    next = serializers.URLField(allow_null=True, help_text="Always null: the list is whole.")


class MomentFilterSerializer(serializers.Serializer[Any]):
    """Filters of the moment list."""

    label = serializers.CharField(  # type: ignore[assignment]
        required=False, max_length=100, help_text="Only this label (its name)."
    )
    min_confidence = serializers.FloatField(
        required=False, default=0, min_value=0, max_value=100, help_text="0 to 100."
    )
    order = serializers.ChoiceField(
        ["time", "label"], required=False, default="time", help_text="By time or by label."
    )


class BoxSerializer(serializers.Serializer[Any]):
    """A box as ratios of the picture; may reach over the edge."""

    left = serializers.FloatField(help_text="Left edge, ratio of the width.")
    top = serializers.FloatField(help_text="Top edge, ratio of the height.")
    width = serializers.FloatField(help_text="Width, ratio of the width.")
    height = serializers.FloatField(help_text="Height, ratio of the height.")
    confidence = serializers.FloatField(help_text="0 to 100.")


class DetectionSerializer(serializers.Serializer[Any]):
    """One raw answer: a label at a time, with boxes."""

    label = serializers.CharField(help_text="Name of the label.")  # type: ignore[assignment]
    time_ms = serializers.IntegerField(help_text="Time in milliseconds.")
    confidence = serializers.FloatField(help_text="0 to 100.")
    boxes = BoxSerializer(many=True, help_text="Where it is seen.")


class DetectionListSerializer(serializers.Serializer[Any]):
    """The detections with boxes in a window of time."""

    results = DetectionSerializer(many=True, help_text="By time.")
    next = serializers.URLField(allow_null=True, help_text="Always null: the window is whole.")


class DetectionFilterSerializer(serializers.Serializer[Any]):
    """The window and labels wanted."""

    start_ms = serializers.IntegerField(
        required=False, default=0, min_value=0, help_text="First millisecond."
    )
    end_ms = serializers.IntegerField(
        required=False, min_value=1, help_text="End; default start + 60,000, at most + 600,000."
    )
    label = serializers.ListField(  # type: ignore[assignment]
        child=serializers.CharField(max_length=100),
        required=False,
        help_text="Only these labels (repeat the parameter).",
    )


class AnalysisCreateSerializer(serializers.Serializer[Any]):
    """Which features to look for again."""

    features = serializers.ListField(
        child=serializers.ChoiceField(FEATURES),
        default=["labels"],
        min_length=1,
        help_text="Features to look for.",
    )


class AnalysisListSerializer(serializers.Serializer[Any]):
    """The analyses that were queued."""

    results = AnalysisSerializer(many=True, help_text="One per feature.")
    next = serializers.URLField(allow_null=True, help_text="Always null.")
