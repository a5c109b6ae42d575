"""What every search engine promises; an engine is tested by subclassing SearchBackendContract."""

import random
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from medialib.exceptions import SearchUnavailable
from medialib.selectors import Principals
from search.backends.base import (
    FACETS,
    SORTS,
    IndexMissing,
    SchemaMismatch,
    SearchRequest,
    Selection,
)
from search.backends.sqlite import SqliteBackend
from search.conditions import All, InText, Seen, Without
from search.documents import AssetDocument
from tests.search_library import Questions, make_document, make_library
from tests.search_oracle import Oracle

EVERYONE = Principals(frozenset({"public"}), everything=True)
ONE = "01980000-0000-7000-8000-000000000001"
TWO = "01980000-0000-7000-8000-000000000002"
ASKERS = [
    EVERYONE,
    Principals(frozenset({"public"})),
    Principals(frozenset({"public", "members", "u:1"})),
    Principals(frozenset({"public", "members", "u:2", "g:1", "g:2"})),
]


def request(condition, **how):
    return SearchRequest(**{"principals": EVERYONE, "condition": condition, **how})


def document(asset_id=ONE, *, generation=1, **facts):
    return AssetDocument(
        asset_id=asset_id,
        generation=generation,
        **{
            "kind": "video",
            "principals": frozenset({"members"}),
            "duration_ms": 60_000,
            "moments": ((1, 0, 1_000, 90.0, 1),),
            **facts,
        },
    )


def all_pages(backend, asked):
    """Page to the very end; give all hits and the first page."""
    hits, page = [], backend.search(asked)
    first = page
    hits += page.hits
    while page.more:
        last = page.hits[-1]
        page = backend.search(replace(asked, after=(last.sort_value, last.asset_id)))
        assert page.assets == first.assets
        assert page.hits
        hits += page.hits
    return hits, first


def ids(backend, asked):
    return [hit.asset_id for hit in all_pages(backend, asked)[0]]


