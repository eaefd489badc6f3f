"""Settings. Every variable of the environment is read here, typed, and listed in docs/settings.md."""

import secrets
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from project import env
from project.embedded.addresses import embedded_addresses

BASE_DIR = Path(__file__).resolve().parent.parent
env.read_file(env.folder("ENV_FILE", BASE_DIR / ".env"))

# ---------------------------------------------------------------------------------------- where it runs

HOST = env.text("HOST", "127.0.0.1")
PORT = env.integer("PORT", 8000, minimum=1, maximum=65535)
DATA_DIR = env.folder("DATA_DIR", BASE_DIR / "var")
PUBLIC_URL = env.address("PUBLIC_URL", schemes=("http", "https")).rstrip("/")
DEBUG = env.flag("DEBUG", default=False)


def _kept_secret_key() -> str:
    """The key of an installation that was given none: made once, readable by its owner only."""
    path = DATA_DIR / "secret_key"
    if not path.exists():
        DATA_DIR.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(f".{secrets.token_hex(4)}")
        partial.touch(mode=0o600)
        partial.write_text(secrets.token_urlsafe(50))
        try:
            path.hardlink_to(partial)  # whoever links first wins; two processes end up with one key
        except FileExistsError:
            pass
        partial.unlink()
    return path.read_text().strip()


SECRET_KEY = env.text("SECRET_KEY") or _kept_secret_key()
if len(SECRET_KEY) < 32:
    raise ImproperlyConfigured("SECRET_KEY: must have at least 32 characters")

_public = urlsplit(PUBLIC_URL)
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", ("localhost", "127.0.0.1", "[::1]", HOST))
CSRF_TRUSTED_ORIGINS = env.words("CSRF_TRUSTED_ORIGINS")
if _public.hostname:
    ALLOWED_HOSTS.append(_public.hostname)
    CSRF_TRUSTED_ORIGINS.append(f"{_public.scheme}://{_public.netloc}")

# --------------------------------------------------------------------------------------------- the parts

INSTALLED_APPS = [
    "project",
    "gql",
    "rag",
    "chat",
    "project.admin_site.ParleyAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "csp",
    "channels",
    "graphene_django",
    "graphene_django_graphiql_static",
    "rest_framework",
    "rest_framework_simplejwt.token_blacklist",
    "procrastinate.contrib.django",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "project.static_files.StaticFiles",
    "project.middleware.PrivateResponses",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "chat.middleware.DomainErrorPages",
]
ROOT_URLCONF = "project.urls"
ASGI_APPLICATION = "project.asgi.application"
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
            ]
        },
    }
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
GRAPHENE = {"SCHEMA": "gql.schema.schema", "SCHEMA_OUTPUT": "gql/schema.graphql"}

# -------------------------------------------------------------------------------- database, Redis, files

_embedded = embedded_addresses(DATA_DIR)
DATABASE_IS_EMBEDDED = not env.text("DATABASE_URL")
REDIS_IS_EMBEDDED = not env.text("REDIS_URL")
DATABASES: dict[str, dict[str, Any]] = {"default": env.database("DATABASE_URL") or _embedded.database}
# A pool: without one an ASGI process opens a connection per request (docs/decisions).
DATABASES["default"] |= {
    "ENGINE": "django.db.backends.postgresql",
    "CONN_MAX_AGE": 0,
    "CONN_HEALTH_CHECKS": True,  # a restart of PostgreSQL costs no request its connection
}
DATABASES["default"].setdefault("OPTIONS", {})["pool"] = {
    "min_size": 1,
    "max_size": 16,
    "timeout": 30,
    "max_idle": 10,  # seconds; one unused connection is closed in each such period
}
REDIS_URL = env.address("REDIS_URL", schemes=("redis", "rediss", "unix")) or _embedded.redis_url
CHANNEL_PREFIX = env.text("CHANNEL_PREFIX", "parley")
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [REDIS_URL], "prefix": CHANNEL_PREFIX},
    }
}
STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {
            "location": DATA_DIR / "files",
            "file_permissions_mode": 0o600,
            "directory_permissions_mode": 0o700,
        },
    },
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
WHITENOISE_USE_FINDERS = True  # files are served from the source tree: no collectstatic step to forget
WHITENOISE_AUTOREFRESH = DEBUG

