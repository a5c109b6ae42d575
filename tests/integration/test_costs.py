"""What people see of money: page, command, admin, and the question before labelling again."""

from __future__ import annotations

from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from labelling import budget
from labelling.backends.recorded import RecordedBackend
from labelling.models import Analysis, Cap, LedgerEntry
from medialib.exceptions import Wait
from medialib.models import Asset, Step
from medialib.models.asset import new_id
from tests.page_rows import make_asset, see, text_of

pytestmark = pytest.mark.django_db
COSTS = "/costs/"


class PaidBackend(RecordedBackend):
    """A labeller that takes 0.10 USD a minute and 0.001 a photo, and answers as recorded."""

    paid = True

    def estimate(self, request):
        return Decimal(request.duration_ms) / 600_000 or Decimal("0.001")


@pytest.fixture
def paid(settings):
    entry = {"BACKEND": "tests.integration.test_costs.PaidBackend", "OPTIONS": {}}
    settings.LABELLING_BACKENDS = {**settings.LABELLING_BACKENDS, "paid-test": entry}
    settings.MEDIALIB_LABELLING = "paid-test"


def test_the_upload_page_tells_prices_before_anything_is_sent(client, user, paid):
    client.force_login(user)
    page = client.get("/upload/")
    assert 'data-photo-usd="0.001" data-minute-usd="0.1"' in page.content.decode()
    assert "0.0010 USD a photo and 0.10 USD a minute of video" in text_of(page)


def test_a_free_labeller_has_no_prices(client, user):
    client.force_login(user)
    page = client.get("/upload/").content.decode()
    assert "data-photo-usd" not in page
    assert "USD" not in page


def spend(asset, amount="0.10", **facts):
    analysis = Analysis.objects.create(asset=asset, backend="rekognition", **facts)
    budget.reserve(analysis, Decimal(amount))
    budget.settle(analysis, Decimal(amount), units=1, operation="StartLabelDetection")
    return analysis


def set_cap(amount="5", scope="library"):
    budget.set_cap(scope, "month", Decimal(amount), actor=None)


def wait_for_money(asset):
    return Step.objects.create(kind="analyse", asset=asset, state="waiting", waiting_for="budget")


# ---- The page ----------------------------------------------------------------------------------


def test_costs_are_for_staff(client, user, boss):
    assert client.get(COSTS).status_code == 302
    client.force_login(user)
    assert client.get(COSTS).status_code == 403
    assert COSTS not in client.get(reverse("library")).content.decode()
    client.force_login(boss)
    assert client.get(COSTS).status_code == 200
    assert COSTS in client.get(reverse("library")).content.decode()


def test_the_page_shows_owner_feature_cap_and_what_is_free_as_nothing(client, user, boss):
    set_cap()
    asset = make_asset(user)
    spend(asset, "1.20")
    see(asset, "Car")
    Analysis.objects.filter(backend="recorded").update(ended_at=asset.created_at)
    client.force_login(boss)
    words = text_of(client.get(COSTS))
    assert "1.20 USD this month" in words
    assert "ada labels rekognition 0 0 1.0 1.20" in words
    assert "ada labels recorded 1 0 0.0 0.00" in words
    assert "Library month 1.20 0.00 5.00 3.80" in words


def test_without_a_cap_the_page_says_that_nothing_paid_runs(client, boss, paid):
    client.force_login(boss)
    assert "nothing paid runs" in text_of(client.get(COSTS))
    set_cap()
    assert "nothing paid runs" not in text_of(client.get(COSTS))


def test_staff_look_and_superusers_change(client, user, boss):
    user.is_staff = True
    user.save()
    client.force_login(user)
    form = {"action": "cap", "scope": "library", "kind": "month", "amount": "12.50"}
    assert "Set the cap" not in text_of(client.get(COSTS))
    assert client.post(COSTS, form).status_code == 403
    client.force_login(boss)
    assert client.post(COSTS, form).status_code == 302
    cap = Cap.objects.get()
    assert (cap.amount, cap.set_by) == (Decimal("12.5"), boss)
    assert client.post(COSTS, {**form, "amount": ""}).status_code == 302
    assert not Cap.objects.exists()


@pytest.mark.parametrize(
    "wrong", [{"amount": "-1"}, {"amount": "much"}, {"scope": "u:999"}, {"kind": "once"}]
)
def test_a_wrong_cap_is_explained_and_not_kept(client, boss, wrong):
    client.force_login(boss)
    form = {"action": "cap", "scope": "library", "kind": "month", "amount": "1", **wrong}
    response = client.post(COSTS, form)
    assert response.status_code == 422
    assert "field-error" in response.content.decode()
    assert not Cap.objects.exists()


def test_what_waits_for_money_may_be_let_pass_alone_or_as_a_batch(client, user, boss, paid):
    set_cap("0")
    batch = new_id()
    one, two = make_asset(user, title="Alone"), make_asset(user, title="Pair", batch=batch)
    steps = [wait_for_money(one), wait_for_money(two)]
    client.force_login(boss)
    words = text_of(client.get(COSTS))
    assert "2 waiting for money" in words
    assert "Alone" in words
    for field, value in (("asset", one.pk), ("batch", batch)):
        response = client.post(COSTS, {"action": "allow", field: value}, follow=True)
        assert "It may pass. 1 video (1.0 min): about 0.10 USD" in text_of(response)
    for asset in (one, two):
        spend(asset)
        with pytest.raises(Wait):
            spend(asset)
    assert set(Step.objects.filter(pk__in=[s.pk for s in steps]).values_list("state")) == {
        ("ready",)
    }
    # Letting it pass once more allows as much again.
    client.post(COSTS, {"action": "allow", "asset": one.pk})
    spend(one)


