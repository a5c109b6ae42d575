"""`manage.py import_media PATH|s3://…`: puts files, folders and buckets into the library."""

from __future__ import annotations

import signal
import sys
import threading
import time
from argparse import ArgumentParser
from collections import Counter
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from labelling.answers import AnswerInvalid
from labelling.estimates import estimate
from medialib import imports, services
from medialib.exceptions import Duplicate, Refused, StorageUnavailable
from medialib.media.errors import CageDied, MediaRejected
from medialib.models import Asset, User
from medialib.models.asset import new_id


class Command(BaseCommand):
    help = (
        "Put photos and videos into the library. A Rekognition answer beside a file "
        "(clip.mp4.json or clip.json) is used instead of labelling it again; a JSON with title, "
        "description, keywords or visibility there, or a table media.csv in the folder (columns "
        "file, title, description, keywords, visibility), says more of it. Run again, it goes on."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("paths", nargs="+", metavar="PATH", help="or s3://bucket/folder")
        parser.add_argument("--owner", help="User name; default: the first superuser.")
        parser.add_argument("--visibility", choices=Asset.Visibility.values, default="")
        parser.add_argument("--keyword", action="append", default=[], help="May be repeated.")
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help="Only say what would be done, and what labelling it would cost.",
        )
        parser.add_argument(
            "--watch",
            type=float,
            metavar="SECONDS",
            help="Stay and look again ever so often; a file is taken once it has stopped growing.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Import one file after the other; one bad file never ends the run."""
        self._owner = _owner(options["owner"])
        self._details = services.Details(
            keywords=tuple(options["keyword"]), visibility=options["visibility"], batch=new_id()
        )
        self._counts: Counter[str] = Counter()
        self._to_label: list[Asset] = []
        self._started = time.monotonic()
        try:
            places = [imports.place_of(text) for text in options["paths"]]
            if options["watch"]:
                self._watch(places, options["watch"])
            else:
                for place in places:
                    self._run(place, dry=options["dry_run"])
        except (Refused, StorageUnavailable) as error:
            raise CommandError(error.detail) from None
        if options["dry_run"]:
            self.stdout.write(f"Labelling: {estimate(self._to_label).sentence}")
        counts = sorted(self._counts.items())
        report = ", ".join(f"{number} {what}" for what, number in counts)
        self.stdout.write(self.style.SUCCESS(report or "No photos or videos were found there."))

    def _known(self) -> set[tuple[str, int]]:
        """Tell what earlier runs have brought in: a run that broke off goes on after it."""
        mine = Asset.objects.filter(owner=self._owner, deleted_at=None).exclude(source_ref="")
        return set(mine.values_list("source_ref", "size"))

    def _run(
        self, place: imports.Place, *, dry: bool = False, settled: set[imports.Found] | None = None
    ) -> None:
        known = self._known()
        if settled is None:
            self._counts["already there"] += sum(
                (found.ref, found.size) in known for found in place.list()
            )
            self._counts += Counter()
        for candidate in imports.find_candidates(place, known=known):
            if settled is not None and candidate.found not in settled:
                continue
            self._counts[self._sketch(candidate) if dry else self._import(candidate)] += 1
            self._show_progress()

    def _sketch(self, candidate: imports.Candidate) -> str:
        """Say what would be done with a file, and keep in mind what labelling it would cost."""
        found = candidate.found
        try:
            # An answer that lies beside a file is not paid for again.
            if not candidate.answer:
                self._to_label.append(imports.sketch(candidate))
        except (MediaRejected, CageDied) as error:
            self.stderr.write(f"{found.ref}: {error.detail}")
            return "would be refused"
        self.stdout.write(f"would import {found.ref} ({found.size:,} bytes)")
        return "would import"

    def _watch(self, places: list[imports.Place], seconds: float) -> None:
        """Look again and again; what has the same size twice in a row is whole."""
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        seen: dict[int, set[imports.Found]] = {}
        while not stop.is_set():
            for index, place in enumerate(places):
                now = set(place.list())
                settled = now & seen.get(index, set())
                if settled - {f for f in settled if (f.ref, f.size) in self._known()}:
                    self._run(place, settled=settled)
                seen[index] = now
            stop.wait(seconds)

    def _show_progress(self) -> None:
        if not sys.stderr.isatty():
            return
        done = sum(self._counts.values())
        pace = self._counts["imported"] / max(time.monotonic() - self._started, 0.001)
        self.stderr.write(f"\r{done} files, {pace:.1f} a second", ending="")

    def _import(self, candidate: imports.Candidate) -> str:
        ref = candidate.found.ref
        try:
            try:
                asset = self._create(candidate, answer=candidate.answer)
            except AnswerInvalid as error:
                self.stderr.write(f"{candidate.answer} is not used: {error.detail}")
                asset = self._create(candidate, answer="")
        except Duplicate as error:
            self.stdout.write(f"{ref}: {error.detail}")
            return "already there"
        except Refused as error:
            self.stderr.write(f"{ref}: {error.detail}")
            return "refused"
        self.stdout.write(f"{ref} → {asset.pk}")
        return "imported"

    def _create(self, candidate: imports.Candidate, *, answer: str) -> Asset:
        said = dict(candidate.said)
        said["keywords"] = (*self._details.keywords, *said.get("keywords", ()))
        details = replace(self._details, source_ref=candidate.found.ref, **said)
        with ExitStack() as stack:
            place = candidate.place
            return services.create_asset(
                owner=self._owner,
                file=stack.enter_context(place.open(candidate.found.name)),
                filename=candidate.filename,
                details=details,
                answer=stack.enter_context(place.open(answer)) if answer else None,
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
