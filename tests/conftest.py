"""What many tests share: people, a clean media folder, the queue run inline; and their order."""

from __future__ import annotations

import functools
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import botocore.loaders
import pytest
from django.core.cache import caches

from medialib.models import Asset, Step, User
from tests import postgres
from tests.servers import moto

# A session of Amazon's library reads its descriptions of services anew, half a second each time;
# what each test forgets is its credentials and clients, not those.
botocore.loaders.create_loader = functools.cache(botocore.loaders.create_loader)
# What takes longest is begun first, or one process is left alone with it in the end.
_LONGEST_FIRST = ("acceptance", "contracts", "integration", "unit")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the folders whose tests take longest first; within them the order is random."""
    items.sort(key=lambda item: _rank(item.path))


def _rank(path: Path) -> int:
    return next((n for n, name in enumerate(_LONGEST_FIRST) if name in path.parts), -1)


@pytest.fixture
def user(db: None) -> User:
    """A person with no special rights."""
    return User.objects.create_user("ada", password="secret-ada")


@pytest.fixture
def other(db: None) -> User:
    """Another person with no special rights."""
    return User.objects.create_user("bob", password="secret-bob")


@pytest.fixture
def boss(db: None) -> User:
    """A superuser."""
    return User.objects.create_superuser("root", password="secret-root")


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """Load the shipped vocabulary once; each test's changes to it are rolled back."""
    from labelling.vocabulary import load_vocabulary

    with django_db_blocker.unblock():
        load_vocabulary()


@pytest.fixture
def vocabulary(db: None) -> None:
    """The shipped vocabulary; loaded anew only after a test that emptied the tables."""
    from labelling.models import VocabularyVersion
    from labelling.vocabulary import load_vocabulary

    if not VocabularyVersion.objects.exists():
        load_vocabulary()


@pytest.fixture(autouse=True)
def _clean_cache() -> Iterator[None]:
    yield
    for cache in caches.all():
        cache.clear()
    # A session keeps the keys it met first; the next test's server has others.
    if aws := sys.modules.get("medialib.aws"):
        aws.forget_clients()


@pytest.fixture
def library(settings, tmp_path: Path, vocabulary: None) -> Iterator[Path]:
    """Media and index in a folder of this test's own; gives the media folder."""
    from django.core.files.storage import storages

    from search.backends import get_backend

    media = tmp_path / "media"
    media.mkdir()
    settings.MEDIA_ROOT = media
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": str(media), "base_url": None},
        },
    }
    settings.SEARCH_BACKENDS = {
        "default": {
            **settings.SEARCH_BACKENDS["default"],
            "OPTIONS": {"path": tmp_path / "search" / "index.sqlite3"},
        }
    }
    assert storages is not None
    yield media
    get_backend().close()
    shutil.rmtree(media, ignore_errors=True)


@pytest.fixture
def drain() -> Callable[..., int]:
    """Run ready steps in this thread until none is left, as the workers would; gives the count."""
    from medialib import pipeline

    def run(limit: int = 200) -> int:
        done = 0
        while done < limit:
            step = Step.objects.filter(state=Step.State.READY).order_by("-priority", "pk").first()
            if step is None:
                waiting = list(Step.objects.filter(state=Step.State.WAITING))
                assert not waiting, [(w.kind, w.waiting_for, w.detail) for w in waiting]
                return done
            pipeline.run_step(step.pk)
            done += 1
        raise AssertionError(f"More than {limit} steps: the queue does not end.")

    return run


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of an empty database of both kinds, for processes of a test's own."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/library.sqlite3"
    else:
        with postgres.server() as url:
            yield url


@pytest.fixture(scope="session")
def moto_url() -> Iterator[str]:
    """The address of moto's server, which stands in for all of Amazon."""
    with moto.running() as url:
        yield url


@pytest.fixture
def fresh() -> Callable[[Asset], Asset]:
    """Read an asset anew."""
    return lambda asset: Asset.objects.get(pk=asset.pk)
