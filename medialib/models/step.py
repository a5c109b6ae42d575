"""The durable queue's rows: work that is ready, running or waiting, and how it ended."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone

from medialib.models.asset import Asset


class Step(models.Model):
    """A row of work to do. The row is the truth; a Celery message only carries its id."""

    class Kind(models.TextChoices):
        """What is to be done; `medialib.pipeline` knows the order."""

        PREPARE = "prepare"
        CONVERT = "convert"
        ANALYSE = "analyse"
        COLLECT = "collect"
        PICTURES = "pictures"
        INDEX = "index"
        PURGE = "purge"

    class State(models.TextChoices):
        """Where a step stands."""

        READY = "ready"
        RUNNING = "running"
        WAITING = "waiting"
        DONE = "done"
        FAILED = "failed"
        CANCELLED = "cancelled"

    class WaitingFor(models.TextChoices):
        """What a waiting step waits for."""

        SLOT = "slot"
        BUDGET = "budget"
        PROVIDER = "provider"
        STORAGE = "storage"
        SEARCH = "search"
        RETRY = "retry"

    class Queue(models.TextChoices):
        """Which workers take it: `heavy` are conversions and local labelling."""

        HEAVY = "heavy"
        LIGHT = "light"

    kind = models.CharField(max_length=10, choices=Kind.choices)
    asset = models.ForeignKey(Asset, on_delete=models.CASCADE, related_name="steps")
    # An analysis belongs to a package above this one, hence a plain id. "" for steps of the asset.
    analysis_id = models.CharField(max_length=36, blank=True)
    queue = models.CharField(max_length=5, choices=Queue.choices, default=Queue.LIGHT)
    priority = models.SmallIntegerField(default=0)
    state = models.CharField(max_length=9, choices=State.choices, default=State.READY)
    waiting_for = models.CharField(max_length=8, choices=WaitingFor.choices, blank=True)
    next_try_at = models.DateTimeField(null=True, blank=True)
    again = models.BooleanField(default=False)
    attempts = models.PositiveIntegerField(default=0)
    lost_leases = models.PositiveIntegerField(default=0)
    lease_owner = models.CharField(max_length=100, blank=True)
    lease_token = models.CharField(max_length=36, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    progress = models.FloatField(default=0)
    cancel_requested = models.BooleanField(default=False)
    code = models.CharField(max_length=50, blank=True)
    detail = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["-priority", "id"], name="step_ready", condition=Q(state="ready")),
            models.Index(fields=["next_try_at"], name="step_waiting", condition=Q(state="waiting")),
            models.Index(fields=["lease_until"], name="step_running", condition=Q(state="running")),
            # Whole ones: SQLite takes no partial index for a state that is a parameter.
            models.Index(fields=["state", "-priority", "id"], name="step_by_place"),
            models.Index(fields=["state", "-ended_at"], name="step_by_end"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "asset", "analysis_id"],
                condition=Q(state__in=["ready", "running", "waiting"]),
                name="one_open_step",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.asset_id}: {self.state}"
