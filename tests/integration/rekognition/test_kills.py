"""Workers killed while the double works for them: every job is paid once, every analysis ends."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys

import pytest

from tests.integration.rekognition.test_quota import ROOT, worker_environment
from tests.servers import long
from tests.servers.rekognition.faults import Fault

pytestmark = pytest.mark.django_db

VIDEOS, PHOTOS = 4, 2
# The call whose answer a worker waits for when it dies; calls of the others come in between.
PLACES = ("StartLabelDetection", "DetectLabels", "GetLabelDetection")


def module(environment, name, *arguments):
    command = [sys.executable, "-m", f"tests.integration.rekognition.{name}", *arguments]
    return subprocess.Popen(command, cwd=ROOT, env=environment)


@long
def test_killed_workers_pay_for_each_job_of_the_double_once(cloud, tmp_path, settings):
    environment = worker_environment(
        cloud, f"sqlite:///{tmp_path}/library.sqlite3", tmp_path, settings
    )
    environment["MEDIALIB_WORKER_NAME"] = "mortal"
    cloud.double.clock.speed = 30
    assert module(environment, "fill", str(VIDEOS), str(PHOTOS)).wait(120) == 0
    faults = [Fault(operation, held=True) for operation in PLACES]
    for fault in faults:
        cloud.double.faults.add(fault)
    while faults:
        worker = module(environment, "race")
        while not (reached := [fault for fault in faults if fault.reached.wait(0.1)]):
            assert worker.poll() is None, "it ended before it was killed"
        worker.send_signal(signal.SIGKILL)
        worker.wait(10)
        for fault in reached:
            fault.go_on.set()
            faults.remove(fault)
    assert module(environment, "race").wait(180) == 0
    assert cloud.paid("StartLabelDetection") == VIDEOS
    assert len(cloud.double.jobs.all) == VIDEOS
    assert cloud.paid("DetectLabels") == PHOTOS + 1, "one kill between answer and commit"
    with sqlite3.connect(tmp_path / "library.sqlite3") as library:
        ended = library.execute("SELECT status, count(*) FROM labelling_analysis GROUP BY status")
        assert ended.fetchall() == [("SUCCEEDED", VIDEOS + PHOTOS)]
        paid = library.execute(
            "SELECT operation, count(*), sum(uncertain) FROM labelling_ledgerentry "
            "WHERE cost > 0 GROUP BY operation ORDER BY operation"
        ).fetchall()
        [slots] = library.execute("SELECT count(*) FROM labelling_slot").fetchone()
    library.close()
    # The call whose answer nobody got stands in the books, as uncertain.
    assert paid == [("DetectLabels", PHOTOS + 1, 1), ("StartLabelDetection", VIDEOS, 0)]
    assert slots == 0
