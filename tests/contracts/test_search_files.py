"""What only the embedded search engine has: files that can be missing, foreign, half-built."""

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from medialib.exceptions import SearchUnavailable
from search.backends.base import IndexMissing, SchemaMismatch
from search.backends.sqlite import SqliteBackend
from search.conditions import Seen
from tests.contracts.test_search_backends import ONE, TWO, document, ids, request


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
