"""`manage.py import_media PATH…`: puts files and folders into the library, with a report."""

from __future__ import annotations

from argparse import ArgumentParser
from collections import Counter
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from labelling.answers import AnswerInvalid
from medialib import imports, services
from medialib.exceptions import Duplicate, Refused, StorageUnavailable
from medialib.models import Asset, User
from medialib.models.asset import new_id


class Command(BaseCommand):
    help = (
        "Put photos and videos into the library. A Rekognition answer beside a file "
        "(clip.mp4.json or clip.json) is used instead of labelling it again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("paths", nargs="+", metavar="PATH")
        parser.add_argument("--owner", help="User name; default: the first superuser.")
        parser.add_argument("--visibility", choices=Asset.Visibility.values, default="")
        parser.add_argument("--keyword", action="append", default=[], help="May be repeated.")
        parser.add_argument("--dry-run", action="store_true", help="Only say what would be done.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Import one file after the other; one bad file never ends the run."""
        owner = _owner(options["owner"])
        details = services.Details(
            keywords=tuple(options["keyword"]), visibility=options["visibility"], batch=new_id()
        )
        counts: Counter[str] = Counter()
        try:
            for candidate in imports.find_candidates(options["paths"]):
                if options["dry_run"]:
                    self.stdout.write(f"would import {candidate.path} ({candidate.size:,} bytes)")
                    counts["would import"] += 1
                else:
                    counts[self._import(candidate, owner, details)] += 1
        except (Refused, StorageUnavailable) as error:
            raise CommandError(error.detail) from None
        report = ", ".join(f"{number} {what}" for what, number in sorted(counts.items()))
        self.stdout.write(self.style.SUCCESS(report or "No photos or videos were found there."))

    def _import(self, candidate: imports.Candidate, owner: User, details: services.Details) -> str:
        path = candidate.path
        details = replace(details, source_ref=str(path.resolve()))
        try:
            try:
                asset = _create(path, candidate.answer, owner, details)
            except AnswerInvalid as error:
                self.stderr.write(f"{candidate.answer} is not used: {error.detail}")
                asset = _create(path, None, owner, details)
        except Duplicate as error:
            self.stdout.write(f"{path}: {error.detail}")
            return "already there"
        except Refused as error:
            self.stderr.write(f"{path}: {error.detail}")
            return "refused"
        self.stdout.write(f"{path} → {asset.pk}")
        return "imported"


def _create(path: Path, answer: Path | None, owner: User, details: services.Details) -> Asset:
    with ExitStack() as stack:
        return services.create_asset(
            owner=owner,
            file=stack.enter_context(path.open("rb")),
            filename=path.name,
            details=details,
            answer=stack.enter_context(answer.open("rb")) if answer else None,
        )


def _owner(name: str | None) -> User:
    if name:
        user = User.objects.filter(username=name).first()
        if user is None:
            raise CommandError(f"There is no user {name!r}.")
        return user
    user = User.objects.filter(is_superuser=True).order_by("pk").first()
    if user is None:
        raise CommandError("There is no user yet: run `make run` once, or name one with --owner.")
    return user
