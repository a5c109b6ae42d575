"""The feed, webhooks and mails: told once, signed, patient, and never to private networks."""

from __future__ import annotations

import hashlib
import hmac
import io
import ipaddress
import json
import time
from datetime import timedelta

import pytest
from django.core import mail
from django.urls import reverse
from django.utils import timezone

from medialib import assets, batches, services, webhooks
from medialib.client.webhooks import WrongSignature, verify_webhook
from medialib.exceptions import Refused
from medialib.http import outbound
from medialib.models import Asset, Delivery, Event, Webhook
from medialib.models.asset import new_id
from tests import samples
from tests.receiver import receiving


@pytest.fixture
def receiver(settings):
    settings.MEDIALIB_WEBHOOK_NETWORKS = [ipaddress.ip_network("127.0.0.0/8")]
    with receiving() as started:
        yield started


@pytest.fixture
def mine(client, user, library):
    client.force_login(user)
    return client


def keep(owner, **details):
    return services.create_asset(
        owner=owner,
        file=io.BytesIO(samples.clip()),
        filename="clip.mp4",
        details=services.Details(**{"visibility": "private", **details}),
    )


def hook(client, url, *types):
    said = {"url": url, "types": types or ["asset.created", "asset.searchable"]}
    return client.post(reverse("api-webhooks"), json.dumps(said), "application/json")


def due_now():
    Delivery.objects.update(next_try_at=timezone.now() - timedelta(seconds=1))


def test_the_feed_goes_on_where_one_left_off(mine, user, drain):
    asset = keep(user)
    page = mine.get(reverse("api-events")).json()
    assert [(e["type"], e["asset_id"]) for e in page["results"]] == [
        ("asset.created", str(asset.pk))
    ]
    later = page["next"].removeprefix("http://testserver")
    assert mine.get(later).json()["results"] == []
    drain()
    types = [event["type"] for event in mine.get(later).json()["results"]]
    assert "asset.searchable" in types
    only = mine.get(reverse("api-events"), {"type": "asset.searchable"}).json()["results"]
    assert [event["type"] for event in only] == ["asset.searchable"]
    assert mine.get(reverse("api-events"), {"after": -1}).status_code == 400


def test_the_feed_tells_nobody_of_what_they_may_not_see(mine, user, other, boss, client):
    private = keep(user)
    assets.note("budget.reached", private, scope="library", cap="5")
    batch = new_id()
    assets.note("batch.finished", actor=user, batch=batch, assets=1)
    client.force_login(other)
    assert client.get(reverse("api-events")).json()["results"] == []
    client.force_login(boss)
    types = [e["type"] for e in client.get(reverse("api-events")).json()["results"]]
    assert types == ["asset.created", "budget.reached", "batch.finished"]


def test_a_webhook_hears_what_it_asked_for_signed_and_once(mine, user, receiver):
    made = hook(mine, receiver.url, "asset.created")
    assert made.status_code == 201
    secret = made.json()["secret"]
    assert secret not in Webhook.objects.get().secret
    assert "secret" not in mine.get(reverse("api-webhooks")).json()["results"][0]
    asset = keep(user)
    assert webhooks.run_round() == 1
    assert webhooks.run_round() == 0
    [(headers, body)] = receiver.calls
    told = json.loads(body)
    assert (told["type"], told["asset_id"]) == ("asset.created", str(asset.pk))
    signature = headers["Medialib-Signature"]
    parts = dict(part.split("=", 1) for part in signature.split(","))
    signed = f"{parts['t']}.".encode() + body
    assert hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest() == parts["v1"]
    assert abs(int(parts["t"]) - time.time()) < 60
    verify_webhook(body, signature, secret)
    with pytest.raises(WrongSignature, match="replay"):
        verify_webhook(body, signature, secret, now=time.time() + 301)
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.status_code, delivery.attempts) == ("delivered", 200, 1)


def test_a_webhook_hears_only_of_what_its_owner_may_see(mine, user, other, client, receiver):
    client.force_login(other)
    hook(client, receiver.url)
    keep(user)
    assert webhooks.run_round() == 0


def test_a_failed_delivery_is_tried_again_ever_later(mine, user, receiver):
    hook(mine, receiver.url, "asset.created")
    keep(user)
    receiver.status = 500
    webhooks.run_round()
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.status_code) == ("pending", 500)
    assert delivery.detail == "It answered 500."
    first = delivery.next_try_at - timezone.now()
    assert timedelta(seconds=5) < first < timedelta(seconds=15)
    due_now()
    webhooks.run_round()
    delivery.refresh_from_db()
    assert delivery.next_try_at - timezone.now() > 1.5 * first
    receiver.status = 204
    due_now()
    webhooks.run_round()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts) == ("delivered", 3)
    assert Webhook.objects.get().failures == 0


