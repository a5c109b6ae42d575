"""The promises of search engines, kept by a real OpenSearch, and what only a server can do."""

import random
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from medialib.exceptions import SearchUnavailable
from medialib.models import Asset, Step
from search import services
from search.backends import get_backend
from search.backends.base import FACETS, IndexMissing, SchemaMismatch
from search.backends.opensearch import OpenSearchBackend
from search.conditions import All, AnyOf, HasKeyword, InText, OfKind, Seen
from tests.contracts.test_search_backends import (
    EVERYONE,
    ONE,
    TWO,
    SearchBackendContract,
    all_pages,
    document,
    ids,
    request,
)
from tests.search_library import Questions, make_library
from tests.search_oracle import Oracle
from tests.servers import LONG, long


class TestOpenSearch(SearchBackendContract):
    # The embedded engine is asked every question always, this one in `.ci/run`.
    share = 1.0 if LONG else 0.25


def asked_so_far(backend):
    stats = backend._clients.writer.indices.stats(index=backend._indexes.alias, metric="search")
    return stats["_all"]["total"]["search"]["query_total"]


class TestAnswersOfAServer:
    @pytest.mark.parametrize("facets", [(), FACETS])
    def test_a_page_of_a_label_is_one_round_trip(self, backend, facets):
        backend.put(make_library(3, assets=30))
        backend.refresh()
        backend.probe()
        before = asked_so_far(backend)
        asked = request(All((Seen(1, 6), OfKind("video"))), facets=facets, page_size=3)
        page = backend.search(asked)
        assert page.more
        assert page.hits[0].pieces
        assert asked_so_far(backend) == before + 1

    @pytest.mark.parametrize("sort", ["newest", "captured", "title", "relevance", "moments"])
    def test_above_the_cap_totals_say_so_and_pages_still_go_to_the_end(self, backend, url, sort):
        library = make_library(21, assets=60)
        backend.put(library)
        backend.refresh()
        capped = OpenSearchBackend(url=url, cap=5)
        naive, questions, seen_inexact = Oracle(library), Questions(22, rich=True), 0
        for _ in range(50):
            asked = request(questions.condition(), sort=sort, page_size=7)
            right = naive.search(asked)
            hits, page = all_pages(capped, asked)
            found = [hit.asset_id for hit in hits]
            if page.exact:
                assert (found, page.assets) == (right.ids, len(right.ids)), asked
                continue
            seen_inexact += 1
            assert page.assets <= len(right.ids)
            if sort in ("newest", "captured", "title"):
                assert found == right.ids, asked
            elif sort == "relevance":
                assert sorted(found) == sorted(right.ids), asked
            else:
                assert set(found) <= set(right.ids), asked
        capped.close()
        assert seen_inexact > 5

    def test_a_question_too_large_for_the_server_is_answered_all_the_same(self, backend):
        backend.put([document(title_text="harbour rain")])
        backend.refresh()
        wide = AnyOf(tuple(InText(("harbour", f"nowhere{at}")) for at in range(700)))
        deep = InText(("harbour", "rain"))
        for _ in range(60):
            deep = AnyOf((All((deep, OfKind("video"))), HasKeyword("no")))
        assert backend.search(request(wide)).assets == 0
        assert backend.search(request(AnyOf((wide, Seen(1))))).assets == 1
        assert backend.search(request(deep)).assets == 1

    def test_characters_that_no_wire_can_carry_match_nothing(self, backend):
        backend.put([document(title_text="rain")])
        backend.refresh()
        assert backend.search(request(All((HasKeyword("\ud800"), Seen(1))))).assets == 0
        assert backend.search(request(InText(("\ud800",)))).assets == 0


