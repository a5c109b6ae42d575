"""The admin's face of the library: upload, state, label again, index again. Calls services only."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from knox.models import get_token_model

from medialib import references, services, tokens
from medialib.exceptions import Conflict, Duplicate, MedialibError
from medialib.forms import TokenForm
from medialib.models import Asset, Event, Keyword, Step, User
from medialib.models.token import ApiToken
from medialib.selectors import asset_status, with_open_steps

admin.site.register(User, UserAdmin)
assert get_token_model() is ApiToken


class AssetAddForm(forms.ModelForm):  # type: ignore[type-arg]
    """Takes a file and what is said of it."""

    file = forms.FileField(
        label="Photo or video", allow_empty_file=True, help_text="It is kept as it is."
    )
    words = forms.CharField(label="Keywords", required=False, help_text="Parted by commas.")

    class Meta:
        model = Asset
        fields = ["title", "description", "visibility"]


class AssetChangeForm(forms.ModelForm):  # type: ignore[type-arg]
    """Changes what people say of an asset."""

    words = forms.CharField(label="Keywords", required=False, help_text="Parted by commas.")

    class Meta:
        model = Asset
        fields = ["title", "description", "visibility", "groups"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk and not self.instance._state.adding:
            names = (keyword.name for keyword in self.instance.keywords.all())
            self.fields["words"].initial = ", ".join(names)


def _words(form: forms.ModelForm) -> list[str]:  # type: ignore[type-arg]
    return [word.strip() for word in form.cleaned_data["words"].split(",") if word.strip()]


def _person(request: HttpRequest) -> User:
    """Give the person at the admin; the admin itself lets only people in."""
    assert isinstance(request.user, User)
    return request.user


@admin.register(Asset)
class AssetAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Assets: add a file, see where it stands, label or index it again."""

    list_display = ["picture", "__str__", "kind", "state", "sentence", "owner", "created_at"]
    list_display_links = ["__str__"]
    list_filter = ["state", "kind", "visibility", "is_demo", "created_at"]
    search_fields = ["title", "original_filename", "description", "id"]
    list_select_related = ["owner"]
    list_per_page = 50
    add_form_template = "admin/medialib/asset/add.html"
    actions = ["label_again", "index_again", "trash"]
    readonly_fields = [
        "picture", "page", "sentence", "kind", "owner", "original_filename", "place",
        "content_type", "size", "sha256", "width", "height", "duration_ms", "captured_at", "source",
        "warnings", "created_at", "deleted_at",
    ]  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Asset]:
        """List assets with what their rows show, in a fixed number of queries."""
        return with_open_steps(super().get_queryset(request).prefetch_related("renditions"))

    def get_form(self, request: Any, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """Use the upload form for a new asset."""
        kwargs["form"] = AssetChangeForm if obj else AssetAddForm
        return super().get_form(request, obj, change=change, **kwargs)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Show the file field only for a new asset, the facts only for a kept one."""
        if obj is None:
            return ["file", "title", "description", "words", "visibility"]
        said = ["title", "description", "words", "visibility", "groups"]
        return [*self.readonly_fields[:3], *said, *self.readonly_fields[3:]]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """A new asset has no facts yet."""
        return self.readonly_fields if obj else []

    @admin.display(description="")
    def picture(self, asset: Asset) -> str:
        """Show the poster."""
        if not any(r.kind == "poster" for r in asset.renditions.all()):
            return "–"
        return format_html(
            '<img src="{}" alt="" width="96" height="54">',
            reverse("media-poster", args=[asset.pk]),
        )

    @admin.display(description="Page")
    def page(self, asset: Asset) -> str:
        """Link to the asset's page."""
        return format_html('<a href="{0}">{0}</a>', reverse("asset", args=[asset.pk]))

    @admin.display(description="Original")
    def place(self, asset: Asset) -> str:
        """Say where the original lies: with us, or outside the library and where."""
        if not asset.is_reference:
            return "In the library's storage"
        return f"Outside the library, only read: {references.parse(asset.original_name).place}"

    @admin.display(description="Status")
    def sentence(self, asset: Asset) -> str:
        """Say where it stands."""
        if asset.deleted_at is not None:
            return "In the trash"
        if asset.state == Asset.State.SEARCHABLE:
            return asset.detail or "Searchable"
        return str(asset_status(asset)["detail"])

    def save_model(self, request: Any, obj: Asset, form: Any, change: bool) -> None:
        """Change an asset through the service; new ones are made in `add_view`."""
        fields = ("title", "description", "visibility")
        changes = {name: form.cleaned_data[name] for name in fields}
        services.update_asset(
            obj, actor=request.user, changes={**changes, "keywords": _words(form)}
        )

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Make a new asset through the service, or show its sentence at the file field.

        With modules the file goes to the API, in parts if it is large; this is the plain way.
        """
        limits = {
            "max_bytes": settings.MEDIALIB_MAX_UPLOAD_BYTES,
            "part_bytes": settings.MEDIALIB_PART_BYTES,
        }
        context = {**(extra_context or {}), **limits}
        if request.method != "POST" or not self.has_add_permission(request):
            return super().add_view(request, form_url, context)
        form = AssetAddForm(request.POST, request.FILES)
        if not form.is_valid():
            return super().add_view(request, form_url, context)
        try:
            asset = self._create(request, form)
        except Duplicate as error:
            self.message_user(request, error.detail, messages.WARNING)
            return HttpResponseRedirect(
                reverse("admin:medialib_asset_change", args=[error.asset_id])
            )
        except MedialibError as error:
            self.message_user(request, error.detail, messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())
        self.message_user(request, f"“{asset}” is kept and being prepared.", messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:medialib_asset_change", args=[asset.pk]))

    def _create(self, request: HttpRequest, form: AssetAddForm) -> Asset:
        said = form.cleaned_data
        details = services.Details(
            title=said["title"],
            description=said["description"],
            keywords=tuple(_words(form)),
            visibility=said["visibility"],
        )
        return services.create_asset(
            owner=_person(request), file=said["file"], filename=said["file"].name, details=details
        )

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Removing goes through the trash, never straight from the table."""
        return False

    @admin.action(description="Label again")
    def label_again(self, request: HttpRequest, queryset: QuerySet[Asset]) -> None:
        """Queue new analyses for the chosen assets."""
        actor = _person(request)
        queued, refused = 0, []
        for asset in queryset:
            try:
                services.label_again(asset, actor=actor)
                queued += 1
            except Conflict as error:
                refused.append(f"{asset}: {error.detail}")
        if queued:
            self.message_user(request, f"{queued} will be labelled again.", messages.SUCCESS)
        for sentence in refused[:10]:
            self.message_user(request, sentence, messages.WARNING)

    @admin.action(description="Index again")
    def index_again(self, request: HttpRequest, queryset: QuerySet[Asset]) -> None:
        """Put the chosen assets into search again."""
        for asset in queryset:
            services.index_again(asset)
        self.message_user(request, f"{len(queryset)} will be indexed again.", messages.SUCCESS)

    @admin.action(description="Put into the trash")
    def trash(self, request: HttpRequest, queryset: QuerySet[Asset]) -> None:
        """Put the chosen assets into the trash."""
        actor = _person(request)
        for asset in queryset:
            services.trash_asset(asset, actor=actor)
        self.message_user(request, f"{len(queryset)} are in the trash.", messages.SUCCESS)


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Rows that only services write."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody adds these by hand."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody changes these by hand."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody removes these by hand."""
        return False


@admin.register(Step)
class StepAdmin(ReadOnlyAdmin):
    """The queue."""

    list_display = ["kind", "asset", "state", "waiting_for", "attempts", "detail", "created_at"]
    list_filter = ["state", "kind", "queue"]
    list_select_related = ["asset"]
    ordering = ["-id"]


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    """What happened."""

    list_display = ["id", "type", "asset", "actor", "created_at"]
    list_filter = ["type"]
    list_select_related = ["asset", "actor"]
    ordering = ["-id"]


@admin.register(Keyword)
class KeywordAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Keywords."""

    list_display = ["name", "folded"]
    search_fields = ["folded"]
    readonly_fields = ["folded"]


class ApiTokenAddForm(TokenForm, forms.ModelForm):  # type: ignore[type-arg]
    """A new token for anybody, with the fields of the tokens page."""

    class Meta:
        model = ApiToken
        fields = ["user"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, is_staff=True, **kwargs)


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnlyAdmin):
    """Tokens: made (and shown once), looked at and revoked."""

    form = ApiTokenAddForm
    list_display = ["name", "user", "scopes", "created", "expiry", "last_used_at"]
    list_select_related = ["user"]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Show all of a token but its hash."""
        if obj:
            return [*self.list_display, "allowed_addresses"]
        return ["user", "name", "scopes", "days", "addresses"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """A token acts as its person, so that only superusers make one for others."""
        return bool(request.user.is_superuser)

    def save_model(self, request: HttpRequest, obj: ApiToken, form: Any, change: bool) -> None:
        """Make the token through its service and show it, this once."""
        token = tokens.make(obj.user, **form.wanted())
        self.message_user(request, f"Copy it now, it is not shown again: {token}")

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Leave the log to the row itself, which says whose and since when."""

    def response_add(
        self, request: HttpRequest, obj: Any, post_url_continue: Any = None
    ) -> HttpResponse:
        """Go back to the list, where the token is shown above."""
        return HttpResponseRedirect(reverse("admin:medialib_apitoken_changelist"))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Deleting a token revokes it."""
        return bool(request.user.is_superuser)
