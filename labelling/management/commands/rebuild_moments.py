"""`manage.py rebuild_moments [ASSET …]`: moments and boxes anew from the stored answers."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from labelling import services


class Command(BaseCommand):
    help = "Work moments and boxes out again from the stored answers. No labeller is asked."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the assets' ids; none means all."""
        parser.add_argument("asset", nargs="*", help="ids of assets; all of them without any")

    def handle(self, *args: Any, asset: list[str], **options: Any) -> None:
        """Rebuild one after the other and say how it went; search catches up by itself."""
        left = done = 0
        try:
            for step in services.rebuild_moments(asset or None):
                done = step.done
                if step.detail:
                    left += 1
                    self.stderr.write(f"{step.analysis.asset_id}: left as it was: {step.detail}")
                elif step.done % 100 == 0:
                    self.stdout.write(f"{step.done} of {step.total}")
        except ValidationError:
            raise CommandError("An asset's id is a UUID.") from None
        self.stdout.write(f"Rebuilt {done - left} of {done} analyses.")
