"""The page of a person's API tokens: make one, see it once, revoke it."""

from __future__ import annotations

from typing import cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from medialib import tokens
from medialib.exceptions import Missing
from medialib.forms import TokenForm
from medialib.models import User


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def tokens_page(request: HttpRequest) -> HttpResponse:
    """Show the tokens; POST makes one and shows it, this once."""
    user = cast(User, request.user)
    form = TokenForm(is_staff=user.is_staff)
    made = ""
    if request.method == "POST":
        form = TokenForm(request.POST, is_staff=user.is_staff)
        if form.is_valid():
            made = tokens.make(user, **form.wanted())
            form = TokenForm(is_staff=user.is_staff)
    context = {"form": form, "made": made, "tokens": tokens.of(user)}
    return render(request, "medialib/tokens.html", context, status=422 if form.errors else 200)


@login_required
@require_POST
def revoke_token(request: HttpRequest, token_id: str) -> HttpResponse:
    """End a token; other people's are 404."""
    try:
        tokens.revoke(cast(User, request.user), token_id)
    except Missing:
        raise Http404 from None
    messages.success(request, "The token is revoked: it opens nothing any more.")
    return redirect("tokens")
