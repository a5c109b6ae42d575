"""A moment's picture that is not made yet: something near at once, then the very frame."""

from __future__ import annotations

import io

import pytest
from django.urls import reverse
from PIL import Image

from labelling.models import Moment
from medialib import pictures, services
from medialib.models import Rendition, Step, WantedFrame
from tests import media_corpus, samples

# Ten moments of one label, two seconds apart; only the five best get their pictures unasked.
ROWS = [
    (at + later, "Car", 90.0 - at / 1000) for at in range(0, 30_000, 3_000) for later in (0, 500)
]


@pytest.fixture
def asset(user, library, drain, fresh, tmp_path):
    path = tmp_path / "barcode.mp4"
    media_corpus.barcode(path, frames=150, rate="5", sound=False)
    made = services.create_asset(
        owner=user,
        file=io.BytesIO(path.read_bytes()),
        filename="barcode.mp4",
        answer=io.BytesIO(samples.answer(ROWS, duration_ms=30_000)),
    )
    drain()
    return fresh(made)


@pytest.fixture
def get(client, user, asset):
    client.force_login(user)
    return lambda at: client.get(reverse("media-frame", args=[asset.pk, at]))


def number(response):
    data = response.content if not response.streaming else b"".join(response.streaming_content)
    return media_corpus.read_barcode(Image.open(io.BytesIO(data)))


def kept(asset):
    frames = asset.renditions.filter(kind=Rendition.Kind.FRAME)
    return set(frames.values_list("at", flat=True))


def late_starts(asset):
    starts = set(Moment.objects.filter(asset=asset).values_list("start_ms", flat=True))
    return sorted(starts - kept(asset))


def test_only_the_best_moments_have_their_pictures_unasked(asset):
    assert len(kept(asset)) == 5
    assert len(late_starts(asset)) == 5


def test_what_is_not_made_yet_is_stood_in_for_and_follows(asset, get, drain):
    at = late_starts(asset)[-1]
    first = get(at)
    assert first.status_code == 200
    assert first["Content-Type"] == "image/jpeg"
    assert first["Cache-Control"] == "no-store"
    # Five pictures a second; the tile is at most one interval of two seconds old.
    assert at // 200 - 10 <= number(first) <= at // 200
    drain()
    exact = get(at)
    assert exact["Cache-Control"] != "no-store"
    assert number(exact) == at // 200
    assert kept(asset) >= {at}
    assert not WantedFrame.objects.exists()


def test_asking_again_and_again_queues_one_step(asset, get):
    for at in late_starts(asset)[:3] * 3:
        get(at)
    assert Step.objects.filter(kind="pictures", state="ready").count() == 1
    assert WantedFrame.objects.count() == 3


def test_times_that_are_no_moments_start_are_never_made(asset, get, drain):
    assert get(777).status_code == 200
    assert not WantedFrame.objects.exists()
    assert drain() == 0


def test_the_oldest_that_were_asked_for_give_way(asset, get, drain, settings):
    # Half of the cap is for what nobody asked for, which here is the five best.
    settings.MEDIALIB_MAX_FRAMES = 10
    best = set(pictures.best_starts(asset))
    settings.MEDIALIB_MAX_FRAMES = 6
    late = late_starts(asset)
    for at in late[:3]:
        get(at)
        drain()
        assert at in kept(asset)
    assert len(kept(asset)) <= 6
    assert set(pictures.best_starts(asset)) <= kept(asset)
    assert len(best) == 5


def test_a_moment_that_is_gone_is_not_made(asset, get, drain):
    at = late_starts(asset)[0]
    get(at)
    Moment.objects.filter(asset=asset, start_ms=at).delete()
    drain()
    assert at not in kept(asset)
    assert not WantedFrame.objects.exists()


def test_removed_frames_leave_no_object(asset, drain, library):
    frame = asset.renditions.filter(kind=Rendition.Kind.FRAME).first()
    assert (library / frame.name).exists()
    from medialib import assets

    assets.drop_renditions([frame])
    assert not (library / frame.name).exists()