def test_a_redirect_is_not_followed(mine, user, receiver):
    hook(mine, receiver.url, "asset.created")
    keep(user)
    receiver.status, receiver.headers = 302, {"Location": "http://127.0.0.1:1/inside"}
    webhooks.run_round()
    assert len(receiver.calls) == 1
    assert Delivery.objects.get().status_code == 302


def test_a_webhook_that_is_away_too_long_is_switched_off_and_its_owner_told(mine, user, receiver):
    user.email = "ada@example.org"
    user.save()
    hook(mine, receiver.url, "asset.created")
    keep(user)
    receiver.status = 500
    Webhook.objects.update(failures=19)
    webhooks.hand_out()
    Delivery.objects.update(attempts=webhooks.MOST_ATTEMPTS - 1)
    webhooks.run_round()
    assert Delivery.objects.get().state == "failed"
    webhook = Webhook.objects.get()
    assert webhook.disabled_at
    assert Event.objects.filter(type="webhook.disabled").exists()
    assert [message.subject for message in mail.outbox] == ["A webhook was switched off"]
    address = reverse("api-webhook", args=[webhook.pk])
    assert mine.get(address).json()["is_active"] is False
    on = mine.patch(address, '{"is_active": true}', "application/json")
    assert on.json()["is_active"] is True


def test_a_delivery_can_be_sent_again_from_the_log(mine, user, receiver):
    webhook = hook(mine, receiver.url, "asset.created").json()
    keep(user)
    webhooks.run_round()
    log = mine.get(reverse("api-webhook-deliveries", args=[webhook["id"]])).json()["results"]
    assert [row["state"] for row in log] == ["delivered"]
    again = reverse("api-webhook-redeliver", args=[webhook["id"], log[0]["id"]])
    assert mine.post(again).json()["state"] == "pending"
    webhooks.run_round()
    assert len(receiver.calls) == 2
    assert mine.post(again.replace(f"/{log[0]['id']}/", "/999999/")).status_code == 404


def test_a_slow_receiver_holds_nobody_up(mine, user, receiver):
    hook(mine, receiver.url, "asset.created")
    asset = keep(user)
    for _ in range(40):
        assets.note("asset.created", asset)
    receiver.seconds = 0.5
    started = time.monotonic()
    webhooks.run_round()
    assert time.monotonic() - started < 12
    assert Delivery.objects.filter(state="delivered").count() == len(receiver.calls) == 41


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/hook",
        "http://localhost:8000/admin/",
        "http://10.0.0.1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://0.0.0.0/",
        "http://2130706433/",
        "http://224.0.0.1/",
        "ftp://example.org/",
        "http://name:word@example.org/",
        "http:///nothing",
        "http://example.org:99999/",
        "javascript:alert(1)",
        "http://exa mple.org/",
    ],
)
def test_private_and_crooked_addresses_are_refused(mine, url):
    answer = hook(mine, url)
    assert answer.status_code == 422
    assert answer.json()["code"] in ("private_address", "invalid_url", "unknown_host")


def test_the_address_is_checked_again_when_sending(mine, user, receiver, settings):
    hook(mine, receiver.url, "asset.created")
    keep(user)
    settings.MEDIALIB_WEBHOOK_NETWORKS = []
    webhooks.run_round()
    assert receiver.calls == []
    assert "private network" in Delivery.objects.get().detail


def test_a_call_that_never_ends_is_cut_off(receiver):
    receiver.go.clear()
    outcome = outbound.post(receiver.url, b"{}", {})
    assert outcome.status is None
    assert outcome.duration_ms < 11_000


def test_types_that_do_not_exist_are_refused(mine, user):
    assert hook(mine, "https://example.org/", "asset.stolen").status_code == 400
    with pytest.raises(Refused):
        webhooks.make(user, url="https://example.org/", types=[])


def test_the_end_of_a_batch_is_told_once_and_mailed(mine, user, drain):
    user.email = "ada@example.org"
    user.save()
    batch = new_id()
    keep(user, batch=batch)
    Asset.objects.update(created_at=timezone.now() - timedelta(minutes=5))
    assert batches.finish_batches() == 0
    drain()
    assert batches.finish_batches() == 1
    assert batches.finish_batches() == 0
    event = Event.objects.get(type="batch.finished")
    assert (event.batch, event.actor) == (batch, user)
    assert event.data == {"assets": 1, "searchable": 1, "rejected": 0, "failed": 0}
    [message] = mail.outbox
    assert message.subject == "Import finished: 1 of 1 searchable"
