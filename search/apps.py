"""Names this package to Django; does nothing else."""

from django.apps import AppConfig


class SearchConfig(AppConfig):
    """The search package."""

    name = "search"
    default_auto_field = "django.db.models.BigAutoField"
