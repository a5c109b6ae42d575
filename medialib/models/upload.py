"""Uploads in parts that have not become assets yet."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone

from medialib.models.asset import new_id


class Upload(models.Model):
    """A file on its way in, part by part; filled by the part protocol."""

    class State(models.TextChoices):
        """Where an upload stands."""

        OPEN = "open"
        COMPLETE = "complete"
        ABANDONED = "abandoned"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="uploads"
    )
    filename = models.CharField(max_length=300)
    size = models.BigIntegerField()
    content_type = models.CharField(max_length=100, blank=True)
    sha256 = models.CharField(max_length=64, blank=True)
    fingerprint = models.CharField(max_length=64, blank=True)
    part_size = models.PositiveIntegerField()
    name = models.CharField(max_length=300, unique=True)
    provider_upload_id = models.CharField(max_length=1024, blank=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    asset = models.ForeignKey(
        "medialib.Asset", null=True, blank=True, on_delete=models.SET_NULL, related_name="uploads"
    )
    fields = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(size__gt=0), name="upload_has_bytes")
        ]

    def __str__(self) -> str:
        return f"{self.filename} ({self.state})"
