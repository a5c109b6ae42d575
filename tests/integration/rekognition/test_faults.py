"""Every error of the double, for photos and videos: all ends in words, nothing is paid twice."""

from __future__ import annotations

from dataclasses import replace

import pytest

from labelling import services
from labelling.models import Analysis, LedgerEntry, Reservation, Slot
from medialib.models import Step
from tests.servers.rekognition.faults import Fault
from tests.servers.rekognition.server import serving

pytestmark = pytest.mark.django_db

# What is answered once → how it ends: "" is success, else the code of the failed analysis.
SAME = {
    "ThrottlingException": "",
    "ProvisionedThroughputExceededException": "",
    "InternalServerError": "",
    "AccessDeniedException": "not_permitted",
    "InvalidParameterException": "request_refused",
    "ValidationException": "request_refused",
    "InvalidSignatureException": "not_permitted",
}
MATRIX = {
    "DetectLabels": {
        **SAME,
        "InvalidS3ObjectException": "media_unreachable",
        "ImageTooLargeException": "image_too_large",
        "InvalidImageFormatException": "image_format",
    },
    "StartLabelDetection": {
        **SAME,
        "InvalidS3ObjectException": "media_unreachable",
        "VideoTooLargeException": "video_too_large",
        "LimitExceededException": "",
        "IdempotentParameterMismatchException": "request_refused",
    },
    "GetLabelDetection": {
        **SAME,
        "InvalidPaginationTokenException": "",
        "ResourceNotFoundException": "run_gone",
    },
}
CASES = [(name, code, end) for name, codes in MATRIX.items() for code, end in codes.items()]


@pytest.mark.parametrize(("operation", "code", "end"), CASES)
def test_each_error_of_the_double_ends_in_words_and_is_paid_once(cloud, operation, code, end):
    kind = "photo" if operation == "DetectLabels" else "video"
    cloud.double.faults.add(Fault(operation, code))
    analysis = cloud.queue(cloud.asset(kind))
    cloud.finish(analysis)
    if end:
        assert (analysis.status, analysis.code) == ("FAILED", end)
        assert analysis.detail.endswith(".")
        assert "123456789012" not in analysis.detail
    else:
        assert (analysis.status, analysis.code) == ("SUCCEEDED", "")
    start = "DetectLabels" if kind == "photo" else "StartLabelDetection"
    paid = cloud.paid(start)
    assert paid == (0 if end and operation == start else 1)
    books_say(analysis, calls=paid)
    assert not Slot.objects.exists()


def books_say(analysis, *, calls):
    """The ledger holds just the calls that were paid, and nothing stays set aside."""
    entries = LedgerEntry.objects.filter(analysis=analysis, cost__gt=0)
    assert entries.count() == calls
    assert not entries.filter(uncertain=True).exists()
    assert not Reservation.objects.filter(state="open").exists()


def test_the_missing_permission_is_named(cloud):
    cloud.double.faults.add(Fault("DetectLabels", "AccessDeniedException"))
    analysis = cloud.queue(cloud.asset("photo"))
    cloud.finish(analysis)
    assert "rekognition:DetectLabels" in analysis.detail


def test_a_lost_answer_to_start_is_asked_for_again_and_paid_once(cloud):
    cloud.double.faults.add(Fault("StartLabelDetection", lost=True))
    analysis = cloud.queue(cloud.asset())
    cloud.finish(analysis)
    assert analysis.status == "SUCCEEDED"
    assert cloud.double.calls["StartLabelDetection"] == 2
    assert cloud.paid("StartLabelDetection") == 1
    books_say(analysis, calls=1)


def test_a_job_that_may_have_been_started_is_spent_if_nobody_asks_again(cloud):
    cloud.double.faults.add(Fault("StartLabelDetection", lost=True))
    analysis = cloud.queue(cloud.asset())
    assert cloud.step()
    services.cancel_analysis(analysis.pk)
    assert cloud.paid("StartLabelDetection") == 1
    [entry] = LedgerEntry.objects.filter(analysis=analysis, cost__gt=0)
    assert entry.uncertain
    assert not Reservation.objects.filter(state="open").exists()
    analysis.refresh_from_db()
    assert analysis.cost == entry.cost


def test_a_refusal_after_a_lost_answer_leaves_the_lost_call_in_the_books(cloud):
    cloud.double.faults.add(Fault("StartLabelDetection", lost=True))
    cloud.double.faults.add(Fault("StartLabelDetection", "AccessDeniedException"))
    analysis = cloud.queue(cloud.asset())
    cloud.finish(analysis)
    assert (analysis.status, analysis.code) == ("FAILED", "not_permitted")
    assert cloud.paid("StartLabelDetection") == 1
    [entry] = LedgerEntry.objects.filter(analysis=analysis, cost__gt=0)
    assert entry.uncertain


