"""`manage.py import_labels ASSET answer.json`: brings in a labelling answer paid for elsewhere."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from medialib import services
from medialib.exceptions import MedialibError
from medialib.models import Asset


class Command(BaseCommand):
    help = (
        "Bring in an Amazon Rekognition answer (DetectLabels for a photo; GetLabelDetection for a "
        "video: one page, a list of pages, or a page a line). Nothing is paid again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the asset's id and the answer's path."""
        parser.add_argument("asset", help="id of the asset (it stands in its page's address)")
        parser.add_argument("answer", type=Path, help="the answer, a JSON file")

    def handle(self, *args: Any, asset: str, answer: Path, **options: Any) -> None:
        """Check and store the answer; a worker puts it in place."""
        try:
            found = Asset.objects.get(pk=asset, deleted_at=None)
        except (Asset.DoesNotExist, ValidationError):
            raise CommandError(f"There is no asset {asset}.") from None
        try:
            with answer.open("rb") as file:
                analysis = services.import_answer(found, file, filename=answer.name)
        except OSError as error:
            raise CommandError(f"{answer} can't be read ({error.strerror}).") from error
        except MedialibError as error:
            raise CommandError(error.detail) from error
        self.stdout.write(f"The answer is stored as analysis {analysis.pk}; moments follow.")
