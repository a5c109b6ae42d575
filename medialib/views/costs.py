"""The costs page: what labelling cost this month, caps, and what waits for money. Staff only."""

from __future__ import annotations

from decimal import Decimal
from typing import cast
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from labelling import budget
from labelling.backends import get_backend
from labelling.costs import backend_in_use, month_to_date, waiting_for_money
from labelling.estimates import Estimate, estimate
from medialib.forms import AllowForm, CapForm
from medialib.models import Asset, User


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def costs_page(request: HttpRequest) -> HttpResponse:
    """Show the month to date; POST sets a cap or lets an asset or a batch pass (superusers)."""
    actor = cast(User, request.user)
    if not actor.is_staff:
        raise PermissionDenied
    if request.method != "POST":
        return _show(request, CapForm())
    if not actor.is_superuser:
        raise PermissionDenied
    if request.POST.get("action") == "allow":
        return _allow(request, actor)
    form = CapForm(request.POST)
    if not form.is_valid():
        return _show(request, form, status=422)
    said = form.cleaned_data
    budget.set_cap(said["scope"], said["kind"], said["amount"], actor=actor)
    messages.success(request, "Saved. What waits for money looks again at once.")
    return redirect("costs")


def _show(request: HttpRequest, form: CapForm, *, status: int = 200) -> HttpResponse:
    context = {
        "report": month_to_date(),
        "waiting": waiting_for_money(),
        "paid": get_backend().paid,
        "form": form,
        "may_change": cast(User, request.user).is_superuser,
    }
    return render(request, "medialib/costs.html", context, status=status)


def _allow(request: HttpRequest, actor: User) -> HttpResponse:
    """Let one asset, or all of a batch, be labelled for what it is estimated to cost."""
    form = AllowForm(request.POST)
    if form.is_valid() and form.cleaned_data["batch"]:
        found = _allow_batch(form.cleaned_data["batch"], actor)
    elif form.is_valid() and form.cleaned_data["asset"]:
        found = _allow_asset(form.cleaned_data["asset"], actor)
    else:
        found = None
    if found is None:
        messages.error(request, "There is no such asset or batch.")
    else:
        messages.success(request, f"It may pass. {found.sentence}")
    return redirect("costs")


def _allow_asset(asset_id: UUID, actor: User) -> Estimate | None:
    asset = Asset.objects.filter(pk=asset_id, deleted_at=None).first()
    if asset is None:
        return None
    found = estimate([asset], backend=backend_in_use([asset.pk]))
    budget.allow_asset(asset, _with_spent(f"asset:{asset.pk}", found.cost), actor=actor)
    return found


def _allow_batch(batch: UUID, actor: User) -> Estimate | None:
    assets = Asset.objects.filter(batch=batch, deleted_at=None)
    if not assets.exists():
        return None
    found = estimate(assets.iterator(), backend=backend_in_use(assets.values("pk")))
    budget.allow_batch(batch, _with_spent(f"batch:{batch}", found.cost), actor=actor)
    return found


def _with_spent(scope: str, cost: Decimal) -> Decimal:
    """Add what was spent under an earlier allowance, so that a second one allows as much again."""
    return cost + budget.spent_once(scope)
