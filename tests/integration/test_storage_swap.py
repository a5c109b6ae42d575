"""The library on a real S3 server: the same road, the same bytes, and nothing left behind."""

from __future__ import annotations

import contextlib
import hashlib
import io
import socket
import threading
import urllib.error
import urllib.request
import uuid
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.management import call_command
from django.urls import reverse

from medialib import pipeline, services, storage
from medialib.environment import storage_options
from medialib.media import renditions
from medialib.models import Asset, Rendition, Step
from tests import media_corpus, samples
from tests.integration.test_road import (  # noqa: F401
    test_a_change_of_words_reaches_search,
    test_a_clip_that_browsers_do_not_play_is_converted,
    test_a_clip_that_browsers_play_is_kept_as_it_is,
    test_a_clip_with_its_answer_becomes_searchable_with_moments,
    test_a_photo_is_labelled_by_the_local_labeller,
    test_a_truncated_clip_ends_in_a_sentence,
    test_labelling_again_replaces_and_never_adds,
    test_what_is_in_the_trash_is_gone_for_everyone_at_once,
)
from tests.servers import versitygw

ROWS = [(0, "Car", 90.0), (500, "Car", 95.0), (1000, "Person", 80.0), (1500, "Person", 85.0)]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    with versitygw.running(tmp_path_factory.mktemp("s3")) as started:
        yield started


@pytest.fixture
def use_bucket(gateway, settings, monkeypatch):
    """Switch to a part of the bucket that is this test's own, as the variables would."""
    prefix = uuid.uuid4().hex

    def switch(endpoint=None):
        for name, value in gateway.environment.items():
            monkeypatch.setenv(name, value)
        if endpoint:
            monkeypatch.setenv("MEDIALIB_S3_ENDPOINT", endpoint)
        place = storage_options(f"s3://media/{prefix}", settings.MEDIA_ROOT)
        settings.STORAGES = {**settings.STORAGES, "default": place}

    return switch


@pytest.fixture
def library(library, request, use_bucket):
    """Media in the bucket, also for the tests of the road, or on disk where a test says so."""
    bucket = getattr(request, "param", "bucket") == "bucket"
    if bucket:
        use_bucket()
    yield library
    assert not bucket or not any(path.is_file() for path in library.rglob("*"))


on_both = pytest.mark.parametrize("library", ["disk", "bucket"], indirect=True)


def keep(user, data, filename="clip.mp4", *, answer=True):
    recorded = io.BytesIO(samples.answer(ROWS)) if answer else None
    return services.create_asset(
        owner=user, file=io.BytesIO(data), filename=filename, answer=recorded
    )


def names():
    folders = ("assets/", "analyses/")
    return {name for folder in folders for name, _ in storage.list_names(folder)}


def contents():
    return sorted(hashlib.sha256(b"".join(storage.stream(name))).hexdigest() for name in names())


def fill(user, drain):
    keep(user, samples.clip())
    keep(user, samples.clip(codec="mpeg4", format_="matroska"), "old.mkv")
    keep(user, media_corpus.file("phone.heic").read_bytes(), "phone.heic", answer=False)
    drain()
    assert set(Asset.objects.values_list("state", flat=True)) == {Asset.State.SEARCHABLE}


@pytest.mark.parametrize("library", ["disk"], indirect=True)
def test_bucket_and_disk_hold_the_same_bytes(user, library, use_bucket, drain):
    fill(user, drain)
    on_disk = contents()
    assert any(path.is_file() for path in library.rglob("*"))
    Asset.objects.all().delete()
    use_bucket()
    fill(user, drain)
    assert contents() == on_disk
    assert len(on_disk) > 15


@pytest.fixture
def asset(user, library, drain, fresh, client):
    made = keep(user, samples.clip())
    drain()
    client.force_login(user)
    return fresh(made)


def fetch(address, **headers):
    with urllib.request.urlopen(urllib.request.Request(address, headers=headers)) as answer:
        return answer.status, answer.headers, answer.read()


