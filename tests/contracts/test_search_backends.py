"""What every search engine promises; an engine is tested by subclassing SearchBackendContract."""

import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from medialib.selectors import Principals
from search.backends.base import (
    FACETS,
    SORTS,
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
        changed = [self.facts(ONE), self.facts(TWO)]
        assert backend.update_facts(changed) == {ONE}
        backend.refresh()
        members, owner = Principals(frozenset({"members"})), Principals(frozenset({"u:5"}))
        assert ids(backend, request(Seen(1), principals=members)) == []
        assert backend.label_counts(members) == {}
        assert ids(backend, request(Seen(1), principals=owner)) == [ONE]
        assert backend.label_counts(owner) == {1: 1}

    def facts(self, asset_id, **facts):
        access = frozenset({"u:5"})
        return document(asset_id, generation=2, **{"principals": access, "moments": (), **facts})

    def test_changed_facts_leave_what_is_seen_and_answer_as_if_all_had_been_put(self, backend):
        chance = random.Random(31)
        library = make_library(31, assets=40)
        backend.put(library)
        changed = [
            replace(
                make_document(chance, asset_id=old.asset_id, generation=2),
                kind=old.kind,
                duration_ms=old.duration_ms,
                moments=old.moments,
                ancestors=old.ancestors,
                categories=old.categories,
            )
            for old in library[:25]
        ]
        changed = [
            replace(new, marks=tuple(sorted({*new.marks} - {"boxes"} | {"boxes"} & {*old.marks})))
            for new, old in zip(changed, library, strict=False)
        ]
        without = [
            replace(new, moments=(), categories=(), marks=tuple({*new.marks} - {"boxes"}))
            for new in changed
        ]
        assert backend.update_facts(without) == {new.asset_id for new in changed}
        backend.refresh()
        naive, questions = Oracle([*changed, *library[25:]]), Questions(32, rich=True)
        for _ in range(60):
            asked = request(questions.condition(), facets=FACETS, principals=chance.choice(ASKERS))
            assert ids(backend, asked) == naive.search(asked).ids, asked
        for principals in ASKERS:
            assert backend.label_counts(principals) == naive.label_counts(principals)

    def test_facts_are_not_changed_where_what_is_seen_has_changed_too(self, backend):
        backend.put([document(moments_stamp="7")])
        assert backend.update_facts([self.facts(ONE, moments_stamp="8")]) == set()
        backend.refresh()
        assert ids(backend, request(Seen(1))) == [ONE]
        assert list(backend.generations()) == [(ONE, 1)]

    def test_late_facts_change_nothing(self, backend):
        backend.put([document(generation=3, title_text="rain")])
        assert backend.update_facts([self.facts(ONE)]) == {ONE}
        backend.refresh()
        assert ids(backend, request(InText(("rain",)))) == [ONE]

    def test_words_count_only_where_the_asker_may_read_them(self, backend):
        backend.put([document(title_text="harbour rain"), document(TWO, title_text="beach")])
        backend.update_facts([self.facts(TWO, title_text="beach")])
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

    def test_several_threads_may_write_to_an_index_being_built(self, backend):
        names = [f"01980000-0000-7000-8000-{number:012}" for number in range(200)]
        parts = [[document(name) for name in names[at : at + 20]] for at in range(0, 200, 20)]
        with backend.rebuild() as target, ThreadPoolExecutor(4) as pool:
            assert list(pool.map(target.put, parts)) == [20] * 10
        backend.refresh()
        assert list(backend.generations()) == [(name, 1) for name in names]

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
