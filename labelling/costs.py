"""Reads of money: the month to date by owner and feature, caps and what is left. Writes nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Count, Q, Sum
from django.utils import timezone

from labelling.budget import LIBRARY, OWNERS, periods_of
from labelling.models import Analysis, BudgetPeriod, Cap, LedgerEntry
from medialib.models import Asset, Step, User

_Key = tuple[int | None, str, str]


@dataclass(frozen=True, slots=True)
class CostRow:
    """What one feature by one labeller cost one owner; amounts in US dollars."""

    owner: str
    feature: str
    backend: str
    analyses: int
    calls: int
    images: Decimal
    minutes: Decimal
    cost: Decimal
    uncertain: int


@dataclass(frozen=True, slots=True)
class AccountRow:
    """A cap, what is spent and what is set aside in its present month or day."""

    scope: str
    name: str
    kind: str
    period: str
    cap: Decimal | None
    spent: Decimal
    reserved: Decimal

    @property
    def share(self) -> int:
        """Give how much of the cap is used, in percent."""
        if not self.cap:
            return 100
        return min(100, int(100 * (self.spent + self.reserved) / self.cap))

    @property
    def left(self) -> Decimal | None:
        """Give what may still be spent; None without a cap."""
        if self.cap is None:
            return None
        return max(Decimal(0), self.cap - self.spent - self.reserved)


@dataclass(frozen=True, slots=True)
class CostReport:
    """The month to date."""

    month: str
    rows: tuple[CostRow, ...]
    accounts: tuple[AccountRow, ...]
    prices_date: str

    @property
    def total(self) -> Decimal:
        """Give what the month cost so far."""
        return sum((row.cost for row in self.rows), Decimal(0))

    @property
    def has_cap(self) -> bool:
        """Tell whether anything paid may run at all."""
        return any(row.scope == LIBRARY and row.cap is not None for row in self.accounts)


def month_to_date(now: datetime | None = None) -> CostReport:
    """Report the present UTC month: what ran, what it cost, what may still be spent."""
    now = (now or timezone.now()).astimezone(UTC)
    start = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    paid = _paid(start)
    ran = _ran(start)
    names = _names({key[0] for key in (*paid, *ran)})
    rows = [_cost_row(key, names, paid.get(key, {}), ran.get(key, 0)) for key in {**paid, **ran}]
    return CostReport(
        month=f"{now:%Y-%m}",
        rows=tuple(sorted(rows, key=lambda row: (-row.cost, row.owner, row.feature, row.backend))),
        accounts=tuple(_accounts(now)),
        prices_date=settings.MEDIALIB_PRICES_DATE,
    )


def _cost_row(
    key: _Key, names: dict[int | None, str], paid: dict[str, Any], analyses: int
) -> CostRow:
    return CostRow(
        owner=names.get(key[0], "(removed)"),
        feature=key[1],
        backend=key[2],
        analyses=analyses,
        calls=paid.get("calls", 0),
        images=paid.get("images") or Decimal(0),
        minutes=paid.get("minutes") or Decimal(0),
        cost=paid.get("total") or Decimal(0),
        uncertain=paid.get("unsure", 0),
    )


def _paid(start: datetime) -> dict[_Key, dict[str, Any]]:
    groups = LedgerEntry.objects.filter(at__gte=start).values("owner", "feature", "backend")
    sums = groups.annotate(
        calls=Count("pk"),
        images=Sum("units", filter=Q(unit="image")),
        minutes=Sum("units", filter=Q(unit="minute")),
        total=Sum("cost"),
        unsure=Count("pk", filter=Q(uncertain=True)),
    ).order_by()
    return {(row["owner"], row["feature"], row["backend"]): {**row} for row in sums}


def _ran(start: datetime) -> dict[_Key, int]:
    """Count the analyses, so that what is free shows too, as 0."""
    ended = Analysis.objects.filter(ended_at__gte=start, status=Analysis.Status.SUCCEEDED)
    groups = ended.values("asset__owner", "feature", "backend").annotate(count=Count("pk"))
    return {
        (row["asset__owner"], row["feature"], row["backend"]): row["count"]
        for row in groups.order_by()
    }


def _names(owners: Iterable[int | None]) -> dict[int | None, str]:
    people = User.objects.filter(pk__in=[key for key in owners if key])
    return dict(people.values_list("pk", "username"))


def _accounts(now: datetime) -> list[AccountRow]:
    """List the library's accounts, then those of owners that have a cap or spent something."""
    named = periods_of(now)
    caps = {(cap.scope, cap.kind): cap.amount for cap in Cap.objects.exclude(kind=Cap.Kind.ONCE)}
    used = {
        (row.scope, row.period): row
        for row in BudgetPeriod.objects.filter(period__in=named.values())
    }
    owners = {scope for scope, _ in (*caps, *used) if scope.startswith("u:")}
    names = _names({int(scope[2:]) for scope in owners})
    people = sorted((names.get(int(scope[2:]), "(removed)"), scope) for scope in owners)
    found = []
    for name, scope in [("Library", LIBRARY), *people]:
        for kind, period in named.items():
            default = caps.get((OWNERS, kind)) if scope != LIBRARY else None
            row = used.get((scope, period))
            found.append(
                AccountRow(
                    scope=scope,
                    name=name,
                    kind=kind,
                    period=period,
                    cap=caps.get((scope, kind), default),
                    spent=row.spent if row else Decimal(0),
                    reserved=row.reserved if row else Decimal(0),
                )
            )
    return found


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits for money: how many, the first of them, and the batches they came in."""

    count: int
    assets: tuple[Asset, ...]
    batches: tuple[tuple[UUID, int], ...]


def waiting_for_money(*, limit: int = 20) -> Waiting:
    """List what can't be labelled because a cap is reached or none is set."""
    steps = Step.objects.filter(state=Step.State.WAITING, waiting_for=Step.WaitingFor.BUDGET)
    first = steps.select_related("asset__owner").order_by("-priority", "pk")[:limit]
    batches = (
        steps.exclude(asset__batch=None)
        .values_list("asset__batch")
        .annotate(count=Count("pk"))
        .order_by("-count")[:limit]
    )
    return Waiting(
        count=steps.count(),
        assets=tuple(step.asset for step in first),
        batches=tuple((batch, count) for batch, count in batches if batch is not None),
    )


def backend_in_use(asset_ids: Any) -> str | None:
    """Tell which backend the open analyses of some assets ask; None if there are none."""
    open_rows = Analysis.objects.filter(
        asset_id__in=asset_ids, status__in=(Analysis.Status.QUEUED, Analysis.Status.IN_PROGRESS)
    )
    return open_rows.order_by("created_at").values_list("backend", flat=True).first()
