"""`/api/assets/…`: validates, calls one service or selector, shapes the answer."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import QueryDict
from django.urls import reverse
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.exceptions import NotAuthenticated, PermissionDenied, ValidationError
from rest_framework.parsers import FormParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from labelling import selectors as labels
from medialib import referring, services
from medialib.api import serializers as api
from medialib.api.idempotency import PARAMETER as IDEMPOTENCY_KEY
from medialib.api.idempotency import idempotent
from medialib.api.summaries import analysis_summary, asset_summaries, asset_summary
from medialib.exceptions import Missing, Refused
from medialib.http.authentication import signed_in
from medialib.http.bodies import BoundedJSONParser
from medialib.http.pages import CursorPage
from medialib.http.versions import expected_versions, tagged
from medialib.models import Asset
from medialib.selectors import Principals, can_edit, get_asset, version_of, visible_assets

_WINDOW_MS = 60_000
_MAX_WINDOW_MS = 600_000
FORCE = OpenApiParameter("force", bool, description="Keep the same file twice.")
IF_MATCH = OpenApiParameter(
    "If-Match",
    str,
    OpenApiParameter.HEADER,
    description="An ETag of the asset: the call is refused (412) when somebody has changed "
    "title, description, keywords or visibility since then.",
)
IF_NONE_MATCH = OpenApiParameter(
    "If-None-Match",
    str,
    OpenApiParameter.HEADER,
    description="An ETag of the asset: 304 without a body when nothing has changed since then.",
)


def asset_for(request: Request, asset_id: uuid.UUID, *, edit: bool = False, **how: bool) -> Asset:
    """Give the asset if the caller may see it (404 otherwise) and, if asked, change it (403)."""
    try:
        asset = get_asset(asset_id, Principals.of(request.user), **how)
    except Missing:
        # A stranger learns nothing from it: what is hidden and what is not there answer the same.
        if not request.user.is_authenticated:
            raise NotAuthenticated from None
        raise
    if edit and not can_edit(request.user, asset):
        raise PermissionDenied("Only the owner and staff may change this asset.")
    return asset


def validated(serializer_class: type[Any], data: Any) -> dict[str, Any]:
    """Check input against a serializer; wrong input raises a ValidationError (400)."""
    serializer = serializer_class(data=data)
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


def _fields(wanted: dict[str, Any]) -> list[str]:
    """Read `fields`: names of the asset's fields, parted by commas; none of them means all."""
    names = [name.strip() for name in wanted.pop("fields", "").split(",") if name.strip()]
    unknown = sorted(set(names) - set(api.AssetSerializer().fields))
    if unknown:
        raise ValidationError({"fields": f"An asset has no field {', '.join(unknown)}."})
    return names


def _sparse(summary: dict[str, Any], names: list[str]) -> dict[str, Any]:
    return {name: summary[name] for name in names} if names else summary


def _asset_answer(asset: Asset, request: Request) -> Response:
    wanted = validated(api.SparseSerializer, request.query_params)
    summary = _sparse(asset_summary(asset, request), _fields(wanted))
    return tagged(request, summary, version=version_of(asset))


