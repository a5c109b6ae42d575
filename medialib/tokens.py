"""Use cases of API tokens: make, list, revoke. A token itself is given once and never kept."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from medialib.exceptions import Missing
from medialib.models import ApiToken, User

if TYPE_CHECKING:
    from django.db.models import QuerySet


def make(
    user: User,
    *,
    name: str,
    scopes: Iterable[str],
    expires_in: timedelta | None = None,
    addresses: Iterable[str] = (),
) -> str:
    """Make an API token and give it, the only time it is readable; only its hash is kept.

    `addresses` are networks such as 10.0.0.0/8 that it may be used from; none means anywhere.
    """
    manager: Any = ApiToken.objects
    _, token = manager.create(
        user,
        expiry=expires_in,
        name=name[:100],
        scopes=sorted(set(scopes)),
        allowed_addresses=list(addresses),
    )
    return str(token)


def of(user: User) -> QuerySet[ApiToken]:
    """Give a person's tokens, newest first."""
    rows: QuerySet[ApiToken] = ApiToken.objects.filter(user=user)
    return rows.order_by("-created")


def revoke(user: User, token_id: str) -> None:
    """End one of a person's tokens at once; raises Missing for any other."""
    deleted, _ = of(user).filter(pk=token_id).delete()
    if not deleted:
        raise Missing
