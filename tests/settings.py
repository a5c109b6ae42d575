"""Settings of the tests: a data folder of its own, an in-memory broker, cheap password hashes."""

import atexit
import os
import shutil
import tempfile

_FOLDER = tempfile.mkdtemp(prefix="medialib-tests-")
atexit.register(shutil.rmtree, _FOLDER, ignore_errors=True)
os.environ["MEDIALIB_DATA_DIR"] = _FOLDER
os.environ["CELERY_BROKER_URL"] = "memory://"
os.environ["MEDIALIB_STORAGE"] = "disk"
os.environ["MEDIALIB_LABELLING"] = "local"
os.environ["MEDIALIB_SEARCH"] = "sqlite"
os.environ.setdefault("DATABASE_URL", "sqlite://:memory:")

from medialib.settings import *  # noqa: E402, F403

# What tests make once for all runs, and what pytest tidies up, stays in the system's folder.
FILE_UPLOAD_TEMP_DIR = os.path.dirname(_FOLDER)
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
_MEMORY = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
CACHES = {"default": _MEMORY, "rates": {**_MEMORY, "LOCATION": "rates"}}
ALLOWED_HOSTS = ["*"]
# Steps run in the test's own thread: an in-memory database has no place for a heartbeat's.
MEDIALIB_HEARTBEAT_SECONDS = 0
# Tests make small files; the machine's free space is asked about only where a test means it.
MEDIALIB_MIN_FREE_BYTES = 0
