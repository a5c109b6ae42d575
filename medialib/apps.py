"""Names this package to Django and loads the Celery app, so that tasks can be sent."""

from django.apps import AppConfig


class MedialibConfig(AppConfig):
    """The medialib package."""

    name = "medialib"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Load the Celery app and the system checks."""
        from medialib import celery, checks  # noqa: F401
