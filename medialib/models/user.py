"""People. Nothing is added to Django's own user yet; being ours, it can grow."""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser


class User(AbstractUser):  # type: ignore[django-manager-missing]
    """A person who signs in."""
