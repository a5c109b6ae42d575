"""The pages as a browser without JavaScript sees them: states, forms, other people's ids."""

from __future__ import annotations

import csv
import io
import json
import re
import uuid

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from labelling.models import Analysis, Label, LabelParent
from medialib import assets
from medialib.models import Asset, Step
from tests import samples
from tests.page_rows import make_asset, see, text_of


@pytest.fixture
def mine(client, user):
    client.force_login(user)
    return client


# ---- Who sees what -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["library", "search", "upload", "activity"])
def test_pages_ask_to_sign_in_and_come_back(client, db, name):
    response = client.get(reverse(name))
    assert response.status_code == 302
    assert response["Location"].startswith(reverse("sign-in"))
    assert reverse(name) in response["Location"]


def test_a_public_asset_needs_no_signing_in(client, user):
    asset = see(make_asset(user, visibility="public"), "Car")
    response = client.get(reverse("asset", args=[asset.pk]))
    assert response.status_code == 200
    assert 'name="action"' not in response.content.decode()


def test_a_stranger_sees_the_boxes_of_a_public_asset_and_nothing_more(client, user):
    shown = see(make_asset(user, visibility="public"), "Car")
    for name in ("api-asset", "api-asset-moments", "api-asset-detections"):
        assert client.get(reverse(name, args=[shown.pk])).status_code == 200
    assert client.patch(reverse("api-asset", args=[shown.pk]), "{}").status_code == 401
    assert client.get(reverse("api-assets")).status_code == 401
    hidden = see(make_asset(user), "Car")
    for asset_id in (hidden.pk, uuid.uuid4()):
        for name in ("api-asset", "api-asset-moments", "api-asset-detections"):
            assert client.get(reverse(name, args=[asset_id])).status_code == 401


def test_an_id_that_is_not_yours_is_the_same_as_none(mine, other):
    hidden = make_asset(other, visibility="private")
    for asset_id in (hidden.pk, uuid.uuid4()):
        response = mine.get(reverse("asset", args=[asset_id]))
        assert response.status_code == 404
        assert "There is nothing here" in text_of(response)


def test_a_stranger_learns_nothing_of_a_private_id(client, other):
    hidden = make_asset(other, visibility="private")
    answers = {
        client.get(reverse("asset", args=[i])).status_code for i in (hidden.pk, uuid.uuid4())
    }
    assert answers == {302}


def test_looking_is_not_changing(mine, other):
    asset = make_asset(other)
    response = mine.post(reverse("asset", args=[asset.pk]), {"action": "save", "title": "Mine"})
    assert response.status_code == 403
    assert "This is not yours to change" in text_of(response)
    asset.refresh_from_db()
    assert asset.title == "Harbour"


def test_the_original_is_offered_to_those_who_may_have_it(client, user, other):
    asset = make_asset(user)
    address = reverse("media-original", args=[asset.pk])
    for person, offered in ((user, True), (other, False)):
        client.force_login(person)
        page = client.get(reverse("asset", args=[asset.pk])).content.decode()
        assert (address in page) is offered


# ---- Signing in --------------------------------------------------------------------------------


def test_a_wrong_password_gets_a_sentence(client, user):
    response = client.post(reverse("sign-in"), {"username": "ada", "password": "wrong"})
    assert "This name and password do not fit" in text_of(response)


def test_signing_in_says_what_it_is_for_and_where_the_first_login_stands(
    client, db, settings, tmp_path
):
    settings.MEDIALIB_DATA_DIR = tmp_path
    leads = "what the link leads to opens"
    first = "were printed where the library was started"
    sent = text_of(client.get(reverse("sign-in"), {"next": "/assets/1/?q=car"}))
    assert leads in sent
    assert first not in sent
    assert leads not in text_of(client.get(reverse("sign-in"), {"next": "/upload/"}))
    (tmp_path / "first-login").write_text("admin secret")
    assert first in text_of(client.get(reverse("sign-in")))


def test_guessing_is_slowed_down_even_for_the_right_password(client, user):
    for _ in range(8):
        client.post(reverse("sign-in"), {"username": "ada", "password": "wrong"})
    response = client.post(reverse("sign-in"), {"username": "Ada", "password": "wrong"})
    assert response.status_code == 429
    right = client.post(reverse("sign-in"), {"username": "ada", "password": "secret-ada"})
    assert right.status_code == 429
    assert "Wait five minutes" in text_of(right)


def test_a_forwarded_address_is_not_believed(client, user):
    for number in range(9):
        response = client.post(
            reverse("sign-in"),
            {"username": "ada", "password": "wrong"},
            headers={"X-Forwarded-For": f"10.0.0.{number}"},
        )
    assert response.status_code == 429


