"""Hearing that jobs of the double have ended, through moto's SNS and SQS, and doing without."""

from __future__ import annotations

import json

import pytest

from labelling import notices, starting
from labelling.models import Analysis, Slot
from medialib import services as library_services
from medialib.models import Step
from tests.integration.rekognition.conftest import ROLE

pytestmark = pytest.mark.django_db


@pytest.fixture
def queue(cloud, settings):
    """A topic that lays its notices in a queue, both moto's."""
    sns, sqs = cloud.client("sns"), cloud.client("sqs")
    topic = sns.create_topic(Name=f"notices-{cloud.owner.pk}-{id(cloud)}")["TopicArn"]
    address = sqs.create_queue(QueueName=f"notices-{id(cloud)}")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=address, AttributeNames=["QueueArn"])
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn["Attributes"]["QueueArn"])
    settings.MEDIALIB_NOTICES_QUEUE_URL = address
    cloud.configure(topic=topic, role=ROLE, poll_seconds=1000)
    yield address
    sqs.purge_queue(QueueUrl=address)
    sqs.close()
    sns.close()


def announce(cloud, mode="once"):
    """Let the jobs end and the double tell of them; returns when it has."""
    cloud.double.announce(cloud.moto, mode=mode)
    cloud.double.clock.skip(600)
    with cloud.double.jobs.changed:
        cloud.double.jobs.changed.notify_all()


def hear(cloud, times=50):
    """Read the queue until something was heard."""
    for _ in range(times):
        if notices.receive(seconds=1):
            return
    raise AssertionError("Nothing was heard.")


def started(cloud):
    analysis = cloud.queue(cloud.asset())
    while cloud.step():
        continue
    step = Step.objects.get(kind="collect", analysis_id=str(analysis.pk))
    assert (step.state, step.waiting_for) == ("waiting", "provider")
    assert (step.next_try_at - step.started_at).total_seconds() > 900
    analysis.refresh_from_db()
    return analysis


@pytest.mark.parametrize("mode", ["once", "twice", "late", "shuffled"])
def test_a_notice_of_the_double_wakes_who_waits(cloud, queue, mode):
    analyses = [started(cloud) for _ in range(3)]
    announce(cloud, mode)
    open_ = {analysis.pk for analysis in analyses}
    for _ in range(30):
        notices.receive(seconds=1)
        while cloud.step():
            continue
        open_ = set(
            Analysis.objects.filter(pk__in=open_, status="IN_PROGRESS").values_list("pk", flat=True)
        )
        if not open_:
            break
    assert not open_
    assert cloud.paid("StartLabelDetection") == 3
    assert not Slot.objects.exists()


def test_without_notices_the_looks_come_to_the_same(cloud, queue):
    analysis = started(cloud)
    announce(cloud, "never")
    assert notices.receive(seconds=0) == 0
    cloud.finish(analysis)
    assert analysis.status == "SUCCEEDED"


def test_a_cancelled_job_keeps_its_slot_until_its_notice_comes(cloud, queue):
    analysis = started(cloud)
    library_services.cancel_analysis(analysis, actor=cloud.owner)
    assert Slot.objects.get().analysis_id == analysis.pk
    assert starting.sweep_slots() == 0, "it still runs at the provider"
    announce(cloud)
    hear(cloud)
    assert not Slot.objects.exists()


def test_a_cancelled_job_frees_its_slot_without_a_notice_too(cloud):
    cloud.configure(poll_seconds=1000)
    analysis = started(cloud)
    library_services.cancel_analysis(analysis, actor=cloud.owner)
    cloud.double.clock.skip(600)
    assert starting.sweep_slots() == 1
    assert not Slot.objects.exists()


def notice(**told):
    return notices.Notice(**{"job_id": "", "status": "SUCCEEDED", "tag": "", **told})


def test_foreign_and_senseless_notices_wake_nobody(cloud, queue):
    analysis = started(cloud)
    assert not notices.take(notice(job_id="somebody else's"))
    assert not notices.take(notice(job_id="somebody else's", tag=str(analysis.asset_id)))
    for body in ("no json", "[]", "{}", '{"JobId": ""}', '{"Message": "{"}', '{"JobId": 5}'):
        assert notices.read_notice(body) is None
    sqs = cloud.client("sqs")
    sqs.send_message(QueueUrl=queue, MessageBody="no json")
    assert notices.receive(seconds=1) == 1
    assert notices.receive(seconds=0) == 0
    sqs.close()


def test_a_notice_of_an_error_only_means_to_look(cloud, queue):
    analysis = started(cloud)
    assert notices.take(notice(job_id=analysis.job_id, status="ERROR"))
    assert Slot.objects.get().analysis_id == analysis.pk
    while cloud.step():
        continue
    analysis.refresh_from_db()
    assert analysis.status == "IN_PROGRESS", "the provider itself says that it goes on"


def test_notices_are_read_with_and_without_the_envelope():
    told = {"JobId": "a", "Status": "SUCCEEDED", "API": "StartLabelDetection"}
    bare = json.dumps(told)
    wrapped = json.dumps({"Type": "Notification", "Message": bare})
    assert notices.read_notice(bare) == notices.read_notice(wrapped)
    assert notices.read_notice(bare) == notices.Notice("a", "SUCCEEDED", "")


def test_a_queue_that_is_away_is_waited_for(settings, cloud):
    settings.MEDIALIB_NOTICES_QUEUE_URL = "http://127.0.0.1:9/1/none"
    with pytest.raises(Exception, match="can't be reached") as caught:
        notices.receive(seconds=0)
    assert type(caught.value).__name__ == "Wait"
