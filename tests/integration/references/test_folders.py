"""Originals that stay where they are: read, labelled, played, and never touched."""

from __future__ import annotations

import hashlib
import io
import os
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError
from django.urls import reverse
from django.utils import timezone

from labelling.models import Moment
from medialib import intake, references, services, storage
from medialib.exceptions import Duplicate, Refused
from medialib.models import Asset
from medialib.selectors import Principals
from search import services as search
from tests import samples
from tests.integration.references.conftest import refer, run


def state_of(folder: Path):
    """Take down all that could be seen of a change: names, bytes, times, rights."""
    return {
        path: (
            hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "",
            path.stat().st_mtime_ns,
            path.stat().st_ctime_ns,
            path.stat().st_mode,
            path.stat().st_ino,
        )
        for path in [folder, *folder.rglob("*")]
    }


def found(user, text):
    return [r.asset_id for r in search.search(text, principals=Principals.of(user)).results]


def remove_for_good(asset, drain):
    services.trash_asset(asset, actor=asset.owner)
    Asset.objects.filter(pk=asset.pk).update(deleted_at=timezone.now() - timedelta(days=31))
    services.purge_due()
    drain()
    assert not Asset.objects.filter(pk=asset.pk).exists()


# ---- The road -----------------------------------------------------------------------------------


def test_from_import_to_removal_the_original_is_only_read(
    clip, archive, boss, library, drain, client
):
    before = state_of(archive)
    said, _ = run(archive)
    assert "1 imported" in said
    drain()
    asset = Asset.objects.get()
    assert (asset.state, asset.detail, asset.is_reference) == ("searchable", "", True)
    assert asset.sha256 == hashlib.sha256(samples.clip()).hexdigest()
    assert {m.label.name for m in Moment.objects.filter(asset=asset)} == {"Car", "Person"}
    assert found(boss, "cars") == [str(asset.pk)]
    client.force_login(boss)
    for name in ("media-playback", "media-original"):
        answer = client.get(reverse(name, args=[asset.pk]), headers={"Range": "bytes=100-299"})
        assert answer.status_code == 206
        assert b"".join(answer.streaming_content) == samples.clip()[100:300]
        assert answer["ETag"].strip('"') not in asset.original_name
    assert client.get(reverse("media-frame", args=[asset.pk, 0])).status_code == 200
    # What we made lies with us, and none of it is a copy of the original.
    ours = [path for path in library.rglob("*") if path.is_file()]
    assert len(ours) > 3
    assert all(path.read_bytes() != samples.clip() for path in ours)
    services.sweep_orphans(older_than=timedelta(0))
    remove_for_good(asset, drain)
    assert not [path for path in library.rglob("*") if path.is_file()]
    assert found(boss, "cars") == []
    assert state_of(archive) == before


def test_a_reference_that_has_to_be_converted_plays_from_our_storage(
    archive, boss, library, drain, client
):
    old = archive / "old.mkv"
    old.write_bytes(samples.clip(codec="mpeg4", format_="matroska"))
    before = state_of(archive)
    asset = refer(boss, old)
    drain()
    assert asset.renditions.filter(kind="playback").exists()
    client.force_login(boss)
    answer = client.get(reverse("media-playback", args=[asset.pk]))
    assert answer.status_code == 200
    assert b"".join(answer.streaming_content)[4:8] == b"ftyp"
    services.label_again(Asset.objects.get(), actor=boss)
    drain()
    remove_for_good(asset, drain)
    assert state_of(archive) == before


def test_the_admin_says_where_an_original_lies_and_other_pages_do_not(asset, clip, client):
    admin = client.get(reverse("admin:medialib_asset_change", args=[asset.pk]))
    assert f"Outside the library, only read: {clip}" in admin.content.decode()
    for name in ("asset", "api-asset"):
        seen = client.get(reverse(name, args=[asset.pk])).content.decode()
        assert str(clip.parent) not in seen


def test_a_proxy_that_sends_files_sends_our_own_only(asset, client, settings):
    settings.MEDIALIB_X_ACCEL_PREFIX = "/protected"
    answer = client.get(reverse("media-playback", args=[asset.pk]))
    assert "X-Accel-Redirect" not in answer
    assert b"".join(answer.streaming_content) == samples.clip()


