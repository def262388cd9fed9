"""Settings, all from `NOPAL_*` environment variables; `docs/settings.md` lists them.

All state lives under NOPAL_DATA_DIR: the database, the keys, development certificates.
"""

from pathlib import Path

import dj_database_url

from gatewayapp import data_directory
from gatewayapp import environment as env

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(env.text("NOPAL_DATA_DIR", str(BASE_DIR / "data"))).resolve()

# Only the user that Nopal runs as can access the data; with group access its group too, as fsGroup of Kubernetes needs.
NOPAL_DATA_GROUP_ACCESS = env.boolean("NOPAL_DATA_GROUP_ACCESS")
data_directory.create(DATA_DIR, group_access=NOPAL_DATA_GROUP_ACCESS)

DEBUG = env.boolean("NOPAL_DEBUG")
SECRET_KEY = env.key("NOPAL_SECRET_KEY", DATA_DIR / data_directory.KEYS / "django.key")

# Encrypts secrets at rest; kept outside the database on purpose. Several keys, newest first, are for rotation.
_former_encryption_key = env.existing_key("NOPAL_ENCRYPTION_KEY", DATA_DIR / data_directory.KEYS / "encryption.key")
NOPAL_ENCRYPTION_KEY = env.key("NOPAL_ENCRYPTION_KEY", DATA_DIR / data_directory.KEYS / "encryption.key")

# Distinguishes this installation from copies of it, if the data directory and the machine cannot.
NOPAL_INSTALLATION = env.text("NOPAL_INSTALLATION")

# Signs connection ids. In older installations this key is derived from the encryption key.
NOPAL_CONNECTION_ID_KEY = env.connection_id_key(
    "NOPAL_CONNECTION_ID_KEY", DATA_DIR / data_directory.KEYS / "connection-id.key", _former_encryption_key
)

# The names of Nopal's AWS-shaped world: ARNs, signatures and events carry them.
NOPAL_REGION = env.text("NOPAL_REGION", "us-east-1")
NOPAL_ACCOUNT_ID = env.text("NOPAL_ACCOUNT_ID", "000000000000")

# Addresses. Templates may hold {api_id}; empty: the form that works from where the server listens.
NOPAL_API_ENDPOINT = env.text("NOPAL_API_ENDPOINT")
NOPAL_DOMAIN_NAME = env.text("NOPAL_DOMAIN_NAME")
NOPAL_TRUSTED_PROXIES = env.networks("NOPAL_TRUSTED_PROXIES")
ALLOWED_HOSTS = env.words("NOPAL_ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")

# Backends.
NOPAL_LAMBDA_ENDPOINT = env.text("NOPAL_LAMBDA_ENDPOINT")
NOPAL_OUTBOUND_ALLOW = env.text("NOPAL_OUTBOUND_ALLOW", "auto")
NOPAL_OUTBOUND_CA_FILE = env.text("NOPAL_OUTBOUND_CA_FILE")
NOPAL_OUTBOUND_MAX_BODY = int(env.number("NOPAL_OUTBOUND_MAX_BODY", 6 * 2**20))
NOPAL_OUTBOUND_CONNECTIONS = int(env.number("NOPAL_OUTBOUND_CONNECTIONS", 200))
NOPAL_OUTBOUND_ROUTE_SHARE = env.number("NOPAL_OUTBOUND_ROUTE_SHARE", 0.8)
NOPAL_OUTBOUND_QUEUE_LENGTH = int(env.number("NOPAL_OUTBOUND_QUEUE_LENGTH", 10_000))
NOPAL_OUTBOUND_QUEUE_TIMEOUT = env.number("NOPAL_OUTBOUND_QUEUE_TIMEOUT", 5.0)

# The data plane's own limits; a stage's limits start from NOPAL_LIMITS.
NOPAL_LIMITS = env.mapping("NOPAL_LIMITS")
NOPAL_CONNECTIONS_PER_ADDRESS = int(env.number("NOPAL_CONNECTIONS_PER_ADDRESS", 0))
NOPAL_CONNECTS_PER_ADDRESS = env.number("NOPAL_CONNECTS_PER_ADDRESS", 0)
NOPAL_MAX_CALLBACK_BODY = int(env.number("NOPAL_MAX_CALLBACK_BODY", 2**20))
NOPAL_ANONYMOUS_CALLBACKS = env.boolean("NOPAL_ANONYMOUS_CALLBACKS")
NOPAL_CONCURRENT_HANDSHAKES = int(env.number("NOPAL_CONCURRENT_HANDSHAKES", 1000))
NOPAL_HANDSHAKES_PER_SECOND = env.number("NOPAL_HANDSHAKES_PER_SECOND", 0)
NOPAL_MEMORY_BUDGET = env.size("NOPAL_MEMORY_BUDGET")
NOPAL_READINESS_GRACE = env.optional_number("NOPAL_READINESS_GRACE")
NOPAL_DRAIN_TIMEOUT = env.number("NOPAL_DRAIN_TIMEOUT", 30.0)
NOPAL_DISCONNECT_RETRY_DELAY = env.number("NOPAL_DISCONNECT_RETRY_DELAY", 1.0)
NOPAL_DISCONNECT_RETRY_TIMEOUT = env.number("NOPAL_DISCONNECT_RETRY_TIMEOUT", 300.0)
NOPAL_MAX_WAITING_DISCONNECTS = int(env.number("NOPAL_MAX_WAITING_DISCONNECTS", 20_000))
NOPAL_MAX_JOURNALED_CONNECTIONS = int(env.number("NOPAL_MAX_JOURNALED_CONNECTIONS", 10_000))

