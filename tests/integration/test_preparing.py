"""Conversions: what people are told meanwhile, how they are stopped, what a crash comes to."""

from __future__ import annotations

import io
import stat

import imageio_ffmpeg
import pytest
from django.urls import reverse

from medialib import pipeline, services, steps
from medialib.exceptions import Conflict
from medialib.models import Asset, Rendition, Step
from medialib.preparing import time_left
from medialib.selectors import asset_status
from tests import media_corpus, samples


def keep(user, data, filename="clip.mkv"):
    return services.create_asset(owner=user, file=io.BytesIO(data), filename=filename)


@pytest.fixture
def waiting(user, library):
    """A video whose conversion is the next step."""
    asset = keep(user, samples.clip(codec="mpeg4", format_="matroska"))
    pipeline.run_step(asset.steps.get().pk)
    return asset


@pytest.mark.parametrize(
    ("progress", "elapsed", "said"),
    [
        (0.0, 60.0, ""),
        (0.01, 60.0, ""),
        (0.5, 2.0, ""),
        (0.5, 30.0, "less than a minute left"),
        (0.25, 60.0, "about 3 min left"),
        (0.1, 3600.0, "about 9 h left"),
        (1.0, 60.0, "less than a minute left"),
    ],
)
def test_the_time_left_is_said_once_it_can_be_known(progress, elapsed, said):
    assert time_left(progress, elapsed=elapsed) == said


def test_a_running_conversion_says_how_far_it_is(waiting):
    lease = steps.take(waiting.steps.get(kind="convert").pk)
    lease.report(0.25, "Converting, about 3 min left")
    status = asset_status(waiting)
    assert (status["detail"], status["progress"]) == ("Converting, about 3 min left", 0.25)


def test_a_conversion_that_was_stopped_can_be_tried_again(waiting, user, drain, fresh):
    services.cancel_conversion(waiting, actor=user)
    drain()
    stopped = fresh(waiting)
    assert (stopped.state, stopped.code) == (Asset.State.FAILED, "cancelled")
    assert "kept" in stopped.detail
    with pytest.raises(Conflict):
        services.cancel_conversion(stopped, actor=user)
    services.retry_asset(stopped, actor=user)
    drain()
    assert fresh(waiting).state == Asset.State.SEARCHABLE


def test_the_page_offers_to_stop_a_conversion(waiting, user, client, fresh):
    client.force_login(user)
    url = reverse("asset", args=[waiting.pk])
    assert b"Stop converting" in client.get(url).content
    client.post(url, {"action": "stop"})
    assert fresh(waiting).code == "cancelled"
    assert b"Try again" in client.get(url).content


def test_the_activity_page_stops_a_conversion(waiting, user, client, fresh):
    client.force_login(user)
    step = waiting.steps.get(kind="convert")
    client.post(reverse("activity"), {"action": "cancel", "step": step.pk})
    assert fresh(waiting).code == "cancelled"


def test_stopping_reaches_a_conversion_that_runs(waiting, user):
    lease = steps.take(waiting.steps.get(kind="convert").pk)
    services.cancel_conversion(waiting, actor=user)
    lease.report(0.5)
    assert lease.cancelled()


def test_the_trash_stops_a_conversion_and_restoring_begins_it_anew(waiting, user, drain, fresh):
    lease = steps.take(waiting.steps.get(kind="convert").pk)
    services.trash_asset(waiting, actor=user)
    lease.report(0.5)
    assert lease.cancelled()
    lease.cancel()
    services.restore_asset(fresh(waiting), actor=user)
    drain()
    assert fresh(waiting).state == Asset.State.SEARCHABLE


