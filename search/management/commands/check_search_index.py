"""`manage.py check_search_index [--repair]`: does the index hold what the database says?"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from medialib.exceptions import SearchUnavailable
from search import services

_SHOWN = 20


class Command(BaseCommand):
    help = "Compare the search index with the database; exits with 1 if they differ."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take whether to repair."""
        parser.add_argument("--repair", action="store_true", help="index again what differs")

    def handle(self, *args: Any, repair: bool, **options: Any) -> None:
        """Compare, list what differs, repair if asked."""
        try:
            drift = services.check(repair=repair)
        except SearchUnavailable as error:
            raise CommandError(error.detail, returncode=2) from error
        kinds = {
            "not in the index": drift.missing,
            "older in the index": drift.stale,
            "in the index and should not be": drift.foreign,
        }
        for words, asset_ids in kinds.items():
            for asset_id in asset_ids[:_SHOWN]:
                self.stdout.write(f"{asset_id}: {words}")
            if len(asset_ids) > _SHOWN:
                self.stdout.write(f"… and {len(asset_ids) - _SHOWN} more {words}")
        if drift.count == 0:
            self.stdout.write("The search index is as the database says.")
        elif repair:
            self.stdout.write(f"{drift.count} assets differed and are indexed again.")
        else:
            self.stdout.write(f"{drift.count} assets differ; --repair indexes them again.")
            sys.exit(1)
