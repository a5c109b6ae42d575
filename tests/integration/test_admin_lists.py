"""The admin's lists: the same number of queries for few rows and for many, and found by words."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from labelling.models import Cap, LedgerEntry
from medialib.models import Asset, Event, Step
from tests.page_rows import make_asset, see

LISTS = (
    "medialib_asset", "medialib_step", "medialib_event", "medialib_keyword", "medialib_user",
    "labelling_analysis", "labelling_label", "labelling_cap", "labelling_ledgerentry",
)  # fmt: skip


def add(user, count):
    """Add assets that are searchable and ones that wait, with all that lists show of them."""
    for number in range(count):
        done = see(make_asset(user, title=f"Clip {number}"), f"Thing {Asset.objects.count()}")
        waits = make_asset(user, title=f"Film {number}", state=Asset.State.PREPARING)
        for asset in (done, waits):
            Event.objects.create(asset=asset, actor=user, type="asset.created")
            Step.objects.create(asset=asset, kind=Step.Kind.PREPARE, state=Step.State.READY)
        LedgerEntry.objects.create(
            asset=done, owner=user, backend="paid", feature="labels", operation="DetectLabels",
            unit="image", units=1, price="0.001",
            cost="0.001",
        )  # fmt: skip


def queries(client, name):
    """Count the queries of a list."""
    with CaptureQueriesContext(connection) as asked:
        assert client.get(reverse(f"admin:{name}_changelist")).status_code == 200
    return len(asked)


@pytest.mark.django_db
def test_lists_ask_the_same_for_few_rows_and_for_many(admin_client, user):
    add(user, 2)
    Cap.objects.create(scope="library", kind="month", amount=5, set_by=user)
    few = {name: queries(admin_client, name) for name in LISTS}
    add(user, 8)
    assert {name: queries(admin_client, name) for name in LISTS} == few


@pytest.mark.django_db
def test_assets_and_labels_are_found_by_words(admin_client, user):
    add(user, 2)
    found = admin_client.get(reverse("admin:medialib_asset_changelist"), {"q": '"Film 1"'})
    assert [str(row) for row in found.context["cl"].result_list] == ["Film 1"]
    found = admin_client.get(reverse("admin:labelling_label_changelist"), {"q": '"Thing 1"'})
    assert [str(row) for row in found.context["cl"].result_list] == ["Thing 1"]
