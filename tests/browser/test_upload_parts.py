"""A large file on the upload page: parts, pause, and a reload in the middle of it."""

from __future__ import annotations

import re

import pytest

from tests import samples

pytestmark = pytest.mark.browser


@pytest.fixture
def page(page):
    # It may be left while it sends.
    page.on("dialog", lambda dialog: dialog.accept())
    return page


@pytest.fixture
def path(tmp_path):
    clip = samples.clip(seconds=1.9)
    padding = 90 * 1024**2
    large = tmp_path / "ferry crossing.mp4"
    large.write_bytes(clip + padding.to_bytes(4, "big") + b"free" + bytes(padding - 8))
    return large


def slow(page):
    """Send at most 12 MB a second, so that there is a middle to break in."""
    speed = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 12e6}
    page.context.new_cdp_session(page).send("Network.emulateNetworkConditions", speed)


def start(page, path):
    page.goto("/upload/")
    page.set_input_files("input[type=file]", str(path))
    page.get_by_role("button", name=re.compile("^Upload 1 file")).click()


def test_a_large_file_goes_on_after_pause_and_reload(page, demo, path):
    slow(page)
    start(page, path)

    def begun():
        _, found = demo.call("GET", "/api/uploads/")
        return [row for row in found["results"] if row["arrived"]]

    [upload] = demo.until(begun)
    page.get_by_role("button", name="Pause").click()
    page.locator(".upload-state", has_text="Paused.").wait_for()
    page.get_by_role("button", name="Go on").wait_for()
    page.reload()
    page.get_by_text("Choose the same file again to go on").wait_for()
    start(page, path)
    page.get_by_text("searchable", exact=False).first.wait_for(timeout=60_000)
    asset = demo.searchable(upload["id"])
    assert asset["size"] == path.stat().st_size
    assert asset["original_filename"] == "ferry crossing.mp4"


def test_the_admin_sends_in_parts_too_and_opens_what_it_kept(page, demo, path):
    slow(page)
    path.write_bytes(path.read_bytes() + b"\0\0\0\x0cfree1234")
    page.goto("/admin/medialib/asset/add/")
    page.fill("input[name=title]", "Ferry from the admin")
    page.fill("input[name=words]", "ferry, lake")
    page.set_input_files("input[name=file]", str(path))
    page.click("input[name=_save]")
    page.get_by_role("button", name="Pause").wait_for()
    page.click("input[name=_save]")
    demo.until(lambda: demo.call("GET", "/api/uploads/")[1]["results"])
    assert page.locator(".upload-row").count() == 1
    page.wait_for_url("**/change/", timeout=60_000)
    asset = demo.searchable(re.search(r"asset/([0-9a-f-]+)/change", page.url).group(1))
    assert (asset["title"], asset["keywords"]) == ("Ferry from the admin", ["ferry", "lake"])
    assert asset["size"] == path.stat().st_size


def test_a_cancelled_file_is_gone(page, demo, path):
    slow(page)
    path.write_bytes(path.read_bytes() + b"\0\0\0\x08free")
    start(page, path)
    page.get_by_text("Sending", exact=False).first.wait_for()
    page.get_by_role("button", name="Cancel").click()
    page.locator(".upload-state", has_text="Cancelled.").wait_for()
    demo.until(lambda: demo.call("GET", "/api/uploads/")[1]["results"] == [])
