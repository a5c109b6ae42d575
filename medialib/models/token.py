"""API tokens: the token library's table with a name, scopes and limits of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models

if TYPE_CHECKING:
    from medialib.models.user import User

    class AbstractAuthToken(models.Model):
        """What the token library's abstract model offers, for the type checker."""

        user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="auth_token_set")
        created = models.DateTimeField(auto_now_add=True)
        expiry = models.DateTimeField(null=True, blank=True)

        class Meta:
            abstract = True

else:
    from knox.models import AbstractAuthToken


class ApiToken(AbstractAuthToken):  # type: ignore[django-manager-missing]
    """A named key for programs, hashed at rest; the token itself is shown once."""

    name = models.CharField(max_length=100)
    scopes = models.JSONField(default=list)
    last_used_at = models.DateTimeField(null=True, blank=True)
    allowed_addresses = models.JSONField(default=list, blank=True)

    def __str__(self) -> str:
        return self.name
