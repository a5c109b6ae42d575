"""Search over real rows: what is indexed is found, by those who may, and by nobody else."""

import uuid

import pytest
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils import timezone

from labelling.models import Analysis, Moment
from labelling.vocabulary import ensure_labels, load_vocabulary
from medialib.exceptions import SearchUnavailable
from medialib.models import Asset, Keyword
from medialib.selectors import Principals
from search import services
from search.backends import get_backend
from search.query import InvalidQuery

EVERYONE = Principals(frozenset(), everything=True)
VOCABULARY = """name,parents,aliases,category
Transportation,,,Vehicles and Automotive
Vehicle,Transportation,,Vehicles and Automotive
Car,Vehicle,Automobile,Vehicles and Automotive
Animal,,,Animals and Pets
Dog,Animal;Pet,,Animals and Pets
Pet,Animal,,Animals and Pets
Person,,Human,Person Description
Carpet,,,Furniture and Furnishings
Crab,Animal,,Animals and Pets
"""
pytestmark = pytest.mark.usefixtures("index")


@pytest.fixture
def index(db, settings, tmp_path):
    """An index of this test's own, and a vocabulary small enough to be loaded for each test."""
    words = tmp_path / "vocabulary.csv"
    words.write_text(VOCABULARY)
    load_vocabulary(words)
    path = tmp_path / "search" / "index.sqlite3"
    engine = {**settings.SEARCH_BACKENDS["default"], "OPTIONS": {"path": path}}
    settings.SEARCH_BACKENDS = {"default": engine}
    yield path
    get_backend().close()


def make_asset(owner, *seen, kind="video", **facts):
    """Make a row with moments given as (label, start_ms, end_ms, confidence)."""
    asset = Asset.objects.create(
        owner=owner,
        kind=kind,
        **{
            "original_filename": "clip.mp4",
            "original_name": f"originals/{uuid.uuid4()}",
            "size": 1,
            "duration_ms": 60_000 if kind == "video" else 0,
            "state": Asset.State.SEARCHABLE,
            **facts,
        },
    )
    analysis = Analysis.objects.create(
        asset=asset, backend="local", status=Analysis.Status.SUCCEEDED, current=True
    )
    ids = ensure_labels(label for label, *_ in seen)
    Moment.objects.bulk_create(
        Moment(
            asset=asset,
            analysis=analysis,
            label_id=ids[label],
            start_ms=start,
            end_ms=end,
            confidence=confidence,
            mean_confidence=confidence,
        )
        for label, start, end, confidence in seen
    )
    return asset


def changed(asset, **facts):
    """Change a row as services do: the generation rises with it."""
    Asset.objects.filter(pk=asset.pk).update(index_generation=asset.index_generation + 1, **facts)
    asset.refresh_from_db()
    return asset


@pytest.fixture
def street(user):
    asset = make_asset(
        user,
        ("Car", 1_000, 5_000, 96.0),
        ("Person", 4_000, 8_000, 88.0),
        ("Dog", 12_000, 13_000, 71.0),
        title="Harbour street",
    )
    services.index_assets([asset.pk])
    return asset


def found(text, principals=EVERYONE, **how):
    return [
        result.asset_id for result in services.search(text, principals=principals, **how).results
    ]


def spans(text, **how):
    answer = services.search(text, principals=EVERYONE, **how)
    return [(m.start_ms, m.end_ms) for result in answer.results for m in result.moments]


def test_the_first_search_of_an_empty_library_finds_nothing_and_fails_not():
    answer = services.search("cars", principals=EVERYONE)
    assert (answer.total.assets, answer.results) == (0, ())


def test_moments_are_found_together_apart_and_one_after_the_other(street):
    assert spans("cars") == [(1_000, 5_000)]
    assert spans("car and person") == [(4_000, 5_000)]
    assert spans("car not person") == [(1_000, 4_000)]
    assert spans("person then dog within 5s") == [(4_000, 13_000)]
    assert spans("person then dog within 3s") == []
    assert spans("car and dog") == []
    assert spans("car and dog", within="asset") == [(1_000, 5_000), (12_000, 13_000)]
    assert spans("car dog within:asset") == [(1_000, 5_000), (12_000, 13_000)]
    assert spans("vehicle dur:>4s") == [(1_000, 5_000)]
    assert spans("vehicle dur:>5s") == []


