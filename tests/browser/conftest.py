"""A real Chromium and a real service with its demo, for the stories that people live through."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests import labelled_demo, service
from tests.browser.chromium import ARGUMENTS, find_chromium
from tests.browser.screenshots import sign_in
from tests.servers import require

_MANY = """
from medialib.models import Asset, User
from search import services
owner = User.objects.get(username="admin")
made = [
    Asset.objects.create(
        owner=owner, kind="video", title=f"Pier {n:02}", original_filename=f"pier {n}.mp4",
        original_name=f"assets/none/{n}", size=1, state="searchable", visibility="library",
        duration_ms=1000,
    )
    for n in range(70)
    if not Asset.objects.filter(title=f"Pier {n:02}").exists()
]
services.index_assets([asset.pk for asset in made])
"""


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The system's Chromium, without a window."""
    path = find_chromium()
    require(path is not None, "This needs Chromium (Debian: apt install chromium).")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[service.Service]:
    """A running service whose demo library is searchable."""
    folder = tmp_path_factory.mktemp("demo")
    labelled_demo.copy_to(folder)
    with service.running(folder, demo=True, MEDIALIB_STYLEGUIDE="true") as started:
        started.demo_searchable()
        yield started


@pytest.fixture(scope="session")
def paid(tmp_path_factory: pytest.TempPathFactory) -> Iterator[service.Service]:
    """A running service without the demo, whose labeller would cost money and is out of reach."""
    variables = {
        "MEDIALIB_LABELLING": "rekognition",
        "MEDIALIB_REKOGNITION_ENDPOINT": "http://127.0.0.1:9",
        "MEDIALIB_DEFAULT_VISIBILITY": "private",
        "AWS_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": "nothing",
    }
    with service.running(tmp_path_factory.mktemp("paid"), **variables) as started:
        yield started


@pytest.fixture(scope="session")
def session(chromium: Browser, demo: service.Service) -> Any:
    """The cookies of the first person, signed in once for all tests."""
    context = chromium.new_context(base_url=demo.url)
    sign_in(context.new_page(), demo.password)
    kept = context.storage_state()
    context.close()
    return kept


@pytest.fixture
def page(chromium: Browser, demo: service.Service, session: Any) -> Iterator[Page]:
    """A fresh page, signed in, that notes every error of the console."""
    size = {"width": 1280, "height": 800}
    context = chromium.new_context(viewport=size, base_url=demo.url, storage_state=session)
    opened = context.new_page()
    errors: list[str] = []
    opened.errors = errors  # type: ignore[attr-defined]
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
    opened.goto("/")
    yield opened
    context.close()
    assert errors == []


@pytest.fixture(scope="session")
def piers(demo: service.Service) -> None:
    """Seventy assets named Pier, more than a page of any list."""
    demo.manage("shell", "-c", _MANY)
