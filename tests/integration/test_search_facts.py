"""New titles and new access reach search by themselves, without what is seen being read again."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from labelling.models import Moment
from medialib import assets
from medialib.models import Asset
from medialib.selectors import Principals
from search import services
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
