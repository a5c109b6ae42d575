"""The Celery app: where messages go. What is done with them stands in the tasks modules."""

from __future__ import annotations

import os

from celery import Celery

from medialib import broker

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "medialib.settings")

broker.register()
app = Celery("medialib")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