@pytest.mark.parametrize(
    ("name", "arguments", "content_type", "seconds"),
    [
        ("media-poster", (), "image/jpeg", 900),
        ("media-storyboard", (), "image/jpeg", 900),
        ("media-frame", (0,), "image/jpeg", 900),
        ("media-playback", (), "video/mp4", 3602),
        ("media-original", (), "video/mp4", 900),
    ],
)
def test_our_addresses_lead_to_signed_ones(asset, client, name, arguments, content_type, seconds):
    answer = client.get(reverse(name, args=[asset.pk, *arguments]))
    assert answer.status_code == 302
    assert answer["Cache-Control"] == "no-store"
    address = answer["Location"]
    assert parse_qs(urlsplit(address).query)["X-Amz-Expires"] == [str(seconds)]
    status, headers, data = fetch(address, Range="bytes=0-99")
    assert (status, len(data)) == (206, 100)
    assert headers["Content-Type"] == content_type
    attached = headers["Content-Disposition"].startswith("attachment")
    assert attached == (name == "media-original")
    with pytest.raises(urllib.error.HTTPError) as refused:
        fetch(address[:-6] + "abcdef")
    assert refused.value.code == 403
    refused.value.close()


def test_a_long_videos_address_is_good_for_six_hours_at_most(asset, client):
    Asset.objects.filter(pk=asset.pk).update(duration_ms=9 * 3600 * 1000)
    address = client.get(reverse("media-playback", args=[asset.pk]))["Location"]
    assert parse_qs(urlsplit(address).query)["X-Amz-Expires"] == ["21600"]


def test_other_people_get_no_address(asset, client, other):
    Asset.objects.filter(pk=asset.pk).update(visibility="private")
    client.force_login(other)
    for name in ("media-poster", "media-playback", "media-original"):
        assert client.get(reverse(name, args=[asset.pk])).status_code == 404


@contextlib.contextmanager
def hanging_up(*, after):
    """Give the address of a server that reads `after` bytes of each call, and its calls."""
    calls = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    caller, _ = listener.accept()
                    calls.append(len(caller.recv(after)))
                    caller.close()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}", calls
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


class Counting:
    """A source that counts what is read through it."""

    path = None

    def __init__(self, source):
        self._source, self.size, self.read, self.reads = source, source.size, 0, 0

    def read_at(self, offset, length):
        data = self._source.read_at(offset, length)
        self.read += len(data)
        self.reads += 1
        return data


