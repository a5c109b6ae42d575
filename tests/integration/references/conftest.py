"""A folder of files that are not ours, and an asset whose original stays in it."""

from __future__ import annotations

import io

import pytest
from django.core.management import call_command

from labelling.models import Analysis
from medialib import referring, services
from medialib.models import Asset, Step
from tests import samples

ROWS = [(0, "Car", 90.0), (500, "Car", 95.0), (1000, "Person", 80.0)]


@pytest.fixture
def archive(tmp_path, settings):
    """A folder of files that are not ours, named in the settings."""
    folder = tmp_path / "archive"
    (folder / "deep").mkdir(parents=True)
    settings.MEDIALIB_REFERENCE_ROOTS = [str(folder)]
    return folder


@pytest.fixture
def clip(archive):
    path = archive / "deep" / "Küste 100%.mp4"
    path.write_bytes(samples.clip())
    (archive / "deep" / f"{path.name}.json").write_bytes(samples.answer(ROWS))
    return path


@pytest.fixture
def asset(clip, boss, library, client):
    """One that is found and played already; the way there is a test of its own."""
    run(clip.parent)
    Step.objects.all().delete()
    Analysis.objects.update(status=Analysis.Status.SUCCEEDED)
    Asset.objects.update(state=Asset.State.SEARCHABLE, content_type="video/mp4")
    client.force_login(boss)
    return Asset.objects.get()


def run(*arguments):
    out, err = io.StringIO(), io.StringIO()
    call_command(
        "import_media",
        *map(str, arguments),
        "--reference",
        "--parallel",
        "1",
        stdout=out,
        stderr=err,
    )
    return out.getvalue(), err.getvalue()


def refer(user, path, **details):
    return referring.create_reference(
        owner=user, place=str(path), filename=path.name, details=services.Details(**details)
    )
