"""Guards the money: caps, what is set aside, what is spent, and the ledger. Calls no provider.

Money is set aside before a paid call (`reserve`) and becomes spent (`settle`) or free again
(`release`). Every change is one conditional UPDATE, so any number of processes may do it at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_UP, Decimal
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q, Value
from django.db.models.functions import Round
from django.utils import timezone

from labelling.models import Analysis, BudgetPeriod, Cap, LedgerEntry, Reservation
from labelling.prices import price_of
from medialib import assets as asset_rows
from medialib import steps
from medialib.exceptions import Refused, Wait
from medialib.models import Asset, Step, User

LIBRARY = "library"
OWNERS = "owners"
_MILLIONTH = Decimal("0.000001")
_PLACES = 6
# A raised cap wakes what waits at once; this is for room that comes in other ways.
_LOOK_AGAIN = 3600.0
_NO_CAP = (
    "Nothing paid runs until a cap is set: an administrator sets one on the costs page "
    "or in the admin."
)


@dataclass(frozen=True, slots=True)
class Account:
    """A scope in one period with the cap that holds for it; None: none is set."""

    scope: str
    kind: str
    period: str
    cap: Decimal | None

    @property
    def sentence(self) -> str:
        """Say whose cap is reached and when it goes on."""
        whose = "the library's" if self.scope == LIBRARY else "the owner's"
        return (
            f"The budget is reached: {whose} cap of {self.cap:.2f} USD a {self.kind}. It goes on "
            f"in the next {self.kind} (UTC), or when an administrator raises the cap."
        )


def owner_scope(owner_id: int) -> str:
    """Name the scope of one owner."""
    return f"u:{owner_id}"


def periods_of(now: datetime) -> dict[str, str]:
    """Name the UTC month and day of a moment in time."""
    day = now.astimezone(UTC)
    return {Cap.Kind.MONTH.value: f"{day:%Y-%m}", Cap.Kind.DAY.value: f"{day:%Y-%m-%d}"}


def accounts(*, owner_id: int, now: datetime | None = None) -> list[Account]:
    """Give the four accounts a run of this owner counts in, each with its cap."""
    named = periods_of(now or timezone.now())
    owner = owner_scope(owner_id)
    rows = Cap.objects.filter(scope__in=(LIBRARY, OWNERS, owner), kind__in=named)
    caps = {(cap.scope, cap.kind): cap.amount for cap in rows}
    found = []
    for kind, period in named.items():
        found.append(Account(LIBRARY, kind, period, caps.get((LIBRARY, kind))))
        own = caps.get((owner, kind), caps.get((OWNERS, kind)))
        found.append(Account(owner, kind, period, own))
    return found


def reserve(analysis: Analysis, amount: Decimal, *, repeatable: bool = False) -> None:
    """Set money aside for an attempt of an analysis before its paid call; once per attempt.

    Raises Wait("budget") when no cap of the library is set or a cap would be exceeded. An attempt
    that is settled needs no more money. If a call was noted as uncertain and never settled, that
    call is booked as spent and the money is set aside anew, because the call will be repeated;
    a `repeatable` call is paid once however often it is made.
    """
    amount = _money(amount)
    reached: Account | None = None
    with transaction.atomic():
        found = _lock(analysis)
        if found is not None and found.state == Reservation.State.SETTLED:
            return
        if found is not None and found.state == Reservation.State.OPEN:
            if found.pending_id is None or repeatable:
                return
            _book(found, _pending_cost(found), state=Reservation.State.RELEASED)
        counted, reached = _count(analysis, amount)
        if reached is None:
            _keep(analysis, amount, counted, found)
    if reached is not None:
        _say_reached(analysis, reached)
        raise Wait(Step.WaitingFor.BUDGET, seconds=_pause(), detail=reached.sentence)


def settle(analysis: Analysis, amount: Decimal, *, units: Decimal | int, operation: str) -> None:
    """Write a paid call into the ledger and turn the money set aside into money spent.

    Twice for one attempt is once; `units` are images or minutes.
    """
    amount = _money(amount)
    with transaction.atomic():
        found = _lock(analysis)
        if found is not None and found.state == Reservation.State.SETTLED:
            return
        if found is None:
            found = _keep(analysis, Decimal(0), _open_periods(analysis), None)
        elif found.state == Reservation.State.RELEASED:
            # Paid for after all, though it was given up: the truth goes before the cap.
            found = _keep(analysis, Decimal(0), found.periods, found)
        if found.pending_id:
            LedgerEntry.objects.filter(pk=found.pending_id).update(
                uncertain=False, units=units, cost=amount, operation=operation
            )
        else:
            _write(analysis, operation=operation, units=Decimal(units), amount=amount)
        _book(found, amount)


def release(analysis: Analysis) -> None:
    """Give back what was set aside: the call was not made, or the provider refused it.

    Don't call it when the outcome of a call is unknown: an uncertain call counts as spent.
    """
    with transaction.atomic():
        found = _lock(analysis)
        if found is None or found.state != Reservation.State.OPEN:
            return
        if found.pending_id:
            LedgerEntry.objects.filter(pk=found.pending_id).update(uncertain=False, cost=0)
        _give_back(found)


def note_uncertain(
    analysis: Analysis, *, operation: str, units: Decimal | int, amount: Decimal
) -> bool:
    """Write a call into the ledger before it is made, so that a kill before the answer shows.

    Gives False if an earlier call of this attempt stands there already, its outcome unknown.
    """
    with transaction.atomic():
        found = _lock(analysis)
        assert found is not None, "money is set aside first"
        assert found.state == Reservation.State.OPEN, "money is set aside first"
        is_new = found.pending_id is None
        if is_new:
            found.pending = _write(
                analysis,
                operation=operation,
                units=Decimal(units),
                amount=_money(amount),
                uncertain=True,
            )
            found.save(update_fields=["pending"])
        return is_new


def end(analysis: Analysis) -> None:
    """Close the books of an analysis that has ended: an uncertain call is spent, the rest free."""
    with transaction.atomic():
        found = _lock(analysis)
        if found is not None and found.state == Reservation.State.OPEN:
            _close(found)


def sweep(*, older_than: timedelta = timedelta(hours=1)) -> int:
    """Close reservations whose analysis is gone or has ended without a word; returns how many."""
    ended = (Analysis.Status.FAILED, Analysis.Status.CANCELLED, Analysis.Status.SUCCEEDED)
    lost = Q(analysis=None) | Q(analysis__status__in=ended)
    old = Reservation.objects.filter(
        lost, state=Reservation.State.OPEN, made_at__lt=timezone.now() - older_than
    )
    closed = 0
    for key in old.values_list("pk", flat=True):
        with transaction.atomic():
            rows = Reservation.objects.select_for_update()
            found = rows.filter(pk=key, state=Reservation.State.OPEN).first()
            if found is not None:
                _close(found)
                closed += 1
    return closed


# ---- caps ---------------------------------------------------------------------------------------


def set_cap(scope: str, kind: str, amount: Decimal | None, *, actor: User | None) -> None:
    """Set or (None) take away a cap; what waits for money looks again at once."""
    if amount is not None and (not amount.is_finite() or amount < 0 or amount >= 1_000_000):
        raise Refused("A cap is an amount of 0 to 999,999 US dollars.", field="amount")
    with transaction.atomic():
        if amount is None:
            Cap.objects.filter(scope=scope, kind=kind).delete()
        else:
            Cap.objects.update_or_create(
                scope=scope, kind=kind, defaults={"amount": _money(amount), "set_by": actor}
            )
        periods = BudgetPeriod.objects.exclude(reached_at=None)
        library = Q(scope=LIBRARY)
        periods.filter(library if scope == LIBRARY else ~library).update(reached_at=None)
        said = None if amount is None else str(amount)
        asset_rows.note("budget.changed", actor=actor, scope=scope, kind=kind, amount=said)
        steps.wake(Step.WaitingFor.BUDGET)


def allow_asset(asset: Asset, amount: Decimal, *, actor: User) -> None:
    """Let one asset be labelled up to an amount, whatever the caps say."""
    set_cap(f"asset:{asset.pk}", Cap.Kind.ONCE, amount, actor=actor)


def allow_batch(batch: UUID, amount: Decimal, *, actor: User | None) -> None:
    """Let the assets of one batch be labelled up to an amount in all, whatever the caps say."""
    set_cap(f"batch:{batch}", Cap.Kind.ONCE, amount, actor=actor)


def spent_once(scope: str) -> Decimal:
    """Give what was spent or set aside under the allowance of an asset or a batch."""
    row = BudgetPeriod.objects.filter(scope=scope, period=Cap.Kind.ONCE).first()
    return row.spent + row.reserved if row else Decimal(0)


# ---- rows ---------------------------------------------------------------------------------------


def _money(amount: Decimal) -> Decimal:
    return Decimal(amount).quantize(_MILLIONTH, rounding=ROUND_UP)


def _lock(analysis: Analysis) -> Reservation | None:
    # The analysis is locked, because a first reservation has no row to lock yet.
    Analysis.objects.select_for_update().filter(pk=analysis.pk).exists()
    rows = Reservation.objects.select_for_update(of=("self",))
    return rows.filter(analysis_id=analysis.pk, attempt=analysis.attempt).first()


def _period(scope: str, period: str) -> int:
    row, _ = BudgetPeriod.objects.get_or_create(scope=scope, period=period)
    return row.pk


def _open_periods(analysis: Analysis) -> list[int]:
    found = accounts(owner_id=analysis.asset.owner_id)
    return [_period(account.scope, account.period) for account in found]


def _count(analysis: Analysis, amount: Decimal) -> tuple[list[int], Account | None]:
    """Set an amount aside in every account, or in none: then the full account comes back."""
    allowance = _allowance(analysis, amount)
    found = accounts(owner_id=analysis.asset.owner_id)
    counted = [allowance] if allowance else []
    capped = [account for account in found if account.scope == LIBRARY and account.cap is not None]
    if not allowance and not capped:
        raise Wait(Step.WaitingFor.BUDGET, seconds=_LOOK_AGAIN, detail=_NO_CAP)
    point = transaction.savepoint()
    for account in found:
        key = _period(account.scope, account.period)
        if not _set_aside(key, amount, cap=None if allowance else account.cap):
            transaction.savepoint_rollback(point)
            return [], account
        counted.append(key)
    transaction.savepoint_commit(point)
    return counted, None


def _allowance(analysis: Analysis, amount: Decimal) -> int | None:
    """Set an amount aside in an allowance for this asset or its batch, if one has room."""
    asset = analysis.asset
    scopes = [f"asset:{asset.pk}", *([f"batch:{asset.batch}"] if asset.batch else [])]
    for cap in Cap.objects.filter(scope__in=scopes, kind=Cap.Kind.ONCE).order_by("scope"):
        key = _period(cap.scope, Cap.Kind.ONCE)
        if _set_aside(key, amount, cap=cap.amount):
            return key
    return None


def _set_aside(key: int, amount: Decimal, *, cap: Decimal | None) -> bool:
    rows = BudgetPeriod.objects.filter(pk=key)
    if cap is not None:
        # Rounded, because SQLite counts in binary fractions.
        total = Round(F("spent") + F("reserved") + Value(amount), precision=_PLACES)
        rows = rows.alias(total=total).filter(total__lte=cap)
    return bool(rows.update(reserved=Round(F("reserved") + Value(amount), precision=_PLACES)))


def _keep(
    analysis: Analysis, amount: Decimal, periods: list[int], found: Reservation | None
) -> Reservation:
    kept = found or Reservation(analysis=analysis, attempt=analysis.attempt)
    kept.state = Reservation.State.OPEN
    kept.amount = amount
    kept.periods = periods
    kept.pending = None
    kept.made_at = timezone.now()
    kept.save()
    return kept


def _write(
    analysis: Analysis,
    *,
    operation: str,
    units: Decimal,
    amount: Decimal,
    uncertain: bool = False,
) -> LedgerEntry:
    price = price_of(operation)
    return LedgerEntry.objects.create(
        asset_id=analysis.asset_id,
        owner_id=analysis.asset.owner_id,
        analysis=analysis,
        backend=analysis.backend,
        feature=analysis.feature,
        operation=operation,
        units=units,
        unit=price.unit,
        price=price.amount,
        cost=amount,
        uncertain=uncertain,
    )


def _pending_cost(found: Reservation) -> Decimal:
    return found.pending.cost if found.pending else Decimal(0)


def _book(
    found: Reservation,
    cost: Decimal,
    *,
    state: Reservation.State = Reservation.State.SETTLED,
) -> None:
    """Turn what is set aside into what is spent, in every account it was counted in."""
    _move(found, spent=cost)
    if found.analysis_id:
        Analysis.objects.filter(pk=found.analysis_id).update(
            cost=Round(F("cost") + Value(cost), precision=_PLACES)
        )
    _finish(found, state)


def _give_back(found: Reservation) -> None:
    _move(found, spent=Decimal(0))
    _finish(found, Reservation.State.RELEASED)


def _move(found: Reservation, *, spent: Decimal) -> None:
    # One by one in the order of `reserve`, so that two processes never wait for each other.
    for key in found.periods:
        BudgetPeriod.objects.filter(pk=key).update(
            reserved=Round(F("reserved") - Value(found.amount), precision=_PLACES),
            spent=Round(F("spent") + Value(spent), precision=_PLACES),
        )


def _close(found: Reservation) -> None:
    if found.pending_id:
        _book(found, _pending_cost(found))
    else:
        _give_back(found)


def _finish(found: Reservation, state: Reservation.State) -> None:
    found.state = state
    found.pending = None
    found.save(update_fields=["state", "pending"])


def _pause() -> float:
    """Give the seconds until it is worth looking again: the next UTC day, at most an hour."""
    now = timezone.now().astimezone(UTC)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return min(_LOOK_AGAIN, (midnight - now).total_seconds() + 1)


def _say_reached(analysis: Analysis, account: Account) -> None:
    """Write down once per period that its cap is reached."""
    with transaction.atomic():
        rows = BudgetPeriod.objects.filter(pk=_period(account.scope, account.period))
        if rows.filter(reached_at=None).update(reached_at=timezone.now()):
            asset_rows.note(
                "budget.reached",
                analysis.asset,
                scope=account.scope,
                period=account.period,
                cap=str(account.cap),
            )