def test_what_is_large_is_hashed_by_the_worker(archive, boss, library, drain):
    """The import reads beginning and end only, unless they are those of another asset."""
    large = samples.clip() + bytes(3 * 1024 * 1024)
    (archive / "large.mp4").write_bytes(large)
    kept = refer(boss, archive / "large.mp4")
    assert kept.sha256 == ""
    drain()
    kept.refresh_from_db()
    assert (kept.state, kept.sha256) == ("searchable", hashlib.sha256(large).hexdigest())
    with pytest.raises(Duplicate):
        services.create_asset(owner=boss, file=io.BytesIO(large), filename="copy.mp4")


def test_what_came_in_twice_unhashed_is_rejected_by_the_worker(archive, boss, library, drain):
    large = samples.clip() + bytes(3 * 1024 * 1024)
    (archive / "large.mp4").write_bytes(large)
    before = state_of(archive)
    kept = refer(boss, archive / "large.mp4")
    services.create_asset(owner=boss, file=io.BytesIO(large), filename="copy.mp4")
    drain()
    kept.refresh_from_db()
    assert (kept.state, kept.code) == ("rejected", "duplicate")
    assert state_of(archive) == before


def test_originals_of_others_take_no_quota(archive, boss, library, settings, clip):
    settings.MEDIALIB_QUOTA_BYTES = 1000
    refer(boss, clip)
    intake.refuse_over_quota(boss, 900)


def test_what_is_not_media_or_broken_is_left_alone(archive, boss, library, drain):
    (archive / "broken.mp4").write_bytes(samples.clip()[:200])
    (archive / "letter.txt").write_text("not media")
    before = state_of(archive)
    run(archive)
    drain()
    assert Asset.objects.get().state == Asset.State.REJECTED
    Asset.objects.update(updated_at=timezone.now() - timedelta(days=8))
    assert services.purge_due() == 1
    drain()
    assert not Asset.objects.exists()
    assert state_of(archive) == before


# ---- What may be referred to ---------------------------------------------------------------------


def test_a_folder_that_is_not_named_is_refused(archive, boss, library, tmp_path, settings):
    other = tmp_path / "archive-2"
    other.mkdir()
    (other / "a.mp4").write_bytes(samples.clip())
    with pytest.raises(CommandError, match="MEDIALIB_REFERENCE_ROOTS"):
        run(other)
    with pytest.raises(CommandError, match="MEDIALIB_REFERENCE_ROOTS"):
        run(archive / ".." / "archive-2")
    with pytest.raises(references.OriginalClosed):
        refer(boss, other / "a.mp4")
    settings.MEDIALIB_REFERENCE_ROOTS = []
    with pytest.raises(CommandError, match="MEDIALIB_REFERENCE_ROOTS"):
        run(archive)
    assert not Asset.objects.exists()


def test_the_librarys_own_files_are_never_references(asset, settings, boss, library):
    settings.MEDIALIB_REFERENCE_ROOTS = [str(library.parent)]
    own = next(path for path in library.rglob("*") if path.is_file())
    with pytest.raises(references.OriginalClosed):
        refer(boss, own)
    with pytest.raises(CommandError, match="own storage"):
        run(library)


def test_links_do_not_lead_out(archive, boss, library, tmp_path):
    outside = tmp_path / "outside.mp4"
    outside.write_bytes(samples.clip(seconds=1.5))
    (archive / "link.mp4").symlink_to(outside)
    (archive / "folder").symlink_to(tmp_path, target_is_directory=True)
    assert "imported" not in run(archive)[0]
    with pytest.raises(references.OriginalClosed):
        refer(boss, archive / "link.mp4")
    with pytest.raises(references.OriginalClosed):
        refer(boss, archive / "folder" / "outside.mp4")


def test_a_link_put_in_place_of_a_file_or_folder_later_leads_nowhere(asset, clip, tmp_path):
    """Each read looks again, also when the file that is led to looks the same."""
    moved = tmp_path / "moved"
    clip.parent.rename(moved)
    clip.parent.symlink_to(moved, target_is_directory=True)
    assert (moved / clip.name).stat().st_size == asset.size
    reads = (
        lambda: storage.size_of(asset.original_name),
        lambda: storage.read_range(asset.original_name, 0, 10),
        lambda: storage.open_source(asset.original_name).__enter__(),
        lambda: storage.local_copy(asset.original_name).__enter__(),
        lambda: storage.modified_at(asset.original_name),
    )
    for read in reads:
        with pytest.raises(references.OriginalClosed):
            read()
    assert not storage.exists(asset.original_name)


