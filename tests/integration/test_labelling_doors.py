"""What the admin's label pages and labelling's commands promise."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from labelling.models import Analysis, Label, Moment
from labelling.vocabulary import get_vocabulary
from medialib import services
from medialib.models import Asset
from tests import samples

ROWS = [(0, "Car", 80.0), (500, "Car", 90.0)]


@pytest.fixture
def asset(user, library, drain):
    clip = io.BytesIO(samples.clip(seconds=2))
    asset = services.create_asset(owner=user, file=clip, filename="clip.mp4")
    drain()
    return Asset.objects.get(pk=asset.pk)


def label_form(label, **more):
    rows = {
        f"{prefix}-{name}": value
        for prefix in ("alias_rows", "parent_rows", "category_rows")
        for name, value in (("TOTAL_FORMS", 0), ("INITIAL_FORMS", 0))
    }
    return {"name": label.name, **rows, **more}


def test_an_alias_given_in_the_admin_finds_the_label_at_once(admin_client, vocabulary):
    label = Label.objects.get(name="Abu Simbel")
    page = reverse("admin:labelling_label_change", args=[label.pk])
    assert get_vocabulary().find("ramesses temple") == ()
    alias = {"alias_rows-TOTAL_FORMS": 1, "alias_rows-0-name": "Ramesses Temple"}
    answer = admin_client.post(page, label_form(label, **alias, **{"alias_rows-0-label": label.pk}))
    assert answer.status_code == 302, answer.context["errors"]
    assert get_vocabulary().find("ramesses temple") == (label.pk,)


def test_a_parent_that_stands_below_is_refused_in_the_admin(admin_client, vocabulary):
    upper = Label.objects.get(name="Abu Simbel")
    lower = Label.objects.get(name="Absinthe")
    lower.parent_rows.create(parent=upper, model_version="person")
    parent = {
        "parent_rows-TOTAL_FORMS": 1,
        "parent_rows-0-parent": lower.pk,
        "parent_rows-0-label": upper.pk,
    }
    page = reverse("admin:labelling_label_change", args=[upper.pk])
    answer = admin_client.post(page, label_form(upper, **parent))
    assert answer.status_code == 200
    assert "stands below this label already" in answer.content.decode()


def test_analyses_are_there_to_look_at_only(admin_client, asset):
    analysis = Analysis.objects.get(asset=asset)
    page = reverse("admin:labelling_analysis_change", args=[analysis.pk])
    assert admin_client.get(page).status_code == 200
    assert admin_client.post(page, {"status": "FAILED"}).status_code == 403
    assert admin_client.get(reverse("admin:labelling_analysis_changelist")).status_code == 200


def test_an_answer_comes_in_by_command_and_is_rebuilt_for_nothing(asset, drain, tmp_path, capsys):
    path = tmp_path / "answer.json"
    path.write_bytes(samples.answer(ROWS))
    call_command("import_labels", str(asset.pk), str(path))
    drain()
    assert Moment.objects.get(asset=asset, label__name="Car").end_ms == 1000
    Moment.objects.all().delete()
    call_command("rebuild_moments")
    assert Moment.objects.filter(asset=asset, label__name="Car").exists()
    assert "Rebuilt 1 of 1 analyses." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "words"),
    [(b'{"FaceDetails": []}', "face detection"), (None, "can't be read")],
)
def test_a_bad_answer_ends_the_command_with_a_sentence(asset, tmp_path: Path, content, words):
    path = tmp_path / "answer.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CommandError, match=words):
        call_command("import_labels", str(asset.pk), str(path))
    with pytest.raises(CommandError, match="no asset"):
        call_command("import_labels", "nonsense", str(path))