def test_what_is_let_pass_is_estimated_for_the_labeller_that_waits(
    client, user, boss, paid, settings
):
    settings.MEDIALIB_LABELLING = "recorded"
    asset = make_asset(user)
    Analysis.objects.create(asset=asset, backend="paid-test")
    client.force_login(boss)
    response = client.post(COSTS, {"action": "allow", "asset": asset.pk}, follow=True)
    assert "1 video (1.0 min): about 0.10 USD" in text_of(response)


def test_letting_nothing_pass_is_said(client, boss):
    client.force_login(boss)
    response = client.post(COSTS, {"action": "allow", "asset": new_id()}, follow=True)
    assert "There is no such asset or batch" in text_of(response)


def test_the_page_asks_the_database_a_fixed_number_of_times(
    client, user, boss, django_assert_max_num_queries
):
    set_cap()
    client.force_login(boss)
    for _ in range(12):
        asset = make_asset(user)
        wait_for_money(asset)
        spend(asset)
    with django_assert_max_num_queries(16):
        client.get(COSTS)


# ---- Before labelling again --------------------------------------------------------------------


def test_the_asset_page_says_what_labelling_again_costs(client, user, paid, settings):
    client.force_login(user)
    address = reverse("asset", args=[make_asset(user).pk])
    words = text_of(client.get(address))
    assert "1 video (1.0 min): about 0.10 USD at the prices of 2026-09-11" in words
    settings.MEDIALIB_LABELLING = "recorded"
    assert "USD" not in text_of(client.get(address))


def test_many_are_labelled_again_after_a_yes_to_the_estimate(user, boss, paid):
    for kind in ("photo", "video", "video"):
        make_asset(user, kind=kind)
    out = StringIO()
    with pytest.raises(CommandError, match="add --yes"):
        call_command("reprocess_assets", stdout=out)
    assert "1 photo and 2 videos (2.0 min): about 0.20 USD" in out.getvalue()
    assert not Analysis.objects.exists()
    call_command("reprocess_assets", "--yes", stdout=out)
    assert Analysis.objects.filter(backend="paid-test").count() == 3
    assert "3 will be labelled again by paid-test" in out.getvalue()


def test_what_is_free_needs_no_yes_and_filters_choose(user, other, boss):
    mine, theirs = make_asset(user), make_asset(other)
    make_asset(user, state=Asset.State.PREPARING)
    out = StringIO()
    call_command("reprocess_assets", "--backend", "recorded", "--owner", "bob", stdout=out)
    assert "free with the labeller “recorded”" in out.getvalue()
    assert list(Analysis.objects.values_list("asset", flat=True)) == [theirs.pk]
    call_command("reprocess_assets", str(mine.pk), "--backend", "recorded", stdout=out)
    assert Analysis.objects.filter(asset=mine).count() == 1
    errors = StringIO()
    call_command("reprocess_assets", "--backend", "recorded", stdout=out, stderr=errors)
    assert errors.getvalue().count("being labelled already") == 2
    for wrong in (["--backend", "none"], ["not-an-id"]):
        with pytest.raises(CommandError):
            call_command("reprocess_assets", *wrong)


def test_a_batch_run_may_go_beyond_the_caps_up_to_its_estimate(user, boss, paid):
    set_cap("0")
    asset = make_asset(user)
    call_command("reprocess_assets", "--yes", "--beyond-caps", stdout=StringIO())
    spend(asset)
    with pytest.raises(Wait):
        spend(asset, "0.000001")


# ---- Command and admin -------------------------------------------------------------------------


def test_the_command_prints_the_month_and_sets_caps(user):
    out = StringIO()
    call_command("costs", stdout=out)
    assert "No cap is set: nothing paid runs" in out.getvalue()
    call_command("costs", "--cap", "2", stdout=out)
    call_command("costs", "--cap", "0.50", "--each", "day", "--owner", "ada", stdout=out)
    call_command("costs", "--cap", "1", "--owner", "owners", stdout=out)
    asset = make_asset(user)
    spend(asset, "0.25")
    waiting = Analysis.objects.create(asset=asset, backend="rekognition")
    budget.reserve(waiting, Decimal("0.20"))
    out = StringIO()
    call_command("costs", stdout=out)
    lines = [" ".join(line.split()) for line in out.getvalue().splitlines()]
    assert "ada labels rekognition 0 0.25" in lines
    assert "Library month 0.25 0.20 2.00" in lines
    assert "ada day 0.25 0.20 0.50" in lines
    assert "ada month 0.25 0.20 1.00" in lines
    call_command("costs", "--cap", "none", stdout=StringIO())
    assert not Cap.objects.filter(scope="library").exists()
    for wrong in (["--cap", "x"], ["--cap", "-1"], ["--cap", "1", "--owner", "nobody"]):
        with pytest.raises(CommandError):
            call_command("costs", *wrong)


def test_the_admin_sets_caps_and_only_shows_the_ledger(client, user, boss):
    set_cap()
    spend(make_asset(user))
    wait_for_money(make_asset(user))
    client.force_login(boss)
    changes = {"scope": "library", "kind": "month", "amount": "7"}
    address = reverse("admin:labelling_cap_change", args=[Cap.objects.get().pk])
    assert client.post(address, changes).status_code == 302
    assert Cap.objects.get().amount == 7
    assert Step.objects.get().state == "ready"
    entry = LedgerEntry.objects.get()
    assert client.get(reverse("admin:labelling_ledgerentry_changelist")).status_code == 200
    ledger = reverse("admin:labelling_ledgerentry_change", args=[entry.pk])
    assert client.get(ledger).status_code == 200
    assert client.post(ledger, {"cost": "0"}).status_code == 403
    user.is_staff = True
    user.save()
    client.force_login(user)
    assert client.get(address).status_code == 403
