"""New titles and new access reach search by themselves, without what is seen being read again."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from labelling.detections import LabelFacts
from labelling.models import Label, LabelParent, Moment
from labelling.vocabulary import learn_facts, load_vocabulary
from medialib import assets
from medialib.models import Asset, Step
from medialib.selectors import Principals
from search import services
from tests.admin_forms import as_shown
from tests.integration import test_search_services as library
from tests.integration.test_search_services import found

pytestmark = pytest.mark.usefixtures("index")
# Fixtures of the library that both modules look at.
index, street = library.index, library.street


def test_a_new_title_or_new_access_reach_search_without_the_moments_being_read(street, user):
    Asset.objects.filter(pk=street.pk).update(title="Quarry", visibility="private")
    assets.touch_index(street.pk)
    with CaptureQueriesContext(connection) as asked:
        services.index_assets([street.pk])
    assert not [query for query in asked.captured_queries if '"confidence"' in query["sql"]]
    assert found("quarry") == [str(street.pk)]
    assert found("cars") == [str(street.pk)]
    assert not found("cars", principals=Principals(frozenset({"members"})))
    street.refresh_from_db()
    assert street.indexed_generation == street.index_generation


def test_a_new_title_does_not_hide_that_the_moments_are_new_too(street, user):
    Moment.objects.filter(asset=street).delete()
    Asset.objects.filter(pk=street.pk).update(title="Quarry")
    assets.touch_index(street.pk)
    services.index_assets([street.pk])
    assert found("quarry") == [str(street.pk)]
    assert not found("cars")


def test_parents_learned_later_reach_what_was_indexed_before(street, user, drain):
    other = library.make_asset(user, ("Crab", 0, 1_000, 90.0))
    services.index_assets([other.pk])
    learn_facts([LabelFacts("Vehicle", parents=("Machine",))], model_version="3.0")
    assert [step.asset_id for step in Step.objects.all()] == [street.pk], "only what is below it"
    drain()
    assert found("machine") == [str(street.pk)]
    learn_facts([LabelFacts("Vehicle", parents=("Machine",))], model_version="3.0")
    assert not Step.objects.filter(state=Step.State.READY).exists(), "nothing new was said"


def test_parents_and_categories_of_a_new_release_reach_what_was_indexed_before(
    street, drain, tmp_path
):
    assert found("gadgets") == []
    newer = "name,parents,aliases,category\nGadget,,,\nCar,Gadget,,Gadgets\n"
    (tmp_path / "newer.csv").write_text(newer)
    load_vocabulary(tmp_path / "newer.csv")
    drain()
    assert found("gadget") == found('category:"Gadgets"') == [str(street.pk)]
    assert found("vehicle") == [], "the older release said so"


def test_a_parent_given_or_taken_in_the_admin_reaches_search(admin_client, street, drain):
    car, carpet = (Label.objects.get(name=name) for name in ("Car", "Carpet"))
    page = reverse("admin:labelling_label_change", args=[car.pk])
    form = as_shown(admin_client, page, name="Car")
    at = form["parent_rows-INITIAL_FORMS"]
    given = form | {
        f"parent_rows-{at}-label": car.pk,
        f"parent_rows-{at}-parent": carpet.pk,
        "parent_rows-TOTAL_FORMS": at + 1,
    }
    saved = admin_client.post(page, given)
    assert saved.status_code == 302, saved.context["errors"]
    drain()
    assert found("carpet") == [str(street.pk)]
    row = LabelParent.objects.get(label=car, parent=carpet)
    given |= {
        "parent_rows-INITIAL_FORMS": at + 1,
        f"parent_rows-{at}-id": row.pk,
        f"parent_rows-{at}-DELETE": "on",
    }
    assert admin_client.post(page, given).status_code == 302
    drain()
    assert found("carpet") == []
