"""`/api/events/` and `/api/webhooks/…`: what happened, for those who ask and those who are told."""

from __future__ import annotations

import uuid
from typing import Any

from django.urls import reverse
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from medialib import webhooks
from medialib.api.assets import validated
from medialib.http.authentication import signed_in
from medialib.http.pages import CursorPage
from medialib.models import Delivery, Webhook
from medialib.selectors import visible_events

_PAGE = 100


class EventSerializer(serializers.Serializer[Any]):
    """Something that happened."""

    id = serializers.IntegerField(help_text="Number of the event; the cursor of the feed.")
    type = serializers.CharField(help_text=f"{', '.join(webhooks.TYPES)} and finer ones.")
    asset_id = serializers.UUIDField(allow_null=True, help_text="The asset it is about.")
    batch = serializers.UUIDField(allow_null=True, help_text="The batch it belongs to.")
    data = serializers.DictField(help_text="What else is known, by type.")  # type: ignore[assignment]
    created_at = serializers.DateTimeField(help_text="When it happened (UTC).")


class EventPageSerializer(serializers.Serializer[Any]):
    """A page of the feed."""

    results = EventSerializer(many=True, help_text="Oldest first.")
    next = serializers.URLField(
        help_text="Where to ask for what comes after; never null, as more will come."
    )


class EventFilterSerializer(serializers.Serializer[Any]):
    """Where in the feed to begin, and what of it."""

    after = serializers.IntegerField(
        required=False,
        default=0,
        min_value=0,
        max_value=2**63 - 1,
        help_text="Only events with a larger number.",
    )
    type = serializers.ListField(
        child=serializers.CharField(max_length=50),
        required=False,
        help_text="Only these types (repeat the parameter).",
    )


class WebhookCreateSerializer(serializers.Serializer[Any]):
    """An address that is to hear of events."""

    url = serializers.CharField(
        max_length=1000, help_text="http(s) address of a public host; redirects are not followed."
    )
    types = serializers.ListField(
        child=serializers.ChoiceField(list(webhooks.TYPES)),
        min_length=1,
        help_text="The events it is to hear of.",
    )


class WebhookSerializer(serializers.Serializer[Any]):
    """An address that hears of events."""

    id = serializers.UUIDField(help_text="Id of the webhook.")
    url = serializers.CharField(help_text="Where events are POSTed.")
    types = serializers.ListField(child=serializers.CharField(), help_text="What it hears of.")
    is_active = serializers.BooleanField(
        help_text="False once switched off, by its owner or after a long time without success."
    )
    failures = serializers.IntegerField(help_text="Number of tries since the last success.")
    created_at = serializers.DateTimeField(help_text="When it was made (UTC).")


class NewWebhookSerializer(WebhookSerializer):
    """A webhook that was just made, with its secret."""

    secret = serializers.CharField(
        help_text="Shown this once. `Medialib-Signature: t=…,v1=…` carries the hex HMAC-SHA-256 "
        "of `<t>.<body>` under it; refuse what is older than five minutes."
    )


class WebhookChangeSerializer(serializers.Serializer[Any]):
    """What may be changed of a webhook."""

    is_active = serializers.BooleanField(help_text="Switch it on or off.")


class DeliverySerializer(serializers.Serializer[Any]):
    """One event on its way to a webhook."""

    id = serializers.IntegerField(help_text="Number of the delivery.")
    event_id = serializers.IntegerField(help_text="Number of the event.")
    type = serializers.CharField(help_text="Type of the event.")
    state = serializers.ChoiceField(Delivery.State.choices, help_text="Where it stands.")
    attempts = serializers.IntegerField(help_text="Number of times it was tried.")
    status_code = serializers.IntegerField(allow_null=True, help_text="The last answer's status.")
    detail = serializers.CharField(help_text="What went wrong at the last try, else empty.")
    duration_ms = serializers.IntegerField(
        allow_null=True, help_text="How long the last try took, in milliseconds."
    )
    sent_at = serializers.DateTimeField(allow_null=True, help_text="Time of the last try (UTC).")
    next_try_at = serializers.DateTimeField(help_text="When a pending one is tried next (UTC).")


def _webhook(row: Webhook) -> dict[str, Any]:
    return {
        "id": str(row.pk),
        "url": row.url,
        "types": row.types,
        "is_active": row.disabled_at is None,
        "failures": row.failures,
        "created_at": row.created_at,
    }


def _delivery(row: Delivery) -> dict[str, Any]:
    return {
        "id": row.pk,
        "event_id": row.event_id,
        "type": row.event.type,
        "state": row.state,
        "attempts": row.attempts,
        "status_code": row.status_code,
        "detail": row.detail,
        "duration_ms": row.duration_ms,
        "sent_at": row.sent_at,
        "next_try_at": row.next_try_at,
    }


