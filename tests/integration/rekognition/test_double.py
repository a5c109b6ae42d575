"""The double is as strict as the service model, and as forgetful as the real service is said to be.

What it proves of Rekognition itself is nothing; these tests keep it from being too kind.
"""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache

import pytest

from tests.servers.rekognition.answers import generated
from tests.servers.rekognition.clock import Clock
from tests.servers.rekognition.double import Double
from tests.servers.rekognition.media import Seen
from tests.servers.rekognition.refusals import Refusal

MINUTES_MS = 6 * 60_000
VIDEO = {"S3Object": {"Bucket": "media", "Name": "a.mp4"}}
START, GET, DETECT = "StartLabelDetection", "GetLabelDetection", "DetectLabels"
SEEN = Seen(1280, 720, 7, codec="h264", duration_ms=30_000, fps=25.0)


class Shelf:
    """A bucket in which every video is there."""

    def video(self, place):
        return SEEN


@cache
def _answer(seen):
    return generated(seen, per_sample=40)


@pytest.fixture
def double():
    made = Double("eu-central-1", Shelf(), Clock(), quotas={}, job_seconds=lambda _: 60.0)
    made.answer_for = _answer
    return made


def call(double, operation, **wanted):
    return json.loads(double.answer(f"RekognitionService.{operation}", wanted))


def refused(double, operation, **wanted):
    with pytest.raises(Refusal) as caught:
        call(double, operation, **wanted)
    return caught.value.code


def done(double, **wanted):
    job_id = call(double, START, Video=VIDEO, **wanted)["JobId"]
    double.clock.skip(61)
    return job_id


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"MinConfidence": 101},
        {"MinConfidence": -1},
        {"MinConfidence": "high"},
        {"JobTag": "two words"},
        {"JobTag": "x" * 1025},
        {"ClientRequestToken": "x" * 65},
        {"ClientRequestToken": "a b"},
        {"Features": ["IMAGE_PROPERTIES"]},
        {"NotificationChannel": {"SNSTopicArn": "arn:aws-cn:sns:x:1:y", "RoleArn": "x"}},
        {"Video": {"S3Object": {"Bucket": "a/b", "Name": "a.mp4"}}},
        {"Unknown": 1},
    ],
)
def test_the_double_refuses_what_the_service_model_forbids(double, wrong):
    wanted = {"Video": VIDEO, **wrong} if wrong else {}
    assert refused(double, START, **wanted) == "ValidationException"
    assert not double.paid


def test_a_picture_for_the_double_comes_one_way_only(double):
    both = {"Bytes": "eA==", "S3Object": VIDEO["S3Object"]}
    assert refused(double, DETECT, Image=both) == "InvalidParameterException"
    assert refused(double, DETECT, Image={}) == "InvalidParameterException"


def test_the_double_runs_as_many_jobs_as_an_account_may(double):
    for _ in range(20):
        call(double, START, Video=VIDEO)
    with pytest.raises(Refusal, match=r"21  open Jobs for User .* Maximum limit: 20"):
        call(double, START, Video=VIDEO)
    double.clock.skip(61)
    call(double, START, Video=VIDEO)


def test_a_request_token_of_the_double_is_one_job_for_a_week(double):
    first = call(double, START, Video=VIDEO, ClientRequestToken="t")["JobId"]
    assert call(double, START, Video=VIDEO, ClientRequestToken="t")["JobId"] == first
    changed = {"ClientRequestToken": "t", "MinConfidence": 70}
    assert refused(double, START, Video=VIDEO, **changed) == "IdempotentParameterMismatchException"
    assert len(double.paid) == 1
    double.clock.skip(8 * 24 * 3600)
    assert call(double, START, Video=VIDEO, ClientRequestToken="t")["JobId"] != first


def test_pages_of_the_double_are_a_thousand_rows_and_cut_a_time_in_two(double):
    job_id = done(double)
    first = call(double, GET, JobId=job_id, MaxResults=5000)
    second = call(double, GET, JobId=job_id, NextToken=first["NextToken"])
    assert len(first["Labels"]) == 1000
    assert first["Labels"][-1]["Timestamp"] == second["Labels"][0]["Timestamp"]


def test_a_page_token_of_the_double_is_bound_and_expires(double):
    job_id, other = done(double), done(double)
    token = call(double, GET, JobId=job_id)["NextToken"]
    for wrong in ({"JobId": other}, {"JobId": job_id, "SortBy": "NAME"}):
        code = refused(double, GET, **wrong, NextToken=token)
        assert code == "InvalidPaginationTokenException"
    double.clock.skip(25 * 3600)
    code = refused(double, GET, JobId=job_id, NextToken=token)
    assert code == "InvalidPaginationTokenException"


def test_the_double_forgets_a_job_after_a_week(double):
    job_id = done(double)
    double.clock.skip(7 * 24 * 3600)
    assert refused(double, GET, JobId=job_id) == "ResourceNotFoundException"


def test_the_double_takes_so_many_calls_a_second(double):
    job_id = call(double, START, Video=VIDEO)["JobId"]
    double.quotas = {GET: 5.0}
    for _ in range(5):
        call(double, GET, JobId=job_id)
    assert refused(double, GET, JobId=job_id) == "ProvisionedThroughputExceededException"


def test_generated_answers_of_the_double_are_as_long_as_real_ones():
    answer = generated(replace(SEEN, duration_ms=MINUTES_MS), per_sample=28)
    assert 20_000 <= len(answer.rows) <= 22_000, "207,000 an hour"
    times = [row["Timestamp"] for row in answer.rows]
    assert times == sorted(times)
    assert times[-1] < MINUTES_MS