def test_a_label_above_finds_what_is_below_and_says_so(street):
    (result,) = services.search("vehicle", principals=EVERYONE).results
    assert result.why == ("Car is a Vehicle", "seen 4 s; best 96 %")
    assert result.moments[0].label == "Car"


def test_confidence_holds_per_term_and_from_the_form_for_all(street):
    assert spans("dog@75") == []
    assert spans("car@75 person") == [(4_000, 5_000)]
    assert spans("car person conf:>90") == []
    assert spans("car person@80 conf:>90") == [(4_000, 5_000)]
    assert spans("car person@80", min_confidence=90) == []


def test_a_confidence_between_the_steps_is_rounded_up_and_the_answer_says_so(street):
    answer = services.search("car conf:96.5", principals=EVERYONE)
    assert answer.total.assets == 0
    assert "96.5 is rounded up" in answer.query.understood[-1].reason


def test_words_find_assets_by_their_text_and_filter_beside_labels(street, user):
    plain = make_asset(user, title="Harbour at dusk")
    services.index_assets([plain.pk])
    assert set(found("text:harbour")) == set(found("harbours"))
    assert set(found("text:harbour")) == {str(street.pk), str(plain.pk)}
    assert found('cars "harbour street"') == [str(street.pk)]
    assert found('cars "street harbour"') == []
    assert found("dusk") == [str(plain.pk)]


def test_a_word_with_no_meaning_finds_nothing_and_asks_what_was_meant(street):
    answer = services.search("cras", principals=EVERYONE)
    assert answer.total.assets == 0
    assert "Car" in answer.query.suggestions


def test_filters_of_the_language_and_of_the_form_agree(street, user):
    photo = make_asset(user, ("Car", 0, 0, 80.0), kind="photo", captured_at=timezone.now())
    photo.keywords.add(Keyword.objects.create(name="Été", folded="ete"))
    services.index_assets([photo.pk])
    assert found("cars kind:photo") == found("cars", kind="photo") == [str(photo.pk)]
    assert found("keyword:ete") == [str(photo.pk)]
    assert found("cars length:<2m") == [str(street.pk)]
    assert found("date:2001") == []
    assert set(found(f"date:{timezone.now():%Y}")) == {str(photo.pk), str(street.pk)}
    assert found(f"captured:{timezone.now():%Y-%m}") == [str(photo.pk)]
    assert found('category:"Animals and Pets"') == [str(street.pk)]
    assert found("cars", label=["dog"]) == [str(street.pk)]
    assert found("cars", category=["animals and pets"]) == [str(street.pk)]
    with pytest.raises(InvalidQuery, match="There is no label"):
        found("cars", label=["Karr"])


def test_photos_are_found_with_moments_of_no_length(user):
    photo = make_asset(user, ("Car", 0, 0, 80.0), ("Person", 0, 0, 70.0), kind="photo")
    services.index_assets([photo.pk])
    ((moment,),) = [r.moments for r in services.search("car person", principals=EVERYONE).results]
    assert (moment.start_ms, moment.end_ms, moment.confidence) == (0, 0, 80.0)
    assert [s.label for s in moment.labels] == ["Car", "Person"]
    assert found("car then person") == []


def test_facets_count_what_their_own_choice_leaves_out(street, user):
    photo = make_asset(user, ("Car", 0, 0, 80.0), kind="photo")
    services.index_assets([photo.pk])
    answer = services.search("cars", principals=EVERYONE, kind="photo")
    kinds = {value.value: (value.count, value.selected) for value in answer.facets["kind"]}
    assert kinds == {"photo": (1, True), "video": (1, False)}
    labels = {value.value: value.count for value in answer.facets["label"]}
    assert labels["Car"] == 1
    assert "Dog" not in labels


@pytest.mark.parametrize("sort", ["relevance", "newest", "captured", "screen_time", "title"])
def test_cursors_lead_through_all_assets_once(user, sort):
    assets = [
        make_asset(user, ("Car", 0, 1_000 * n, 90.0), title=f"Nr {n % 3}") for n in range(1, 12)
    ]
    services.index_assets([asset.pk for asset in assets])
    seen, cursor = [], None
    while True:
        answer = services.search("cars", principals=EVERYONE, sort=sort, page_size=4, cursor=cursor)
        assert answer.total.assets == 11
        seen += [result.asset_id for result in answer.results]
        cursor = answer.next
        if cursor is None:
            break
    assert sorted(seen) == sorted(str(asset.pk) for asset in assets)


