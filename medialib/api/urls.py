"""Addresses under `/api/`."""

from __future__ import annotations

from django.urls import path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from medialib.api import analyses, assets, events, uploads
from search.urls import api_urlpatterns as search_urls

urlpatterns = [
    path("assets/", assets.AssetListView.as_view(), name="api-assets"),
    path("assets/<uuid:asset_id>/", assets.AssetView.as_view(), name="api-asset"),
    path(
        "assets/<uuid:asset_id>/restore/",
        assets.AssetRestoreView.as_view(),
        name="api-asset-restore",
    ),
    path(
        "assets/<uuid:asset_id>/moments/", assets.MomentListView.as_view(), name="api-asset-moments"
    ),
    path(
        "assets/<uuid:asset_id>/detections/",
        assets.DetectionListView.as_view(),
        name="api-asset-detections",
    ),
    path(
        "assets/<uuid:asset_id>/analyses/",
        assets.AnalysisListView.as_view(),
        name="api-asset-analyses",
    ),
    path("analyses/<uuid:analysis_id>/", analyses.AnalysisView.as_view(), name="api-analysis"),
    path(
        "analyses/<uuid:analysis_id>/cancel/",
        analyses.AnalysisCancelView.as_view(),
        name="api-analysis-cancel",
    ),
    path(
        "analyses/<uuid:analysis_id>/retry/",
        analyses.AnalysisRetryView.as_view(),
        name="api-analysis-retry",
    ),
    path("uploads/", uploads.UploadListView.as_view(), name="api-uploads"),
    path("uploads/<uuid:upload_id>/", uploads.UploadView.as_view(), name="api-upload"),
    path(
        "uploads/<uuid:upload_id>/parts/", uploads.PartListView.as_view(), name="api-upload-parts"
    ),
    path(
        "uploads/<uuid:upload_id>/parts/<int:number>/",
        uploads.PartView.as_view(),
        name="api-upload-part",
    ),
    path(
        "uploads/<uuid:upload_id>/complete/",
        uploads.UploadCompleteView.as_view(),
        name="api-upload-complete",
    ),
    path("events/", events.EventListView.as_view(), name="api-events"),
    path("webhooks/", events.WebhookListView.as_view(), name="api-webhooks"),
    path("webhooks/<uuid:webhook_id>/", events.WebhookView.as_view(), name="api-webhook"),
    path(
        "webhooks/<uuid:webhook_id>/deliveries/",
        events.DeliveryListView.as_view(),
        name="api-webhook-deliveries",
    ),
    path(
        "webhooks/<uuid:webhook_id>/deliveries/<int:delivery_id>/redeliver/",
        events.RedeliverView.as_view(),
        name="api-webhook-redeliver",
    ),
    path("schema/", SpectacularAPIView.as_view(), name="api-schema"),
    path("docs/", SpectacularSwaggerSplitView.as_view(url_name="api-schema"), name="api-docs"),
    *search_urls,
]
