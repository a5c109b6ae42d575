"""`manage.py import_media PATH|s3://…`: puts files, folders and buckets into the library."""

from __future__ import annotations

import queue
import signal
import sys
import time
from argparse import ArgumentParser
from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from labelling.estimates import estimate
from medialib import arrivals, imports, references, services
from medialib.exceptions import Missing, Refused, StorageUnavailable
from medialib.management.bar import Bar
from medialib.media.errors import CageDied, MediaRejected
from medialib.models import Asset
from medialib.models.asset import new_id

_AT_ONCE = 4
_MEGABYTE = 1_000_000


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
            "--reference",
            action="store_true",
            help="Leave the files where they are and only read them there, for good. Folders must "
            "be named in MEDIALIB_REFERENCE_ROOTS, buckets in MEDIALIB_REFERENCE_BUCKETS.",
        )
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
        parser.add_argument(
            "--parallel",
            type=int,
            metavar="N",
            default=_AT_ONCE,
            choices=range(1, arrivals.MOST_AT_ONCE + 1),
            help=f"Files that come in at a time, up to {arrivals.MOST_AT_ONCE}; "
            "default: %(default)s.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Import every file; one bad file never ends the run."""
        details = services.Details(
            keywords=tuple(options["keyword"]), visibility=options["visibility"], batch=new_id()
        )
        self._at_once: int = options["parallel"]
        self._counts: Counter[str] = Counter()
        self._bytes = 0
        self._to_label: list[Asset] = []
        started = time.monotonic()
        try:
            owner = arrivals.owner_named(options["owner"] or "")
            self._terms = arrivals.Terms(owner, details, stay=options["reference"])
            for text in options["paths"] if self._terms.stay else ():
                references.check_place(text)
            places = [imports.place_of(text) for text in options["paths"]]
            if options["watch"]:
                self._watch(places, options["watch"])
            else:
                for place in places:
                    self._run(place, dry=options["dry_run"])
        except (Refused, StorageUnavailable) as error:
            raise CommandError(error.detail) from None
        self._report(time.monotonic() - started, dry=options["dry_run"])

    def _report(self, seconds: float, *, dry: bool) -> None:
        if dry:
            self.stdout.write(f"Labelling: {estimate(self._to_label).sentence}")
        elif self._counts[arrivals.Outcome.IMPORTED]:
            megabytes = self._bytes / _MEGABYTE
            self.stdout.write(f"{megabytes:,.1f} MB came in within {seconds:,.0f} s.")
        counts = sorted((+self._counts).items())
        report = ", ".join(f"{number} {what}" for what, number in counts)
        self.stdout.write(self.style.SUCCESS(report or "No photos or videos were found there."))

    def _run(self, place: imports.Place, *, dry: bool = False) -> None:
        listing = imports.Listing(place, is_known=arrivals.known_files(self._terms.owner))
        self._counts[arrivals.Outcome.THERE] += listing.known
        if dry:
            for found in listing.new:
                if what := self._sketched(listing, found):
                    self._counts[what] += 1
        else:
            self._take_in(listing)

    def _take_in(self, listing: imports.Listing) -> None:
        bar = Bar(sys.stderr, total=len(listing.new))
        for arrival in arrivals.take_in_all(listing, terms=self._terms, at_once=self._at_once):
            self._tell(arrival, bar)
            bar.step()
        bar.clear()

    def _tell(self, arrival: arrivals.Arrival, bar: Bar) -> None:
        if arrival.outcome is arrivals.Outcome.NOT_MEDIA:
            return
        self._counts[arrival.outcome] += 1
        bar.clear()
        for note in arrival.notes:
            self.stderr.write(f"{arrival.found.ref}: {note}")
        if arrival.asset is not None:
            self._bytes += arrival.found.size
            self.stdout.write(f"{arrival.found.ref} → {arrival.asset.pk}")

    def _sketched(self, listing: imports.Listing, found: imports.Found) -> str:
        """Say what would be done with a file; nothing if it is not media."""
        try:
            candidate = listing.candidate(found)
            return self._sketch(candidate) if candidate else ""
        except (Refused, Missing) as error:
            self.stderr.write(f"{found.ref}: {error.detail}")
            return "would be refused"

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
        how = "would refer to" if self._terms.stay else "would import"
        self.stdout.write(f"{how} {found.ref} ({found.size:,} bytes)")
        return "would import"

    def _watch(self, places: list[imports.Place], seconds: float) -> None:
        """Look again and again; what has the same size twice in a row is whole."""
        # Not an Event: its lock may be held by the very wait that the signal interrupts.
        signals: queue.SimpleQueue[int] = queue.SimpleQueue()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda number, _: signals.put(number))
        seen: dict[int, set[imports.Found]] = {}
        while True:
            for index, place in enumerate(places):
                now = set(place.list())
                settled = now & seen.get(index, set())
                is_known = arrivals.known_files(self._terms.owner)
                if not all(map(is_known, settled)):
                    self._take_in(imports.Listing(place, is_known=is_known, only=settled))
                seen[index] = now
            try:
                signals.get(timeout=seconds)
            except queue.Empty:
                continue
            return
