"""`/api/uploads/…`: large files in parts, resumable; the same for disk and bucket."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import HttpRequest, UnreadablePostError
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from medialib import parts, uploads
from medialib.api import upload_serializers as api
from medialib.api.assets import FORCE, asset_for, validated
from medialib.api.idempotency import PARAMETER as IDEMPOTENCY_KEY
from medialib.api.idempotency import idempotent
from medialib.api.serializers import AssetSerializer
from medialib.api.summaries import asset_summary
from medialib.exceptions import Refused
from medialib.http.authentication import signed_in
from medialib.http.pages import CursorPage
from medialib.intake import Details
from medialib.models import Upload
from medialib.part_files import PartWriter, Ticket

_CHUNK = 256 * 1024
# All that asks storage may find it away.
_AWAY = {"503": "Storage is away for a moment"}
_FULL = {"507": "No space left"}


def _upload_for(request: Request, upload_id: uuid.UUID) -> Upload:
    return uploads.get(upload_id, owner=signed_in(request))


def _summary(upload: Upload, request: Request) -> dict[str, Any]:
    plan = uploads.plan_of(upload)
    arrived = uploads.arrived(upload)
    asset = reverse("api-asset", args=[upload.asset_id]) if upload.asset_id else None
    return {
        "id": str(upload.pk),
        "state": upload.state,
        "filename": upload.filename,
        "size": upload.size,
        "fingerprint": upload.fingerprint,
        "part_size": plan.part_size,
        "part_count": plan.count,
        "arrived": arrived,
        "arrived_bytes": sum(plan.size_of(number) for number in arrived),
        "expires_at": upload.expires_at,
        "asset_url": request.build_absolute_uri(asset) if asset else None,
    }


class UploadListView(APIView):
    """Your uploads that are not complete."""

    required_scope = "upload"
    pagination_class = CursorPage
    problem_statuses = {
        "GET": _AWAY,
        "POST": {
            "409": "You have this file already, see `asset_url`; `?force=true` keeps it twice",
            "413": "Larger than the library takes, or than your quota has left",
            "422": "Not a photo or a video",
            **_AWAY,
            **_FULL,
        },
    }

    @extend_schema(
        operation_id="uploads_list",
        parameters=[api.UploadFilterSerializer],
        responses=api.UploadSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        """List your open uploads, newest first, to go on with one after a break."""
        wanted = validated(api.UploadFilterSerializer, request.query_params)
        rows = Upload.objects.filter(owner=signed_in(request), state=Upload.State.OPEN, **wanted)
        pager = CursorPage()
        page = pager.paginate_queryset(rows, request, view=self)
        return pager.get_paginated_response([_summary(row, request) for row in page])

    @extend_schema(
        operation_id="uploads_create",
        parameters=[FORCE, IDEMPOTENCY_KEY],
        examples=[
            OpenApiExample(
                "A film",
                request_only=True,
                value={
                    "filename": "ferry crossing.mp4",
                    "size": 734003200,
                    "content_type": "video/mp4",
                    "title": "Ferry crossing",
                    "keywords": ["sea", "boats"],
                },
            )
        ],
        request=api.UploadCreateSerializer,
        responses={201: api.UploadSerializer},
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Announce a file; the answer says how it is cut into parts."""
        wanted = validated(api.UploadCreateSerializer, request.data)
        names = ("filename", "size", "content_type", "sha256", "fingerprint")
        announced = uploads.Announced(**{name: wanted.pop(name, "") for name in names})
        details = Details(**wanted | {"keywords": tuple(wanted.get("keywords", ()))})
        upload = uploads.begin(
            signed_in(request),
            announced,
            details=details,
            force=request.query_params.get("force") == "true",
        )
        headers = {"Location": reverse("api-upload", args=[upload.pk])}
        return Response(_summary(upload, request), status=201, headers=headers)


