"""`manage.py read_drops`: take in what is dropped into buckets, until told to stop."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from medialib import arrivals, drops
from medialib.exceptions import Refused
from medialib.management.listening import listen
from medialib.models.asset import new_id


class Command(BaseCommand):
    help = "Read the queue that tells what was dropped into buckets, until told to stop."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take whether to end when the queue is empty, and how many files to take at a time."""
        parser.add_argument("--once", action="store_true", help="end when the queue is empty")
        parser.add_argument(
            "--parallel",
            type=int,
            metavar="N",
            default=4,
            choices=range(1, arrivals.MOST_AT_ONCE + 1),
            help="Files that come in at a time; default: %(default)s.",
        )

    def handle(self, **options: Any) -> None:
        """Read on and on; what comes without a pause belongs together, as an import does."""
        if not settings.MEDIALIB_DROPS_QUEUE_URL:
            raise CommandError("MEDIALIB_DROPS_QUEUE_URL is not set: there is no queue to read.")
        self._at_once: int = options["parallel"]
        self._batch = new_id()
        try:
            listen(self._receive, once=options["once"])
        except Refused as error:
            raise CommandError(error.detail) from None

    def _receive(self, *, seconds: int = 20) -> int:
        count = drops.receive(batch=self._batch, seconds=seconds, at_once=self._at_once)
        if not count:
            self._batch = new_id()
        return count
