"""`manage.py read_notices`: hear from the queue which jobs have ended, until told to stop."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from labelling import notices
from medialib.management.listening import listen


class Command(BaseCommand):
    help = "Read the queue that tells which labelling jobs have ended, until told to stop."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take whether to end when the queue is empty."""
        parser.add_argument("--once", action="store_true", help="end when the queue is empty")

    def handle(self, **options: Any) -> None:
        """Read on and on; a queue that can't be reached is tried again."""
        if not settings.MEDIALIB_NOTICES_QUEUE_URL:
            raise CommandError("MEDIALIB_NOTICES_QUEUE_URL is not set: there is no queue to read.")
        listen(notices.receive, once=options["once"])
