"""Search's addresses under `/api/`. The page's address stands with the other pages."""

from __future__ import annotations

from django.urls import path

from search import api

api_urlpatterns = [
    path("search/", api.SearchView.as_view(), name="api-search"),
    path("labels/", api.LabelListView.as_view(), name="api-labels"),
]