class SearchBackendContract:
    """The promises. A subclass gives a fresh, empty engine as the fixture `backend`."""

    # How many of the generated questions are asked.
    share = 1.0

    def question(self, questions, chance):
        selection = Selection()
        if chance.random() < 0.3:
            selection = Selection(
                kind=chance.choice(["", "", "photo", "video"]),
                labels=tuple(chance.sample(range(1, 20), chance.choice([0, 1, 2]))),
                categories=tuple(chance.sample(["Animals", "Nature"], chance.choice([0, 0, 1]))),
                month=chance.choice(["", "", "1970-02"]),
                length=chance.choice(["", "", "short", "medium"]),
            )
        return SearchRequest(
            principals=chance.choice(ASKERS),
            condition=questions.common() if chance.random() < 0.3 else questions.condition(),
            anywhere=chance.random() < 0.2,
            moment_length=chance.choice([None] * 5 + [(1_500, None), (None, 2_000), (500, 4_000)]),
            selection=selection,
            sort=chance.choice(SORTS),
            page_size=chance.choice([3, 7, 20]),
            facets=FACETS if chance.random() < 0.4 else (),
            join_ms=chance.choice([None, 0, 500, 2_000]) if questions.rich else None,
        )

    def test_answers_equal_those_of_a_naive_engine(self, backend):
        # Questions that find nothing would prove nothing.
        assert self.compared(backend, Questions(9), times=600) > 3_000 * self.share

    def test_counts_marks_joins_and_near_misses_equal_those_of_a_naive_engine(self, backend):
        assert self.compared(backend, Questions(19, rich=True), times=400) > 1_000 * self.share

    def compared(self, backend, questions, *, times):
        """Compare every answer; give how many hits there were."""
        library = make_library(7, assets=90)
        backend.put(library)
        backend.refresh()
        naive, chance = Oracle(library), random.Random(8)
        found = 0
        for _ in range(round(times * self.share)):
            asked = self.question(questions, chance)
            hits, page = all_pages(backend, asked)
            right = naive.search(asked)
            assert [hit.asset_id for hit in hits] == right.ids, asked
            assert (page.assets, page.moments) == (len(right.ids), right.moments), asked
            assert page.exact
            assert page.facets == right.facets, asked
            for hit in hits:
                expected = right.hits[hit.asset_id]
                pieces = tuple((p.start_ms, p.end_ms, p.confidence, p.labels) for p in hit.pieces)
                assert pieces == expected["pieces"], asked
                assert hit.moment_count == len(expected["pieces"])
                assert (hit.score, hit.screen_ms) == (expected["score"], expected["screen"]), asked
            found += len(hits)
        return found

    def test_counts_for_suggestions_hold_only_what_the_asker_may_see(self, backend):
        library = make_library(11, assets=60)
        backend.put(library)
        backend.refresh()
        for principals in ASKERS:
            expected = Oracle(library).label_counts(principals)
            assert backend.label_counts(principals) == expected
            assert backend.label_counts(principals, [1, 20]) == {1: expected[1]}

    def test_replacing_and_removing_leave_no_trace(self, backend):
        chance = random.Random(12)
        library = make_library(12, assets=40)
        backend.put(library)
        replaced = [
            make_document(chance, asset_id=old.asset_id, generation=2) for old in library[:20]
        ]
        backend.put(replaced)
        backend.remove({old.asset_id: 1 for old in library[30:]})
        backend.refresh()
        naive, questions = (
            Oracle([*replaced, *library[20:30]]),
            Questions(13),
        )
        for _ in range(60):
            asked = request(questions.condition(), facets=FACETS)
            right = naive.search(asked)
            assert ids(backend, asked) == right.ids
            assert backend.search(asked).facets == right.facets
        for principals in ASKERS:
            assert backend.label_counts(principals) == naive.label_counts(principals)

    def test_the_newest_generation_wins_in_whatever_order_documents_come(self, backend):
        old = document(generation=3, moments=((1, 0, 500, 90.0, 1),))
        new = document(generation=4, moments=((2, 0, 500, 90.0, 1),))
        assert backend.put([new]) == 1
        assert backend.put([old]) == 0
        backend.refresh()
        assert ids(backend, request(Seen(2))) == [ONE]
        assert ids(backend, request(Seen(1))) == []

    def test_a_late_document_does_not_bring_back_what_was_removed(self, backend):
        backend.put([document(generation=3)])
        backend.remove({ONE: 4, TWO: 9})
        assert backend.put([document(generation=4), document(TWO, generation=9)]) == 0
        backend.refresh()
        assert ids(backend, request(Seen(1))) == []
        assert backend.put([document(generation=5)]) == 1

    def test_a_late_removal_does_not_take_out_what_is_newer(self, backend):
        backend.put([document(generation=6)])
        backend.remove({ONE: 5})
        backend.refresh()
        assert ids(backend, request(Seen(1))) == [ONE]

    def test_putting_twice_and_removing_twice_is_as_good_as_once(self, backend):
        backend.put([document(), document()])
        backend.put([document()])
        backend.refresh()
        assert backend.search(request(Seen(1))).moments == 1
        backend.remove({ONE: 1})
        backend.remove({ONE: 1})
        backend.refresh()
        assert backend.label_counts(EVERYONE) == {}

    def test_changed_access_changes_who_finds_an_asset(self, backend):
        backend.put([document()])
        assert backend.update_access(ONE, principals=frozenset({"u:5"}), generation=2)
        assert not backend.update_access(TWO, principals=frozenset({"u:5"}), generation=2)
        backend.refresh()
        members, owner = Principals(frozenset({"members"})), Principals(frozenset({"u:5"}))
        assert ids(backend, request(Seen(1), principals=members)) == []
        assert backend.label_counts(members) == {}
        assert ids(backend, request(Seen(1), principals=owner)) == [ONE]
        assert backend.label_counts(owner) == {1: 1}

    def test_words_count_only_where_the_asker_may_read_them(self, backend):
        backend.put([document(title_text="harbour rain"), document(TWO, title_text="beach")])
        backend.update_access(TWO, principals=frozenset({"u:5"}), generation=2)
        backend.refresh()
        asker = Principals(frozenset({"members"}))
        tokens = ["harbour", "beach", "nowhere"]
        assert backend.words_seen(tokens, asker) == {"harbour"}
        assert backend.words_seen(tokens, EVERYONE) == {"harbour", "beach"}

    def test_text_of_people_never_becomes_an_engines_syntax(self, backend):
        backend.put([document(title_text="rain")])
        backend.refresh()
        for token in ['"', "rain OR", "title:", "*", "NEAR(", "a" * 500, "☃", "(", "-"]:
            asked = request(All((InText((token,)), Seen(1))))
            assert backend.search(asked).assets == 0

    def test_an_asset_without_moments_is_found_by_its_words(self, backend):
        backend.put([document(moments=(), title_text="harbour")])
        backend.refresh()
        page = backend.search(request(All((InText(("harbour",)), Without(Seen(1))))))
        assert [(hit.asset_id, hit.moment_count) for hit in page.hits] == [(ONE, 0)]

    def test_the_surest_moments_are_kept_where_there_are_many(self, backend):
        moments = tuple((1, at * 2_000, at * 2_000 + 500, 40.0 + at % 50, 1) for at in range(100))
        backend.put([document(moments=moments, duration_ms=200_000)])
        backend.refresh()
        (hit,) = backend.search(request(Seen(1), moments_per_hit=4)).hits
        assert hit.moment_count == 100
        assert [piece.start_ms for piece in hit.pieces] == [96_000, 98_000, 196_000, 198_000]

    def test_a_rebuild_is_invisible_until_it_ends_and_keeps_what_happened_meanwhile(self, backend):
        backend.put([document(), document(TWO)])
        with backend.rebuild() as target:
            target.put([document()])
            backend.put([document(generation=2, moments=((7, 0, 500, 90.0, 1),))])
            backend.remove({TWO: 2})
            backend.refresh()
            assert ids(backend, request(Seen(7))) == [ONE]
            target.put([document(), document(TWO)])
        backend.refresh()
        assert ids(backend, request(Seen(7))) == [ONE]
        assert ids(backend, request(Seen(1))) == []
        assert list(backend.generations()) == [(ONE, 2)]

    def rebuild_half(self, backend):
        with backend.rebuild() as target:
            target.put([document(TWO)])
            raise RuntimeError("half way")

    def test_a_rebuild_that_fails_leaves_the_old_index_in_place(self, backend):
        backend.put([document()])
        with pytest.raises(RuntimeError, match="half way"):
            self.rebuild_half(backend)
        backend.refresh()
        assert ids(backend, request(Seen(1))) == [ONE]
        assert backend.health().ok

    def test_what_lies_in_the_index_is_listed_by_asset(self, backend):
        backend.put([document(TWO, generation=4), document(generation=2)])
        backend.refresh()
        assert list(backend.generations()) == [(ONE, 2), (TWO, 4)]