# -------------------------------------------------------------------------------------- people and access

AUTH_USER_MODEL = "chat.User"
LOGIN_URL = "/sign-in/"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/sign-in/"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
_https = _public.scheme == "https"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _https
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 60 * 60 * 24 * 30
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_HSTS_SECONDS = 60 * 60 * 24 * 365 if _https else 0
TRUSTED_PROXIES = env.words("TRUSTED_PROXIES")  # uvicorn takes scheme and client address from these alone
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": [],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "EXCEPTION_HANDLER": "chat.access.tokens.json_problem",
}
SIMPLE_JWT = {
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=15),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=14),
    "ROTATE_REFRESH_TOKENS": True,
    "BLACKLIST_AFTER_ROTATION": True,
    "UPDATE_LAST_LOGIN": False,
    "CHECK_REVOKE_TOKEN": True,  # a changed password ends every token
    "TOKEN_OBTAIN_SERIALIZER": "chat.access.tokens.SignInSerializer",
    "TOKEN_REFRESH_SERIALIZER": "chat.access.tokens.RefreshSerializer",
}
DEMO_PASSWORD = env.text("DEMO_PASSWORD")

# ------------------------------------------------------------------------------- limits and real-time

MESSAGE_MAX_CHARACTERS = 20_000
UPLOAD_MAX_BYTES = env.integer("UPLOAD_MAX_MEGABYTES", 64, minimum=1, maximum=2048) * 1024 * 1024
ATTACHMENTS_MAX_BYTES = (
    env.integer("ATTACHMENTS_MAX_MEGABYTES", 2048, minimum=1, maximum=1_000_000) * 1024 * 1024
)
DOCUMENTS_MAX_BYTES = (
    env.integer("DOCUMENTS_MAX_MEGABYTES", 10_240, minimum=1, maximum=100_000_000) * 1024 * 1024
)
COLLECTION_MAX_BYTES = (
    env.integer("COLLECTION_MAX_MEGABYTES", 51_200, minimum=1, maximum=100_000_000) * 1024 * 1024
)
CRAWL_ALLOWED_NETWORKS = env.networks("CRAWL_ALLOWED_NETWORKS")
CRAWL_PORTS = env.ports("CRAWL_PORTS", (80, 443))
CRAWL_WITHOUT_ROBOTS = [host.lower() for host in env.words("CRAWL_WITHOUT_ROBOTS")]
CRAWL_TIMEOUT_S = env.integer("CRAWL_TIMEOUT_S", 30, minimum=1, maximum=600)
OCR_LANGUAGES = env.text("OCR_LANGUAGES", "eng")
CHUNK_CONTEXTS = env.flag("CHUNK_CONTEXTS", default=False)
CHUNK_CONTEXTS_PER_DOCUMENT = env.integer("CHUNK_CONTEXTS_PER_DOCUMENT", 200, minimum=1, maximum=100_000)
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024  # forms and JSON; files are counted by UPLOAD_MAX_BYTES
FILE_UPLOAD_PERMISSIONS = 0o600
SOCKET_PING_INTERVAL_MS = 25_000  # the defaults of Socket.IO 4
SOCKET_PING_TIMEOUT_MS = 20_000
SOCKET_MAX_PAYLOAD_BYTES = 1_000_000
SOCKET_MAX_CONNECTIONS_PER_USER = env.integer(
    "SOCKET_MAX_CONNECTIONS_PER_USER", 50, minimum=1, maximum=100_000
)
RATE_LIMITS = env.flag("RATE_LIMITS", default=True)
GRAPHQL_INTROSPECTION = env.flag("GRAPHQL_INTROSPECTION", default=True)
GRAPHQL_TIME_LIMIT_S = env.integer("GRAPHQL_TIME_LIMIT_S", 30, minimum=1, maximum=3600)
GRAPHQL_EXECUTOR = env.choice("GRAPHQL_EXECUTOR", "compiled", among=("compiled", "graphql-core"))
GRAPHQL_BATCH_MAX = env.integer("GRAPHQL_BATCH_MAX", 0, minimum=0, maximum=100)
_trusted_documents = env.text("GRAPHQL_TRUSTED_DOCUMENTS")
GRAPHQL_TRUSTED_DOCUMENTS = Path(_trusted_documents).expanduser().resolve() if _trusted_documents else None

