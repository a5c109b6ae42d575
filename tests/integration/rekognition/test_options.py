"""What is asked of the double by settings: filters by exact names, and a photo's properties."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from labelling.models import LedgerEntry
from medialib import storage

pytestmark = pytest.mark.django_db

FILTERS = {
    "labels": ["Car", "Person"],
    "without_labels": ["Wheel"],
    "categories": ["Vehicles and Automotive"],
    "without_categories": ["Weapons and Military"],
}
ASKED = {
    "LabelInclusionFilters": ["Car", "Person"],
    "LabelExclusionFilters": ["Wheel"],
    "LabelCategoryInclusionFilters": ["Vehicles and Automotive"],
    "LabelCategoryExclusionFilters": ["Weapons and Military"],
}


def answer_of(analysis):
    with storage.open_gzip(analysis.raw_name) as file:
        return [json.loads(line) for line in file]


def labelled(cloud, kind):
    analysis = cloud.queue(cloud.asset(kind))
    cloud.finish(analysis)
    assert (analysis.status, analysis.detail) == ("SUCCEEDED", "")
    return analysis


def test_every_filter_reaches_the_double_for_photos_and_videos(cloud):
    cloud.configure(**FILTERS)
    for kind in ("photo", "video"):
        request = labelled(cloud, kind).parameters["request"]
        assert request["Settings"] == {"GeneralLabels": ASKED}
    [job] = cloud.double.jobs.all.values()
    assert job.request["Settings"] == {"GeneralLabels": ASKED}


def test_a_photo_holds_only_what_the_filters_let_through(cloud):
    [page] = answer_of(labelled(cloud, "photo"))
    names = [row["Name"] for row in page["Labels"]]
    assert len(names) > 2
    cloud.configure(labels=names[:2], without_labels=names[:1])
    analysis = labelled(cloud, "photo")
    [page] = answer_of(analysis)
    assert [row["Name"] for row in page["Labels"]] == names[1:2]
    assert list(analysis.moments.values_list("label__name", flat=True)) == names[1:2]


def test_a_photos_properties_are_kept_and_paid_for_only_where_they_are_wanted(cloud):
    plain = labelled(cloud, "photo")
    assert "ImageProperties" not in answer_of(plain)[0]
    cloud.configure(image_properties=True)
    rich = labelled(cloud, "photo")
    assert "Quality" in answer_of(rich)[0]["ImageProperties"]
    costs = LedgerEntry.objects.filter(analysis__in=(plain, rich)).order_by("pk")
    assert list(costs.values_list("cost", flat=True)) == [Decimal("0.001"), Decimal("0.00175")]
    # Videos have none, and are asked for none.
    assert "Features" not in labelled(cloud, "video").parameters["request"]


def test_without_settings_nothing_is_left_out(cloud):
    for kind in ("photo", "video"):
        assert "Settings" not in labelled(cloud, kind).parameters["request"]
