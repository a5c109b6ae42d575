"""Imports of folders and buckets: what lies beside files, going on after a break, watching."""

from __future__ import annotations

import errno
import io
import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from labelling.backends.recorded import RecordedBackend
from medialib import arrivals, imports, services
from medialib.exceptions import Refused
from medialib.models import Asset
from tests import prepared, samples, service
from tests.servers import versitygw


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "in" / "deep").mkdir(parents=True)
    (tmp_path / "in" / "a.mp4").write_bytes(samples.clip(seconds=1.1))
    (tmp_path / "in" / "deep" / "b.mp4").write_bytes(samples.clip(seconds=1.2))
    (tmp_path / "in" / "letter.txt").write_text("not media")
    (tmp_path / "in" / ".hidden.mp4").write_bytes(samples.clip(seconds=1.3))
    return tmp_path / "in"


def run(*arguments):
    """Import in this thread: another one has no place in a test's transaction."""
    out, err = io.StringIO(), io.StringIO()
    call_command("import_media", *map(str, arguments), "--parallel=1", stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_a_second_run_goes_on_and_reads_nothing_twice(folder, boss, library):
    assert "2 imported" in run(folder)[0]
    (folder / "c.mp4").write_bytes(samples.clip(seconds=1.4))
    said, _ = run(folder)
    assert "2 already there, 1 imported" in said
    assert Asset.objects.count() == 3
    assert len(set(Asset.objects.values_list("batch", flat=True))) == 2


def test_a_file_that_goes_away_meanwhile_ends_nothing(folder, boss, library):
    listing = imports.Listing(imports.place_of(str(folder)))
    (folder / "a.mp4").unlink()
    terms = arrivals.Terms(boss, services.Details())
    came = {each.found.name: each for each in arrivals.take_in_all(listing, terms=terms)}
    assert came["a.mp4"].outcome == "gone"
    assert came["a.mp4"].notes == ("a.mp4 is gone.",)
    assert came["deep/b.mp4"].outcome == "imported"


def test_known_files_are_not_even_opened(folder):
    class Closed(imports.FolderPlace):
        def head(self, name):
            raise AssertionError(name)

    place = Closed(str(folder))
    listing = imports.Listing(place, is_known=lambda found: found.name.endswith(".mp4"))
    assert list(listing.candidates()) == []


def test_titles_and_keywords_come_from_json_and_table(folder, boss, library):
    told = {"title": "Windermere", "keywords": ["sea", "boats"], "visibility": "private"}
    (folder / "a.mp4.json").write_text(json.dumps(told))
    table = "file,title,keywords,other\nb.mp4,Mill,windy; tall,x\nnone.mp4,No,\n"
    (folder / "deep" / "media.csv").write_bytes(b"\xef\xbb\xbf" + table.encode())
    run(folder, "--keyword", "archive")
    first = Asset.objects.get(title="Windermere")
    assert {word.name for word in first.keywords.all()} == {"sea", "boats", "archive"}
    assert first.visibility == "private"
    second = Asset.objects.get(title="Mill")
    assert {word.name for word in second.keywords.all()} == {"windy", "tall", "archive"}


def test_an_answer_beside_a_file_is_used(folder, boss, library, drain):
    answer = samples.answer([(0, "Dog", 91.0)], duration_ms=1100)
    (folder / "a.json").write_bytes(answer)
    run(folder / "a.mp4")
    drain()
    asset = Asset.objects.get()
    assert asset.analyses.get().backend == "recorded"


def test_a_wrong_visibility_beside_a_file_refuses_that_file_only(folder, boss, library):
    (folder / "a.mp4.json").write_text('{"visibility": "everyone"}')
    said, wrong = run(folder)
    assert "1 imported, 1 refused" in said
    assert "Visibility is one of" in wrong


def test_a_dry_run_brings_nothing_in(folder, boss, library):
    assert "2 would import" in run(folder, "--dry-run")[0]
    assert Asset.objects.count() == 0
    with pytest.raises(CommandError):
        run(folder / "nothing")


class PaidBackend(RecordedBackend):
    """A labeller that takes 0.10 USD a minute and 0.001 a photo."""

    paid = True

    def estimate(self, request):
        return Decimal(request.duration_ms) / 600_000 or Decimal("0.001")


def test_a_dry_run_says_what_labelling_would_cost(folder, boss, library, settings):
    entry = {"BACKEND": f"{__name__}.PaidBackend", "OPTIONS": {}}
    settings.LABELLING_BACKENDS = {**settings.LABELLING_BACKENDS, "paid-test": entry}
    settings.MEDIALIB_LABELLING = "paid-test"
    (folder / "photo.jpg").write_bytes(samples.photo())
    # What was paid for elsewhere is left out; so is what can't be shown, which is named.
    (folder / "deep" / "b.mp4.json").write_bytes(samples.answer([(0, "Car", 90.0)]))
    (folder / "broken.mp4").write_bytes(samples.clip(seconds=1.4)[:200])
    said, wrong = run(folder, "--dry-run")
    assert "Labelling: 1 photo and 1 video (0.0 min): about 0.0028 USD" in said
    assert "1 would be refused, 3 would import" in said
    assert "broken.mp4: " in wrong
    assert Asset.objects.count() == 0


@pytest.fixture
def closed(monkeypatch):
    """Let the system refuse to open some paths; root, as whom tests may run, is refused nothing."""
    paths: set[Path] = set()

    def refusing(real):
        def call(path, *args, **more):
            if not isinstance(path, int) and Path(os.fsdecode(path)) in paths:
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), os.fspath(path))
            return real(path, *args, **more)

        return call

    monkeypatch.setattr(io, "open", refusing(io.open))
    monkeypatch.setattr(os, "scandir", refusing(os.scandir))
    return paths


