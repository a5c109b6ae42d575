"""`manage.py sweep_storage [--dry-run]`: removes stored objects that belong to nothing any more."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.template.defaultfilters import filesizeformat

from medialib import services
from medialib.exceptions import StorageUnavailable


class Command(BaseCommand):
    help = "Find and remove stored objects that no asset names, on disk or in the bucket."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="Only list them.")
        parser.add_argument(
            "--older-than",
            type=float,
            default=24.0,
            metavar="HOURS",
            help="Leave what is younger alone: an upload may still be going on (default: 24).",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """List every orphan with its size, remove it unless told not to, and sum up."""
        age = timedelta(hours=options["older_than"])
        look = services.find_orphans if options["dry_run"] else services.sweep_orphans
        count = size = 0
        try:
            for orphan in look(older_than=age):
                self.stdout.write(f"{orphan.size:>12} {orphan.name}")
                count, size = count + 1, size + orphan.size
        except StorageUnavailable as error:
            raise CommandError(error.detail) from None
        done = "would be removed" if options["dry_run"] else "removed"
        self.stdout.write(f"{count} orphans {done}, {filesizeformat(size)}.")
