"""Names this package to Django and loads the Celery app, so that tasks can be sent."""

import tempfile

from django.apps import AppConfig
from django.conf import settings


class MedialibConfig(AppConfig):
    """The medialib package."""

    name = "medialib"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Load the Celery app and the system checks."""
        from medialib import celery, checks  # noqa: F401

        # Half-made files lie beside the media: the system's own folder may be small, or memory.
        tempfile.tempdir = str(settings.FILE_UPLOAD_TEMP_DIR)
