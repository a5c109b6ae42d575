"""Reading long answers of the double: nothing lost, nothing twice, on from where it stopped."""

from __future__ import annotations

import gzip
import json
import socket
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from labelling import selectors, services
from labelling.models import Moment
from medialib import storage
from medialib.models import Asset
from tests.servers import long
from tests.servers.rekognition.answers import generated
from tests.servers.rekognition.faults import Fault

pytestmark = pytest.mark.django_db

DEMO = Path(__file__).resolve().parents[3] / "medialib" / "demo_data"


def long_answer(seen):
    """Some 3 s of video, with as many rows as several minutes usually have."""
    return generated(seen, per_sample=520)


def stored_rows(analysis):
    with storage.open_gzip(analysis.raw_name) as file:
        return [row for line in file for row in json.loads(line)["Labels"]]


def test_of_many_pages_of_the_double_cut_inside_a_time_none_is_lost(cloud):
    cloud.double.answer_for = long_answer
    analysis = cloud.queue(cloud.asset())
    cloud.finish(analysis)
    [job] = cloud.double.jobs.all.values()
    rows = job.answer.rows
    assert len(rows) > 2_500
    # A page is cut inside one time, where a reader that goes by times would lose rows.
    assert rows[999]["Timestamp"] == rows[1000]["Timestamp"]
    assert stored_rows(analysis) == rows
    assert analysis.detections == len(rows)
    found = Counter(row["Label"]["Name"] for row in rows)
    labels = set(Moment.objects.filter(analysis=analysis).values_list("label__name", flat=True))
    assert labels == set(found)
    boxes = selectors.detections_between(analysis.asset, start_ms=0, end_ms=60_000)
    assert len(boxes) == sum(bool(row["Label"]["Instances"]) for row in rows)


