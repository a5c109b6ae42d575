"""All addresses: pages, media, API, admin, health."""

from __future__ import annotations

from django.contrib import admin
from django.templatetags.static import static
from django.urls import include, path
from django.views.generic import RedirectView

from medialib.views import (
    accounts,
    activity,
    assets,
    boxes,
    costs,
    health,
    icons,
    library,
    library_actions,
    media,
    moments_csv,
    styleguide,
    tokens,
    upload,
)
from search.views import search_page

admin.site.site_header = "Media library"
admin.site.site_title = "Media library"
admin.site.index_title = "Administration"

handler404 = "medialib.views.errors.not_found"
handler500 = "medialib.views.errors.server_error"

urlpatterns = [
    path("", library.library_page, name="library"),
    path("library/selected/", library_actions.change_selected, name="library-selected"),
    path("library/demo/", library_actions.remove_demo, name="remove-demo"),
    path("search/", search_page, name="search"),
    path("assets/<uuid:asset_id>/", assets.asset_page, name="asset"),
    path("assets/<uuid:asset_id>/moments.csv", moments_csv.moments_csv, name="asset-moments-csv"),
    path("assets/<uuid:asset_id>/boxes/", boxes.picture_boxes, name="asset-boxes"),
    path("upload/", upload.upload_page, name="upload"),
    path("tokens/", tokens.tokens_page, name="tokens"),
    path("tokens/<str:token_id>/revoke/", tokens.revoke_token, name="token-revoke"),
    path("costs/", costs.costs_page, name="costs"),
    path("activity/", activity.activity_page, name="activity"),
    path("styleguide/", styleguide.styleguide, name="styleguide"),
    path("sign-in/", accounts.SignInView.as_view(), name="sign-in"),
    path("sign-out/", accounts.sign_out, name="sign-out"),
    path("media/<uuid:asset_id>/poster.jpg", media.poster, name="media-poster"),
    path("media/<uuid:asset_id>/storyboard.jpg", media.storyboard, name="media-storyboard"),
    path("media/<uuid:asset_id>/web.jpg", media.web, name="media-web"),
    path("media/<uuid:asset_id>/frames/<int:at_ms>.jpg", media.frame, name="media-frame"),
    path("media/<uuid:asset_id>/playback", media.playback, name="media-playback"),
    path("media/<uuid:asset_id>/original", media.original, name="media-original"),
    path("icons.svg", icons.icons, name="icons"),
    path("favicon.ico", RedirectView.as_view(url=static("medialib/favicon.svg"))),
    path("api/", include("medialib.api.urls")),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("admin/login/", accounts.admin_sign_in),
    path("admin/", admin.site.urls),
]