class TestIndexesOfAServer:
    def notes(self, backend, **changed):
        ((name, known),) = backend._indexes._meta(backend._indexes.alias).items()
        body = {"_meta": {**known, **changed}}
        backend._clients.writer.indices.put_mapping(index=name, body=body)

    def names(self, backend):
        return set(backend._clients.writer.indices.get(index=f"{backend._indexes.alias}-*"))

    def test_a_missing_index_is_never_an_empty_answer(self, missing):
        for ask in (
            lambda: missing.search(request(Seen(1))),
            lambda: missing.label_counts(EVERYONE),
            lambda: missing.put([document()]),
            lambda: missing.remove({ONE: 1}),
            missing.probe,
        ):
            with pytest.raises(IndexMissing, match="rebuild_search_index"):
                ask()
        assert not missing.health().ok

    def test_an_index_of_another_version_asks_for_a_rebuild(self, backend, url):
        self.notes(backend, schema="0")
        late = OpenSearchBackend(url=url)
        for ask in (late.ensure_ready, lambda: late.search(request(Seen(1)))):
            with pytest.raises(SchemaMismatch, match="rebuild_search_index"):
                ask()
        with late.rebuild() as target:
            target.put([document()])
        assert ids(late, request(Seen(1))) == [ONE]
        late.close()

    def test_two_rebuilds_at_once_are_refused(self, backend):
        with (
            backend.rebuild(),
            pytest.raises(SearchUnavailable, match="already"),
            backend.rebuild(),
        ):
            pass

    def test_only_the_index_in_use_is_left_after_rebuilds(self, backend):
        for generation in (1, 2):
            with backend.rebuild() as target:
                target.put([document(generation=generation)])
            assert ids(backend, request(Seen(1))) == [ONE]
        assert len(self.names(backend)) == 1

    def test_a_library_whose_name_begins_alike_is_left_alone(self, backend, url):
        other = OpenSearchBackend(url=f"{url}-assets-2026")
        other.ensure_ready()
        other.put([document(TWO)])
        with backend.rebuild() as target:
            target.put([document()])
        other.refresh()
        assert ids(other, request(Seen(1))) == [TWO]
        assert ids(backend, request(Seen(1))) == [ONE]
        other.close()

    def test_what_a_killed_rebuild_left_behind_is_swept_by_the_next(self, backend):
        half = backend._indexes.create(alias=backend._indexes.next, refresh="-1")
        note = {"_meta": {"schema": "1", "sign": 0}}
        backend._clients.writer.indices.put_mapping(index=half, body=note)
        backend.put([document(TWO)])
        with backend.rebuild() as target:
            target.put([document(), document(TWO)])
        assert half not in self.names(backend)
        assert ids(backend, request(Seen(1))) == [ONE, TWO]

    def test_answers_stay_whole_while_rebuilds_and_writes_go_on(self, backend):
        backend.put([document()])
        backend.refresh()
        done, answers = threading.Event(), []

        def look():
            while not done.is_set():
                answers.append(len(backend.search(request(Seen(1))).hits))

        with ThreadPoolExecutor(2) as threads:
            looking = [threads.submit(look) for _ in range(2)]
            try:
                for generation in (2, 3):
                    with backend.rebuild() as target:
                        target.put([document(generation=generation)])
                        backend.put([document(generation=generation)])
            finally:
                done.set()
            for one in looking:
                one.result()
        assert set(answers) == {1}

    def test_newest_wins_whoever_writes_at_the_same_time(self, backend):
        chance = random.Random(5)
        versions = [document(generation=n, moments=((n, 0, 500, 90.0, 1),)) for n in range(1, 20)]
        chance.shuffle(versions)
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(lambda version: backend.put([version]), versions))
        backend.refresh()
        assert ids(backend, request(Seen(19))) == [ONE]
        assert list(backend.generations()) == [(ONE, 19)]


class TestAnOutage:
    """The server goes away and comes back; nothing is lost and nothing looks empty."""

    @pytest.fixture
    def engine(self, settings, url, vocabulary):
        settings.SEARCH_BACKENDS = {
            "default": {
                "BACKEND": "search.backends.opensearch.OpenSearchBackend",
                "OPTIONS": {"url": url},
            }
        }
        services.prepare_index()
        yield get_backend()
        get_backend().close()

    def test_a_server_that_is_not_there_is_named_without_its_password(self):
        engine = OpenSearchBackend(url="opensearch+http://me:secret@127.0.0.1:9/x")
        for ask in (engine.probe, lambda: engine.search(request(Seen(1)))):
            with pytest.raises(SearchUnavailable, match=r"127\.0\.0\.1:9") as caught:
                ask()
            assert "secret" not in caught.value.detail
        assert not engine.health().ok
        engine.close()

    @long
    def test_index_steps_wait_and_drain_when_the_server_is_back(
        self, engine, server, user, drain, library_row
    ):
        server.stop()
        with pytest.raises(SearchUnavailable):
            services.search("harbour", principals=EVERYONE)
        with pytest.raises(AssertionError, match="search"):
            drain()
        server.start()
        Step.objects.update(state=Step.State.READY, waiting_for="", next_try_at=None)
        assert drain() == 1
        engine.refresh()
        found = services.search("file:harbour", principals=EVERYONE)
        assert [result.asset_id for result in found.results] == [str(library_row.pk)]
        library_row.refresh_from_db()
        assert library_row.indexed_generation == library_row.index_generation

    @pytest.fixture
    def library_row(self, user):
        asset = Asset.objects.create(
            owner=user,
            kind="photo",
            original_filename="harbour.jpg",
            original_name=f"originals/{uuid.uuid4()}",
            size=1,
            state=Asset.State.SEARCHABLE,
        )
        Step.objects.create(asset=asset, kind=Step.Kind.INDEX)
        return asset
