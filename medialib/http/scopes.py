"""What a token may do: every API view names its scope, for all methods or each of them."""

from __future__ import annotations

from typing import Any

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

SCOPES = ("read", "upload", "edit", "analyse", "admin")


def scope_of(view: Any, method: str) -> str | None:
    """Give the scope a view asks for this method, None when it names none (then it is refused)."""
    declared = getattr(view, "required_scope", None)
    if isinstance(declared, dict):
        declared = declared.get(method, declared.get("*"))
    return declared if declared in SCOPES else None


class ScopePermission(BasePermission):
    """Lets signed-in people through, and tokens that carry the view's scope.

    A view with `public_read = True` also answers strangers who only look: it asks for what their
    principals may see, and that is what is public.
    """

    message = "This token does not carry the scope that this call needs."

    def has_permission(self, request: Request, view: Any) -> bool:
        """Refuse strangers, views without a scope, and tokens without that scope."""
        if not (request.user and request.user.is_authenticated):
            return request.method in SAFE_METHODS and getattr(view, "public_read", False)
        if request.method == "OPTIONS":
            return True
        scope = scope_of(view, request.method or "")
        if scope is None:
            return False
        if request.auth is None:
            return scope != "admin" or bool(request.user.is_staff)
        scopes = getattr(request.auth, "scopes", ())
        if scope == "admin" and not request.user.is_staff:
            return False
        return scope in scopes
