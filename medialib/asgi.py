"""The ASGI door, for uvicorn."""

import os
import warnings

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "medialib.settings")

# Static files are small and sent by a synchronous library: its answers are gathered whole.
warnings.filterwarnings("ignore", message="StreamingHttpResponse must consume synchronous")

_django = get_asgi_application()

from medialib.api.part_door import PartDoor  # noqa: E402 (it needs the settings to be loaded)

application = PartDoor(_django)