class TestSqlite(SearchBackendContract):
    @pytest.fixture
    def backend(self, tmp_path):
        engine = SqliteBackend(path=tmp_path / "search" / "index.sqlite3")
        engine.ensure_ready()
        yield engine
        engine.close()


class TestSqliteFiles:
    """What only the embedded engine has: files that can be missing, foreign or full."""

    @pytest.fixture
    def path(self, tmp_path):
        return tmp_path / "index.sqlite3"

    @pytest.fixture
    def engine(self, path):
        engine = SqliteBackend(path=path)
        yield engine
        engine.close()

    def test_a_missing_index_is_never_an_empty_answer(self, engine):
        with pytest.raises(IndexMissing, match="rebuild_search_index"):
            engine.search(request(Seen(1)))
        assert not engine.health().ok

    def test_an_index_of_another_version_asks_for_a_rebuild(self, engine, path):
        engine.ensure_ready()
        with engine._writing() as (connection,):
            connection.execute("UPDATE meta SET value = '0' WHERE key = 'schema'")
        engine.close()
        with pytest.raises(SearchUnavailable, match="rebuild_search_index"):
            engine.ensure_ready()
        with engine.rebuild() as target:
            target.put([document()])
        assert ids(engine, request(Seen(1))) == [ONE]

    def test_a_file_that_is_no_index_is_an_outage_with_a_cure(self, engine, path):
        path.write_bytes(b"not a database" * 500)
        with pytest.raises(SchemaMismatch, match="rebuild_search_index"):
            engine.search(request(Seen(1)))
        with engine.rebuild() as target:
            target.put([document()])
        assert ids(engine, request(Seen(1))) == [ONE]

    def test_two_rebuilds_at_once_are_refused(self, engine):
        engine.ensure_ready()
        with (
            engine.rebuild(),
            pytest.raises(SearchUnavailable, match="already"),
            engine.rebuild(),
        ):
            pass

    def test_only_the_file_in_use_is_left_after_rebuilds(self, engine, path):
        engine.ensure_ready()
        for _ in range(3):
            with engine.rebuild() as target:
                target.put([document()])
            assert ids(engine, request(Seen(1))) == [ONE]
        assert len(list(path.parent.glob("index-*.sqlite3"))) == 1

    def test_answers_stay_whole_while_rebuilds_and_writes_go_on(self, engine):
        engine.ensure_ready()
        engine.put([document()])
        done, answers = threading.Event(), []

        def look():
            while not done.is_set():
                answers.append(len(engine.search(request(Seen(1))).hits))

        with ThreadPoolExecutor(4) as threads:
            looking = [threads.submit(look) for _ in range(4)]
            try:
                for generation in range(2, 8):
                    with engine.rebuild() as target:
                        target.put([document(generation=generation)])
                        engine.put([document(generation=generation)])
            finally:
                done.set()
            for one in looking:
                one.result()
        assert set(answers) == {1}
        assert len(answers) > 20

    def test_what_a_killed_rebuild_left_behind_is_swept_and_written_to_no_more(self, engine, path):
        engine.ensure_ready()
        with engine.rebuild() as target:
            target.put([document()])
        half = engine._files.create()
        path.with_name(f"{path.name}.rebuild").write_text(half.name)
        engine.put([document(TWO)])
        with sqlite3.connect(half) as left:
            assert left.execute("SELECT count(*) FROM asset").fetchone() == (0,)
        left.close()
        with engine.rebuild() as target:
            target.put([document()])
        assert not half.exists()

    def test_another_process_sees_the_new_file_after_a_rebuild(self, engine, path):
        engine.ensure_ready()
        other = SqliteBackend(path=path)
        assert ids(other, request(Seen(1))) == []
        with engine.rebuild() as target:
            target.put([document()])
        assert ids(other, request(Seen(1))) == [ONE]
        other.put([document(TWO)])
        assert ids(engine, request(Seen(1))) == [ONE, TWO]
        other.close()