class EventListView(APIView):
    """What happened to the assets you may see."""

    required_scope = "read"

    @extend_schema(
        operation_id="events_list",
        parameters=[EventFilterSerializer],
        responses=EventPageSerializer,
    )
    def get(self, request: Request) -> Response:
        """Read the feed, oldest first; keep `next` and ask it again later for what is new."""
        wanted = validated(EventFilterSerializer, request.query_params)
        rows = visible_events(signed_in(request), after=wanted["after"])
        if wanted.get("type"):
            rows = rows.filter(type__in=wanted["type"])
        page = [webhooks.event_data(row) for row in rows[:_PAGE]]
        query = request.query_params.copy()
        query["after"] = str(page[-1]["id"] if page else wanted["after"])
        address = f"{reverse('api-events')}?{query.urlencode()}"
        return Response({"results": page, "next": request.build_absolute_uri(address)})


class WebhookListView(APIView):
    """Your webhooks."""

    required_scope = {"GET": "read", "POST": "edit"}
    pagination_class = CursorPage
    problem_statuses = {
        "POST": {
            "409": "You have as many as are allowed",
            "422": "An address that is not allowed, such as one in a private network",
        }
    }

    @extend_schema(operation_id="webhooks_list", responses=WebhookSerializer(many=True))
    def get(self, request: Request) -> Response:
        """List your webhooks, newest first."""
        pager = CursorPage()
        rows = Webhook.objects.filter(owner=signed_in(request))
        page = pager.paginate_queryset(rows, request, view=self)
        return pager.get_paginated_response([_webhook(row) for row in page])

    @extend_schema(
        operation_id="webhooks_create",
        examples=[
            OpenApiExample(
                "What is ready",
                request_only=True,
                value={
                    "url": "https://hooks.example.org/media",
                    "types": ["asset.searchable", "analysis.failed"],
                },
            )
        ],
        request=WebhookCreateSerializer,
        responses={201: NewWebhookSerializer},
    )
    def post(self, request: Request) -> Response:
        """Make a webhook; its secret is in this answer only."""
        wanted = validated(WebhookCreateSerializer, request.data)
        made, secret = webhooks.make(signed_in(request), **wanted)
        headers = {"Location": reverse("api-webhook", args=[made.pk])}
        return Response(_webhook(made) | {"secret": secret}, status=201, headers=headers)


class WebhookView(APIView):
    """One webhook."""

    required_scope = {"GET": "read", "PATCH": "edit", "DELETE": "edit"}

    @extend_schema(operation_id="webhooks_retrieve", responses=WebhookSerializer)
    def get(self, request: Request, webhook_id: uuid.UUID) -> Response:
        """Look at a webhook."""
        return Response(_webhook(webhooks.get(webhook_id, owner=signed_in(request))))

    @extend_schema(
        operation_id="webhooks_update",
        examples=[OpenApiExample("Off", request_only=True, value={"is_active": False})],
        request=WebhookChangeSerializer,
        responses=WebhookSerializer,
    )
    def patch(self, request: Request, webhook_id: uuid.UUID) -> Response:
        """Switch a webhook on or off; what happened meanwhile is in the feed."""
        webhook = webhooks.get(webhook_id, owner=signed_in(request))
        webhooks.set_active(webhook, **validated(WebhookChangeSerializer, request.data))
        return Response(_webhook(webhook))

    @extend_schema(operation_id="webhooks_delete", responses={204: None})
    def delete(self, request: Request, webhook_id: uuid.UUID) -> Response:
        """Remove a webhook and its log."""
        webhooks.get(webhook_id, owner=signed_in(request)).delete()
        return Response(status=204)


class DeliveryListView(APIView):
    """What was sent to a webhook."""

    required_scope = "read"
    pagination_class = CursorPage

    @extend_schema(operation_id="webhooks_deliveries", responses=DeliverySerializer(many=True))
    def get(self, request: Request, webhook_id: uuid.UUID) -> Response:
        """List the deliveries of a webhook, newest first."""
        webhook = webhooks.get(webhook_id, owner=signed_in(request))
        pager = CursorPage()
        rows = webhook.deliveries.select_related("event")
        page = pager.paginate_queryset(rows, request, view=self)
        return pager.get_paginated_response([_delivery(row) for row in page])


class RedeliverView(APIView):
    """A delivery that is to be sent once more."""

    required_scope = "edit"

    @extend_schema(operation_id="webhooks_redeliver", request=None, responses=DeliverySerializer)
    def post(self, request: Request, webhook_id: uuid.UUID, delivery_id: int) -> Response:
        """Send an event once more, whatever became of it."""
        webhook = webhooks.get(webhook_id, owner=signed_in(request))
        return Response(_delivery(webhooks.redeliver(webhook, delivery_id)))