def test_the_admin_is_entered_by_the_same_door(client, user):
    response = client.get("/admin/login/?next=/admin/medialib/")
    assert response["Location"] == reverse("sign-in") + "?next=/admin/medialib/"
    client.force_login(user)
    assert client.get("/admin/login/").status_code == 403
    user.is_staff = True
    user.save()
    assert client.get("/admin/login/")["Location"] == "/admin/"


def test_signing_out_needs_a_form(mine):
    assert mine.get(reverse("sign-out")).status_code == 405
    assert mine.post(reverse("sign-out"))["Location"] == reverse("sign-in")


# ---- Library -----------------------------------------------------------------------------------


def test_an_empty_library_explains_itself_in_three_steps(mine):
    words = text_of(mine.get(reverse("library")))
    for step in ("Add videos and photos", "They are labelled", "Search and be there"):
        assert step in words
    assert "80 everyday objects" in words


def test_the_library_shows_states_in_words(mine, user):
    make_asset(user, title="Broken", state="rejected", detail="This file ends in the middle.")
    words = text_of(mine.get(reverse("library")))
    assert "cannot be shown" in words
    assert "This file ends in the middle." in words


def test_the_library_is_paged_without_gaps_or_doubles(mine, user):
    titles = [f"Clip {number:03}" for number in range(110)]
    for title in titles:
        make_asset(user, title=title)
    seen, address = [], reverse("library")
    while address:
        page = mine.get(address).content.decode()
        seen += re.findall(r'asset-title">([^<]+)<', page)
        found = re.search(r'href="(\?[^"]*before=[^"]+)"', page)
        address = reverse("library") + found[1].replace("&amp;", "&") if found else None
    assert sorted(seen) == titles


def test_filters_with_nothing_behind_them_say_so(mine, user):
    make_asset(user)
    assert "Nothing here with these filters" in text_of(mine.get("/?kind=photo"))


def test_a_name_of_markup_stays_text(mine, user):
    make_asset(user, title="<script>alert(1)</script>")
    assert b"<script>alert(1)" not in mine.get(reverse("library")).content


# ---- Asset -------------------------------------------------------------------------------------


def test_the_asset_page_lists_moments_that_jump(mine, user):
    asset = see(make_asset(user), "Car", "Person")
    page = mine.get(reverse("asset", args=[asset.pk]) + "?label=person").content.decode()
    assert f"{reverse('media-playback', args=[asset.pk])}#t=2,4" in page
    data = json.loads(re.search(r'id="asset-data"[^>]*>(.*?)</script>', page)[1])
    assert [(row["name"], row["lane"]) for row in data["labels"]] == [("Person", 1), ("Car", 0)]
    assert data["labels"][0]["moments"] == [[2000, 4000, 91.0]]


def test_a_photo_has_no_times(mine, user):
    asset = see(make_asset(user, kind="photo"), "Cat")
    page = mine.get(reverse("asset", args=[asset.pk]))
    assert b"<video" not in page.content
    assert b"<photo-view" in page.content
    assert "By time" not in text_of(page)


def test_a_running_asset_says_what_is_being_done(mine, user):
    asset = make_asset(user, state="preparing")
    Step.objects.create(asset=asset, kind="convert", state="running", progress=0.42)
    page = mine.get(reverse("asset", args=[asset.pk]))
    assert "Converting" in text_of(page)
    assert 'data-running="true"' in page.content.decode()


def test_failed_labels_leave_the_video_and_offer_another_try(mine, user):
    asset = make_asset(user)
    Analysis.objects.create(
        asset=asset, backend="local", status="FAILED", code="model", detail="The model is missing."
    )
    page = mine.get(reverse("asset", args=[asset.pk]))
    assert "The model is missing." in text_of(page)
    assert b"<video" in page.content
    assert b'value="label-again"' in page.content


def test_nothing_recognised_says_what_can_be(mine, user):
    asset = see(make_asset(user))
    words = text_of(mine.get(reverse("asset", args=[asset.pk])))
    assert "Nothing was recognised here." in words
    assert "Not a replacement for Rekognition." in words


def test_editing_works_without_scripts(mine, user):
    asset = make_asset(user)
    response = mine.post(
        reverse("asset", args=[asset.pk]),
        {"action": "save", "title": "Quay", "description": "Dusk", "keywords": "sea, boats, sea"},
    )
    assert response.status_code == 302
    asset.refresh_from_db()
    assert (asset.title, asset.description, asset.visibility) == ("Quay", "Dusk", "library")
    assert sorted(k.name for k in asset.keywords.all()) == ["boats", "sea"]


def test_a_refused_change_keeps_what_was_typed(mine, user):
    asset = make_asset(user)
    response = mine.post(
        reverse("asset", args=[asset.pk]), {"title": "T" * 301, "description": "kept words"}
    )
    assert response.status_code == 422
    assert "kept words" in response.content.decode()


