"""The upload page at a plain name such as http://nas, where browsers give pages no WebCrypto."""

from __future__ import annotations

import hashlib
import json
import random
import re

import pytest

from medialib.client.sending import fingerprint
from tests import samples, service
from tests.browser.chromium import ARGUMENTS, find_chromium
from tests.browser.screenshots import sign_in
from tests.servers import long

pytestmark = [pytest.mark.browser, long]
PART = 65_536
# Around the ends of blocks and of what a block's padding takes.
LENGTHS = (0, 1, 55, 56, 63, 64, 65, 119, 120, 1_000, 100_003)


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    variables = {"MEDIALIB_ALLOWED_HOSTS": "nas,127.0.0.1", "MEDIALIB_PART_BYTES": str(PART)}
    with service.running(tmp_path_factory.mktemp("service"), **variables) as started:
        yield started


@pytest.fixture
def page(chromium, running):
    rules = "--host-resolver-rules=MAP nas 127.0.0.1"
    browser = chromium.browser_type.launch(
        executable_path=find_chromium(), args=[*ARGUMENTS, rules]
    )
    address = running.url.replace("127.0.0.1", "nas")
    opened = browser.new_context(base_url=address).new_page()
    opened.errors = []
    opened.on("pageerror", lambda error: opened.errors.append(str(error)))
    sign_in(opened, running.password)
    assert opened.evaluate("[isSecureContext, typeof crypto.subtle]") == [False, "undefined"]
    yield opened
    assert opened.errors == []
    browser.close()


def test_digests_are_right_without_webcrypto(page):
    data = [bytes(n * 7 % 256 for n in range(length)) for length in LENGTHS]
    made = page.evaluate(
        """async (all) => {
          const { sha256Hex } = await import("/static/medialib/js/sha256.js");
          return Promise.all(all.map((bytes) => sha256Hex(Uint8Array.from(bytes).buffer)));
        }""",
        [list(one) for one in data],
    )
    assert made == [hashlib.sha256(one).hexdigest() for one in data]


def test_a_large_file_is_sent_in_parts_under_its_right_fingerprint(page, running, tmp_path):
    clip = samples.clip(seconds=1.7)
    padding = 5 * PART
    path = tmp_path / "harbour.mp4"
    noise = random.Random(7).randbytes(padding - 8)
    path.write_bytes(clip + padding.to_bytes(4, "big") + b"free" + noise)
    begun = []

    def note(request):
        if request.method == "POST" and request.url.endswith("/api/uploads/"):
            begun.append(request.post_data)

    page.on("request", note)
    page.goto("/upload/")
    page.set_input_files("input[type=file]", str(path))
    page.get_by_role("button", name=re.compile("^Upload 1 file")).click()
    page.locator(".upload-row[data-tone=ok]").wait_for(timeout=60_000)
    [said] = map(json.loads, begun)
    assert (said["size"], said["fingerprint"]) == (path.stat().st_size, fingerprint(path))
    [asset] = running.call("GET", "/api/assets/")[1]["results"]
    asset = running.searchable(asset["id"])
    assert asset["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
