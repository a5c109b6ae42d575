"""What the language asks of assets and ranges, over real rows: marks, counts, joins."""

import pytest
from django.urls import reverse

from labelling.models import Analysis, Label, Moment
from medialib.models import Asset
from medialib.selectors import Principals
from search import services
from search.query import InvalidQuery
from tests.admin_forms import as_shown
from tests.integration import test_search_services as library
from tests.integration.test_search_services import found, make_asset, spans

pytestmark = pytest.mark.usefixtures("index")
# Fixtures of the library that both modules look at.
index, street = library.index, library.street


def test_marks_of_assets_are_searched_by(user, street):
    camera = make_asset(user, ("Car", 0, 1_000, 90.0), source="Nikon Z6")
    failed = make_asset(user, state=Asset.State.FAILED)
    Analysis.objects.filter(asset=failed).delete()
    Moment.objects.filter(asset=camera).update(instances=2)
    services.index_assets([camera.pk, failed.pk])
    me = Principals(frozenset({f"u:{user.pk}"}))
    for text, expected in [
        ('source:"nikon z6"', [camera]),
        ("is:failed", [failed]),
        ("is:unlabelled", [failed]),
        ("has:boxes", [camera]),
        ("two cars", [camera]),
        ("car -has:boxes", [street]),
    ]:
        assert set(found(text)) == {str(asset.pk) for asset in expected}, text
    assert len(found("owner:me", me)) == 3
    assert found("owner:me", Principals(frozenset({"public"}))) == []
    assert found("owner:me") == []


def test_ranges_near_each_other_are_joined_when_asked(user):
    asset = make_asset(user, ("Car", 0, 1_000, 90.0), ("Car", 2_500, 4_000, 80.0))
    services.index_assets([asset.pk])
    assert spans("car") == [(0, 1_000), (2_500, 4_000)]
    assert spans("car join:2s") == [(0, 4_000)]
    assert spans("car join:2s dur:>3s") == [(0, 4_000)]
    assert spans("car join:1s") == [(0, 1_000), (2_500, 4_000)]


def test_near_misses_of_a_then_are_a_list_of_their_own(user, street):
    late = make_asset(user, ("Car", 0, 1_000, 90.0), ("Dog", 21_000, 22_000, 90.0))
    services.index_assets([late.pk])
    answer = services.search("car then dog within 8s", principals=library.EVERYONE)
    assert [result.asset_id for result in answer.results] == [str(street.pk)]
    [near] = answer.near_misses
    assert near.asset_id == str(late.pk)
    assert [(m.start_ms, m.end_ms) for m in near.moments] == [(0, 22_000)]
    assert near.why[0] == "Car, then Dog, further apart than you asked"
    assert answer.total.assets == 1
    assert services.search("car", principals=library.EVERYONE).near_misses == ()


def test_an_unknown_source_is_refused_by_name(user):
    asset = make_asset(user, ("Car", 0, 1_000, 90.0), source="Nikon Z6", visibility="private")
    services.index_assets([asset.pk])
    with pytest.raises(InvalidQuery, match='Did you mean source:"Nikon Z6"'):
        found('source:"Nikon Z5"')
    with pytest.raises(InvalidQuery, match="There is no source") as refused:
        found('source:"Nikon Z5"', Principals(frozenset({"public"})))
    assert "Z6" not in str(refused.value)


def test_synonyms_that_people_add_reach_understanding_at_once(admin_client, street):
    label = Label.objects.get(name="Car")
    assert found("jalopy") == []
    address = reverse("admin:labelling_label_change", args=[label.pk])
    form = as_shown(admin_client, address, name="Car")
    at = form["alias_rows-INITIAL_FORMS"]
    form |= {f"alias_rows-{at}-name": "Jalopy", "alias_rows-TOTAL_FORMS": at + 1}
    form[f"alias_rows-{at}-label"] = label.pk
    saved = admin_client.post(address, form)
    assert saved.status_code == 302, saved.context["errors"]
    assert found("jalopies") == [str(street.pk)]
    assert found("label:Jalopy") == [str(street.pk)]


def test_a_word_in_no_label_finds_the_nearest_in_meaning_only_if_that_is_switched_on(
    user, settings
):
    parade = make_asset(user, ("Soldier", 1_000, 5_000, 96.0))
    titled = make_asset(user, title="Infantryman at rest")
    services.index_assets([parade.pk])
    assert found("infantryman") == []
    settings.MEDIALIB_EMBEDDINGS = True
    answer = services.search("infantryman", principals=library.EVERYONE)
    assert [result.asset_id for result in answer.results] == [str(parade.pk)]
    (chip,) = answer.query.understood
    assert chip.value == "Soldier"
    assert "near to Soldier in meaning" in chip.reason
    # A word in a text that the asker may read is meant as it stands.
    services.index_assets([titled.pk])
    assert found("infantryman") == [str(titled.pk)]
