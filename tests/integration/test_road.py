"""The road of one upload: from bytes to a search that finds its moments, every step real."""

from __future__ import annotations

import gzip
import io
import unicodedata
import zipfile

import pytest

from labelling.models import Analysis, Moment
from medialib import services
from medialib.exceptions import Duplicate, Refused, StorageFull, TooLarge
from medialib.models import Asset, Event, Rendition, Step
from medialib.selectors import Principals
from search import services as search
from tests import samples

ROWS = [(0, "Car", 90.0), (500, "Car", 95.0), (1000, "Person", 80.0), (1500, "Person", 85.0)]


def create(user, data, *, filename="clip.mp4", answer=None, **details):
    return services.create_asset(
        owner=user,
        file=io.BytesIO(data),
        filename=filename,
        details=services.Details(**details),
        answer=io.BytesIO(answer) if answer else None,
    )


def found(user, text):
    answer = search.search(text, principals=Principals.of(user))
    return [result.asset_id for result in answer.results]


def test_a_clip_with_its_answer_becomes_searchable_with_moments(user, library, drain, fresh):
    asset = create(user, samples.clip(), answer=samples.answer(ROWS), title="Windermere")
    drain()
    asset = fresh(asset)
    assert (asset.state, asset.detail) == (Asset.State.SEARCHABLE, "")
    spans = Moment.objects.filter(asset=asset).values_list("label__name", "start_ms", "end_ms")
    assert set(spans) == {("Car", 0, 1000), ("Person", 1000, 2000)}
    assert found(user, "cars") == [str(asset.pk)]
    assert found(user, "windermere") == [str(asset.pk)]
    assert found(user, "car and person") == []
    assert found(user, "dog") == []


def test_a_clip_that_browsers_play_is_kept_as_it_is(user, library, drain, fresh):
    asset = create(user, samples.clip(), answer=samples.answer(ROWS))
    drain()
    kinds = set(fresh(asset).renditions.values_list("kind", flat=True))
    assert Rendition.Kind.POSTER in kinds
    assert Rendition.Kind.PLAYBACK not in kinds
    starts = asset.renditions.filter(kind="frame").values_list("at", flat=True)
    assert set(starts) == {0, 1000}


def test_a_clip_that_browsers_do_not_play_is_converted(user, library, drain, fresh):
    data = samples.clip(codec="mpeg4", format_="matroska")
    asset = create(user, data, filename="old.mkv", answer=samples.answer(ROWS))
    drain()
    asset = fresh(asset)
    assert asset.state == Asset.State.SEARCHABLE
    playback = asset.renditions.get(kind=Rendition.Kind.PLAYBACK)
    assert playback.content_type == "video/mp4"
    assert found(user, "car") == [str(asset.pk)]


def test_a_photo_is_labelled_by_the_local_labeller(user, library, drain, fresh):
    asset = create(user, samples.photo(), filename="square.jpg")
    drain()
    asset = fresh(asset)
    assert asset.state == Asset.State.SEARCHABLE
    assert asset.kind == Asset.Kind.PHOTO
    analysis = Analysis.objects.get(asset=asset, current=True)
    assert (analysis.backend, analysis.status) == ("local", Analysis.Status.SUCCEEDED)
    kinds = {"poster", "analysis", "web"}
    assert kinds <= set(asset.renditions.values_list("kind", flat=True))
    assert found(user, "square") == [str(asset.pk)]


