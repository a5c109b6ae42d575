"""Who calls the API: a bearer token or the browser's session. Decides nothing about rights."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.contrib.auth.models import AnonymousUser
from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from knox.auth import TokenAuthentication
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated
from rest_framework.request import Request

from medialib.http.addresses import client_address, is_allowed

if TYPE_CHECKING:
    from medialib.models import User

_USED_PRECISION = timedelta(minutes=5)


class BearerAuthentication(TokenAuthentication):  # type: ignore[misc]
    """`Authorization: Bearer <token>`; notes when the token was last used."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        """Find who calls; a token that is bound to other addresses is a 401."""
        found = super().authenticate(request)
        if found is None:
            return None
        user, token = found
        if not is_allowed(client_address(request._request), token.allowed_addresses):
            raise AuthenticationFailed("This token may not be used from this address.")
        return user, token

    def authenticate_credentials(self, token: bytes) -> tuple[Any, Any]:
        """Find the token's person; a bad token raises AuthenticationFailed (401)."""
        try:
            user, auth = super().authenticate_credentials(token)
        except UnicodeDecodeError:
            user, auth = super().authenticate_credentials(b"not-a-token")
        now = timezone.now()
        # One write in five minutes is precise enough and keeps reads from writing.
        if auth.last_used_at is None or now - auth.last_used_at > _USED_PRECISION:
            type(auth).objects.filter(pk=auth.pk).update(last_used_at=now)
        return user, auth


class BrowserAuthentication(SessionAuthentication):
    """The browser session, with CSRF checks; answers 401 like the tokens when there is none."""

    def authenticate_header(self, request: Request) -> str:
        """Make a missing sign-in a 401, not a 403."""
        return "Bearer"


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Tells the OpenAPI schema of the bearer token."""

    target_class = BearerAuthentication
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """Describe the scheme."""
        return {"type": "http", "scheme": "bearer"}


class BrowserScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Tells the OpenAPI schema of the browser session."""

    target_class = BrowserAuthentication
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """Describe the scheme."""
        return {"type": "apiKey", "in": "cookie", "name": "sessionid"}


def signed_in(request: Request) -> User:
    """Give the person who calls; the permission has made sure that there is one."""
    if isinstance(request.user, AnonymousUser):
        raise NotAuthenticated
    return request.user
