"""The activity page: its groups, what may be done, who sees what, a fixed number of queries."""

from __future__ import annotations

import re

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from labelling.models import Analysis, BudgetPeriod, Cap
from medialib import pulses, steps
from medialib.models import Asset, Pulse, Step
from tests.page_rows import make_asset, text_of

ADDRESS = "/activity/"


@pytest.fixture
def mine(client, user):
    client.force_login(user)
    return client


def make_step(asset, kind="prepare", state="ready", **fields):
    if state in ("done", "failed"):
        fields.setdefault("started_at", timezone.now() - timezone.timedelta(seconds=14))
        fields.setdefault("ended_at", timezone.now())
    return Step.objects.create(asset=asset, kind=kind, state=state, **fields)


def groups_of(response):
    """Give the words of each group by its heading."""
    page = response.content.decode()
    parts = re.split(r'<section class="group [-\w]+" aria-labelledby="group-(\w+)"', page)[1:]
    words = (" ".join(re.sub(r"<[^>]+>", " ", part).split()) for part in parts[1::2])
    return dict(zip(parts[::2], words, strict=True))


def test_it_asks_to_sign_in(client, db):
    assert client.get(ADDRESS).status_code == 302


def test_each_piece_of_work_stands_in_its_group_with_its_reason(mine, user):
    make_step(
        make_asset(user, title="Ferry", state="preparing"),
        kind="convert",
        state="running",
        progress=0.42,
        started_at=timezone.now(),
    )
    make_step(
        make_asset(user, title="Quay", state="labelling"),
        kind="analyse",
        state="waiting",
        waiting_for="slot",
        detail="Waiting for a Rekognition slot, 4th.",
        next_try_at=timezone.now(),
    )
    make_step(
        make_asset(user, title="Crane", state="failed"),
        state="failed",
        detail="The disk is full: make room, then try again.",
    )
    make_asset(user, title="Song", state="rejected", detail="It has no picture.")
    done = make_asset(user, title="Gull")
    make_step(done, kind="analyse", state="done")
    make_step(done, kind="index", state="done")
    found = groups_of(mine.get(ADDRESS))
    assert "Ferry" in found["running"]
    assert "Converting 42 %" in found["running"]
    assert "Waiting for a Rekognition slot, 4th." in found["waiting"]
    assert "The disk is full: make room, then try again." in found["failed"]
    assert "Song" not in found["failed"]
    assert "It has no picture. no retry will help" in found["final"]
    assert "labelling 14 s" in found["done"]


def test_the_place_in_the_queue_counts_everybodys_work(mine, user, other):
    for number in range(3):
        make_step(make_asset(other, title=f"Hidden {number}", visibility="private"))
    make_step(make_asset(user, title="Mine"))
    found = groups_of(mine.get(ADDRESS))
    assert "number 4 in its queue" in found["waiting"]
    assert "Hidden" not in found["waiting"]


def test_a_failure_that_was_made_up_for_is_not_shown(mine, user):
    asset = make_asset(user)
    make_step(asset, kind="analyse", state="failed", detail="No model.")
    make_step(asset, kind="analyse", state="done")
    broken = make_asset(user, title="Again", state="preparing")
    make_step(broken, kind="convert", state="failed", detail="Out of memory.")
    make_step(broken, kind="prepare", state="ready")
    found = groups_of(mine.get(ADDRESS))
    assert "Nothing has failed." in found["failed"]
    assert "final" not in found


def test_what_no_retry_mends_stands_apart_and_offers_none(mine, user):
    clip = make_asset(user, title="Regatta")
    words = "Rekognition takes videos of up to 10 GB and 6 hours; this one is larger."
    make_step(clip, kind="analyse", state="failed", code="video_too_large", detail=words)
    busy = make_asset(user, title="Slipway")
    make_step(busy, kind="analyse", state="failed", code="not_permitted", detail="Allow it.")
    page = mine.get(ADDRESS)
    found = groups_of(page)
    assert "Regatta" not in found["failed"]
    assert words in found["final"]
    assert "no retry will help" in found["final"]
    assert "Try again" not in found["final"]
    assert "Allow it." in found["failed"]
    assert "Try again" in found["failed"]
    assert "1 going on or failed" in text_of(mine.get(reverse("library"))), "nothing can be done"


def test_a_failed_step_is_tried_again(mine, user):
    asset = make_asset(user, state="failed")
    step = make_step(asset, state="failed", detail="Broken.")
    response = mine.post(ADDRESS, {"action": "retry", "step": step.pk}, follow=True)
    assert "is being tried again" in text_of(response)
    asset.refresh_from_db()
    assert asset.state == Asset.State.PREPARING
    assert steps.is_open(asset.pk, ("prepare",))


def test_pictures_and_search_are_tried_again_by_themselves(mine, user):
    asset = make_asset(user)
    for kind in ("pictures", "index"):
        step = make_step(asset, kind=kind, state="failed", detail="Broken.")
        mine.post(ADDRESS, {"action": "retry", "step": step.pk})
        assert steps.is_open(asset.pk, (kind,))
    asset.refresh_from_db()
    assert asset.state == Asset.State.SEARCHABLE


def test_labelling_is_stopped(mine, user):
    asset = make_asset(user, state="labelling")
    analysis = Analysis.objects.create(asset=asset, backend="local")
    step = make_step(asset, kind="analyse", analysis_id=str(analysis.pk))
    response = mine.post(ADDRESS, {"action": "cancel", "step": step.pk}, follow=True)
    assert "is being stopped" in text_of(response)
    analysis.refresh_from_db()
    assert analysis.status == "CANCELLED"


