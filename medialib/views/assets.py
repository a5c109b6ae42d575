"""The asset page: watch, see what is where, say what it is. Calls selectors and services."""

from __future__ import annotations

import uuid
from typing import cast

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from labelling.estimates import estimate
from medialib import referring, services
from medialib.exceptions import Conflict, Missing, Refused
from medialib.forms import EditForm
from medialib.models import Asset, User
from medialib.selectors import Principals, can_edit, get_asset
from medialib.views import asset_context


@require_http_methods(["GET", "HEAD", "POST"])
def asset_page(request: HttpRequest, asset_id: uuid.UUID) -> HttpResponse:
    """Show one asset; POST changes it, starts, stops or removes it."""
    try:
        asset = get_asset(asset_id, Principals.of(request.user))
    except Missing:
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        raise Http404 from None
    if request.method == "POST":
        if not can_edit(request.user, asset):
            raise PermissionDenied
        return _change(request, asset)
    referring.notice_original(asset)
    return _show(request, asset)


def _show(request: HttpRequest, asset: Asset, *, form: EditForm | None = None) -> HttpResponse:
    editor = can_edit(request.user, asset)
    wanted = [name[:100] for name in request.GET.getlist("label")[:20]]
    member = request.user.is_authenticated
    page = asset_context.asset_page(asset, wanted=wanted, can_edit=editor, is_member=member)
    context = {
        "page": page,
        "search_text": request.GET.get("q", "")[:500],
        "form": form or (EditForm.of(asset) if editor else None),
        "is_editing": form is not None,
        "estimate": _estimate(asset) if editor else "",
    }
    status = 422 if form is not None else 200
    return render(request, "medialib/asset.html", context, status=status)


def _estimate(asset: Asset) -> str:
    """Say what labelling again will cost; nothing where it is free."""
    found = estimate([asset])
    return found.sentence if found.paid else ""


def _change(request: HttpRequest, asset: Asset) -> HttpResponse:
    actor = cast(User, request.user)
    action = request.POST.get("action", "save")
    if action == "save":
        return _save(request, asset, actor)
    try:
        if action == "label-again":
            services.label_again(asset, actor=actor)
            messages.success(
                request, "It is being labelled again; what was found stays until then."
            )
        elif action == "retry":
            services.retry_asset(asset, actor=actor)
            messages.success(request, "It is being tried again.")
        elif action == "stop":
            services.cancel_conversion(asset, actor=actor)
            messages.success(request, "The conversion is stopped; the original is kept.")
        elif action == "remove":
            services.trash_asset(asset, actor=actor)
            messages.success(request, f"“{asset}” is in the trash, for 30 days.")
            return redirect("library")
    except (Conflict, Refused) as error:
        messages.error(request, error.detail)
    return redirect("asset", asset_id=asset.pk)


def _save(request: HttpRequest, asset: Asset, actor: User) -> HttpResponse:
    form = EditForm(request.POST)
    form.keep_groups(asset)
    if form.is_valid():
        changes = {name: value for name, value in form.cleaned_data.items() if name in request.POST}
        if not changes.get("visibility"):
            changes.pop("visibility", None)
        try:
            services.update_asset(asset, actor=actor, changes=changes)
        except Refused as error:
            form.add_error(error.field if error.field in form.fields else None, error.detail)
        else:
            messages.success(request, "Saved.")
            return redirect("asset", asset_id=asset.pk)
    return _show(request, asset, form=form)
