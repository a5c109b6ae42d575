"""A rebuild that is killed is gone on with, on both engines: real processes, a real kill -9."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from search.backends.opensearch import OpenSearchBackend
from tests.servers import long

ROOT = Path(__file__).parents[2]
ASSETS = 500
MEANWHILE = """
from medialib import assets
from medialib.models import Asset
from search import services
first, second, *_ = Asset.objects.order_by("pk")
Asset.objects.filter(pk=first.pk).update(title="Quarry")
assets.touch_index(first.pk)
services.index_assets([first.pk])
services.remove_assets([second.pk])
second.delete()
"""
LOOK = """
from medialib.selectors import Principals
from search import services
everyone = Principals(frozenset({"public"}), everything=True)
print(*(services.search(words, principals=everyone).total.assets for words in ("quarry", "")))
"""


class Library:
    """A library in a folder, reached by its commands."""

    def __init__(self, folder, search):
        self.folder = folder
        self.environment = {
            **{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
            "MEDIALIB_DATA_DIR": str(folder),
            "MEDIALIB_BENCH_FOLDER": str(folder),
            "MEDIALIB_SEARCH": search,
            "PYTHONUNBUFFERED": "1",
        }

    def start(self, *arguments):
        return subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *arguments):
        with self.start(*arguments) as process:
            said = process.communicate(timeout=120)[0]
        assert process.returncode == 0, said
        return said

    def kill_a_rebuild(self):
        with self.start("manage.py", "rebuild_search_index", "-v", "2") as process:
            said = []
            for line in process.stdout:
                said.append(line)
                # Of the four hundred that were read, at least two hundred are in the index.
                if line.startswith(f"400 of {ASSETS}"):
                    process.send_signal(signal.SIGKILL)
                    break
        assert process.returncode == -signal.SIGKILL, "".join(said)


class Files:
    """Where the embedded engine keeps what it builds, and what it uses."""

    def __init__(self, folder):
        self.link = next(Path(folder).rglob("*.sqlite3.rebuild")).with_suffix("")

    def half_built(self):
        return self.link.with_name(f"{self.link.name}.rebuild").read_text().splitlines()[0]

    def in_use(self):
        return os.readlink(self.link)


class Aliases:
    """What the two aliases name on a server."""

    def __init__(self, url):
        self.backend = OpenSearchBackend(url=url)

    def half_built(self):
        return next(iter(self.backend._indexes._meta(self.backend._indexes.next)), "")

    def in_use(self):
        return next(iter(self.backend._indexes._meta(self.backend._indexes.alias)), "")


@long
@pytest.mark.parametrize("engine", ["sqlite", "opensearch"])
def test_a_killed_rebuild_is_gone_on_with_and_the_old_index_answers_until_then(
    engine, request, tmp_path
):
    search = "sqlite" if engine == "sqlite" else request.getfixturevalue("url")
    library = Library(tmp_path, search)
    library.run("-m", "tests.benchmarks.library", str(ASSETS))
    library.kill_a_rebuild()
    place = Files(tmp_path) if engine == "sqlite" else Aliases(search)
    half = place.half_built()
    assert half
    assert half != place.in_use()
    library.run("manage.py", "shell", "-c", MEANWHILE)
    library.run("manage.py", "rebuild_search_index")
    assert place.in_use() == half
    assert "as the database says" in library.run("manage.py", "check_search_index")
    said = library.run("manage.py", "shell", "-v", "0", "-c", LOOK)
    assert said.split()[-2:] == ["1", str(ASSETS - 1)]
    if engine == "opensearch":
        place.backend.close()
