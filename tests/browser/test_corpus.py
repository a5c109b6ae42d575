"""Whatever video came in, Chromium plays it and jumps in it."""

from __future__ import annotations

import pytest

from tests import corpus_service, media_corpus, service

pytestmark = pytest.mark.browser

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
def running(tmp_path_factory):
    with service.running(tmp_path_factory.mktemp("corpus")) as started:
        yield started


def test_every_accepted_video_plays_and_seeks(chromium, running):
    for name in corpus_service.names():
        corpus_service.send(running, name, media_corpus.file(name).read_bytes())
    assets = corpus_service.ended(running, seconds=600)
    videos = {
        name: asset
        for name, asset in assets.items()
        if asset["kind"] == "video" and asset["status"]["state"] == "searchable"
    }
    assert len(videos) >= 10
    context = chromium.new_context(base_url=running.url)
    page = context.new_page()
    page.goto("/sign-in/")
    page.fill("input[name=username]", "admin")
    page.fill("input[name=password]", running.password)
    page.click("button:has-text('Sign in')")
    page.wait_for_url("**/")
    for name, asset in videos.items():
        width, height, duration, missed = page.evaluate(_PLAY, asset["playback_url"])
        assert min(width, height) > 0, name
        assert abs(duration * 1000 - asset["duration_ms"]) < 100, name
        assert abs(missed) < 0.05, name
    context.close()
