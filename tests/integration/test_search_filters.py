"""What the language asks of assets and ranges, over real rows: marks, counts, joins."""

import pytest

from labelling.models import Analysis, Moment
from medialib.models import Asset
from medialib.selectors import Principals
from search import services
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