def test_twenty_pictures_read_little_of_a_large_object(library, tmp_path):
    short, large = tmp_path / "short.mp4", tmp_path / "large.mp4"
    noise = "testsrc2=s=640x360:r=30:d=4,noise=alls=12:allf=t"
    media_corpus.ffmpeg(
        *("-f", "lavfi", "-i", noise, "-c:v", "libx264", "-preset", "ultrafast"),
        *("-b:v", "1M", "-maxrate", "1M", "-bufsize", "500k"),
        *("-g", "60", "-pix_fmt", "yuv420p", short),
    )
    copies = 400_000_000 // short.stat().st_size
    media_corpus.ffmpeg("-stream_loop", str(copies), "-i", short, "-c", "copy", large)
    size = storage.write_path("assets/large/one", large)
    assert size > 350_000_000
    last = (copies + 1) * 4000
    times = [last * number // 20 for number in range(20)]
    with storage.open_source("assets/large/one") as source:
        counting = Counting(source)
        made = renditions.video_pictures(counting, at_ms=times, folder=tmp_path / "made")
    assert len(made) == 20
    assert counting.read < 0.03 * size
    # The file's head, then one piece a picture: each read is a call that waits for the bucket.
    assert counting.reads < 20 + 10


def test_a_large_original_is_copied_only_where_there_is_room(user, library, settings, drain, fresh):
    asset = keep(user, samples.clip(codec="mpeg4", format_="matroska"), "old.mkv")
    pipeline.run_step(asset.steps.get(kind="prepare").pk)
    settings.MEDIALIB_MIN_FREE_BYTES = 2**62
    pipeline.run_step(asset.steps.get(kind="convert").pk)
    step = asset.steps.get(kind="convert")
    assert (step.state, step.waiting_for) == (Step.State.WAITING, "storage")
    assert "disk is full" in step.detail
    settings.MEDIALIB_MIN_FREE_BYTES = 0
    Step.objects.filter(pk=step.pk).update(state=Step.State.READY)
    drain()
    assert fresh(asset).state == Asset.State.SEARCHABLE


def test_an_upload_that_storage_breaks_off_is_said_and_leaves_nothing(
    user, library, use_bucket, client
):
    """A bucket takes the first bytes of the body and then hangs up, again and again."""
    client.force_login(user)
    with hanging_up(after=1000) as (address, calls):
        use_bucket(address)
        answer = client.post(
            reverse("api-assets"), {"file": io.BytesIO(samples.clip())}, format="multipart"
        )
    assert calls, "the bucket was asked"
    assert answer.status_code == 503
    assert answer.json()["detail"].startswith("Storage did not answer")
    assert not Asset.objects.exists()
    use_bucket()
    assert names() == set()


def test_storage_that_goes_away_is_waited_for(user, library, use_bucket, drain, fresh):
    asset = keep(user, samples.clip())
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        use_bucket(f"http://127.0.0.1:{nobody.getsockname()[1]}")
        pipeline.run_step(asset.steps.get(kind="prepare").pk)
    step = asset.steps.get(kind="prepare")
    assert (step.state, step.waiting_for) == (Step.State.WAITING, "storage")
    assert step.detail.startswith("Storage did not answer")
    assert fresh(asset).state == Asset.State.PREPARING
    use_bucket()
    Step.objects.filter(pk=step.pk).update(state=Step.State.READY)
    drain()
    assert fresh(asset).state == Asset.State.SEARCHABLE


@on_both
def test_removing_an_asset_for_good_removes_every_object_of_it(user, library, drain, settings):
    gone = keep(user, samples.clip(codec="mpeg4", format_="matroska"), "old.mkv")
    stays = keep(user, samples.clip())
    drain()
    # What a crash left in its folder belongs to it, too.
    storage.write_bytes(f"assets/{gone.pk}/half", b"half")
    services.trash_asset(gone, actor=user)
    drain()
    assert services.purge_due() == 0
    Asset.objects.filter(pk=gone.pk).update(deleted_at=gone.created_at - timedelta(days=31))
    assert services.purge_due() == 1
    drain()
    assert not Asset.objects.filter(pk=gone.pk).exists()
    assert not any(str(gone.pk) in name for name in names())
    assert {name.split("/")[1] for name in names()} == {str(stays.pk)}
    assert list(library.rglob(f"*{gone.pk}*")) == []


@on_both
def test_orphans_are_listed_and_removed(user, library, drain, capsys):
    asset = keep(user, samples.clip())
    drain()
    known = names()
    orphans = {
        f"assets/{asset.pk}/lost.jpg",
        f"assets/{uuid.uuid4()}/lost",
        f"analyses/{uuid.uuid4()}/one/lost.gz",
        "assets/odd/name",
    }
    for name in orphans:
        storage.write_bytes(name, b"lost")
    call_command("sweep_storage")
    assert "0 orphans removed" in capsys.readouterr().out, "they are young: let them be"
    call_command("sweep_storage", "--dry-run", "--older-than", "0")
    said = capsys.readouterr().out
    assert all(name in said for name in orphans)
    assert "4 orphans would be removed, 16" in said
    assert names() == known | orphans
    call_command("sweep_storage", "--older-than", "0")
    assert "4 orphans removed" in capsys.readouterr().out
    assert names() == known
    assert asset.renditions.filter(kind=Rendition.Kind.POSTER).exists()