def test_a_foreign_or_broken_cursor_is_refused(user):
    assets = [make_asset(user, ("Car", 0, 1_000, 90.0)) for _ in range(3)]
    services.index_assets([asset.pk for asset in assets])
    cursor = services.search("cars", principals=EVERYONE, page_size=1).next
    for text, given in [("dogs", cursor), ("cars", "nonsense"), ("cars", "W10"), ("cars", "é")]:
        with pytest.raises(InvalidQuery, match="cursor"):
            services.search(text, principals=EVERYONE, page_size=1, cursor=given)


def test_only_those_who_may_see_an_asset_find_it(user, other):
    team = Group.objects.create(name="team")
    other.groups.add(team)
    mine = make_asset(user, ("Car", 0, 1_000, 90.0), visibility="private", title="secretword")
    shared = make_asset(user, ("Car", 0, 1_000, 90.0), visibility="groups")
    shared.groups.add(team)
    services.index_assets([mine.pk, shared.pk])
    assert set(found("cars", Principals.of(user))) == {str(mine.pk), str(shared.pk)}
    assert found("cars", Principals.of(other)) == [str(shared.pk)]
    assert found("secretword", Principals.of(other)) == []
    assert services.search("cars", principals=Principals.of(other)).total.moments == 1
    assert services.suggest("ca", principals=Principals.of(other))[0].count == 1
    assert services.suggest("ca", principals=Principals(frozenset({"public"}))) == []


def test_suggestions_know_aliases_and_second_words(street):
    def labels(prefix):
        return {s.label for s in services.suggest(prefix, principals=EVERYONE)}

    assert (labels("automob"), labels("veh"), labels("zzz")) == ({"Car"}, {"Vehicle"}, set())
    assert {"Car", "Person", "Dog"} <= labels("")


def test_indexing_notes_the_generation_and_comes_too_late_harmlessly(street):
    street.refresh_from_db()
    assert street.indexed_generation == street.index_generation == 1
    changed(street, title="Renamed quayside")
    services.index_assets([street.pk])
    services.index_assets([street.pk])
    street.refresh_from_db()
    assert street.indexed_generation == 2
    assert found("quayside") == [str(street.pk)]


@pytest.mark.parametrize("facts", [{"deleted_at": timezone.now()}, {"state": Asset.State.REJECTED}])
def test_trashed_and_rejected_assets_leave_search_and_may_come_back(street, facts):
    services.index_assets([changed(street, **facts).pk])
    assert found("cars") == []
    street.refresh_from_db()
    assert street.indexed_generation == street.index_generation
    changed(street, deleted_at=None, state=Asset.State.SEARCHABLE)
    services.index_assets([street.pk])
    assert found("cars") == [str(street.pk)]


def test_rows_that_are_gone_leave_search(street):
    asset_id = street.pk
    Asset.objects.filter(pk=asset_id).delete()
    services.index_assets([asset_id])
    assert found("cars") == []


def test_removing_needs_no_row(street):
    services.remove_assets([street.pk, uuid.uuid4()])
    assert found("cars") == []


def test_a_lost_index_is_an_outage_never_an_empty_answer_and_heals_with_the_next_step(
    street, index
):
    get_backend().close()
    for left in index.parent.iterdir():
        left.unlink()
    with pytest.raises(SearchUnavailable, match="rebuild_search_index"):
        services.search("cars", principals=EVERYONE)
    with pytest.raises(SearchUnavailable):
        services.health()
    services.index_assets([street.pk])
    assert found("cars") == [str(street.pk)]
    get_backend().close()
    index.resolve().write_bytes(b"damaged" * 999)
    assert services.prepare_index()
    assert services.health()["assets"] == 1


def test_the_check_finds_drift_and_repairs_it(street, user, capsys):
    unknown = make_asset(user)
    changed(street, title="Newer")
    gone = make_asset(user)
    services.index_assets([gone.pk])
    Asset.objects.filter(pk=gone.pk).delete()
    drift = services.check()
    assert drift.missing == (str(unknown.pk),)
    assert drift.stale == (str(street.pk),)
    assert drift.foreign == (str(gone.pk),)
    with pytest.raises(SystemExit):
        call_command("check_search_index")
    call_command("check_search_index", "--repair")
    assert services.check().count == 0
    call_command("check_search_index")
    assert "as the database says" in capsys.readouterr().out


