"""The demo library: whole, marked, added once, and with its sources."""

from __future__ import annotations

from pathlib import Path

from labelling.models import Analysis
from medialib import demo, services, storage
from medialib.media import probe, rule
from medialib.models import Asset, User

DATA = Path(demo.__file__).with_name("demo_data")
MODELS = DATA.parents[1] / "labelling" / "data" / "models"
MOST_BYTES = 12 * 1000**2


def test_it_comes_whole_and_once_goes_at_once_and_stays_away(library: Path, boss: User) -> None:
    assert demo.is_wanted()
    added = demo.fill(boss)
    assets = list(Asset.objects.all())
    assert added == len(assets) == 8
    assert all(asset.is_demo and asset.owner == boss for asset in assets)
    [answer] = Analysis.objects.filter(backend="recorded")
    assert answer.asset.title == "Big Buck Bunny"
    tour = Asset.objects.get(original_filename="tour.mp4")
    with storage.open_source(tour.original_name) as source:
        facts = probe.probe(source)
    assert rule.decide(facts) == rule.Keep(), "The tour is to need no conversion."
    assert 20_000 < facts.duration_ms < 30_000
    assert demo.fill(boss) == 0

    with (DATA / "road.mp4").open("rb") as file:
        own = services.create_asset(owner=boss, file=file, filename="own.mp4", force=True)
    assert demo.remove(boss) == 8
    assert list(Asset.objects.filter(deleted_at=None)) == [own]
    assert demo.remove(boss) == 0
    assert not demo.is_wanted()
    Asset.objects.all().delete()
    assert not demo.is_wanted(), "A demo that was removed is to stay away."


def test_it_is_not_put_beside_somebodys_own_files(library: Path, user: User) -> None:
    assert demo.is_wanted()
    with (DATA / "chelsea.png").open("rb") as file:
        services.create_asset(owner=user, file=file, filename="cat.png")
    assert not demo.is_wanted()


def test_every_file_names_its_source_and_all_stay_small() -> None:
    sources = (DATA / "SOURCES.md").read_text()
    files = [path for path in DATA.iterdir() if path.name != "SOURCES.md"]
    assert [path.name for path in files if path.name not in sources] == []
    shipped = [*files, *MODELS.iterdir()]
    assert sum(path.stat().st_size for path in shipped) < MOST_BYTES
