"""What the budget promises: nothing paid without a cap, never more than it, every call written."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from labelling import budget
from labelling.models import Analysis, BudgetPeriod, LedgerEntry, Reservation
from medialib.exceptions import Refused, Wait
from medialib.models import Asset, Event, Step
from medialib.models.asset import new_id

pytestmark = pytest.mark.django_db
CENT = Decimal("0.01")
DIME = Decimal("0.10")


def make_asset(owner, **facts):
    key = new_id()
    name = f"assets/{key}/original"
    return Asset.objects.create(
        pk=key, owner=owner, kind="video", original_filename="a.mp4", original_name=name, size=1,
        duration_ms=60_000, state=Asset.State.LABELLING, **facts,
    )  # fmt: skip


def make_analysis(owner, asset=None, **facts):
    return Analysis.objects.create(
        asset=asset or make_asset(owner), backend="rekognition", status="IN_PROGRESS", **facts
    )


def cap(amount, scope="library", kind="month"):
    budget.set_cap(scope, kind, Decimal(amount), actor=None)


def pay(analysis, amount=DIME):
    budget.reserve(analysis, amount)
    budget.settle(analysis, amount, units=1, operation="StartLabelDetection")


def money(scope="library", kind="month"):
    period = budget.periods_of(timezone.now())[kind]
    row = BudgetPeriod.objects.filter(scope=scope, period=period).first()
    return (row.reserved, row.spent) if row else (0, 0)


def test_nothing_paid_runs_until_a_cap_is_set(user):
    analysis = make_analysis(user)
    with pytest.raises(Wait, match="until a cap is set") as waiting:
        budget.reserve(analysis, CENT)
    assert waiting.value.waiting_for == "budget"
    cap("5", scope="owners")
    with pytest.raises(Wait, match="until a cap is set"):
        budget.reserve(analysis, CENT)
    cap("5")
    budget.reserve(analysis, CENT)
    assert money() == (CENT, 0)


def test_a_cap_is_used_to_its_last_millionth_and_not_beyond(user):
    cap("0.003")
    for _ in range(3):
        pay(make_analysis(user), Decimal("0.001"))
    with pytest.raises(Wait, match="the library's cap"):
        budget.reserve(make_analysis(user), Decimal("0.000001"))
    assert money() == (0, Decimal("0.003"))
    budget.reserve(make_analysis(user), Decimal(0))


@pytest.mark.parametrize(
    ("scope", "kind", "whose"),
    [
        ("library", "month", "the library's cap of 0.15 USD a month"),
        ("library", "day", "the library's cap of 0.15 USD a day"),
        ("owners", "month", "the owner's cap of 0.15 USD a month"),
        ("owners", "day", "the owner's cap of 0.15 USD a day"),
    ],
)
def test_each_cap_holds_alone_and_a_refusal_sets_nothing_aside(user, scope, kind, whose):
    cap("100")
    cap("0.15", scope=scope, kind=kind)
    pay(make_analysis(user))
    with pytest.raises(Wait, match=whose):
        budget.reserve(make_analysis(user), DIME)
    owner = budget.owner_scope(user.pk)
    for row in (money(), money(kind="day"), money(owner), money(owner, "day")):
        assert row == (0, DIME)


def test_an_owner_s_own_cap_goes_before_the_one_for_all_owners(user, other):
    cap("100")
    cap("0.05", scope="owners")
    cap("0.50", scope=budget.owner_scope(user.pk))
    pay(make_analysis(user))
    with pytest.raises(Wait, match="the owner's cap"):
        budget.reserve(make_analysis(other), DIME)


def test_reserving_and_settling_twice_is_once(user):
    cap("1")
    analysis = make_analysis(user)
    budget.reserve(analysis, DIME)
    budget.reserve(analysis, DIME)
    assert money() == (DIME, 0)
    for _ in range(2):
        budget.settle(analysis, DIME, units=1, operation="StartLabelDetection")
    budget.reserve(analysis, DIME)
    assert money() == (0, DIME)
    entry = LedgerEntry.objects.get()
    assert (entry.cost, entry.units, entry.unit, entry.uncertain) == (DIME, 1, "minute", False)
    analysis.refresh_from_db()
    assert analysis.cost == DIME
    analysis.attempt = 2
    budget.reserve(analysis, DIME)
    assert money() == (DIME, DIME)


def test_what_is_released_is_free_again_and_may_be_set_aside_anew(user):
    cap("0.10")
    analysis = make_analysis(user)
    budget.reserve(analysis, DIME)
    budget.release(analysis)
    budget.release(analysis)
    assert money() == (0, 0)
    pay(analysis)
    budget.release(analysis)
    assert money() == (0, DIME)


def test_a_kill_between_call_and_answer_stays_in_the_ledger_as_uncertain(user):
    cap("0.20")
    analysis = make_analysis(user)
    budget.reserve(analysis, DIME)
    budget.note_uncertain(analysis, operation="DetectLabels", units=1, amount=DIME)
    # The worker is killed here; the step runs again.
    budget.reserve(analysis, DIME)
    assert money() == (DIME, DIME)
    budget.note_uncertain(analysis, operation="DetectLabels", units=1, amount=DIME)
    budget.settle(analysis, DIME, units=1, operation="DetectLabels")
    assert money() == (0, Decimal("0.20"))
    assert sorted(LedgerEntry.objects.values_list("uncertain", flat=True)) == [False, True]
    analysis.refresh_from_db()
    assert analysis.cost == Decimal("0.20")


def test_an_uncertain_call_that_would_exceed_the_cap_is_not_repeated(user):
    cap("0.15")
    analysis = make_analysis(user)
    budget.reserve(analysis, DIME)
    budget.note_uncertain(analysis, operation="DetectLabels", units=1, amount=DIME)
    for _ in range(2):
        with pytest.raises(Wait, match="The budget is reached"):
            budget.reserve(analysis, DIME)
    assert money() == (0, DIME)


def test_a_refused_call_costs_nothing_in_the_ledger(user):
    cap("1")
    analysis = make_analysis(user)
    budget.reserve(analysis, DIME)
    budget.note_uncertain(analysis, operation="DetectLabels", units=1, amount=DIME)
    budget.release(analysis)
    assert money() == (0, 0)
    entry = LedgerEntry.objects.get()
    assert (entry.cost, entry.uncertain) == (0, False)


def test_the_sweep_closes_what_ended_without_a_word(user):
    cap("1")
    ended, called, gone, alive = (make_analysis(user) for _ in range(4))
    for analysis in (ended, called, gone, alive):
        budget.reserve(analysis, DIME)
    budget.note_uncertain(called, operation="DetectLabels", units=1, amount=DIME)
    Analysis.objects.filter(pk__in=[ended.pk, called.pk]).update(status="FAILED")
    gone.delete()
    Reservation.objects.update(made_at=timezone.now() - timedelta(hours=2))
    assert budget.sweep() == 3
    assert money() == (DIME, DIME)
    assert budget.sweep() == 0


def test_the_ledger_outlives_asset_and_analysis(user):
    cap("1")
    analysis = make_analysis(user)
    pay(analysis)
    analysis.asset.delete()
    entry = LedgerEntry.objects.get()
    assert (entry.asset, entry.analysis, entry.owner) == (None, None, user)
    assert money() == (0, DIME)


def test_an_administrator_lets_one_asset_or_one_batch_pass(user, boss):
    cap("0")
    batch = new_id()
    one, two = make_asset(user), make_asset(user, batch=batch)
    budget.allow_asset(one, DIME, actor=boss)
    budget.allow_batch(batch, DIME, actor=boss)
    pay(make_analysis(user, one))
    pay(make_analysis(user, two))
    # What was let pass still counts in the totals, and each allowance is used up.
    assert money() == (0, Decimal("0.20"))
    for asset in (one, two, make_asset(user)):
        with pytest.raises(Wait):
            budget.reserve(make_analysis(user, asset), DIME)


def test_raising_a_cap_wakes_what_waits_for_money(user):
    cap("0.05")
    asset = make_asset(user)
    step = Step.objects.create(kind="analyse", asset=asset, state="waiting", waiting_for="budget")
    slot = Step.objects.create(kind="collect", asset=asset, state="waiting", waiting_for="slot")
    cap("0.50")
    step.refresh_from_db()
    slot.refresh_from_db()
    assert (step.state, slot.state) == ("ready", "waiting")


def test_that_a_cap_is_reached_is_said_once_until_it_is_changed(user):
    reached = Event.objects.filter(type="budget.reached")
    cap("0.05")
    for _ in range(3):
        with pytest.raises(Wait):
            budget.reserve(make_analysis(user), DIME)
    assert reached.count() == 1
    assert reached.get().data["scope"] == "library"
    cap("0.06")
    with pytest.raises(Wait):
        budget.reserve(make_analysis(user), DIME)
    assert reached.count() == 2


@pytest.mark.parametrize("amount", ["-1", "NaN", "Infinity", "1000000"])
def test_a_cap_is_an_amount(amount):
    with pytest.raises(Refused):
        cap(amount)


def test_the_next_month_begins_with_the_same_cap_and_nothing_spent(user):
    cap("0.10")
    pay(make_analysis(user))
    now = timezone.now()
    later = budget.accounts(owner_id=user.pk, now=now + timedelta(days=32))
    assert {account.cap for account in later if account.scope == "library"} == {DIME, None}
    assert not BudgetPeriod.objects.filter(period=later[0].period).exists()
