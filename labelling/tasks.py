"""Celery's doors into labelling: one service call each, nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from celery import shared_task

from labelling import starting

_task: Callable[..., Callable[[Callable[..., None]], Any]] = shared_task


@_task(name="labelling.tasks.sweep_slots", expires=50)
def sweep_slots() -> None:
    """Free the slots of jobs that have ended unnoticed."""
    starting.sweep_slots()