def test_a_crash_is_tried_once_more_from_scratch_and_then_said(
    waiting, settings, tmp_path, fresh, library
):
    log = tmp_path / "log"
    broken = tmp_path / "ffmpeg"
    broken.write_text(f"#!/bin/sh\necho half > playback.mp4\necho run >> {log}\nkill -SEGV $$\n")
    broken.chmod(broken.stat().st_mode | stat.S_IXUSR)
    settings.MEDIALIB_FFMPEG = str(broken)
    step = waiting.steps.get(kind="convert")
    pipeline.run_step(step.pk)
    step.refresh_from_db()
    assert (step.state, step.waiting_for) == (Step.State.WAITING, "retry")
    Step.objects.filter(pk=step.pk).update(state=Step.State.READY)
    pipeline.run_step(step.pk)
    asset = fresh(waiting)
    assert asset.state == Asset.State.FAILED
    assert asset.detail.endswith(".")
    assert log.read_text().split() == ["run", "run"]
    # Nothing half made is kept anywhere: the original is all there is.
    assert not asset.renditions.filter(kind=Rendition.Kind.PLAYBACK).exists()
    kept = {path.relative_to(library).as_posix() for path in library.rglob("*") if path.is_file()}
    assert kept == {asset.original_name}


def test_a_disk_that_fills_up_is_waited_for_and_nothing_half_made_is_kept(
    waiting, settings, tmp_path, drain, fresh, library
):
    full = tmp_path / "ffmpeg"
    full.write_text(
        f'#!/bin/sh\nln -s /dev/full playback.mp4\nexec {imageio_ffmpeg.get_ffmpeg_exe()} "$@"\n'
    )
    full.chmod(0o755)
    settings.MEDIALIB_FFMPEG = str(full)
    step = waiting.steps.get(kind="convert")
    pipeline.run_step(step.pk)
    step.refresh_from_db()
    assert (step.state, step.waiting_for) == (Step.State.WAITING, "storage")
    assert "disk is full" in step.detail
    kept = {path.relative_to(library).as_posix() for path in library.rglob("*") if path.is_file()}
    assert kept == {waiting.original_name}
    settings.MEDIALIB_FFMPEG = ""
    Step.objects.filter(pk=step.pk).update(state=Step.State.READY)
    drain()
    assert fresh(waiting).state == Asset.State.SEARCHABLE


def test_a_cut_off_video_plays_as_far_as_it_goes_and_says_so(user, library, drain, fresh, client):
    asset = keep(user, media_corpus.file("cut_off.mkv").read_bytes())
    drain()
    asset = fresh(asset)
    assert asset.state == Asset.State.SEARCHABLE
    assert asset.warnings
    client.force_login(user)
    page = client.get(reverse("asset", args=[asset.pk])).content.decode()
    assert asset.warnings[0] in page.replace("&#x27;", "'")


def test_a_video_that_is_damaged_inside_is_converted_and_says_so(user, library, drain, fresh):
    asset = keep(user, media_corpus.file("corrupt.mp4").read_bytes())
    drain()
    asset = fresh(asset)
    assert asset.state == Asset.State.SEARCHABLE
    assert asset.renditions.filter(kind=Rendition.Kind.PLAYBACK).exists()
    assert any("damaged inside" in warning for warning in asset.warnings)


def test_when_and_with_what_a_photo_was_taken_is_kept_and_where_is_not(
    user, library, drain, fresh, client
):
    asset = keep(user, media_corpus.file("phone.jpg").read_bytes(), "phone.jpg")
    drain()
    asset = fresh(asset)
    assert asset.captured_at.isoformat() == "2022-07-08T07:10:11+00:00"
    assert (asset.captured_offset_minutes, asset.source) == (120, "Acme Phone 5")
    client.force_login(user)
    for name in ("media-poster", "media-web"):
        data = b"".join(client.get(reverse(name, args=[asset.pk])).streaming_content)
        assert b"Exif" not in data
        assert b"GPS" not in data
    said = client.get(reverse("api-asset", args=[asset.pk])).content.decode()
    assert "47.3" not in said
    assert "47.0" not in str(asset.probe)
