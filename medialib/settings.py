"""All settings, read from the environment (every variable stands in .env.example). No logic."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from medialib.environment import (
    data_dir,
    env,
    network_list,
    price_table,
    reference_buckets,
    reference_roots,
    rekognition_options,
    search_options,
    secret_key,
    storage_options,
)

BASE_DIR = Path(__file__).resolve().parent.parent
MEDIALIB_DATA_DIR = data_dir(BASE_DIR / "var")

# ---- Who and where -----------------------------------------------------------------------------
DEBUG = False
SECRET_KEY = secret_key(MEDIALIB_DATA_DIR)
ALLOWED_HOSTS = [
    *env.list("MEDIALIB_ALLOWED_HOSTS", default=["127.0.0.1", "[::1]"]),
    # By this name `manage.py serve` and the image's health check ask whether it lives.
    "localhost",
]
CSRF_TRUSTED_ORIGINS = env.list("MEDIALIB_CSRF_ORIGINS", default=[])
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = env.bool("MEDIALIB_SECURE_COOKIES", default=False)
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# Whose forwarded addresses are believed (networks, comma separated); nobody's by default.
MEDIALIB_TRUSTED_PROXIES = network_list("MEDIALIB_TRUSTED_PROXIES")
ROOT_URLCONF = "medialib.urls"
ASGI_APPLICATION = "medialib.asgi.application"
WSGI_APPLICATION = "medialib.wsgi.application"
AUTH_USER_MODEL = "medialib.User"
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "library"
LOGOUT_REDIRECT_URL = "sign-in"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "knox",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_htmx",
    "csp",
    "medialib",
    "labelling",
    "search",
]
MIDDLEWARE = [
    "medialib.http.request_ids.RequestIdMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "medialib.http.media_tokens.MediaTokenMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "medialib.views.bar.bar",
            ]
        },
    }
]
MEDIALIB_MEDIA_ORIGINS = env.list("MEDIALIB_MEDIA_ORIGINS", default=[])
CONTENT_SECURITY_POLICY = {
    "EXCLUDE_URL_PREFIXES": [],
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "img-src": ["'self'", "data:", "blob:", *MEDIALIB_MEDIA_ORIGINS],
        "media-src": ["'self'", "blob:", *MEDIALIB_MEDIA_ORIGINS],
        "connect-src": ["'self'", *MEDIALIB_MEDIA_ORIGINS],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    },
}
LANGUAGE_CODE = "en"
TIME_ZONE = env.str("MEDIALIB_TIME_ZONE", default="UTC")
USE_TZ = True
STATIC_URL = "/static/"
STATIC_ROOT = MEDIALIB_DATA_DIR / "static"
WHITENOISE_USE_FINDERS = True
WHITENOISE_MAX_AGE = 60

# ---- Database ----------------------------------------------------------------------------------
DATABASES = {
    "default": env.db_url("DATABASE_URL", default=f"sqlite:///{MEDIALIB_DATA_DIR}/library.sqlite3")
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
        "LOCATION": MEDIALIB_DATA_DIR / "cache",
    },
    # Calls are counted in memory: the embedded service has one web process, and files are slow.
    "rates": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "rates"},
}
if env.str("MEDIALIB_CACHE_URL", default=""):
    CACHES["default"] = CACHES["rates"] = env.cache_url("MEDIALIB_CACHE_URL")

# ---- Media storage (django-storages) -----------------------------------------------------------
MEDIALIB_STORAGE = env.str("MEDIALIB_STORAGE", default="disk")
MEDIALIB_S3_ENDPOINT = env.str("MEDIALIB_S3_ENDPOINT", default="")
MEDIA_ROOT = MEDIALIB_DATA_DIR / "media"
STORAGES = {
    "default": storage_options(MEDIALIB_STORAGE, MEDIA_ROOT),
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
# Places such as s3://bucket/folder whose new objects are taken in, as this queue tells of them.
MEDIALIB_DROPS = [url.strip().rstrip("/") for url in env.list("MEDIALIB_DROPS", default=[])]
MEDIALIB_DROPS_QUEUE_URL = env.str("MEDIALIB_DROPS_QUEUE_URL", default="")
MEDIALIB_DROPS_OWNER = env.str("MEDIALIB_DROPS_OWNER", default="")
# Where originals may lie that are kept by reference: folders, and buckets such as archive/films.
MEDIALIB_REFERENCE_ROOTS = reference_roots()
MEDIALIB_REFERENCE_BUCKETS = reference_buckets()
FILE_UPLOAD_TEMP_DIR = MEDIALIB_DATA_DIR / "tmp"
FILE_UPLOAD_PERMISSIONS = 0o600
MEDIALIB_MAX_UPLOAD_BYTES = env.int("MEDIALIB_MAX_UPLOAD_BYTES", default=10 * 1024**3)
# Large files come in parts of this size.
MEDIALIB_PART_BYTES = env.int("MEDIALIB_PART_BYTES", default=16 * 1024**2)
# What the originals of one person may take in all, in bytes; 0: no limit.
MEDIALIB_QUOTA_BYTES = env.int("MEDIALIB_QUOTA_BYTES", default=0)
# An upload in parts that nobody came back to for so long is removed.
MEDIALIB_UPLOAD_HOURS = env.int("MEDIALIB_UPLOAD_HOURS", default=72)
MEDIALIB_MIN_FREE_BYTES = env.int("MEDIALIB_MIN_FREE_BYTES", default=200 * 1024**2)
MEDIALIB_DEFAULT_VISIBILITY = env.str("MEDIALIB_DEFAULT_VISIBILITY", default="library")
MEDIALIB_TRASH_DAYS = env.int("MEDIALIB_TRASH_DAYS", default=30)
MEDIALIB_REJECTED_DAYS = 7
# Pictures of moments kept per video; half of them are made without being asked for.
MEDIALIB_MAX_FRAMES = env.int("MEDIALIB_MAX_FRAMES", default=480)
# Whether /styleguide/ shows every component of the pages in every state (for developers).
MEDIALIB_STYLEGUIDE = env.bool("MEDIALIB_STYLEGUIDE", default=False)
# A path prefix that nginx serves from disk by X-Accel-Redirect; empty: this service sends bytes.
MEDIALIB_X_ACCEL_PREFIX = env.str("MEDIALIB_X_ACCEL_PREFIX", default="")
MEDIALIB_FFMPEG = env.str("MEDIALIB_FFMPEG", default="")

# ---- Queue (Celery carries ids; the Step rows are the queue) ------------------------------------
_BROKER = MEDIALIB_DATA_DIR / "broker"
CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", default="filesystem://localhost")
if CELERY_BROKER_URL.startswith("filesystem"):
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(_BROKER / "queue"),
        "data_folder_out": str(_BROKER / "queue"),
        "control_folder": str(_BROKER / "control"),
        "polling_interval": 0.1,
    }
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_DEFAULT_QUEUE = "light"
CELERY_TASK_CREATE_MISSING_QUEUES = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_BEAT_SCHEDULE = {
    "dispatch": {"task": "medialib.tasks.dispatch_steps", "schedule": timedelta(seconds=2)},
    "events": {"task": "medialib.tasks.tell_events", "schedule": timedelta(seconds=5)},
    "batches": {"task": "medialib.tasks.finish_batches", "schedule": timedelta(seconds=30)},
    "sweep": {"task": "medialib.tasks.sweep_library", "schedule": timedelta(hours=1)},
    "slots": {"task": "labelling.tasks.sweep_slots", "schedule": timedelta(minutes=1)},
}
CELERY_BEAT_SCHEDULE_FILENAME = str(MEDIALIB_DATA_DIR / "beat-schedule")
MEDIALIB_MESSAGES_IN_FLIGHT = 200
MEDIALIB_LEASE_SECONDS = 60
MEDIALIB_HEARTBEAT_SECONDS = 10
MEDIALIB_WORKER_NAME = env.str("MEDIALIB_WORKER_NAME", default="")

# ---- Labelling and search ----------------------------------------------------------------------
MEDIALIB_LABELLING = env.str("MEDIALIB_LABELLING", default="local")
LABELLING_BACKENDS = {
    "local": {
        "BACKEND": "labelling.backends.local.LocalBackend",
        "OPTIONS": {
            "model": env.str("MEDIALIB_LOCAL_MODEL", default=""),
            "model_sha256": env.str("MEDIALIB_LOCAL_MODEL_SHA256", default=""),
            "label_map": env.str("MEDIALIB_LOCAL_LABEL_MAP", default=""),
            "frames_per_second": env.float("MEDIALIB_LOCAL_FPS", default=2.0),
        },
    },
    "recorded": {"BACKEND": "labelling.backends.recorded.RecordedBackend", "OPTIONS": {}},
    "rekognition": {
        "BACKEND": "labelling.backends.rekognition.RekognitionBackend",
        "OPTIONS": rekognition_options(),
    },
}
# The queue in which Rekognition's topic lays its notices; empty: its jobs are only asked about.
MEDIALIB_NOTICES_QUEUE_URL = env.str("MEDIALIB_NOTICES_QUEUE_URL", default="")
_SEARCH = env.str("MEDIALIB_SEARCH", default="sqlite")
SEARCH_BACKENDS = {
    "default": search_options(_SEARCH, MEDIALIB_DATA_DIR / "search" / "index.sqlite3")
}
# Whether words that are in no label are understood by their meaning (search/embeddings).
MEDIALIB_EMBEDDINGS = env.bool("MEDIALIB_EMBEDDINGS", default=False)
# Without the address, which may hold a password.
MEDIALIB_SEARCH = _SEARCH.partition("://")[0]

# ---- Money (US dollars; the first price step, as larger volumes only cost less) ------------------
MEDIALIB_PRICES_DATE = env.str("MEDIALIB_PRICES_DATE", default="2026-09-11")
MEDIALIB_PRICES = price_table(
    image=env.str("MEDIALIB_PRICE_IMAGE", default="0.001"),
    image_properties=env.str("MEDIALIB_PRICE_IMAGE_PROPERTIES", default="0.00075"),
    video_minute=env.str("MEDIALIB_PRICE_VIDEO_MINUTE", default="0.10"),
    segment_minute=env.str("MEDIALIB_PRICE_SEGMENT_MINUTE", default="0.10"),
)

# ---- REST API ----------------------------------------------------------------------------------
# Calls a minute; 0: as many as they like.
MEDIALIB_RATE_PER_TOKEN = env.int("MEDIALIB_RATE_PER_TOKEN", default=1200)
MEDIALIB_RATE_PER_ADDRESS = env.int("MEDIALIB_RATE_PER_ADDRESS", default=3000)
# An answer to a call with an Idempotency-Key is kept for so long.
MEDIALIB_IDEMPOTENCY_HOURS = 24
KNOX_TOKEN_MODEL = "medialib.ApiToken"
REST_KNOX = {"AUTH_HEADER_PREFIX": "Bearer", "TOKEN_TTL": None, "TOKEN_PREFIX": "ml_"}
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "medialib.http.authentication.BearerAuthentication",
        "medialib.http.authentication.BrowserAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["medialib.http.scopes.ScopePermission"],
    "DEFAULT_THROTTLE_CLASSES": [
        "medialib.http.rates.TokenRate",
        "medialib.http.rates.AddressRate",
    ],
    "DEFAULT_RENDERER_CLASSES": ["medialib.http.rendering.AnswerRenderer"],
    "DEFAULT_PARSER_CLASSES": ["medialib.http.bodies.BoundedJSONParser"],
    "DEFAULT_SCHEMA_CLASS": "medialib.http.schema.ProblemSchema",
    "EXCEPTION_HANDLER": "medialib.http.problems.handle",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Media library",
    "DESCRIPTION": "Search inside photos and videos. Times are integer milliseconds, spans are "
    "half-open, confidence is 0–100, errors are RFC 9457 problem documents.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    # What several components share keeps one name, whatever is added to the schema later.
    "ENUM_NAME_OVERRIDES": {
        "AssetKindEnum": "medialib.models.asset.Asset.Kind",
        "AssetStateEnum": "medialib.models.asset.Asset.State",
    },
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
}

# ---- Telling others: webhooks and mail -----------------------------------------------------------
# Private networks that webhooks may go to; by default none.
MEDIALIB_WEBHOOK_NETWORKS = network_list("MEDIALIB_WEBHOOK_NETWORKS")
# How people reach this service, for links in mails, such as https://media.example.org.
MEDIALIB_PUBLIC_URL = env.str("MEDIALIB_PUBLIC_URL", default="")
# Of which single uploads their owners hear by mail: never, failures or always.
MEDIALIB_MAIL_UPLOADS = env.str("MEDIALIB_MAIL_UPLOADS", default="always")
vars().update(env.email_url("MEDIALIB_MAIL_URL", default="dummymail://"))
DEFAULT_FROM_EMAIL = env.str("MEDIALIB_MAIL_FROM", default="media library <media@localhost>")

# ---- Logging -----------------------------------------------------------------------------------
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"format": "%(asctime)s %(levelname)s %(name)s [%(request_id)s]: %(message)s"}
    },
    "filters": {"request_id": {"()": "medialib.http.request_ids.RequestIdFilter"}},
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": "line",
            "filters": ["request_id"],
        }
    },
    "root": {"handlers": ["stderr"], "level": env.str("MEDIALIB_LOG_LEVEL", default="INFO")},
    "loggers": {
        "django": {"handlers": ["stderr"], "level": "WARNING", "propagate": False},
        "celery": {"level": "WARNING"},
        "kombu": {"level": "WARNING"},
        "amqp": {"level": "WARNING"},
        "botocore": {"level": "WARNING"},
        # They log every body, with what people search for.
        "opensearch": {"level": "ERROR"},
        "opensearchpy.trace": {"level": "ERROR"},
    },
}
