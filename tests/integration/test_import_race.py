"""Imports of several files at a time, on both databases: equal files, and a run that is killed."""

from __future__ import annotations

from pathlib import Path

from medialib.management.bar import Bar
from tests import samples
from tests.manage import Manage
from tests.servers import long

BEGIN = """
from django.core.management import call_command
from medialib.models import User
call_command("migrate", verbosity=0)
User.objects.create_superuser("root")
"""
IMPORT = """
from datetime import timedelta
from django.core.management import call_command
from medialib import services
from medialib.models import Asset
call_command("import_media", {folder!r}, "--parallel=8")
print("has", Asset.objects.count(), Asset.objects.values("sha256").distinct().count(),
      "orphans", len(services.sweep_orphans(older_than=timedelta(0))))
"""
DISTINCT = 24


def fill(folder: Path, *, shades: int) -> None:
    """Write photos, each twice: under another name, far from the first and right beside it."""
    folder.mkdir()
    for number in range(DISTINCT):
        data = samples.photo("PNG", shade=shades + number)
        (folder / f"{number:02}.png").write_bytes(data)
        twin = f"z{number:02}.png" if number % 2 else f"{number:02}-again.png"
        (folder / twin).write_bytes(data)


@long
def test_equal_files_come_in_once_and_a_killed_run_is_gone_on_with(
    database: str, tmp_path: Path
) -> None:
    manage = Manage(database, tmp_path / "data")
    first, second = tmp_path / "first", tmp_path / "second"
    fill(first, shades=0)
    fill(second, shades=100)
    said = manage("shell", "-v0", "-c", BEGIN + IMPORT.format(folder=str(first)))
    assert f"{DISTINCT} already there, {DISTINCT} imported" in said
    # Whoever came second has taken its bytes back.
    assert f"has {DISTINCT} {DISTINCT} orphans 0" in said

    with manage.start("import_media", str(second), "--parallel=8") as killed:
        assert killed.stdout is not None
        for _ in range(3):
            killed.stdout.readline()
        killed.kill()
        killed.communicate()
    said = manage("shell", "-v0", "-c", 2 * IMPORT.format(folder=str(second)))
    # What the killed run had stored without a row is an orphan, which the sweep takes.
    assert f"has {2 * DISTINCT} {2 * DISTINCT} orphans" in said
    assert said.rstrip().endswith("orphans 0")
    assert f"{2 * DISTINCT} already there\n" in said


def test_the_bar_says_how_far_it_is_and_how_long_it_will_take(tmp_path: Path) -> None:
    with (tmp_path / "no-terminal").open("w+") as stream:
        bar = Bar(stream, total=4)
        for _ in range(3):
            bar.step()
        words = bar.text(60)
        assert words.endswith("3 of 4 files, 0.1 a second, 0 min 20 s left")
        assert words.count("#") > words.count(".") - 1
        bar.clear()
        stream.seek(0)
        assert stream.read() == ""
