"""What is done with many assets at once, and with the demo. Calls one service for each asset."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from medialib import demo, services
from medialib.exceptions import Conflict, Missing, Refused
from medialib.forms import SelectedForm
from medialib.models import Asset, User
from medialib.selectors import Principals, can_edit, get_asset
from medialib.views.library import UNDO


@login_required
@require_POST
def change_selected(request: HttpRequest) -> HttpResponse:
    """Give keywords to the selected assets, label them again, remove or restore them."""
    form = SelectedForm(request.POST)
    back = QueryDict(request.POST.get("back", "")[:2000].removeprefix("?"))
    address = reverse("library") + (f"?{back.urlencode()}" if back else "")
    if not form.is_valid() or not form.cleaned_data["asset"]:
        messages.error(request, "Select something first.")
        return redirect(address)
    actor = cast(User, request.user)
    action = form.cleaned_data["action"]
    assets = _assets(actor, form.cleaned_data["asset"], trashed=action == "restore")
    done, trouble = _each(assets, _act(action, actor, form.cleaned_data["keywords"]))
    _say(request, action, done, trouble)
    if action == "remove":
        request.session[UNDO] = [str(asset.pk) for asset in done]
    return redirect(address)


@login_required
@require_POST
def remove_demo(request: HttpRequest) -> HttpResponse:
    """Put the demo into the trash; only those who run the library may."""
    if not request.user.is_superuser:
        raise PermissionDenied
    count = demo.remove(request.user)
    messages.success(request, f"The demo is gone: {_count(count)} moved to the trash.")
    return redirect("library")


def _assets(actor: User, ids: list[str], *, trashed: bool) -> list[Asset]:
    """Give the assets; one that is not there, or not theirs to change, refuses them all."""
    principals = Principals.of(actor)
    try:
        assets = [get_asset(asset_id, principals, trashed=trashed) for asset_id in ids]
    except Missing:
        raise Http404 from None
    if not all(can_edit(actor, asset) for asset in assets):
        raise PermissionDenied
    return assets


def _act(action: str, actor: User, keywords: list[str]) -> Callable[[Asset], object]:
    def add_keywords(asset: Asset) -> None:
        if not keywords:
            raise Refused("Write the keywords to add first.")
        words = [*(keyword.name for keyword in asset.keywords.all()), *keywords]
        services.update_asset(asset, actor=actor, changes={"keywords": words})

    actions: dict[str, Callable[[Asset], object]] = {
        "keywords": add_keywords,
        "label-again": lambda asset: services.label_again(asset, actor=actor),
        "remove": lambda asset: services.trash_asset(asset, actor=actor),
        "restore": lambda asset: services.restore_asset(asset, actor=actor),
    }
    return actions[action]


def _each(
    assets: list[Asset], act: Callable[[Asset], object]
) -> tuple[list[Asset], dict[str, int]]:
    """Do it for each; what is refused is counted by its reason, and the rest goes on."""
    done: list[Asset] = []
    trouble: dict[str, int] = {}
    for asset in assets:
        try:
            act(asset)
        except (Conflict, Refused) as error:
            trouble[error.detail] = trouble.get(error.detail, 0) + 1
        else:
            done.append(asset)
    return done, trouble


_DONE = {
    "keywords": "{} got the keywords.",
    "label-again": "{} being labelled again; what was found stays until then.",
    "remove": "{} moved to the trash, for 30 days.",
    "restore": "{} taken out of the trash.",
}


def _say(request: HttpRequest, action: str, done: list[Asset], trouble: dict[str, int]) -> None:
    if done:
        messages.success(request, _DONE[action].format(_count(len(done))))
    for reason, count in trouble.items():
        messages.error(request, f"{_count(count)} left as before: {reason}")


def _count(number: int) -> str:
    return "1 asset" if number == 1 else f"{number} assets"
