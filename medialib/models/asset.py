"""Assets, their renditions and keywords. Rows only: services write them, selectors read them."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from uuid6 import uuid7

from medialib import references


def new_id() -> uuid.UUID:
    """Make an outward id that sorts by time (UUIDv7, RFC 9562)."""
    return uuid.UUID(int=uuid7().int)


def default_visibility() -> str:
    """Name the visibility a new asset gets when nobody says otherwise."""
    return str(settings.MEDIALIB_DEFAULT_VISIBILITY)


class Keyword(models.Model):
    """A word given by a person; unique once folded."""

    name = models.CharField(max_length=100)
    folded = models.CharField(max_length=100, unique=True)

    def __str__(self) -> str:
        return self.name


class Asset(models.Model):
    """One kept photo or video."""

    class Kind(models.TextChoices):
        """What an asset is."""

        PHOTO = "photo"
        VIDEO = "video"

    class State(models.TextChoices):
        """Where an asset stands; `searchable` means all that was asked for has ended."""

        PREPARING = "preparing"
        LABELLING = "labelling"
        SEARCHABLE = "searchable"
        REJECTED = "rejected"
        FAILED = "failed"

    class Visibility(models.TextChoices):
        """Who may see an asset."""

        PRIVATE = "private"
        GROUPS = "groups"
        LIBRARY = "library"
        PUBLIC = "public"

    class Precision(models.TextChoices):
        """How much of `captured_at` is known."""

        YEAR = "year"
        MONTH = "month"
        DAY = "day"
        SECOND = "second"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="assets"
    )
    visibility = models.CharField(
        max_length=10, choices=Visibility.choices, default=default_visibility
    )
    groups = models.ManyToManyField(Group, blank=True, related_name="assets")
    keywords = models.ManyToManyField(Keyword, blank=True, related_name="assets")
    kind = models.CharField(max_length=5, choices=Kind.choices)
    title = models.CharField(max_length=300, blank=True)
    description = models.TextField(max_length=10_000, blank=True)
    original_filename = models.CharField(max_length=300)

    # The original: where its bytes lie and what our own probe says of them.
    original_name = models.CharField(max_length=references.MAX_NAME, unique=True)
    content_type = models.CharField(max_length=100, blank=True)
    size = models.BigIntegerField()
    sha256 = models.CharField(max_length=64, blank=True)
    fingerprint = models.CharField(max_length=64, blank=True)
    width = models.PositiveIntegerField(null=True, blank=True)
    height = models.PositiveIntegerField(null=True, blank=True)
    duration_ms = models.PositiveBigIntegerField(default=0)
    fps_num = models.PositiveIntegerField(null=True, blank=True)
    fps_den = models.PositiveIntegerField(null=True, blank=True)
    source_offset_ms = models.BigIntegerField(default=0)
    rotation = models.SmallIntegerField(default=0)
    probe = models.JSONField(default=dict, blank=True)

    captured_at = models.DateTimeField(null=True, blank=True)
    captured_offset_minutes = models.SmallIntegerField(null=True, blank=True)
    captured_precision = models.CharField(max_length=6, choices=Precision.choices, blank=True)
    source = models.CharField(max_length=200, blank=True)
    source_ref = models.CharField(max_length=references.MAX_PLACE, blank=True)
    batch = models.UUIDField(null=True, blank=True)

    state = models.CharField(max_length=10, choices=State.choices, default=State.PREPARING)
    code = models.CharField(max_length=50, blank=True)
    detail = models.CharField(max_length=500, blank=True)
    warnings = models.JSONField(default=list, blank=True)
    duplicate_of = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="duplicates"
    )

    index_generation = models.PositiveBigIntegerField(default=1)
    indexed_generation = models.PositiveBigIntegerField(default=0)
    is_demo = models.BooleanField(default=False)
    deleted_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="asset_newest"),
            models.Index(fields=["owner", "sha256"], name="asset_duplicates"),
            models.Index(fields=["batch"], name="asset_batch", condition=Q(batch__isnull=False)),
            models.Index(
                fields=["id"],
                name="asset_backlog",
                condition=~Q(index_generation=F("indexed_generation")),
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind="video") | Q(duration_ms=0), name="photo_has_no_duration"
            ),
            models.CheckConstraint(condition=Q(size__gt=0), name="asset_has_bytes"),
        ]

    def __str__(self) -> str:
        return self.title or self.original_filename

    @property
    def is_reference(self) -> bool:
        """Tell whether the original lies outside the library, where it is only read."""
        return references.is_reference(self.original_name)


class WantedFrame(models.Model):
    """A moment whose picture somebody asked for before it was made; gone once it is."""

    asset = models.ForeignKey(Asset, on_delete=models.CASCADE, related_name="wanted_frames")
    at = models.PositiveBigIntegerField()
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["asset", "at"], name="wanted_once")]

    def __str__(self) -> str:
        return f"{self.asset_id} at {self.at} ms"


class Rendition(models.Model):
    """A file derived from an original; its row exists only once its bytes are whole in storage."""

    class Kind(models.TextChoices):
        """What a rendition is for; `frame` and `web` may exist several times per asset."""

        PLAYBACK = "playback"
        POSTER = "poster"
        STORYBOARD = "storyboard"
        ANALYSIS = "analysis"
        FRAME = "frame"
        WEB = "web"

    asset = models.ForeignKey(Asset, on_delete=models.CASCADE, related_name="renditions")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    # Milliseconds for a frame, longer side in pixels for a web picture, else 0.
    at = models.PositiveBigIntegerField(default=0)
    name = models.CharField(max_length=300, unique=True)
    content_type = models.CharField(max_length=100)
    size = models.BigIntegerField()
    width = models.PositiveIntegerField(null=True, blank=True)
    height = models.PositiveIntegerField(null=True, blank=True)
    details = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["asset", "kind", "at"], name="one_rendition_each")
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.asset_id}"
