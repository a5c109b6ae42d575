"""The pages of what went wrong, and of a library that is empty: no barrier on them either."""

from __future__ import annotations

import json

import pytest
from django.template.loader import render_to_string

from tests import media_corpus
from tests.browser.bars import look_at, watched, whats_wrong
from tests.browser.screenshots import sign_in
from tests.servers import long

pytestmark = [pytest.mark.browser, long]

# Bob, who sees nothing of the others' private files, and an asset for every sad state.
_PREPARE = """
import json
from datetime import timedelta
from django.utils import timezone
from medialib.models import Asset, Step, User
now = timezone.now()
User.objects.create_user("bob", password="secret-bob")
boss = User.objects.get(username="admin")
def made(title, state, detail=""):
    return Asset.objects.create(owner=boss, kind="video", title=title, visibility="private",
        original_filename=title, original_name=title, size=1, state=state, detail=detail)
def step(asset, kind, state, **fields):
    Step.objects.create(asset=asset, kind=kind, state=state, started_at=now, **fields)
full = "The disk is full: free some space, then try again."
broken = made("Broken.mp4", "failed", full)
step(broken, "prepare", "failed", detail=full, ended_at=now)
long = made("Too long.mp4", "searchable")
step(long, "analyse", "failed", code="video_too_large", detail="It is too long.", ended_at=now)
later = made("Later.mp4", "preparing")
step(later, "convert", "waiting", waiting_for="storage", detail="Storage is away for a moment.",
     next_try_at=now + timedelta(days=2))
print(json.dumps({"failed": str(broken.pk), "waiting": str(later.pk)}))
"""
_LOOKS = [(1280, "light"), (360, "dark")]
# Sends a form as a page of ours would, or one whose secret word has gone.
_SEND = """([address, token]) => {
  const form = Object.assign(document.createElement("form"), {method: "post", action: address});
  const value = token ? document.querySelector("[name=csrfmiddlewaretoken]").value : "";
  form.append(Object.assign(document.createElement("input"), {name: "csrfmiddlewaretoken", value}));
  document.body.append(form);
  form.submit();
}"""


@pytest.fixture(scope="module")
def sad(paid):
    """What is wrong in this library: ids of assets by how they ended."""
    found = json.loads(paid.manage("shell", "-c", _PREPARE).splitlines()[-1])
    sound = media_corpus.file("sound_only.mp4").read_bytes()
    status, asset = paid.upload(sound, "sound.mp4")
    assert status == 201

    def turned_away():
        _, row = paid.call("GET", f"/api/assets/{asset['id']}/")
        return row["status"]["state"] == "rejected"

    paid.until(turned_away)
    return {**found, "rejected": asset["id"]}


def pages_of_bob(page):
    """Look at what a person sees who has nothing and may nothing; gives what is wrong."""
    wrong = {"empty library": look_at(page, "/")}
    assert page.get_by_role("heading", name="Add videos and photos").is_visible()
    wrong["empty search"] = look_at(page, "/search/")
    wrong["404"] = look_at(page, "/assets/00000000-0000-7000-8000-000000000000/")
    assert page.get_by_role("heading", name="There is nothing here").is_visible()
    for name, token, heading in (
        ("403", True, "This is not yours to change"),
        ("403 without a token", False, "Please send it again"),
    ):
        page.goto("/upload/")
        with page.expect_navigation():
            page.evaluate(_SEND, ["/library/demo/", token])
        assert page.get_by_role("heading", name=heading).is_visible()
        wrong[name] = whats_wrong(page)
    return wrong


def page_of_a_fault(page):
    """Look at the page that is sent when a view breaks, in the place where it is sent."""
    page.route("**/broken/", lambda route: route.fulfill(
        status=500, body=render_to_string("500.html"), content_type="text/html"
    ))  # fmt: skip
    wrong = look_at(page, "/broken/")
    assert page.get_by_role("heading", name="Something broke on our side").is_visible()
    return wrong


@pytest.mark.parametrize(("width", "theme"), _LOOKS)
def test_pages_of_nothing_and_of_no_have_no_barriers(chromium, paid, sad, width, theme):
    look = {"viewport": {"width": width, "height": 800}, "color_scheme": theme}
    with watched(chromium, paid.url, **look) as (page, errors):
        sign_in(page, "secret-bob", username="bob")
        wrong = {**pages_of_bob(page), "500": page_of_a_fault(page)}
    assert {name: found for name, found in wrong.items() if found} == {}
    # Chromium itself notes each answer that is not a page.
    assert [line for line in errors if "Failed to load resource" not in line] == []


@pytest.mark.parametrize(("width", "theme"), _LOOKS)
def test_pages_of_what_went_wrong_have_no_barriers(chromium, paid, sad, width, theme):
    look = {"viewport": {"width": width, "height": 800}, "color_scheme": theme}
    with watched(chromium, paid.url, **look) as (page, errors):
        sign_in(page, paid.password)
        wrong = {name: look_at(page, f"/assets/{asset}/") for name, asset in sad.items()}
        wrong["activity"] = look_at(page, "/activity/")
        for group in ("Waiting", "Failed this time", "Failed for good"):
            assert page.get_by_role("region", name=group).locator("li.work").count(), group
        wrong["library"] = look_at(page, "/")
        wrong["upload"] = look_at(page, "/upload/")
        wrong["upload in the admin"] = look_at(page, "/admin/medialib/asset/add/")
    assert {name: found for name, found in wrong.items() if found} == {}
    assert errors == []
