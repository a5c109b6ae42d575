"""`manage.py reprocess_assets`: labels many assets again, after saying what it will cost."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db.models import QuerySet

from labelling import budget
from labelling.estimates import estimate
from medialib import services
from medialib.exceptions import Conflict, Refused
from medialib.models import Asset, User

_READY = (Asset.State.LABELLING, Asset.State.SEARCHABLE)


class Command(BaseCommand):
    help = (
        "Label assets again with a backend. Says first what it will cost; a paid backend needs "
        "your yes. What is found now stays until the new answers are there."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("asset", nargs="*", help="ids of assets; all of them without any")
        parser.add_argument("--backend", help=f"default: {settings.MEDIALIB_LABELLING}")
        parser.add_argument("--feature", action="append", help="may be repeated; default: labels")
        parser.add_argument("--kind", choices=Asset.Kind.values)
        parser.add_argument("--owner", metavar="USER", help="only the assets of this user")
        parser.add_argument("--batch", help="only the assets of this import")
        parser.add_argument("--failed", action="store_true", help="only where labelling failed")
        parser.add_argument("--yes", action="store_true", help="agree to the estimated cost")
        parser.add_argument(
            "--beyond-caps",
            action="store_true",
            help="let exactly these pass whatever the caps say, up to the estimate",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Choose, estimate, ask, queue; one asset that can't be labelled never ends the run."""
        alias = options["backend"] or settings.MEDIALIB_LABELLING
        if alias not in settings.LABELLING_BACKENDS:
            known = ", ".join(sorted(settings.LABELLING_BACKENDS))
            raise CommandError(f"There is no backend {alias!r}; there are: {known}.")
        features = tuple(options["feature"] or ["labels"])
        chosen = _chosen(options)
        found = estimate(chosen.iterator(), features=features, backend=alias)
        self.stdout.write(found.sentence)
        if not found.photos + found.videos:
            return
        if found.paid and not options["yes"]:
            self._ask()
        actor = User.objects.filter(is_superuser=True).order_by("pk").first()
        if actor is None:
            raise CommandError("There is no superuser yet, in whose name this could be done.")
        queued = 0
        for asset in chosen.iterator():
            if options["beyond_caps"] and found.paid:
                _let_pass(asset, features, alias, actor)
            queued += self._queue(asset, features, alias, actor)
        self.stdout.write(self.style.SUCCESS(f"{queued} will be labelled again by {alias}."))

    def _ask(self) -> None:
        if not sys.stdin.isatty():
            raise CommandError("This costs money: add --yes to agree to the estimate.")
        if input("Go on? Type yes: ").strip().lower() != "yes":
            raise CommandError("Nothing was queued.")

    def _queue(self, asset: Asset, features: tuple[str, ...], alias: str, actor: User) -> int:
        try:
            services.label_again(asset, actor=actor, features=features, backend=alias)
        except (Conflict, Refused) as error:
            self.stderr.write(f"{asset.pk}: {error.detail}")
            return 0
        return 1


def _chosen(options: dict[str, Any]) -> QuerySet[Asset]:
    rows = Asset.objects.filter(deleted_at=None, state__in=_READY).order_by("created_at", "pk")
    try:
        if options["asset"]:
            rows = rows.filter(pk__in=options["asset"])
        if options["batch"]:
            rows = rows.filter(batch=options["batch"])
    except ValidationError:
        raise CommandError("The id of an asset or a batch is a UUID.") from None
    if options["kind"]:
        rows = rows.filter(kind=options["kind"])
    if options["owner"]:
        rows = rows.filter(owner__username=options["owner"])
    if options["failed"]:
        rows = rows.filter(analyses__status="FAILED").exclude(analyses__current=True).distinct()
    return rows


def _let_pass(asset: Asset, features: tuple[str, ...], alias: str, actor: User) -> None:
    cost: Decimal = estimate([asset], features=features, backend=alias).cost
    budget.allow_asset(asset, cost + budget.spent_once(f"asset:{asset.pk}"), actor=actor)
