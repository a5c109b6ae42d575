"""The WSGI door, for gunicorn and its like."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "medialib.settings")

application = get_wsgi_application()
