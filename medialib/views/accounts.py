"""Signing in and out. Who people are is Django's business; slowing down guesses is ours."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth import logout
from django.contrib.auth.views import LoginView, redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from medialib.forms import SignInForm
from medialib.views import throttle

_TOO_OFTEN = "Too many tries. Wait five minutes, then try again."


class SignInView(LoginView):
    """The sign-in page."""

    template_name = "medialib/sign_in.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Say where a link leads, and where the first login stands while nobody has changed it."""
        # What this is for is Django's to judge: it gives "" for an address that is not ours.
        leads_to_asset = self.get_redirect_url().startswith("/assets/")
        is_new = (settings.MEDIALIB_DATA_DIR / "first-login").exists()
        return super().get_context_data(leads_to_asset=leads_to_asset, is_new=is_new, **kwargs)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Sign in, unless this name or address has failed too often."""
        if throttle.is_blocked(request, name=request.POST.get("username", "")):
            # An unbound form: the password is not even looked at.
            form = self.authentication_form(request)
            context = self.get_context_data(form=form, blocked=_TOO_OFTEN)
            return self.render_to_response(context, status=429)
        return super().post(request, *args, **kwargs)

    def form_valid(self, form: Any) -> HttpResponse:
        """Sign in and forget earlier failures."""
        throttle.forget_failures(self.request, name=form.cleaned_data["username"])
        return super().form_valid(form)

    def form_invalid(self, form: Any) -> HttpResponse:
        """Count the failure and show the form again."""
        throttle.count_failure(self.request, name=self.request.POST.get("username", ""))
        return super().form_invalid(form)


@require_safe
def admin_sign_in(request: HttpRequest) -> HttpResponse:
    """Send the admin's own sign-in to ours: one door, with one lock."""
    target = request.GET.get("next", "") or reverse("admin:index")
    if not request.user.is_authenticated:
        return redirect_to_login(target)
    if not request.user.is_staff:
        raise PermissionDenied
    return redirect("admin:index")


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """Sign out and show the sign-in page."""
    logout(request)
    return redirect("sign-in")
