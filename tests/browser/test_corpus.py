"""Awkward, broken and hostile files through the real service: each ends in a state with a sentence.

What is accepted plays in Chromium. Every file of the corpus and 400 damaged ones take minutes, so
it runs with `MEDIALIB_LONG_TESTS=1` only.
"""

from __future__ import annotations

import os

import pytest

from tests import corpus_service, media_corpus, service
from tests.browser.screenshots import sign_in
from tests.servers import long

pytestmark = [pytest.mark.browser, long]
REJECTED = {
    "sound_only.mp4",
    "cover_art.m4a",
    "encrypted.mp4",
    "cut_off_no_index.mp4",
    "bomb.mkv",
    "bomb.png",
    "random.mp4",
    "named.mp4",
}

_PLAY = """async (address) => {
  const video = document.createElement("video");
  video.muted = true;
  video.src = address;
  const until = (name) => new Promise((go, stop) => {
    video.addEventListener(name, go, {once: true});
    video.addEventListener("error", () => stop(new Error(video.error.message)), {once: true});
    setTimeout(() => stop(new Error(`no ${name} of ${address} came`)), 20000);
  });
  document.body.append(video);
  await until("loadeddata");
  const middle = video.duration / 2;
  const moved = until("seeked");
  video.currentTime = middle;
  await moved;
  const at = video.currentTime;
  const ended = until("ended");
  await video.play();
  await ended;
  const seen = [video.videoWidth, video.videoHeight, video.duration, at - middle];
  video.remove();
  return seen;
}"""


@pytest.fixture(scope="module")
def trap():
    with corpus_service.trap() as listening:
        yield listening


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with service.running(tmp_path_factory.mktemp("corpus")) as started:
        yield started


@pytest.fixture(scope="module")
def fates(running, trap):
    """What became of each file: (status of the upload, its answer, the asset at the end)."""
    files = {name: media_corpus.file(name).read_bytes() for name in corpus_service.names()}
    files |= trap.files() | dict(corpus_service.mutants(corpus_service.MUTATED))
    sent = {name: corpus_service.send(running, name, data) for name, data in files.items()}
    assets = corpus_service.ended(running, seconds=60 + 6 * len(files))
    return {name: (*answer, assets.get(name)) for name, answer in sent.items()}


def test_every_file_is_refused_at_once_or_ends_in_a_state_with_a_sentence(fates):
    wrong = {}
    for name, (status, answer, asset) in fates.items():
        if status == 422:
            fine = answer["detail"].endswith("Nothing was stored.") and asset is None
        elif status == 409:
            fine = asset is None
        elif asset is None or status != 201:
            fine = False
        else:
            ending = asset["status"]
            spoken = ending["detail"].endswith(".") and bool(ending["code"])
            fine = ending["state"] == "searchable" or spoken
        if not fine:
            wrong[name] = (status, answer if asset is None else asset["status"])
    assert wrong == {}


def test_only_what_cannot_be_shown_is_turned_away(fates):
    awkward = set(corpus_service.names()) - set(media_corpus.TEXTS) - REJECTED
    states = {name: fates[name][2]["status"] for name in awkward if fates[name][0] == 201}
    assert {name: s for name, s in states.items() if s["state"] != "searchable"} == {}
    hopeless = REJECTED & set(corpus_service.names())
    ends = {name: fates[name][2]["status"]["state"] for name in hopeless if fates[name][2]}
    assert set(ends.values()) <= {"rejected"}


def test_what_is_accepted_has_its_pictures(fates, running):
    for name, (_, _, asset) in fates.items():
        if asset is not None and asset["status"]["state"] == "searchable":
            assert asset["poster_url"], name


def test_nobody_was_talked_to(fates, trap):
    assert trap.heard == []


def test_no_worker_died_and_nothing_half_made_is_left(fates, running):
    assert [line for line in running.lines if "starts again" in line] == []
    temporary = os.path.join(running.environment["MEDIALIB_DATA_DIR"], "tmp")
    assert os.listdir(temporary) == []
    assert "0 orphans" in running.manage("sweep_storage", "--dry-run", "--older-than", "0")


def test_every_accepted_video_plays_and_seeks(chromium, running, fates):
    known = set(corpus_service.names())
    videos = {
        name: asset
        for name, (_, _, asset) in fates.items()
        if name in known and asset and asset["kind"] == "video"
        if asset["status"]["state"] == "searchable"
    }
    assert len(videos) >= 10
    context = chromium.new_context(base_url=running.url)
    page = context.new_page()
    sign_in(page, running.password)
    for name, asset in videos.items():
        width, height, duration, missed = page.evaluate(_PLAY, asset["playback_url"])
        assert min(width, height) > 0, name
        assert abs(duration * 1000 - asset["duration_ms"]) < 100, name
        assert abs(missed) < 0.05, name
    context.close()