def test_saving_does_not_take_an_asset_from_its_groups(mine, user):
    asset = make_asset(user, visibility="groups")
    mine.post(
        reverse("asset", args=[asset.pk]), {"title": "Quay", "keywords": "", "visibility": "groups"}
    )
    asset.refresh_from_db()
    assert (asset.title, asset.visibility) == ("Quay", "groups")


def test_removal_is_the_trash(mine, user):
    asset = make_asset(user)
    response = mine.post(reverse("asset", args=[asset.pk]), {"action": "remove"}, follow=True)
    assert "is in the trash" in text_of(response)
    asset.refresh_from_db()
    assert asset.deleted_at is not None


def test_what_is_not_possible_now_is_said(mine, user):
    asset = make_asset(user, state="preparing")
    response = mine.post(reverse("asset", args=[asset.pk]), {"action": "label-again"}, follow=True)
    assert "This can be labelled once it is prepared." in text_of(response)


def test_history_and_costs_are_told_to_members_only(client, user):
    asset = see(make_asset(user, visibility="public"), "Car")
    assets.note("asset.created", asset, actor=user, filename="harbour.mp4")
    assets.note("analysis.failed", asset, detail="No model.")
    Analysis.objects.update(cost="0.25", model_version="3.0")
    address = reverse("asset", args=[asset.pk])
    assert "History" not in text_of(client.get(address))
    client.force_login(user)
    words = text_of(client.get(address))
    assert "Added by ada harbour.mp4" in words
    assert "Labelling failed No model." in words
    assert "imported answer 3.0 done, shown now 4 – 0.2500 USD" in words


def test_labels_say_what_they_belong_to(mine, user):
    asset = see(make_asset(user), "Car")
    car = Label.objects.get(folded="car")
    above, _ = Label.objects.get_or_create(folded="vehicle", defaults={"name": "Vehicle"})
    LabelParent.objects.get_or_create(label=car, parent=above, defaults={"model_version": "x"})
    assert "in Vehicle" in text_of(mine.get(reverse("asset", args=[asset.pk])))


def test_moments_come_as_a_file_for_spreadsheets(mine, user, other):
    asset = see(make_asset(user), "Person", "Car", "=1+1")
    address = reverse("asset-moments-csv", args=[asset.pk])
    response = mine.get(address)
    rows = list(csv.reader(io.StringIO(b"".join(response.streaming_content).decode())))
    assert rows[0][:3] == ["label", "start_s", "end_s"]
    assert rows[2] == ["Car", "2.000", "4.000", "2.000", "91.00", "80.00", "1"]
    assert rows[3][0] == "'=1+1", "a spreadsheet must not take it for a formula"
    assert "Harbour moments.csv" in response["Content-Disposition"]
    grouped = b"".join(mine.get(address + "?order=label").streaming_content).decode()
    assert grouped.index("Car") < grouped.index("Person")
    hidden = see(make_asset(other, visibility="private"), "Car")
    assert mine.get(reverse("asset-moments-csv", args=[hidden.pk])).status_code == 404


# ---- Styleguide --------------------------------------------------------------------------------


def test_the_styleguide_is_there_only_where_it_is_asked_for(mine, settings):
    assert mine.get("/styleguide/").status_code == 404
    settings.MEDIALIB_STYLEGUIDE = True
    words = text_of(mine.get("/styleguide/"))
    for state in ("preparing", "labelling", "cannot be shown", "failed"):
        assert f"A video that is {state}" in words
    assert "put commas between keywords" in words


# ---- Upload ------------------------------------------------------------------------------------


def test_the_plain_form_keeps_each_file_and_says_what_became_of_it(mine, library):
    files = [
        SimpleUploadedFile("clip.mp4", samples.clip()),
        SimpleUploadedFile("clip.mp4", samples.clip()),
        SimpleUploadedFile("notes.mp4", b"only text"),
        SimpleUploadedFile("empty.mp4", b""),
    ]
    response = mine.post(reverse("upload"), {"file": files, "keywords": "sea, boats"})
    words = text_of(response)
    assert response.status_code == 200
    assert "It is kept and being prepared." in words
    assert "You have this file already" in words
    assert words.count("Nothing was stored") == 2
    asset = Asset.objects.get()
    assert sorted(k.name for k in asset.keywords.all()) == ["boats", "sea"]


def test_an_upload_without_a_file_says_so(mine):
    response = mine.post(reverse("upload"), {"title": "x"})
    assert response.status_code == 422
    assert "Choose at least one video or photo." in text_of(response)


def test_a_form_without_its_token_is_refused_with_a_cure(user):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(user)
    response = strict.post(reverse("upload"), {"title": "x"})
    assert response.status_code == 403
    assert "Please send it again" in text_of(response)
