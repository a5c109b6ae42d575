"""Originals outside the library that are gone, changed or moved: said everywhere, and mended."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from django.core.management import call_command
from django.urls import reverse

from medialib import references, referring, services, storage
from medialib.models import Asset, Event, Step
from tests import samples
from tests.integration.references.conftest import refer, run


def status(client, asset):
    return client.get(reverse("api-asset", args=[asset.pk])).json()["status"]


def doctor():
    out = io.StringIO()
    with pytest.raises(SystemExit):
        call_command("doctor", stdout=out, no_color=True)
    return " ".join(out.getvalue().split())


def change(clip):
    clip.write_bytes(samples.clip(seconds=1.7))


def touch(clip):
    os.utime(clip, (1, 1))


LOSSES = [
    (Path.unlink, "original_gone", "is not there any more"),
    (change, "original_changed", "has changed since it was imported"),
    (touch, "original_changed", "has changed since it was imported"),
]


@pytest.mark.parametrize(("lose", "code", "sentence"), LOSSES)
def test_a_lost_original_is_said_everywhere(asset, clip, client, lose, code, sentence):
    lose(clip)
    answer = client.get(reverse("media-playback", args=[asset.pk]))
    assert answer.status_code == 410
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == code
    assert sentence in answer.json()["detail"]
    # It is kept, so that lists know it, too.
    kept = client.get(reverse("api-assets")).json()["results"][0]["status"]
    assert (kept["state"], kept["code"]) == ("searchable", code)
    assert sentence in kept["detail"]
    assert sentence in client.get(reverse("asset", args=[asset.pk])).content.decode()
    assert sentence in doctor()
    assert str(clip.parent) in doctor()
    # Where it lies is told to those who run the service only.
    assert str(clip.parent) not in answer.content.decode()


def test_who_follows_a_link_to_a_lost_original_reads_the_sentence(asset, clip, client):
    clip.unlink()
    answer = client.get(
        reverse("media-original", args=[asset.pk]), headers={"Accept": "text/html,*/*;q=0.8"}
    )
    assert (answer.status_code, answer["Location"]) == (302, reverse("asset", args=[asset.pk]))


def test_the_page_and_the_sweep_notice_by_themselves_and_forget_again(asset, clip, client):
    away = clip.with_suffix(".away")
    clip.rename(away)
    assert status(client, asset)["code"] == "original_gone"
    away.rename(clip)
    assert status(client, asset)["code"] == ""
    clip.rename(away)
    referring.notice_originals()
    assert Asset.objects.get().code == "original_gone"
    away.rename(clip)
    referring.notice_originals()
    assert (Asset.objects.get().code, Asset.objects.get().detail) == ("", "")


def test_a_disk_that_is_not_mounted_is_waited_for(archive, boss, library, drain, client):
    (archive / "a.jpg").write_bytes(samples.photo())
    asset = refer(boss, archive / "a.jpg")
    archive.rename(archive.with_name("unmounted"))
    step = Step.objects.get()
    with pytest.raises(AssertionError, match="Is its disk mounted"):
        drain()
    step.refresh_from_db()
    assert (step.state, step.waiting_for) == ("waiting", "storage")
    client.force_login(boss)
    assert client.get(reverse("media-original", args=[asset.pk])).status_code == 503
    archive.with_name("unmounted").rename(archive)
    Step.objects.update(state=Step.State.READY)
    drain()
    assert Asset.objects.get().state == Asset.State.SEARCHABLE


def test_a_file_that_goes_away_before_it_is_prepared_fails_with_the_sentence(
    clip, boss, library, drain, client
):
    asset = refer(boss, clip)
    away = clip.with_suffix(".away")
    clip.rename(away)
    drain()
    asset.refresh_from_db()
    assert (asset.state, asset.code) == ("failed", "original_gone")
    away.rename(clip)
    services.retry_asset(asset, actor=boss)
    drain()
    asset.refresh_from_db()
    assert (asset.state, asset.code) == ("searchable", "")


def test_labelling_again_without_the_original_fails_with_the_sentence(asset, clip, boss, drain):
    clip.unlink()
    services.label_again(asset, actor=boss, backend="local")
    drain()
    failed = asset.analyses.get(backend="local")
    assert (failed.status, failed.code) == ("FAILED", "original_gone")
    assert "not there any more" in failed.detail
    assert Event.objects.filter(type="analysis.failed").exists()


def test_a_file_that_was_moved_is_found_again_by_an_import(asset, clip, archive):
    """The same bytes at another place mend the reference that is lost."""
    clip.rename(archive / "moved.mp4")
    assert "already there" in run(archive)[0]
    asset.refresh_from_db()
    assert references.parse(asset.original_name).place == str(archive / "moved.mp4")
    assert storage.exists(asset.original_name)
    assert Asset.objects.count() == 1


def test_a_file_that_was_only_touched_is_known_again_after_an_import(asset, clip, archive):
    touch(clip)
    assert not storage.exists(asset.original_name)
    assert "1 already there" in run(archive)[0]
    asset.refresh_from_db()
    assert storage.exists(asset.original_name)
    assert Asset.objects.count() == 1


def test_a_changed_file_of_the_same_size_is_another_original(asset, clip, archive, drain):
    clip.write_bytes(samples.clip()[:-1] + b"\xff")
    assert "1 imported" in run(archive)[0]
    drain()
    first, second = Asset.objects.order_by("created_at")
    assert (first.source_ref, first.size) == (second.source_ref, second.size)
    assert first.sha256 != second.sha256
    referring.notice_originals()
    codes = Asset.objects.order_by("created_at").values_list("code", flat=True)
    assert list(codes) == ["original_changed", ""]
