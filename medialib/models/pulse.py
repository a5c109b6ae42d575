"""When each part behind the pages was last alive. What silence means is said elsewhere."""

from __future__ import annotations

from django.db import models


class Pulse(models.Model):
    """One row for each part: its last sign of life."""

    class Part(models.TextChoices):
        """Whose sign it is. The workers bear the names of their queues."""

        HEAVY = "heavy", "Heavy worker"
        LIGHT = "light", "Light worker"
        SCHEDULER = "scheduler", "Scheduler"
        # Not a process: what the scheduler says has come through the queue to a light worker.
        DISPATCH = "dispatch", "Queue"

    part = models.CharField(max_length=9, choices=Part.choices, primary_key=True)
    seen_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.part}: {self.seen_at:%Y-%m-%d %H:%M:%S}"