def test_a_rebuild_brings_the_whole_library_back(street, user):
    for _ in range(3):
        make_asset(user, ("Car", 0, 500, 90.0))
    call_command("rebuild_search_index")
    assert len(found("cars")) == 4
    assert Asset.objects.filter(indexed_generation=1).count() == 4
    with get_backend().rebuild(), pytest.raises(CommandError, match="already"):
        call_command("rebuild_search_index")


class TestApi:
    def ask(self, client, user, **parameters):
        client.force_login(user)
        return client.get(reverse("api-search"), parameters)

    def test_the_answer_leads_to_the_moment_and_its_picture(self, client, user, street):
        body = self.ask(client, user, q="cars", page_size=1).json()
        assert set(body) >= {"query", "total", "results", "near_misses", "facets", "next"}
        assert body["total"] == {"assets": 1, "moments": 1, "exact": True}
        assert body["query"]["canonical"] == "label:Car"
        (result,) = body["results"]
        assert result["asset"]["id"] == str(street.pk)
        (moment,) = result["moments"]
        assert moment["url"].endswith(f"/assets/{street.pk}/#t=1,5&q=label%3ACar")
        assert moment["thumbnail_url"].endswith(f"/media/{street.pk}/frames/1000.jpg")
        assert (moment["start_ms"], moment["end_ms"], moment["confidence"]) == (1000, 5000, 96.0)

    def test_next_is_an_address_that_goes_on(self, client, user, street):
        second = make_asset(user, ("Car", 0, 500, 60.0))
        services.index_assets([second.pk])
        first = self.ask(client, user, q="cars", page_size=1).json()
        following = client.get(first["next"]).json()
        assert [r["asset"]["id"] for r in following["results"]] == [str(second.pk)]
        assert following["next"] is None

    @pytest.mark.parametrize(
        ("parameters", "status", "code"),
        [
            ({"q": "cars ("}, 400, "invalid_query"),
            ({"q": "x" * 5_000}, 400, "query_too_long"),
            ({"q": "(" * 200}, 400, "too_deep"),
            ({"q": " OR ".join(["cars"] * 100)}, 400, "too_many_terms"),
            ({"q": "conf:>9000"}, 400, "invalid_query"),
            ({"q": "date:2026-13.."}, 400, "invalid_query"),
            ({"q": "cars", "page_size": "1000000"}, 400, None),
            ({"q": "cars", "page_size": "0"}, 400, None),
            ({"q": "cars", "cursor": "abc"}, 400, "invalid_cursor"),
            ({"q": "cars", "sort": "luck"}, 400, None),
            ({"q": "cars", "label": "Nolabel"}, 400, "unknown_label"),
            ({"q": "(a+)+$" * 20}, 200, None),
            ({"q": "%00cars\x00"}, None, None),
        ],
    )
    def test_bad_input_is_a_sentence(self, client, user, parameters, status, code):
        response = self.ask(client, user, **parameters)
        assert response.status_code in ((status,) if status else (200, 400))
        if code:
            assert response.json()["code"] == code
            assert response.json()["detail"]

    def test_an_asset_that_was_trashed_a_moment_ago_is_left_out(self, client, user, street):
        Asset.objects.filter(pk=street.pk).update(deleted_at=timezone.now())
        assert self.ask(client, user, q="cars").json()["results"] == []

    def test_strangers_are_refused(self, client, street):
        assert client.get(reverse("api-search"), {"q": "cars"}).status_code == 401

    def test_labels_are_suggested_with_counts(self, client, user, street):
        client.force_login(user)
        body = client.get(reverse("api-labels"), {"prefix": "ca"}).json()
        assert {"label": "Car", "count": 1} in body["results"]

    def test_the_number_of_queries_does_not_grow_with_the_page(
        self, client, user, street, django_assert_max_num_queries
    ):
        services.index_assets([make_asset(user, ("Car", 0, 500, 60.0)).pk for _ in range(10)])
        self.ask(client, user, q="cars")
        with django_assert_max_num_queries(14):
            assert len(self.ask(client, user, q="cars").json()["results"]) == 11