@pytest.mark.parametrize("way", ["source", "copy"])
def test_what_is_put_in_place_of_an_open_file_is_not_read(asset, clip, tmp_path, way):
    """The cage opens a file once more: the one that was looked at, not the one of that name."""
    secret = tmp_path / "secret"
    secret.write_bytes(bytes(asset.size))
    with ExitStack() as stack:
        if way == "source":
            path = stack.enter_context(storage.open_source(asset.original_name)).path
        else:
            path = stack.enter_context(storage.local_copy(asset.original_name))
        clip.unlink()
        clip.symlink_to(secret)
        assert path.read_bytes() == samples.clip()


def test_a_root_that_is_taken_out_of_the_settings_is_closed_at_once(asset, settings):
    settings.MEDIALIB_REFERENCE_ROOTS = []
    with pytest.raises(references.OriginalClosed):
        storage.read_range(asset.original_name, 0, 10)


@pytest.mark.parametrize("kind", ["pipe", "folder"])
def test_what_is_no_file_any_more_is_gone(asset, clip, kind):
    clip.unlink()
    os.mkfifo(clip) if kind == "pipe" else clip.mkdir()
    with pytest.raises(references.OriginalGone):
        storage.read_range(asset.original_name, 0, 10)


@pytest.mark.parametrize(
    "write",
    [
        lambda name: storage.delete(name),
        lambda name: storage.write_bytes(name, b"x"),
        lambda name: storage.write_file(name, io.BytesIO(b"x")),
        lambda name: storage.delete_folder(f"{name.rpartition('/')[0]}/"),
    ],
)
def test_whoever_would_write_or_remove_one_is_stopped_loudly(asset, archive, write):
    before = state_of(archive)
    with pytest.raises(PermissionError):
        write(asset.original_name)
    assert state_of(archive) == before


# ---- Going on, duplicates, dry run ---------------------------------------------------------------


def test_a_second_run_reads_nothing_twice_and_skips_what_is_there(asset, clip, archive):
    (archive / "copy.mp4").write_bytes(samples.clip())
    said, _ = run(archive)
    assert "2 already there" in said
    assert Asset.objects.count() == 1


def test_large_files_of_equal_beginning_and_end_are_told_apart(archive, boss, library):
    """They share their fingerprint, so that they are read to the end."""
    head = samples.clip()
    edges = head + bytes(1024 * 1024), bytes(1024 * 1024)
    for name, middle in (("a.mp4", b"\x00"), ("b.mp4", b"\x01"), ("c.mp4", b"\x01")):
        (archive / name).write_bytes(edges[0] + middle * 100 + edges[1])
    first, second = (refer(boss, archive / name) for name in ("a.mp4", "b.mp4"))
    assert first.fingerprint == second.fingerprint
    assert (first.sha256, bool(second.sha256)) == ("", True)
    with pytest.raises(Duplicate):
        refer(boss, archive / "c.mp4")


def test_a_dry_run_says_what_would_stay_and_does_nothing(clip, archive, boss, library):
    said, _ = run(archive, "--dry-run")
    assert f"would refer to {clip}" in said
    assert "Labelling: Nothing" in said
    assert not Asset.objects.exists()


def test_names_that_are_no_text_are_taken(archive, boss, library, drain):
    path = os.fsencode(archive) + b"/caf\xe9.jpg"
    Path(os.fsdecode(path)).write_bytes(samples.photo())
    assert "1 imported" in run(archive)[0]
    drain()
    assert Asset.objects.get().state == Asset.State.SEARCHABLE


def test_a_path_that_is_too_long_is_refused_with_a_sentence(archive, boss, library):
    deep = archive.joinpath(*["ж" * 100] * 5)
    deep.mkdir(parents=True)
    (deep / "a.jpg").write_bytes(samples.photo())
    with pytest.raises(Refused, match="too long"):
        refer(boss, deep / "a.jpg")
