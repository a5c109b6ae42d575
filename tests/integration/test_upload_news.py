"""Mails about single uploads: one for all that end together, none twice, none for imports."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone

from medialib import assets, services, upload_news
from medialib.models import Asset, Event, Step
from medialib.models.asset import new_id
from tests import samples


@pytest.fixture
def ada(user, library, settings):
    settings.MEDIALIB_PUBLIC_URL = "https://media.example.org"
    user.email = "ada@example.org"
    user.save()
    return user


def keep(owner, *, shade=40, data=None, **details):
    return services.create_asset(
        owner=owner,
        file=io.BytesIO(data or samples.photo(shade=shade)),
        filename=f"{shade}.jpg",
        details=services.Details(**details),
    )


def end(asset):
    """Bring an asset where the pipeline brings it in the end, without a look at its picture."""
    Step.objects.filter(asset=asset).delete()
    assets.set_state(asset, Asset.State.SEARCHABLE)
    assets.note("asset.searchable", asset)


def quiet():
    """Let the last end lie back long enough."""
    Event.objects.update(created_at=timezone.now() - timedelta(minutes=1))


def test_one_upload_is_told_once_with_its_address(ada, drain):
    asset = keep(ada, title="Windermere\nBcc: everyone")
    drain()
    assert upload_news.tell() == 0, "It is not quiet yet."
    quiet()
    assert upload_news.tell() == 1
    assert upload_news.tell() == 0
    [message] = mail.outbox
    assert message.to == ["ada@example.org"]
    assert message.subject == "Searchable: Windermere Bcc: everyone"
    assert f"https://media.example.org/assets/{asset.pk}/" in message.body


def test_uploads_that_end_together_come_in_one_mail_the_bad_ones_first(ada, drain):
    keep(ada, shade=1)
    keep(ada, shade=2, data=samples.clip()[:300])
    for shade in range(60, 200, 6):
        end(keep(ada, shade=shade, data=samples.photo("PNG", shade=shade)))
    upload_news.tell()
    drain()
    quiet()
    assert upload_news.tell() == 1
    [message] = mail.outbox
    assert message.subject == "25 of 26 uploads searchable"
    assert message.body.startswith("2.jpg: ")
    assert "searchable." not in message.body.splitlines()[0]
    assert "… and 6 more." in message.body


def test_a_mail_waits_for_those_that_are_still_on_their_way(ada, drain):
    keep(ada, shade=1)
    drain()
    quiet()
    late = keep(ada, shade=2, data=samples.photo("PNG", shade=200))
    assert upload_news.tell() == 0
    Asset.objects.filter(pk=late.pk).update(created_at=timezone.now() - timedelta(hours=2))
    assert upload_news.tell() == 1, "Not for ever."
    drain()
    quiet()
    assert upload_news.tell() == 1
    assert [message.subject for message in mail.outbox] == [
        "Searchable: 1.jpg",
        "Searchable: 2.jpg",
    ]


def test_imports_demos_and_owners_without_address_get_none(ada, other, drain):
    keep(ada, batch=new_id())
    keep(ada, shade=200, is_demo=True)
    keep(other)
    drain()
    quiet()
    assert upload_news.tell() == 0
    assert mail.outbox == []


@pytest.mark.parametrize(
    ("choice", "subjects"), [("never", []), ("failures", ["Can't be shown: 2"])]
)
def test_the_setting_says_what_is_told(ada, drain, settings, choice, subjects):
    settings.MEDIALIB_MAIL_UPLOADS = choice
    keep(ada, shade=1)
    keep(ada, shade=2, data=samples.clip()[:300], title="2")
    drain()
    quiet()
    upload_news.tell()
    assert len(mail.outbox) == len(subjects)
    if subjects:
        assert mail.outbox[0].subject == subjects[0]