@pytest.mark.parametrize("after", [1, 2, 3])
def test_reading_goes_on_where_it_was_put_aside(cloud, after):
    cloud.double.answer_for = long_answer
    # Three times, because the client itself repeats a read that is told to go slower.
    throttled = Fault("GetLabelDetection", "ThrottlingException", times=3, after=after)
    analysis = cloud.queue(cloud.asset())
    assert cloud.step()
    cloud.wait()
    cloud.double.clock.skip(600)
    cloud.double.faults.add(throttled)
    before = cloud.double.calls["GetLabelDetection"]
    cloud.finish(analysis)
    [job] = cloud.double.jobs.all.values()
    pages = -(-len(job.answer.rows) // 1000)
    assert pages >= 3
    assert cloud.double.calls["GetLabelDetection"] - before == pages + 3
    assert stored_rows(analysis) == job.answer.rows
    assert analysis.reading == {}
    names = {name for name, _ in storage.list_names("analyses/")}
    assert names == {analysis.raw_name, analysis.boxes_name}


def _bytes_read(index, start_ms, end_ms):
    """Give the length of the one range that holds the blocks of a window."""
    ends = [*(start for start, _, _ in index[1:]), end_ms]
    held = [
        block
        for block, end in zip(index, ends, strict=True)
        if block[0] < end_ms and end > start_ms
    ]
    return held[-1][1] + held[-1][2] - held[0][1]


@long
def test_six_hours_of_the_double_are_read_and_any_minute_of_boxes_is_one_small_read(cloud):
    """207,000 rows and more; the clip in the bucket is short, and the double takes it for long."""
    hours = 6 * 3600 * 1000
    cloud.double.answer_for = lambda seen: generated(replace(seen, duration_ms=hours), per_sample=5)
    asset = cloud.asset()
    asset.duration_ms = hours
    asset.save()
    analysis = cloud.queue(asset)
    cloud.finish(analysis)
    [job] = cloud.double.jobs.all.values()
    rows = job.answer.rows
    assert len(rows) > 207_000
    assert (analysis.status, analysis.detections) == ("SUCCEEDED", len(rows))
    assert cloud.paid("StartLabelDetection") == 1
    boxed = Counter(row["Timestamp"] for row in rows if row["Label"]["Instances"])
    for start in range(0, hours, 97 * 60_000):
        with CaptureQueriesContext(connection) as queries:
            found = selectors.detections_between(asset, start_ms=start, end_ms=start + 60_000)
        assert len(queries) <= 3
        wanted = sum(n for at, n in boxed.items() if start <= at < start + 60_000)
        assert len(found) == wanted > 0
        assert _bytes_read(analysis.boxes_index, start, start + 60_000) <= 100_000
    found = Counter(row["Label"]["Name"] for row in rows)
    labels = set(Moment.objects.filter(analysis=analysis).values_list("label__name", flat=True))
    assert labels == set(found)


def test_a_place_that_expired_is_read_again_from_the_first_page(cloud):
    cloud.double.answer_for = long_answer
    analysis = cloud.queue(cloud.asset())
    assert cloud.step()
    cloud.double.clock.skip(600)
    cloud.double.faults.add(Fault("GetLabelDetection", "ThrottlingException", times=3, after=2))
    cloud.step()
    analysis.refresh_from_db()
    assert len(analysis.reading["parts"]) == 1
    cloud.double.clock.skip(25 * 3600)
    cloud.finish(analysis)
    [job] = cloud.double.jobs.all.values()
    assert stored_rows(analysis) == job.answer.rows
    assert analysis.status == "SUCCEEDED"


def test_what_a_job_found_is_gone_after_a_week_and_that_is_said(cloud):
    analysis = cloud.queue(cloud.asset())
    assert cloud.step()
    cloud.double.clock.skip(8 * 24 * 3600)
    cloud.finish(analysis)
    assert (analysis.status, analysis.code) == ("FAILED", "run_gone")
    assert "7 days" in analysis.detail


def test_moments_are_rebuilt_with_the_network_closed(cloud, settings, library):
    """The answer lies on a disk here, so that a closed network leaves storage reachable."""
    analysis = cloud.queue(cloud.asset())
    cloud.finish(analysis)
    data = gzip.compress(b"".join(_lines(analysis)))
    place = {"location": str(library), "base_url": None}
    backend = "django.core.files.storage.FileSystemStorage"
    settings.STORAGES = {**settings.STORAGES, "default": {"BACKEND": backend, "OPTIONS": place}}
    storage.write_bytes(analysis.raw_name, data)
    before = _spans(analysis)
    Moment.objects.filter(analysis=analysis).delete()
    calls = dict(cloud.double.calls)
    with _closed_network():
        [rebuilt] = services.rebuild_moments([analysis.asset_id])
    assert rebuilt.detail == ""
    assert _spans(analysis) == before
    assert before
    assert dict(cloud.double.calls) == calls


def _lines(analysis):
    with storage.open_gzip(analysis.raw_name) as file:
        return list(file)


def _spans(analysis):
    moments = Moment.objects.filter(analysis_id=analysis.pk)
    return sorted(moments.values_list("label__name", "start_ms", "end_ms", "confidence"))


class _closed_network:
    """No socket can be opened meanwhile; the database of these tests needs none."""

    def __enter__(self):
        assert connection.vendor == "sqlite"
        self._open = socket.socket.connect
        socket.socket.connect = self._refuse

    def __exit__(self, *_):
        socket.socket.connect = self._open

    @staticmethod
    def _refuse(*_):
        raise AssertionError("The network was used.")


# The real answer of big-buck-bunny (LabelModelVersion 2.0, 270 rows), worked out by hand. Samples
# lie 200 ms apart, so the one at t covers [t, t + 200); the next one joins if it begins at most
# 1000 ms after that; the video ends at 5280. Where a label's samples are not all there, they are
# listed in ms.
BY_HAND = {
    "Animal": [(0, 5280)],
    "Aquatic": [(3600, 5280)],
    # 2000 … 3000, 4400 … 5200: from 3200 to 4400 are 1200.
    "Beak": [(2000, 3200), (4400, 5280)],
    "Bird": [(1400, 5280)],
    # 0, 200, 1200, 1400: from 400 to 1200 are 800.
    "Bunny": [(0, 1600)],
    "Deer": [(0, 1000)],
    # 0 … 2000, 2800 … 4600: from 2200 to 2800 are 600.
    "Grass": [(0, 4800)],
    # 0, 1400: from 200 to 1400 are 1200.
    "Green": [(0, 200), (1400, 1600)],
    "Land": [(800, 1000)],
    "Legend of Zelda": [(3600, 3800)],
    # 0 … 2000, 3800 … 5000: from 2200 to 3800 are 1600.
    "Mammal": [(0, 2200), (3800, 5200)],
    "Moss": [(0, 800)],
    "Nature": [(200, 1000)],
    "Outdoors": [(0, 1800)],
    # 2000 … 3600, 4200 … 5200: from 3800 to 4200 are 400.
    "Penguin": [(2000, 5280)],
    # 0, 200, 1400, 1600: from 400 to 1400 are 1000, which still joins.
    "Pet": [(0, 1800)],
    "Plant": [(0, 5280)],
    "Rabbit": [(0, 1600)],
    "Rodent": [(0, 1600)],
    "Sea Life": [(3600, 5280)],
    "Tree": [(0, 1800)],
    "Vegetation": [(0, 2000)],
    "Water": [(3400, 5280)],
    "Waterfowl": [(3000, 4000)],
    "Wildlife": [(0, 1200)],
    "Zoo": [(0, 5280)],
}


def test_the_real_answer_gives_the_moments_worked_out_by_hand(cloud):
    cloud.double.registry.load(DEMO)
    asset = cloud.asset(data=(DEMO / "big-buck-bunny.mp4").read_bytes())
    Asset.objects.filter(pk=asset.pk).update(duration_ms=5280, width=1280, height=720)
    analysis = cloud.queue(asset)
    cloud.finish(analysis)
    assert (analysis.status, analysis.model_version) == ("SUCCEEDED", "2.0")
    assert analysis.detections == 270
    found = {}
    for label, start_ms, end_ms, _ in _spans(analysis):
        found.setdefault(label, []).append((start_ms, end_ms))
    assert found == BY_HAND
