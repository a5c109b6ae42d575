"""`manage.py rebuild_search_index`: the whole index anew, from the database."""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from medialib.exceptions import SearchUnavailable
from search import services

_BAR = 30
_SAY_EVERY_SECONDS = 2


class Command(BaseCommand):
    help = (
        "Build the search index anew beside the old one, which answers until the end. "
        "After a kill, run it again: it goes on where it was."
    )

    def handle(self, *args: Any, verbosity: int, **options: Any) -> None:
        """Rebuild and say how far it is: a bar on a terminal, else a line every few seconds."""
        on_terminal = self.stdout.isatty()
        said = time.monotonic()

        def progress(done: int, total: int) -> None:
            nonlocal said
            if on_terminal:
                filled = _BAR * min(done, total) // max(total, 1)
                bar = "#" * filled + "-" * (_BAR - filled)
                self.stdout.write(f"\r[{bar}] {done} of {total} assets", ending="")
                self.stdout.flush()
            elif verbosity > 1 or time.monotonic() - said > _SAY_EVERY_SECONDS:
                said = time.monotonic()
                self.stdout.write(f"{done} of {total} assets")

        try:
            count = services.rebuild(progress)
        except SearchUnavailable as error:
            told = f"{error.detail} The old index is still in use."
            raise CommandError(told, returncode=2) from error
        self.stdout.write(f"{chr(10) * on_terminal}The search index holds {count} assets.")
