"""`manage.py prepare`: make database and index ready, once before the processes start."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from medialib.management import startup


class Command(BaseCommand):
    help = "Bring tables, vocabulary and search index up to date; safe to repeat."

    def handle(self, **options: Any) -> None:
        """Do it and say so."""
        self.stdout.write(startup.prepare() or "Database and index are ready.")
