"""Slots: never more jobs than allowed, fair and in order; several processes race for them."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from django.utils import timezone

from labelling import budget, quota
from labelling.models import Analysis, Pace, Slot
from medialib import services
from medialib.exceptions import Wait
from medialib.models import Step
from tests.servers import long

ROOT = Path(__file__).resolve().parents[3]

pytestmark = pytest.mark.django_db


def running(cloud):
    return len(cloud.double.jobs.open())


def run_ready(cloud):
    while cloud.step():
        continue


def waiting_for_slots():
    return Step.objects.filter(state="waiting", waiting_for="slot")


def test_no_more_jobs_run_than_allowed_and_all_are_done_in_the_end(cloud):
    cloud.configure(jobs=3, jobs_reserved=1)
    analyses = [cloud.queue(cloud.asset()) for _ in range(5)]
    run_ready(cloud)
    assert running(cloud) == 2
    assert waiting_for_slots().count() == 3
    assert cloud.double.calls["StartLabelDetection"] == 2, "nobody asks without a slot"
    cloud.finish(*analyses)
    assert {analysis.status for analysis in analyses} == {"SUCCEEDED"}
    assert cloud.paid("StartLabelDetection") == 5
    assert not Slot.objects.exists()


def test_the_place_in_the_queue_and_the_expected_start_are_said(cloud):
    cloud.configure(jobs=1, jobs_reserved=0)
    for _ in range(3):
        cloud.queue(cloud.asset())
    run_ready(cloud)
    first, second = waiting_for_slots().order_by("pk")
    assert "number 1 of" in first.detail
    assert "number 2 of 2" in second.detail
    assert "about 2 min" in second.detail


def test_a_slot_that_comes_free_wakes_the_next_at_once(cloud):
    cloud.configure(jobs=1, jobs_reserved=0)
    first, second = (cloud.queue(cloud.asset()) for _ in range(2))
    run_ready(cloud)
    cloud.double.clock.skip(600)
    collect = Step.objects.get(kind="collect")
    Step.objects.filter(pk=collect.pk).update(state="ready")
    run_ready(cloud)
    first.refresh_from_db()
    second.refresh_from_db()
    assert first.status == "SUCCEEDED"
    assert second.job_id, "its step did not wait for its time"


def test_what_runs_is_collected_before_more_is_begun(cloud):
    cloud.configure(jobs=1, jobs_reserved=0)
    for _ in range(3):
        cloud.queue(cloud.asset())
    run_ready(cloud)
    queued = waiting_for_slots().values_list("priority", flat=True)
    assert Step.objects.get(kind="collect").priority > max(queued)


def test_owners_take_turns_and_priority_goes_first(cloud, other):
    cloud.configure(jobs=1, jobs_reserved=0)
    mine = [cloud.queue(cloud.asset()) for _ in range(4)]
    run_ready(cloud)
    theirs = cloud.queue(cloud.asset(owner=other))
    run_ready(cloud)
    assert Slot.objects.get(analysis=mine[0]).number == 1
    Slot.objects.filter(analysis=mine[0]).update(number=2)
    quota.hand_out("rekognition", limit=1)
    assert Slot.objects.get(number=1).analysis_id == theirs.pk, "I have one already"
    Slot.objects.filter(analysis=theirs).delete()
    Slot.objects.filter(analysis=mine[3]).update(priority=5)
    quota.hand_out("rekognition", limit=1)
    assert Slot.objects.get(number=1).analysis_id == mine[3].pk


def test_who_waits_for_money_holds_no_slot(cloud):
    budget.set_cap(budget.LIBRARY, "month", Decimal(0), actor=None)
    cloud.queue(cloud.asset())
    run_ready(cloud)
    assert Step.objects.get(kind="analyse").waiting_for == "budget"
    assert not Slot.objects.exists()


def test_who_is_cancelled_leaves_the_queue(cloud):
    cloud.configure(jobs=1, jobs_reserved=0)
    analyses = [cloud.queue(cloud.asset()) for _ in range(3)]
    run_ready(cloud)
    services.cancel_analysis(analyses[1], actor=cloud.owner)
    assert Slot.objects.count() == 2
    cloud.finish(*analyses)
    assert [a.status for a in analyses] == ["SUCCEEDED", "CANCELLED", "SUCCEEDED"]


def test_a_slot_that_nobody_works_on_is_handed_on(cloud):
    cloud.configure(jobs=1, jobs_reserved=0)
    lost, other = (cloud.queue(cloud.asset()) for _ in range(2))
    asset = lost.asset
    Slot.objects.create(account="rekognition", analysis=lost, owner_id=asset.owner_id, number=1)
    Step.objects.filter(analysis_id=str(lost.pk)).update(state="cancelled")
    run_ready(cloud)
    other.refresh_from_db()
    assert other.job_id


def test_an_account_that_others_fill_is_waited_for(cloud):
    cloud.double.jobs.limit = 0
    analysis = cloud.queue(cloud.asset())
    run_ready(cloud)
    step = Step.objects.get(kind="analyse")
    assert (step.state, step.waiting_for) == ("waiting", "slot")
    cloud.double.jobs.limit = 20
    cloud.finish(analysis)
    assert analysis.status == "SUCCEEDED"


def test_calls_keep_their_distance(db):
    begin = time.monotonic()
    for _ in range(5):
        quota.pace("test", per_second=20)
    assert time.monotonic() - begin >= 4 / 20
    Pace.objects.filter(name="test").update(next_at=time.time() + 60)
    with pytest.raises(Wait) as caught:
        quota.pace("test", per_second=20)
    assert 50 < caught.value.seconds <= 60


def test_the_expected_start_follows_recent_runs(cloud):
    cloud.configure(jobs=1, jobs_reserved=0)
    done = cloud.queue(cloud.asset())
    cloud.finish(done)
    hour = timedelta(hours=1)
    Analysis.objects.filter(pk=done.pk).update(started_at=timezone.now() - hour)
    for _ in range(2):
        cloud.queue(cloud.asset())
    run_ready(cloud)
    assert "about 60 min" in waiting_for_slots().get().detail


# ---- processes ----------------------------------------------------------------------------------


def worker_environment(cloud, database, folder, settings):
    """Give the variables of a worker whose library lies on this database and uses the double."""
    bucket = settings.STORAGES["default"]["OPTIONS"]["bucket_name"]
    return {
        **os.environ,
        "MEDIALIB_DATA_DIR": str(folder),
        "DATABASE_URL": database,
        "DJANGO_SETTINGS_MODULE": "medialib.settings",
        "MEDIALIB_STORAGE": f"s3://{bucket}/library",
        "MEDIALIB_LABELLING": "rekognition",
        "MEDIALIB_REKOGNITION_ENDPOINT": cloud.url,
        "MEDIALIB_REKOGNITION_JOBS": "4",
        "MEDIALIB_REKOGNITION_JOBS_RESERVED": "0",
        "MEDIALIB_REKOGNITION_POLL_SECONDS": "0.1",
        "MEDIALIB_REKOGNITION_STARTS_PER_SECOND": "0",
        "MEDIALIB_REKOGNITION_READS_PER_SECOND": "0",
    }


@long
def test_processes_that_race_start_no_job_twice_and_none_too_many(
    cloud, database, tmp_path, settings
):
    """Two workers on one database: 12 videos, four slots."""
    environment = worker_environment(cloud, database, tmp_path, settings)
    cloud.double.clock.speed = 30
    most = []

    def module(name, *arguments):
        command = [sys.executable, "-m", name, *arguments]
        return subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE)

    filled = module("tests.integration.rekognition.fill", "12")
    assert filled.wait(120) == 0, filled.stderr.read()
    workers = [module("tests.integration.rekognition.race") for _ in range(2)]
    while any(worker.poll() is None for worker in workers):
        most.append(running(cloud))
        threading.Event().wait(0.02)
    errors = b"".join(worker.stderr.read() for worker in workers)
    for process in (filled, *workers):
        process.stderr.close()
    assert [worker.returncode for worker in workers] == [0, 0], errors.decode()[-3000:]
    assert cloud.paid("StartLabelDetection") == 12
    assert len(cloud.double.jobs.all) == 12
    assert max(most) <= 4
    assert cloud.double.calls["StartLabelDetection"] == 12, "no start was refused or repeated"