# --------------------------------------------------------------------------------------- the assistant

ANTHROPIC_API_KEY = env.text("ANTHROPIC_API_KEY")
ANTHROPIC_BASE_URL = env.address("ANTHROPIC_BASE_URL", schemes=("http", "https"))
ANTHROPIC_MODEL = env.text("ANTHROPIC_MODEL", "claude-sonnet-5-5")
RERANKER_URL = env.address("RERANKER_URL", schemes=("http", "https"))
RERANKER_API_KEY = env.text("RERANKER_API_KEY")
RERANKER_MODEL = env.text("RERANKER_MODEL")
if RERANKER_URL and not RERANKER_MODEL:
    raise ImproperlyConfigured("RERANKER_MODEL: must name the model that RERANKER_URL serves")
EMBEDDINGS_API = env.choice("EMBEDDINGS_API", "openai", among=("openai", "voyage"))
EMBEDDINGS_URL = env.address("EMBEDDINGS_URL", schemes=("http", "https"))
if EMBEDDINGS_API == "voyage" and not EMBEDDINGS_URL:
    EMBEDDINGS_URL = "https://api.voyageai.com"
EMBEDDINGS_API_KEY = env.text("EMBEDDINGS_API_KEY")
EMBEDDINGS_MODEL = env.text("EMBEDDINGS_MODEL")
EMBEDDINGS_PREVIOUS_URL = env.address("EMBEDDINGS_PREVIOUS_URL", schemes=("http", "https"))
EMBEDDINGS_PREVIOUS_API_KEY = env.text("EMBEDDINGS_PREVIOUS_API_KEY")
if EMBEDDINGS_URL and not EMBEDDINGS_MODEL:
    raise ImproperlyConfigured("EMBEDDINGS_MODEL: must name the model that EMBEDDINGS_URL serves")
if not EMBEDDINGS_URL and EMBEDDINGS_MODEL not in ("", "multilingual-e5-small"):
    raise ImproperlyConfigured(
        "EMBEDDINGS_MODEL: without EMBEDDINGS_URL it is unset (all-MiniLM-L6-v2) or multilingual-e5-small"
    )
EMBEDDINGS_REQUESTS_PER_MINUTE = env.integer("EMBEDDINGS_REQUESTS_PER_MINUTE", 0, minimum=0, maximum=10**6)
EMBEDDINGS_TOKENS_PER_MINUTE = env.integer("EMBEDDINGS_TOKENS_PER_MINUTE", 0, minimum=0, maximum=10**9)
PROCRASTINATE_AUTODISCOVER_MODULE_NAME = "tasks"

# ------------------------------------------------------------------------------- language, time, logging

LANGUAGE_CODE = "en"
FORMAT_MODULE_PATH = "project.formats"
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": "project.log_lines.LineFormatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {
        # Django's own handlers (with DEBUG, and of runserver) write paths as they are: one handler writes everything.
        **{name: {"handlers": [], "propagate": True} for name in ("django", "django.server")},
        **{name: {"level": env.text("LOG_LEVEL", "INFO")} for name in ("chat", "rag", "gql", "project")},
    },
}