class AssetListView(APIView):
    """The library's assets."""

    required_scope = {"GET": "read", "POST": "upload"}
    parser_classes = [MultiPartParser, FormParser, BoundedJSONParser]
    pagination_class = CursorPage
    problem_statuses = {
        "POST": {
            "409": "You have this file already, see `asset_url`; `?force=true` keeps it twice",
            "413": "Larger than the library takes",
            "422": "Not a photo or a video; nothing was kept",
            "503": "Storage is away for a moment",
            "507": "No space left",
        }
    }

    @extend_schema(
        operation_id="assets_list",
        parameters=[api.AssetFilterSerializer],
        responses=api.AssetSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        """List the assets you may see, newest first."""
        wanted = validated(api.AssetFilterSerializer, request.query_params)
        names = _fields(wanted)
        rows = visible_assets(Principals.of(request.user)).select_related("owner")
        rows = rows.prefetch_related("keywords", "renditions")
        if "keyword" in wanted:
            rows = rows.filter(keywords__name__iexact=wanted.pop("keyword"))
        if "fingerprint" in wanted:
            rows = rows.filter(owner_id=request.user.pk)
        rows = rows.filter(**wanted)
        pager = CursorPage()
        page = pager.paginate_queryset(rows, request, view=self)
        summaries = asset_summaries(page, request)
        return pager.get_paginated_response([_sparse(row, names) for row in summaries])

    @extend_schema(
        operation_id="assets_create",
        parameters=[FORCE, IDEMPOTENCY_KEY],
        request={"multipart/form-data": api.AssetCreateSerializer},
        responses={201: api.AssetSerializer},
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Put a photo or video into the library."""
        wanted = validated(api.AssetCreateSerializer, _form(request))
        file = wanted["file"]
        details = services.Details(
            title=wanted.get("title", ""),
            description=wanted.get("description", ""),
            keywords=tuple(wanted.get("keywords", ())),
            visibility=wanted.get("visibility", ""),
        )
        asset = services.create_asset(
            owner=signed_in(request),
            file=file,
            filename=file.name or "",
            details=details,
            force=request.query_params.get("force") == "true",
        )
        asset = asset_for(request, asset.pk)
        return Response(
            asset_summary(asset, request),
            status=status.HTTP_201_CREATED,
            headers={"Location": reverse("api-asset", args=[asset.pk])},
        )


def _form(request: Request) -> dict[str, Any]:
    """Read the form; keywords may be repeated or parted by commas, empty fields are left out."""
    data = request.data
    if not isinstance(data, QueryDict):
        raise ValidationError({"file": "Send a form (multipart/form-data) with the file."})
    fields: dict[str, Any] = {k: data.get(k) for k in data if data.get(k) not in ("", None)}
    if "keywords" in data:
        words = [word for value in data.getlist("keywords") for word in value.split(",")]
        fields["keywords"] = [word.strip() for word in words if word.strip()]
    return fields


class AssetView(APIView):
    """One asset."""

    required_scope = {"GET": "read", "PATCH": "edit", "DELETE": "edit"}
    public_read = True
    problem_statuses = {
        "PATCH": {"412": "Changed by somebody meanwhile"},
        "DELETE": {"412": "Changed by somebody meanwhile"},
    }

    @extend_schema(
        operation_id="assets_retrieve",
        parameters=[api.SparseSerializer, IF_NONE_MATCH],
        responses={200: api.AssetSerializer, 304: None},
    )
    def get(self, request: Request, asset_id: uuid.UUID) -> Response:
        """Look at one asset."""
        asset = asset_for(request, asset_id)
        referring.notice_original(asset)
        return _asset_answer(asset, request)

    @extend_schema(
        operation_id="assets_update",
        examples=[
            OpenApiExample(
                "Another title",
                request_only=True,
                value={"title": "Windermere in fog", "keywords": ["sea"], "visibility": "library"},
            )
        ],
        parameters=[IF_MATCH],
        request=api.AssetChangeSerializer,
        responses=api.AssetSerializer,
    )
    def patch(self, request: Request, asset_id: uuid.UUID) -> Response:
        """Change title, description, keywords or visibility."""
        asset = asset_for(request, asset_id, edit=True)
        changes = validated(api.AssetChangeSerializer, request.data)
        services.update_asset(
            asset, actor=signed_in(request), changes=changes, expected=expected_versions(request)
        )
        return _asset_answer(asset_for(request, asset_id), request)

    @extend_schema(operation_id="assets_delete", parameters=[IF_MATCH], responses={204: None})
    def delete(self, request: Request, asset_id: uuid.UUID) -> Response:
        """Put the asset into the trash; it can be restored for 30 days."""
        asset = asset_for(request, asset_id, edit=True)
        services.trash_asset(asset, actor=signed_in(request), expected=expected_versions(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


class AssetRestoreView(APIView):
    """An asset in the trash."""

    required_scope = "edit"

    @extend_schema(operation_id="assets_restore", request=None, responses=api.AssetSerializer)
    def post(self, request: Request, asset_id: uuid.UUID) -> Response:
        """Take the asset out of the trash."""
        asset = asset_for(request, asset_id, edit=True, trashed=True)
        services.restore_asset(asset, actor=signed_in(request))
        return Response(asset_summary(asset_for(request, asset_id), request))


class MomentListView(APIView):
    """The moments of one asset."""

    required_scope = "read"
    public_read = True

    @extend_schema(
        operation_id="assets_moments",
        parameters=[api.MomentFilterSerializer],
        responses=api.MomentListSerializer,
    )
    def get(self, request: Request, asset_id: uuid.UUID) -> Response:
        """List an asset's moments by time or by label, with totals."""
        asset = asset_for(request, asset_id)
        wanted = validated(api.MomentFilterSerializer, request.query_params)
        moments = labels.current_moments(
            asset, label=wanted.get("label"), min_confidence=wanted["min_confidence"]
        )
        by = (
            ("start_ms", "label__name")
            if wanted["order"] == "time"
            else ("label__name", "start_ms")
        )
        rows = [_moment(asset, row, request) for row in moments.order_by(*by)]
        totals = labels.asset_totals(asset)
        return Response({"totals": totals, "results": rows, "next": None})


def _moment(asset: Asset, row: Any, request: Request) -> dict[str, Any]:
    video = asset.kind == Asset.Kind.VIDEO
    page = reverse("asset", args=[asset.pk])
    picture = (
        reverse("media-frame", args=[asset.pk, row.start_ms])
        if video
        else reverse("media-poster", args=[asset.pk])
    )
    span = f"#t={row.start_ms / 1000:g},{row.end_ms / 1000:g}" if video else ""
    return {
        "label": row.label.name,
        "start_ms": row.start_ms,
        "end_ms": row.end_ms,
        "confidence": round(row.confidence, 2),
        "mean_confidence": round(row.mean_confidence, 2),
        "instances": row.instances,
        "screen_share": round(row.screen_share, 4),
        "thumbnail_url": request.build_absolute_uri(picture),
        "url": request.build_absolute_uri(page) + span,
    }


class DetectionListView(APIView):
    """The boxes of one asset."""

    required_scope = "read"
    public_read = True
    problem_statuses = {"GET": {"422": "The window ends before it starts"}}

    @extend_schema(
        operation_id="assets_detections",
        parameters=[api.DetectionFilterSerializer],
        responses=api.DetectionListSerializer,
    )
    def get(self, request: Request, asset_id: uuid.UUID) -> Response:
        """Give the detections with boxes in a window of time, for the overlay."""
        asset = asset_for(request, asset_id)
        wanted = validated(api.DetectionFilterSerializer, request.query_params)
        start = wanted["start_ms"]
        end = min(wanted.get("end_ms", start + _WINDOW_MS), start + _MAX_WINDOW_MS)
        if end <= start:
            raise Refused("end_ms must be larger than start_ms.", field="end_ms")
        found = labels.detections_between(
            asset, start_ms=start, end_ms=end, labels=wanted.get("label") or None
        )
        return Response({"results": found, "next": None})


class AnalysisListView(APIView):
    """The analyses of one asset."""

    required_scope = "analyse"
    problem_statuses = {"POST": {"409": "It is being prepared or labelled already"}}

    @extend_schema(
        operation_id="assets_analyse",
        examples=[OpenApiExample("Labels", request_only=True, value={"features": ["labels"]})],
        parameters=[IDEMPOTENCY_KEY],
        request=api.AnalysisCreateSerializer,
        responses={202: api.AnalysisListSerializer},
    )
    @idempotent
    def post(self, request: Request, asset_id: uuid.UUID) -> Response:
        """Label the asset again; what was found before stays until the new answer is there."""
        asset = asset_for(request, asset_id, edit=True)
        wanted = validated(api.AnalysisCreateSerializer, request.data)
        queued = services.label_again(asset, actor=signed_in(request), features=wanted["features"])
        rows = [analysis_summary(analysis) for analysis in queued]
        return Response({"results": rows, "next": None}, status=status.HTTP_202_ACCEPTED)
