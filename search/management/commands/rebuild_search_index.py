"""`manage.py rebuild_search_index`: the whole index anew, from the database."""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from medialib.exceptions import SearchUnavailable
from search import services


class Command(BaseCommand):
    help = "Build the search index anew beside the old one, which answers until the end."

    def handle(self, *args: Any, **options: Any) -> None:
        """Rebuild and say how far it is, a line every few seconds."""
        said = time.monotonic()

        def progress(done: int, total: int) -> None:
            nonlocal said
            if time.monotonic() - said > 2:
                said = time.monotonic()
                self.stdout.write(f"{done} of {total} assets")

        try:
            count = services.rebuild(progress)
        except SearchUnavailable as error:
            raise CommandError(f"{error.detail} The old index is still in use.") from error
        self.stdout.write(f"The search index holds {count} assets.")