def zip_bomb() -> bytes:
    """Pack 50 MB of nothing into some KB."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("holiday.mp4", bytes(50_000_000))
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"hello, this is a letter\n" * 10, "text"),
        (b"#EXTM3U\n#EXTINF:10,\nhttp://127.0.0.1/a.ts\n", "playlist"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'></svg>", "SVG"),
        (b'{"a": 1}', "JSON"),
        (bytes(range(256)) * 20, "format"),
        (zip_bomb(), "archive"),
        (gzip.compress(bytes(50_000_000)), "archive"),
    ],
)
def test_what_is_not_media_is_refused_at_once_and_nothing_is_kept(user, library, data, words):
    with pytest.raises(Refused) as caught:
        create(user, data, filename="holiday.mp4")
    assert words in caught.value.detail
    assert Asset.objects.count() == Step.objects.count() == Event.objects.count() == 0
    assert [path for path in library.rglob("*") if path.is_file()] == []


def test_a_truncated_clip_ends_in_a_sentence(user, library, drain, fresh):
    asset = create(user, samples.clip()[:600], answer=None)
    drain()
    asset = fresh(asset)
    assert asset.state == Asset.State.REJECTED
    assert asset.code
    assert asset.detail.endswith(".")


def test_a_picture_with_a_videos_name_is_a_photo(user, library, drain, fresh):
    asset = create(user, samples.photo(), filename="film.mp4")
    drain()
    assert fresh(asset).kind == Asset.Kind.PHOTO
    assert fresh(asset).state == Asset.State.SEARCHABLE


def test_a_video_with_a_pictures_name_is_a_video(user, library, drain, fresh):
    asset = create(user, samples.clip(), filename="photo.jpg", answer=samples.answer(ROWS))
    drain()
    assert fresh(asset).kind == Asset.Kind.VIDEO
    assert fresh(asset).state == Asset.State.SEARCHABLE


def test_the_same_file_twice_is_named_not_kept(user, other, library):
    first = create(user, samples.clip())
    with pytest.raises(Duplicate) as caught:
        create(user, samples.clip(), filename="again.mp4")
    assert caught.value.asset_id == str(first.pk)
    assert len([path for path in library.rglob("*") if path.is_file()]) == 1
    create(other, samples.clip())
    assert Asset.objects.count() == 2, "somebody else's copy is neither refused nor named"


def test_a_file_over_the_limit_is_refused(user, library, settings):
    settings.MEDIALIB_MAX_UPLOAD_BYTES = 100
    with pytest.raises(TooLarge):
        create(user, samples.clip())
    assert Asset.objects.count() == 0


def test_a_full_disk_is_said_and_nothing_is_kept(user, library, settings):
    settings.MEDIALIB_MIN_FREE_BYTES = 2**62
    with pytest.raises(StorageFull):
        create(user, samples.clip())
    assert Asset.objects.count() == 0
    assert [path for path in library.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    "name",
    [
        "two\nlines.mp4",
        "../../etc/passwd.mp4",
        "x" * 300 + ".mp4",
        "\u202egnp.exe.mp4",
        "<img src=x onerror=alert(1)>.mp4",
        "%03d.mp4",
        "",
        "..",
    ],
)
def test_odd_names_are_kept_as_text_and_never_as_paths(user, library, drain, fresh, name):
    asset = create(user, samples.clip(), filename=name, answer=samples.answer(ROWS))
    drain()
    asset = fresh(asset)
    assert asset.state == Asset.State.SEARCHABLE
    assert len(asset.original_filename) <= 300
    assert not set("\n\r\x00/\u202e") & set(asset.original_filename)
    for path in library.rglob("*"):
        assert str(asset.pk) in str(path) or path.name in ("assets", "analyses")


@pytest.mark.parametrize(
    "name",
    [
        ".mp4",
        "/etc/passwd\x00.mp4",
        "..\\..\\windows\\win.mp4",
        # More than 255 bytes in fewer characters, as a file system counts them.
        "\u6620\u753b" * 100 + ".mp4",
        "e" + "\u0301" * 500 + ".mp4",
        "\u2066\u202dclip\u2069\u200f.mp4",
        "\ufeff\u200bclip\U000e0041.mp4",
        # A byte that is no UTF-8, as a folder's listing gives it.
        "clip\udcff.mp4",
    ],
)
def test_names_that_set_traps_become_plain_text(user, library, name):
    asset = create(user, samples.photo(), filename=name)
    kept = asset.original_filename
    assert 0 < len(kept) <= 300
    assert not set("/\\") & set(kept)
    # No control, direction or invisible mark, and no half of a character.
    assert not [c for c in kept if unicodedata.category(c)[0] == "C"]
    [path] = [path for path in library.rglob("*") if path.is_file()]
    assert str(asset.pk) in str(path)
    assert Asset.objects.get().original_filename == kept


def test_what_is_in_the_trash_is_gone_for_everyone_at_once(user, library, drain, fresh):
    asset = create(user, samples.clip(), answer=samples.answer(ROWS))
    drain()
    services.trash_asset(asset, actor=user)
    drain()
    assert found(user, "car") == []
    services.restore_asset(fresh(asset), actor=user)
    drain()
    assert found(user, "car") == [str(asset.pk)]


def test_a_change_of_words_reaches_search(user, library, drain):
    asset = create(user, samples.clip(), answer=samples.answer(ROWS), title="Windermere")
    drain()
    services.update_asset(asset, actor=user, changes={"title": "Mill", "keywords": ["windy"]})
    drain()
    assert found(user, "windermere") == []
    assert found(user, "mill") == found(user, "windy") == [str(asset.pk)]


def test_labelling_again_replaces_and_never_adds(user, library, drain, fresh):
    asset = create(user, samples.clip(), answer=samples.answer(ROWS))
    drain()
    services.label_again(fresh(asset), actor=user)
    drain()
    current = Analysis.objects.get(asset=asset, current=True)
    assert current.backend == "local"
    assert found(user, "car") == []
    answer = samples.answer([(0, "Dog", 88.0)])
    services.import_answer(fresh(asset), io.BytesIO(answer), filename="a.json", actor=user)
    drain()
    assert found(user, "dog") == [str(asset.pk)]
    assert Analysis.objects.filter(asset=asset, current=True).count() == 1


def test_every_step_may_run_twice(user, library, drain, fresh):
    asset = create(user, samples.clip(), answer=samples.answer(ROWS))
    drain()
    before = sorted(Moment.objects.values_list("label__name", "start_ms", "end_ms"))
    Step.objects.update(state=Step.State.READY)
    drain()
    assert fresh(asset).state == Asset.State.SEARCHABLE
    assert sorted(Moment.objects.values_list("label__name", "start_ms", "end_ms")) == before
    assert found(user, "car") == [str(asset.pk)]
    names = set(fresh(asset).renditions.values_list("name", flat=True)) | {asset.original_name}
    on_disk = {str(p.relative_to(library)) for p in library.rglob("*") if p.is_file()}
    assert {name for name in on_disk if name.startswith("assets/")} == names
