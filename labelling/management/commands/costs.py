"""`manage.py costs`: the month to date by owner and feature, with caps and what is set aside."""

from __future__ import annotations

from argparse import ArgumentParser
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from labelling import budget
from labelling.costs import CostReport, month_to_date
from labelling.estimates import usd
from medialib.exceptions import Refused
from medialib.models import User


class Command(BaseCommand):
    help = "Print what labelling cost this month, and set caps. Amounts are US dollars."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take a cap to set, and whose it is; without one, only print."""
        parser.add_argument("--cap", metavar="USD", help="set this cap; “none” takes it away")
        parser.add_argument("--each", choices=["month", "day"], default="month")
        whose = "a user name, or “owners” for each owner without a cap of their own; "
        parser.add_argument("--owner", default="", help=f"{whose}default: the library")

    def handle(self, *args: Any, **options: Any) -> None:
        """Set the cap that was asked for, then print the report."""
        if options["cap"] is not None:
            self._set(options["cap"], kind=options["each"], owner=options["owner"])
        for line in _lines(month_to_date()):
            self.stdout.write(line)

    def _set(self, text: str, *, kind: str, owner: str) -> None:
        try:
            amount = None if text == "none" else Decimal(text)
            budget.set_cap(_scope(owner), kind, amount, actor=None)
        except (InvalidOperation, Refused) as error:
            sentence = error.detail if isinstance(error, Refused) else f"{text!r} is no amount."
            raise CommandError(sentence) from None


def _scope(owner: str) -> str:
    if not owner:
        return budget.LIBRARY
    if owner == budget.OWNERS:
        return budget.OWNERS
    user = User.objects.filter(username=owner).first()
    if user is None:
        raise CommandError(f"There is no user {owner!r}.")
    return budget.owner_scope(user.pk)


def _lines(report: CostReport) -> list[str]:
    lines = [f"{report.month} to date: {usd(report.total)} USD (prices of {report.prices_date})"]
    if not report.has_cap:
        lines.append("No cap is set: nothing paid runs. Set one with --cap 50.")
    lines += ["", f"{'owner':<20} {'feature':<11} {'labeller':<12} {'analyses':>8} {'USD':>10}"]
    for row in report.rows:
        unsure = f"  ({row.uncertain} uncertain)" if row.uncertain else ""
        lines.append(
            f"{row.owner:<20} {row.feature:<11} {row.backend:<12} {row.analyses:>8} "
            f"{usd(row.cost):>10}{unsure}"
        )
    lines += ["", f"{'cap of':<20} {'each':<11} {'spent':>10} {'set aside':>10} {'cap':>10}"]
    for account in report.accounts:
        cap = "none" if account.cap is None else usd(account.cap)
        lines.append(
            f"{account.name:<20} {account.kind:<11} {usd(account.spent):>10} "
            f"{usd(account.reserved):>10} {cap:>10}"
        )
    return lines
