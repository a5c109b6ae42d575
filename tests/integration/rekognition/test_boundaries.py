"""A worker killed before and after every write: all is labelled in the end, and paid for once.

Photos may be paid for once more per kill between the double's answer and our note of it; then that
stands in the books as uncertain, written before the call.
"""

from __future__ import annotations

import itertools
import json
import sqlite3
import subprocess
import sys
from collections import Counter

import pytest

from tests.integration.rekognition.test_quota import ROOT, worker_environment
from tests.servers import long

pytestmark = pytest.mark.django_db

_ROWS = (
    "SELECT m.kind, m.original_name, a.status, a.current, a.job_id <> '', "
    "(SELECT count(*) FROM labelling_moment WHERE analysis_id = a.id), "
    "(SELECT count(*) FROM labelling_ledgerentry e WHERE e.analysis_id = a.id AND e.cost > 0), "
    "(SELECT count(*) FROM labelling_ledgerentry e WHERE e.analysis_id = a.id AND e.uncertain), "
    "(SELECT count(*) FROM medialib_step s WHERE s.asset_id = m.id AND s.kind = 'index') "
    "FROM labelling_analysis a JOIN medialib_asset m ON m.id = a.asset_id"
)


@long
def test_a_worker_of_the_double_may_die_at_every_write(cloud, tmp_path, settings):
    environment = worker_environment(
        cloud, f"sqlite:///{tmp_path}/library.sqlite3", tmp_path, settings
    )
    environment["MEDIALIB_WORKER_NAME"] = "mortal"
    cloud.double.job_seconds = lambda _: 0.1
    writes = ("1", "before", "after")
    command = [sys.executable, "-m", "tests.integration.rekognition.mortal", *writes]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, timeout=900)
    assert done.returncode == 0, done.stderr.decode()
    kills = [json.loads(line) for line in done.stdout.splitlines()]
    reached = Counter((kind, moment) for kind, moment, *_ in kills)
    assert set(reached) == set(itertools.product(("photo", "video"), writes[1:]))
    assert min(reached.values()) >= 20
    with sqlite3.connect(tmp_path / "library.sqlite3") as library:
        rows = library.execute(_ROWS).fetchall()
        [slots] = library.execute("SELECT count(*) FROM labelling_slot").fetchone()
        [kept] = library.execute(
            "SELECT count(*) FROM labelling_reservation WHERE state = 'open'"
        ).fetchone()
    library.close()
    assert (slots, kept) == (0, 0)
    paid = Counter(name for _, name in cloud.double.paid)
    repeats = 0
    for kind, name, status, current, has_job, moments, booked, uncertain, indexed in rows:
        assert (status, current, bool(has_job)) == ("SUCCEEDED", 1, kind == "video"), name
        assert moments
        assert indexed
        calls = paid[f"library/{name}"]
        # A worker that dies just before the call has written it down, too: nobody can know.
        assert booked == 1 + uncertain
        assert 1 <= calls <= booked <= (2 if kind == "photo" else 1)
        repeats += calls - 1
    # Each asset met one death: so many photos met it between the answer and our note of it.
    assert repeats
