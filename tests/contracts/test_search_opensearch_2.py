"""The promises of search engines, kept by the line of OpenSearch before the newest.

It takes minutes, and the newest keeps the same ones, so it runs with `MEDIALIB_LONG_TESTS=1` only.
"""

from search.backends.base import FACETS
from search.conditions import All, OfKind, Seen
from tests.contracts.test_search_backends import SearchBackendContract, request
from tests.contracts.test_search_opensearch import asked_so_far
from tests.search_library import make_library
from tests.servers import long
from tests.servers.opensearch import OLDEST

pytestmark = long
RELEASE = OLDEST


class TestOpenSearch2(SearchBackendContract):
    # Every question is asked of the newest release as well, so fewer will do here.
    share = 0.4

    def test_the_server_is_of_that_line(self, backend):
        assert backend._clients.reader.info()["version"]["number"].startswith("2.19.")

    def test_a_page_of_a_label_is_one_round_trip(self, backend):
        backend.put(make_library(3, assets=30))
        backend.refresh()
        backend.probe()
        before = asked_so_far(backend)
        asked = request(All((Seen(1, 6), OfKind("video"))), facets=FACETS, page_size=3)
        assert backend.search(asked).more
        assert asked_so_far(backend) == before + 1
