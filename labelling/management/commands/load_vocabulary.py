"""`manage.py load_vocabulary`: loads the shipped names, parents, aliases and categories."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from labelling.vocabulary import load_vocabulary


class Command(BaseCommand):
    help = "Load the shipped vocabulary. Doing it again changes nothing."

    def handle(self, *args: Any, **options: Any) -> None:
        """Load it and say how much it is."""
        self.stdout.write(f"The vocabulary has {load_vocabulary():,} labels.")