# Names of headers and JSON members whose values nobody is shown, besides those that secrets usually go by.
NOPAL_MASK = env.words("NOPAL_MASK")

# Whether the set-up link of the first administrator also works from other machines.
NOPAL_SETUP_REMOTE = env.boolean("NOPAL_SETUP_REMOTE")

INSTALLED_APPS = [
    "django.contrib.admin.apps.SimpleAdminConfig",  # the site is dashboard.admin's
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_htmx",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "gatewayapp",
    "dashboard",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "dashboard.middleware.SecurityHeadersMiddleware",
    "gatewayapp.nul_bytes.NulBytesMiddleware",
    "dashboard.middleware.HostCookiesMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "dashboard.middleware.ActivityMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "gatewayapp.controlplane.middleware.ActorMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]
ROOT_URLCONF = "gatewayapp.urls"
ASGI_APPLICATION = "gatewayapp.asgi.application"
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
                "dashboard.navigation.shell",
            ],
        },
    },
]

DATABASES = {
    "default": dj_database_url.parse(
        env.text("NOPAL_DATABASE_URL", f"sqlite:///{DATA_DIR / 'nopal.sqlite3'}"),
        conn_max_age=60,
        conn_health_checks=True,  # otherwise the first query after a restart of the database fails
    )
}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # Deferred transactions fail with "database is locked" as soon as two writers meet; immediate ones queue.
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 5,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;",
    }
elif DATABASES["default"]["ENGINE"] == "django.db.backends.postgresql":
    # Without these, Nopal waits many minutes for a server that left the network. Parameters of the URL take precedence.
    DATABASES["default"]["OPTIONS"] = {
        "connect_timeout": 5,
        "keepalives_idle": 5,
        "keepalives_interval": 5,
        "keepalives_count": 2,
        "tcp_user_timeout": 10_000,
        **DATABASES["default"].get("OPTIONS", {}),
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"
SESSION_ENGINE = "gatewayapp.sessions"
SESSION_COOKIE_NAME = "nopal_session"
CSRF_COOKIE_NAME = "nopal_csrf"
SESSION_COOKIE_AGE = int(env.number("NOPAL_SESSION_LIFETIME", 12 * 3600))
NOPAL_SESSION_IDLE = int(env.number("NOPAL_SESSION_IDLE", 3600))
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SECURE_HSTS_SECONDS = int(env.number("NOPAL_HSTS_SECONDS", 0))
SILENCED_SYSTEM_CHECKS = [
    # Plain HTTP is served too, on loopback and to proxies, and programs would not follow a redirect.
    "security.W008",
    # Cookies are marked Secure wherever the request came by TLS, see dashboard.middleware.
    "security.W011",
    "security.W016",
    # Names below this one, and browsers' preload lists, are their owner's to decide about.
    "security.W005",
    "security.W021",
]

# Levels are the tones that the dashboard shows messages in.
MESSAGE_TAGS = {10: "info", 20: "info", 25: "good", 30: "wait", 40: "bad"}
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": [],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Nopal",
    "DESCRIPTION": "Nopal's own REST API: what the management API of AWS cannot say.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "POSTPROCESSING_HOOKS": ["gatewayapp.controlplane.api.v1.schema.camel_paths"],
}

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / data_directory.STATIC
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "text": {
            "()": "gatewayapp.logs.OneLineFormatter",
            "format": "{asctime} {levelname} {name}: {message}",
            "names": NOPAL_MASK,
        },
        "json": {"()": "gatewayapp.logs.JsonFormatter", "names": NOPAL_MASK},
    },
    "filters": {
        "bad_requests": {"()": "gatewayapp.logs.BadRequestFilter"},
        "rate_limit": {
            "()": "gatewayapp.logs.RateLimitFilter",
            "limit": int(env.number("NOPAL_LOG_LINES_PER_MINUTE", 10)),
        },
    },
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": env.choice("NOPAL_LOG_FORMAT", ("text", "json")),
            "filters": ["bad_requests", "rate_limit"],
        }
    },
    "root": {"handlers": ["stderr"], "level": env.text("NOPAL_LOG_LEVEL", "INFO").upper()},
}

data_directory.restrict(DATA_DIR, DATABASES["default"], group_access=NOPAL_DATA_GROUP_ACCESS)