class UploadView(APIView):
    """One upload."""

    required_scope = "upload"
    problem_statuses = {"GET": _AWAY, "DELETE": _AWAY}

    @extend_schema(operation_id="uploads_retrieve", responses=api.UploadSerializer)
    def get(self, request: Request, upload_id: uuid.UUID) -> Response:
        """Say which parts have arrived."""
        return Response(_summary(_upload_for(request, upload_id), request))

    @extend_schema(operation_id="uploads_delete", responses={204: None})
    def delete(self, request: Request, upload_id: uuid.UUID) -> Response:
        """Give an upload up; what has arrived is removed. A complete one is left alone."""
        uploads.abandon(_upload_for(request, upload_id))
        return Response(status=204)


class PartListView(APIView):
    """The parts of an upload."""

    required_scope = "upload"
    problem_statuses = {
        "POST": {"409": "The upload is complete already", "422": "There is no part of that number"}
    }

    @extend_schema(
        operation_id="uploads_parts",
        examples=[OpenApiExample("The first", request_only=True, value={"numbers": [1]})],
        request=api.PartNumbersSerializer,
        responses=api.PartAddressSerializer(many=True),
    )
    def post(self, request: Request, upload_id: uuid.UUID) -> Response:
        """Give addresses for up to 100 parts; ask again when they have expired (an hour)."""
        upload = _upload_for(request, upload_id)
        wanted = validated(api.PartNumbersSerializer, request.data)
        plan = uploads.plan_of(upload)
        found = uploads.addresses(upload, wanted["numbers"])
        return Response(
            [
                {
                    "number": number,
                    "url": url or _our_address(plan, number, request),
                    "size": plan.size_of(number),
                    "headers": {},
                }
                for number, url in found
            ]
        )


def _our_address(plan: parts.Plan, number: int, request: Request) -> str:
    path = reverse("api-upload-part", args=[plan.upload, number])
    return request.build_absolute_uri(f"{path}?ticket={parts.ticket(plan, number)}")


class PartView(APIView):
    """One part, where media lies on disk; the signed address is all that is asked for."""

    authentication_classes = ()
    permission_classes = ()
    required_scope = "upload"
    problem_statuses = {
        "PUT": {
            "422": "Wrong size, damaged, or an address that is not valid any more",
            **_AWAY,
            **_FULL,
        }
    }

    @extend_schema(
        operation_id="uploads_part_put",
        parameters=[
            OpenApiParameter("ticket", str, required=True, description="From the address.")
        ],
        request={"application/octet-stream": OpenApiTypes.BINARY},
        responses={204: None},
    )
    def put(self, request: Request, upload_id: uuid.UUID, number: int) -> Response:
        """Take the bytes of a part; `Content-Digest: sha-256=:…:` is checked if it is sent."""
        raw: HttpRequest = request._request
        ticket = Ticket.read(
            request.query_params.get("ticket", ""), upload=str(upload_id), number=number
        )
        text = raw.headers.get("Content-Length", "")
        length = int(text) if text.isdigit() else None
        digest = raw.headers.get("Content-Digest", "")
        with PartWriter(ticket, length=length, digest=digest) as part:
            try:
                while chunk := raw.read(_CHUNK):
                    part.write(chunk)
            except UnreadablePostError:
                raise Refused("The connection broke: send it again.", code="broken") from None
            part.finish()
        return Response(status=204)


class UploadCompleteView(APIView):
    """An upload whose parts are all there."""

    required_scope = "upload"
    problem_statuses = {
        "POST": {
            "409": "Parts are missing, or you have this file already (then see `asset_url`)",
            "422": "Not a photo or a video, or other bytes than announced; nothing was kept",
            **_AWAY,
            **_FULL,
        }
    }

    @extend_schema(operation_id="uploads_complete", request=None, responses={201: AssetSerializer})
    def post(self, request: Request, upload_id: uuid.UUID) -> Response:
        """Make the asset; asked twice, the same asset is answered."""
        asset = uploads.complete(_upload_for(request, upload_id))
        asset = asset_for(request, asset.pk)
        headers = {"Location": reverse("api-asset", args=[asset.pk])}
        return Response(asset_summary(asset, request), status=201, headers=headers)
