"""Names this package to Django; does nothing else."""

from django.apps import AppConfig


class LabellingConfig(AppConfig):
    """The labelling package."""

    name = "labelling"
    default_auto_field = "django.db.models.BigAutoField"
