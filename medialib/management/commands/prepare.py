"""`manage.py prepare`: make the database ready, once before the processes start."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from medialib.management import startup


class Command(BaseCommand):
    help = "Bring the tables up to date and load the vocabulary; safe to repeat."

    def handle(self, **options: Any) -> None:
        """Do it and say so."""
        startup.prepare_database()
        self.stdout.write("The database is ready.")