def test_a_lost_answer_to_a_photo_is_repeated_once_and_stands_in_the_books(cloud):
    cloud.double.faults.add(Fault("DetectLabels", lost=True))
    analysis = cloud.queue(cloud.asset("photo"))
    cloud.finish(analysis)
    assert analysis.status == "SUCCEEDED"
    assert cloud.paid("DetectLabels") == 2
    assert LedgerEntry.objects.filter(analysis=analysis, cost__gt=0).count() == 2


def test_a_job_that_fails_ends_with_the_doubles_words_and_a_retry_is_a_new_job(cloud):
    webm = cloud.asset(data=_webm())
    analysis = cloud.queue(webm)
    cloud.finish(analysis)
    assert (analysis.status, analysis.code) == ("FAILED", "run_failed")
    assert "Unsupported codec/format." in analysis.detail
    again = cloud.queue(webm)
    cloud.finish(again)
    assert again.job_id != analysis.job_id
    assert len({job.request["ClientRequestToken"] for job in cloud.double.jobs.all.values()}) == 2
    assert not Slot.objects.exists()


def _webm():
    from tests import samples

    return samples.clip(seconds=3.0, codec="libvpx-vp9", format_="webm")


def test_media_on_a_disk_is_refused_before_anything_is_paid(cloud, settings, library):
    asset = cloud.asset()
    place = {"location": str(library), "base_url": None}
    backend = "django.core.files.storage.FileSystemStorage"
    settings.STORAGES = {**settings.STORAGES, "default": {"BACKEND": backend, "OPTIONS": place}}
    (library / asset.original_name).parent.mkdir(parents=True)
    (library / asset.original_name).write_bytes(b"x")
    analysis = cloud.queue(asset)
    cloud.finish(analysis)
    assert (analysis.status, analysis.code) == ("FAILED", "needs_bucket")
    assert cloud.double.calls["StartLabelDetection"] == 0


def test_too_long_a_video_is_refused_before_anything_is_paid(cloud):
    asset = cloud.asset()
    asset.duration_ms = 6 * 3600 * 1000 + 1
    asset.save()
    analysis = cloud.queue(asset)
    cloud.finish(analysis)
    assert (analysis.status, analysis.code) == ("FAILED", "video_too_large")
    assert not cloud.double.calls


def test_a_small_video_is_labelled_with_a_warning(cloud):
    analysis = cloud.queue(cloud.asset())
    cloud.finish(analysis)
    assert [note for note in analysis.notes if "640 × 480" in note]


def test_photos_go_as_bytes_where_the_bucket_is_elsewhere(cloud):
    photo = cloud.asset("photo")
    cloud.queue(photo)
    cloud.finish()
    assert cloud.double.paid[-1] == ("DetectLabels", f"library/{photo.original_name}")
    elsewhere = replace(cloud.double, region="eu-west-1")
    with serving(elsewhere) as server:
        cloud.configure(region="eu-west-1", endpoint=server.url)
        cloud.queue(cloud.asset("photo"))
        cloud.finish()
    assert elsewhere.paid == [("DetectLabels", "bytes")]


def test_an_outage_is_waited_for_and_given_up_after_a_day(cloud):
    cloud.configure(endpoint="http://127.0.0.1:9")
    analysis = cloud.queue(cloud.asset("photo"))
    assert cloud.step()
    step = Step.objects.get(kind="analyse")
    assert (step.state, step.waiting_for) == ("waiting", "provider")
    analysis.refresh_from_db()
    earlier = analysis.started_at.replace(year=2020)
    Analysis.objects.filter(pk=analysis.pk).update(started_at=earlier)
    cloud.finish(analysis)
    assert (analysis.status, analysis.code) == ("FAILED", "provider_away")
    books_say(analysis, calls=0)


def test_a_photo_is_labelled_by_the_double_that_others_wrote(cloud):
    """Moto's DetectLabels takes anything and always answers the same."""
    cloud.configure(endpoint=cloud.moto)
    analysis = cloud.queue(cloud.asset("photo"))
    cloud.finish(analysis)
    assert (analysis.status, analysis.model_version) == ("SUCCEEDED", "3.0")
    labels = analysis.moments.values_list("label__name", "start_ms", "end_ms")
    assert list(labels) == [("Mobile Phone", 0, 0)]
    books_say(analysis, calls=1)