@pytest.mark.parametrize("more", [(), ("--dry-run",)])
def test_what_may_not_be_read_is_told_and_the_rest_comes_in(folder, boss, library, closed, more):
    (folder / "shut").mkdir()
    (folder / "c.mp4").write_bytes(samples.clip(seconds=1.4))
    (folder / "c.mp4.json").write_text("{}")
    closed |= {folder / "a.mp4", folder / "shut", folder / "c.mp4.json"}

    said, wrong = run(folder, *more)

    assert ("1 would import" if more else "1 imported") in said
    assert ("3 would be refused" if more else "3 refused") in said
    for name in ("a.mp4", "shut"):
        assert f"{folder / name}: This account may not read {name}." in wrong
    # Not the clip itself: what is said of it beside it.
    assert f"{folder / 'c.mp4'}: This account may not read c.mp4.json." in wrong
    assert Asset.objects.count() == (0 if more else 1)


def test_a_folder_that_may_not_be_read_at_all_says_so(folder, boss, library, closed):
    closed.add(folder)

    said, wrong = run(folder)

    assert "1 refused" in said
    assert f"{folder}: This account may not read this folder." in wrong


def test_a_file_on_a_broken_disk_is_told_and_the_rest_comes_in(folder, boss, library, monkeypatch):
    class Broken(io.BytesIO):
        def read(self, *_):
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    real = io.open

    def on_disk(path, *args, **more):
        return Broken() if path == folder / "a.mp4" else real(path, *args, **more)

    monkeypatch.setattr(io, "open", on_disk)

    said, wrong = run(folder)

    assert "1 imported, 1 refused" in said
    assert "a.mp4: It can't be read (Input/output error)." in wrong


def test_pipes_are_left_out(folder):
    os.mkfifo(folder / "pipe.mp4")

    found = imports.Listing(imports.place_of(str(folder))).new

    assert [each.name for each in found] == ["a.mp4", "deep/b.mp4", "letter.txt"]


def test_the_whole_of_a_long_path_is_kept(tmp_path, boss, library):
    """What begins alike in a thousand characters is not the same file."""
    deep = (tmp_path / "in").joinpath(*("long " * 40 for _ in range(6)))
    deep.mkdir(parents=True)
    for number in (1, 2):
        clip = samples.clip(seconds=1.5)
        (deep / f"{number}.mp4").write_bytes(clip + bytes([0, 0, 0, 9, *b"free", number]))

    assert "2 imported" in run(tmp_path / "in")[0]
    assert "2 already there" in run(tmp_path / "in")[0]

    places = set(Asset.objects.values_list("source_ref", flat=True))
    assert places == {str(deep / f"{number}.mp4") for number in (1, 2)}


def test_a_place_too_long_to_be_kept_whole_is_refused(boss, library):
    details = services.Details(source_ref="s3://" + "x" * 5_000)
    with pytest.raises(Refused, match="too long to be kept"):
        services.create_asset(
            owner=boss, file=io.BytesIO(samples.photo()), filename="a.jpg", details=details
        )
    assert not Asset.objects.exists()


def test_links_out_of_the_folder_are_left_out(folder, tmp_path, boss, library):
    outside = tmp_path / "outside.mp4"
    outside.write_bytes(samples.clip(seconds=1.5))
    (folder / "link.mp4").symlink_to(outside)
    assert "2 imported" in run(folder)[0]


def test_a_bucket_is_imported_and_gone_on_with(boss, library, tmp_path, settings, monkeypatch):
    with versitygw.running(tmp_path / "s3", buckets=("archive",)) as gateway:
        for name, value in gateway.environment.items():
            monkeypatch.setenv(name, value)
        settings.MEDIALIB_S3_ENDPOINT = gateway.url
        client = gateway.client()
        files = {
            "films/a.mp4": samples.clip(seconds=1.1),
            "films/a.mp4.json": b'{"title": "Windermere"}',
            "films/letter.txt": b"not media",
            "other/b.mp4": samples.clip(seconds=1.2),
        }
        for key, data in files.items():
            client.put_object(Bucket="archive", Key=key, Body=data)
        client.close()
        assert "1 imported" in run("s3://archive/films")[0]
        asset = Asset.objects.get()
        assert (asset.title, asset.source_ref) == ("Windermere", "s3://archive/films/a.mp4")
        assert "1 already there, 1 imported" in run("s3://archive")[0]
        with pytest.raises(CommandError):
            run("s3://nothing-there")
    with pytest.raises(CommandError, match="can't be reached"):
        run("s3://archive")


def test_a_watched_folder_takes_files_once_they_are_whole(tmp_path):
    data, inbox = tmp_path / "data", tmp_path / "inbox"
    inbox.mkdir()
    environment = service.own_environment(data)
    prepared.copy_to(data, environment)
    manage = [sys.executable, str(service.ROOT / "manage.py")]
    command = [*manage, "import_media", str(inbox), "--watch", "0.2"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        clip = samples.clip(seconds=1.1)
        partial = inbox / "a.mp4"
        with partial.open("wb") as file:
            file.write(clip[:100])
            file.flush()
            file.write(clip[100:])
        line = process.stdout.readline()
        assert str(Path(partial).resolve()) in line
        process.terminate()
        rest = process.stdout.read()
    assert "1 imported" in rest
