"""Celery's doors into the pipeline: ids in, one service call each, nothing else.

And the pulse of the processes that Celery starts.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from celery import shared_task
from celery.signals import beat_init, worker_ready

from labelling import budget
from medialib import batches, pipeline, pulses, referring, services, upload_news, uploads, webhooks
from medialib.api.idempotency import forget_old_answers

# A worker that lost its broker becomes ready anew: its first pulse goes on.
_beating = threading.Event()


def worker_lives(sender: Any, **_: Any) -> None:
    """Keep the pulse of a worker under the names of the queues that it takes from."""
    if not _beating.is_set():
        _beating.set()
        pulses.keep(sender.app.amqp.queues.consume_from)


def scheduler_lives(**_: Any) -> None:
    """Keep the pulse of the scheduler."""
    pulses.keep([pulses.Part.SCHEDULER])


worker_ready.connect(worker_lives)
beat_init.connect(scheduler_lives)

_task: Callable[..., Callable[[Callable[..., None]], Any]] = shared_task


@_task(name="medialib.tasks.run_step")
def run_step(step_id: int) -> None:
    """Do one step."""
    pipeline.run_step(step_id)


@_task(name="medialib.tasks.dispatch_steps", expires=10)
def dispatch_steps() -> None:
    """Send ready steps and give back lost ones."""
    pipeline.dispatch()


@_task(name="medialib.tasks.tell_events", expires=5)
def tell_events() -> None:
    """Send what webhooks are to hear, for a few seconds."""
    webhooks.run_round()


@_task(name="medialib.tasks.finish_batches", expires=30)
def finish_batches() -> None:
    """Notice batches and single uploads that have ended."""
    batches.finish_batches()
    upload_news.tell()


@_task(name="medialib.tasks.sweep_library", expires=600)
def sweep_library() -> None:
    """Remove what is due: old trash, old rejects, orphans in storage, forgotten money.

    Also look whether originals that stay where they were can still be read.
    """
    services.purge_due()
    services.sweep_orphans()
    uploads.sweep()
    forget_old_answers()
    budget.sweep()
    referring.notice_originals()
