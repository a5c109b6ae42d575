"""What the durable queue promises: one lease at a time, nothing lost, everything ends."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from medialib import steps
from medialib.models import Asset, Step
from medialib.models.asset import new_id


@pytest.fixture
def asset(user):
    asset_id = new_id()
    return Asset.objects.create(
        id=asset_id,
        owner=user,
        kind="video",
        original_filename="a.mp4",
        original_name=f"assets/{asset_id}/x",
        size=1,
    )


def row(step):
    return Step.objects.get(pk=step.pk)


def test_the_same_work_is_queued_once(asset):
    first = steps.add(asset.pk, Step.Kind.PREPARE)
    assert steps.add(asset.pk, Step.Kind.PREPARE).pk == first.pk
    assert Step.objects.count() == 1


def test_the_database_refuses_a_second_open_step_of_a_kind(asset):
    steps.add(asset.pk, Step.Kind.PREPARE)
    with pytest.raises(IntegrityError), transaction.atomic():
        Step.objects.create(kind=Step.Kind.PREPARE, asset=asset)


def test_work_for_many_is_queued_once_each_and_again_where_it_runs(asset, user):
    other_id = new_id()
    facts = {"owner": user, "kind": "photo", "size": 1, "original_filename": "b.jpg"}
    Asset.objects.create(id=other_id, original_name=f"assets/{other_id}/x", **facts)
    step = steps.add(asset.pk, Step.Kind.INDEX)
    lease = steps.take(step.pk)
    for _ in range(2):
        steps.add_many([asset.pk, other_id], Step.Kind.INDEX)
    assert Step.objects.count() == 2
    lease.finish()
    assert row(step).state == Step.State.READY
    assert Step.objects.get(asset_id=other_id).state == Step.State.READY


def test_only_one_worker_gets_the_lease(asset):
    step = steps.add(asset.pk, Step.Kind.PREPARE)
    assert steps.take(step.pk) is not None
    assert steps.take(step.pk) is None


def test_a_finished_step_is_done_and_not_taken_again(asset):
    step = steps.add(asset.pk, Step.Kind.PREPARE)
    assert steps.take(step.pk).finish()
    assert row(step).state == Step.State.DONE
    assert steps.take(step.pk) is None


def test_work_asked_for_while_it_runs_is_done_once_more(asset):
    step = steps.add(asset.pk, Step.Kind.INDEX)
    lease = steps.take(step.pk)
    steps.add(asset.pk, Step.Kind.INDEX)
    assert not lease.finish()
    assert row(step).state == Step.State.READY
    assert steps.take(step.pk).finish()
    assert row(step).state == Step.State.DONE


def test_work_asked_for_while_it_is_being_put_aside_goes_on_at_once(asset):
    step = steps.add(asset.pk, Step.Kind.COLLECT)
    lease = steps.take(step.pk)
    steps.add(asset.pk, Step.Kind.COLLECT)
    assert not lease.wait(Step.WaitingFor.PROVIDER, seconds=300)
    assert row(step).state == Step.State.READY


def test_waiting_for_others_uses_up_no_attempt(asset):
    step = steps.add(asset.pk, Step.Kind.COLLECT)
    for _ in range(5):
        assert steps.take(step.pk).wait(Step.WaitingFor.PROVIDER, seconds=0)
        Step.objects.update(state=Step.State.READY)
    assert row(step).attempts == 0
    assert steps.take(step.pk).wait(Step.WaitingFor.RETRY, seconds=0)
    assert row(step).attempts == 1


def test_a_lease_that_ends_makes_the_step_ready_again(asset):
    step = steps.add(asset.pk, Step.Kind.PREPARE)
    lease = steps.take(step.pk)
    Step.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert steps.expired() == []
    assert row(step).state == Step.State.READY
    assert not lease.finish(), "a worker that lost its lease must not end the step"
    assert row(step).state == Step.State.READY


def test_after_three_lost_leases_the_step_is_given_up(asset):
    step = steps.add(asset.pk, Step.Kind.PREPARE)
    for _ in range(steps.MAX_LOST_LEASES - 1):
        steps.take(step.pk)
        Step.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
        assert steps.expired() == []
    steps.take(step.pk)
    Step.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    [hopeless] = steps.expired()
    assert steps.fail_hopeless(hopeless, detail="The worker was lost.")
    assert row(step).state == Step.State.FAILED
    assert row(step).detail == "The worker was lost."


def test_a_dead_workers_steps_are_given_back_at_once_and_no_others(asset, settings):
    settings.MEDIALIB_WORKER_NAME = "heavy"
    mine = steps.add(asset.pk, Step.Kind.PREPARE)
    steps.take(mine.pk)
    settings.MEDIALIB_WORKER_NAME = "light"
    other = steps.add(asset.pk, Step.Kind.INDEX)
    steps.take(other.pk)
    steps.release_worker("heavy")
    assert row(mine).state == Step.State.READY
    assert row(other).state == Step.State.RUNNING


def test_a_worker_that_was_stopped_is_not_held_against_its_step(asset, settings):
    settings.MEDIALIB_WORKER_NAME = "heavy"
    step = steps.add(asset.pk, Step.Kind.CONVERT)
    for _ in range(5):
        assert steps.take(step.pk) is not None
        assert steps.release_worker("heavy", died=False) == []
    assert (row(step).state, row(step).lost_leases) == (Step.State.READY, 0)


def test_a_waiting_step_is_woken_when_its_time_has_come(asset):
    step = steps.add(asset.pk, Step.Kind.INDEX)
    steps.take(step.pk).wait("search", seconds=30, detail="Search is away.")
    steps.dispatch()
    assert row(step).state == Step.State.WAITING
    assert row(step).detail == "Search is away."
    Step.objects.update(next_try_at=timezone.now())
    steps.dispatch()
    assert row(step).state == Step.State.READY


def test_a_cancelled_running_step_hears_of_it(asset):
    step = steps.add(asset.pk, Step.Kind.PREPARE)
    lease = steps.take(step.pk)
    assert steps.cancel(asset.pk) == 1
    assert not lease.cancelled()
    lease.beat()
    assert lease.cancelled()
    assert lease.cancel()
    assert row(step).state == Step.State.CANCELLED


def test_no_more_messages_are_in_flight_than_allowed(asset, settings):
    settings.MEDIALIB_MESSAGES_IN_FLIGHT = 3
    Step.objects.bulk_create(
        Step(kind=Step.Kind.ANALYSE, asset=asset, analysis_id=str(n)) for n in range(10)
    )
    assert steps.dispatch() == 3
    assert steps.dispatch() == 0, "messages that are still in flight count"
    assert Step.objects.exclude(sent_at=None).count() == 3


def test_new_steps_are_sent_at_once_as_long_as_there_is_room(
    asset, settings, django_capture_on_commit_callbacks
):
    settings.MEDIALIB_MESSAGES_IN_FLIGHT = 3
    with django_capture_on_commit_callbacks(execute=True):
        for number in range(6):
            steps.add(asset.pk, Step.Kind.ANALYSE, analysis_id=str(number))
    assert Step.objects.exclude(sent_at=None).count() == 3
    assert steps.dispatch() == 0
    Step.objects.update(sent_at=timezone.now() - timedelta(minutes=2))
    assert steps.dispatch() == 3


def test_a_lost_message_is_sent_again(asset):
    step = steps.add(asset.pk, Step.Kind.INDEX)
    assert steps.dispatch() == 1
    Step.objects.filter(pk=step.pk).update(sent_at=timezone.now() - timedelta(minutes=2))
    assert steps.dispatch() == 1


def test_priority_decides_who_is_sent_first(asset, settings):
    settings.MEDIALIB_MESSAGES_IN_FLIGHT = 1
    steps_made = [
        Step.objects.create(kind=Step.Kind.ANALYSE, asset=asset, analysis_id=str(n), priority=n)
        for n in range(3)
    ]
    steps.dispatch()
    assert row(steps_made[2]).sent_at is not None
    assert row(steps_made[0]).sent_at is None
