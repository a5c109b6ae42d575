"""The activity page: what runs, waits, failed and ended, and the few things to do about it."""

from __future__ import annotations

from typing import cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from labelling.models import Analysis
from medialib import services, steps
from medialib.exceptions import Conflict, Refused
from medialib.models import Step, User
from medialib.selectors import Principals, can_edit, visible_assets
from medialib.views import activity_context
from medialib.views.activity_health import health

_GONE = "That has ended meanwhile."


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def activity_page(request: HttpRequest) -> HttpResponse:
    """Show what is going on; POST tries again, stops or puts first."""
    if request.method == "POST":
        return _change(request)
    groups = activity_context.groups(request.user)
    busy = any(group.rows for group in groups if group.key in ("running", "waiting"))
    context = {"groups": groups, "health": health(), "busy": busy}
    part = (
        "medialib/_activity.html" if request.headers.get("HX-Request") else "medialib/activity.html"
    )
    response = render(request, part, context)
    response["Vary"] = "HX-Request"
    return response


def _change(request: HttpRequest) -> HttpResponse:
    actor = cast(User, request.user)
    step = _step(request, actor)
    if not can_edit(actor, step.asset):
        raise PermissionDenied
    try:
        said = _act(request.POST.get("action", ""), step, actor)
    except (Conflict, Refused) as error:
        messages.error(request, error.detail)
    else:
        messages.success(request, said or _GONE)
    return redirect("activity")


def _step(request: HttpRequest, actor: User) -> Step:
    number = request.POST.get("step", "")
    seen = visible_assets(Principals.of(actor)).order_by().values("pk")
    rows = Step.objects.filter(asset__in=seen).select_related("asset")
    step = rows.filter(pk=int(number)).first() if number.isdecimal() and len(number) < 19 else None
    if step is None:
        raise Http404
    return step


def _act(action: str, step: Step, actor: User) -> str:
    """Do what was asked and say so; "" when there was nothing left to do."""
    if action == "retry" and step.state == Step.State.FAILED:
        services.retry_step(step, actor=actor)
        return f"“{step.asset}” is being tried again."
    if action == "first" and steps.put_first(step.pk):
        return f"“{step.asset}” goes first now."
    if action == "cancel" and step.state in steps.OPEN and step.analysis_id:
        services.cancel_analysis(Analysis.objects.get(pk=step.analysis_id), actor=actor)
        return f"Labelling “{step.asset}” is being stopped; what was found before stays."
    if action == "cancel" and step.state in steps.OPEN and step.kind == Step.Kind.CONVERT:
        services.cancel_conversion(step.asset, actor=actor)
        return f"Converting “{step.asset}” is being stopped; the original is kept."
    return ""