def test_a_step_goes_first(mine, user):
    make_step(make_asset(user, title="Early"))
    late = make_step(make_asset(user, title="Late"))
    mine.post(ADDRESS, {"action": "first", "step": late.pk})
    words = groups_of(mine.get(ADDRESS))["waiting"]
    assert words.index("Late") < words.index("Early")


def test_what_has_ended_meanwhile_is_said(mine, user):
    step = make_step(make_asset(user), state="done")
    response = mine.post(ADDRESS, {"action": "first", "step": step.pk}, follow=True)
    assert "That has ended meanwhile." in text_of(response)


def test_other_peoples_work_is_looked_at_not_changed(mine, other):
    shown = make_step(make_asset(other), state="failed", detail="x")
    hidden = make_step(make_asset(other, visibility="private"), state="failed", detail="x")
    assert b'value="retry"' not in mine.get(ADDRESS).content
    assert mine.post(ADDRESS, {"action": "retry", "step": shown.pk}).status_code == 403
    for step in (hidden.pk, "x", "9" * 30, ""):
        assert mine.post(ADDRESS, {"action": "retry", "step": step}).status_code == 404


def test_health_says_who_is_silent_and_what_the_month_has_cost(mine, user):
    assert "not seen yet" in text_of(mine.get(ADDRESS))
    cache.clear()
    steps.dispatch()
    period = timezone.now().strftime("%Y-%m")
    BudgetPeriod.objects.create(scope="library", period=period, spent="1.25")
    Cap.objects.create(scope="library", kind="month", amount="10")
    words = text_of(mine.get(ADDRESS))
    assert "Heavy worker not seen yet" in words
    assert "Queue empty" in words
    assert "1.25 of 10.00 USD" in words


def test_health_names_each_part_with_its_last_sign(mine):
    pulses.note("heavy", "light", "scheduler")
    words = text_of(mine.get(ADDRESS))
    for part in ("Heavy worker", "Light worker", "Scheduler"):
        assert f"{part} seen just now" in words
    assert "compose.yaml" not in words


@pytest.mark.parametrize(
    ("silent", "said"),
    [
        (
            "heavy",
            "Heavy worker last seen 3 min ago: conversions and labelling on this machine wait",
        ),
        (
            "light",
            "Light worker last seen 3 min ago: uploads are kept, and nothing is done with them",
        ),
        (
            "scheduler",
            "Scheduler last seen 3 min ago: what is retried or waits its turn stands still",
        ),
    ],
)
def test_health_says_which_part_alone_is_silent_and_what_to_do(mine, silent, said):
    parts = ["heavy", "light", "scheduler"]
    pulses.note(*parts)
    three_minutes = timezone.now() - timezone.timedelta(minutes=3)
    Pulse.objects.filter(part=silent).update(seen_at=three_minutes)
    words = text_of(mine.get(ADDRESS))
    assert said in words
    assert "Under manage.py serve it starts again by itself" in words
    assert words.count("seen just now") == 2


def test_health_says_when_all_live_and_no_message_comes_through(mine):
    pulses.note("heavy", "light", "scheduler", "dispatch")
    assert "Queue empty" in text_of(mine.get(ADDRESS))
    cache.clear()
    three_minutes = timezone.now() - timezone.timedelta(minutes=3)
    Pulse.objects.filter(part="dispatch").update(seen_at=three_minutes)
    assert "Queue the last message came through 3 min ago" in text_of(mine.get(ADDRESS))


def test_readiness_tells_of_a_silent_worker_and_still_takes_visitors(client, admin_client):
    pulses.note("heavy", "light", "scheduler")
    assert client.get("/readyz").json()["parts"]["workers"] == {"ok": True}
    Pulse.objects.filter(part="heavy").delete()
    answer = admin_client.get("/readyz")
    assert (answer.status_code, answer.json()["ready"]) == (200, True)
    workers = answer.json()["parts"]["workers"]
    assert not workers["ok"]
    assert workers["detail"]["last_signs"]["heavy"] is None
    assert workers["detail"]["last_signs"]["light"]


def test_health_says_that_nothing_paid_starts_without_a_cap(mine, settings):
    assert "This month" not in text_of(mine.get(ADDRESS))
    cache.clear()
    settings.MEDIALIB_LABELLING = "rekognition"
    assert "This month 0.00 USD, no cap: nothing paid starts" in text_of(mine.get(ADDRESS))


def test_the_top_bar_counts_what_goes_on(mine, user):
    page = mine.get(reverse("library"))
    assert "going on or failed" not in text_of(page)
    make_step(make_asset(user), state="failed", detail="x")
    make_step(make_asset(user))
    assert "2 going on or failed" in text_of(mine.get(reverse("library")))


def test_only_the_part_is_sent_to_the_part(mine, user):
    page = mine.get(ADDRESS, headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in page
    assert 'class="health"' in page


def test_the_number_of_queries_stays_the_same(mine, user):
    def ask():
        mine.get(ADDRESS)
        with CaptureQueriesContext(
            connection,
        ) as caught:
            mine.get(ADDRESS)
        return len(caught)

    def work(count):
        for number in range(count):
            for state in ("ready", "waiting", "running", "failed", "done"):
                asset = make_asset(user, title=f"Clip {number}")
                make_step(asset, kind="index", state=state)
                make_step(asset, kind="prepare", state="done")

    work(1)
    few = ask()
    work(20)
    assert ask() == few
