"""Settings; everything an operator may change comes from the environment (HARBORWEB_…).

A value that is a secret may also come from a file: HARBORWEB_SECRET_KEY_FILE.
"""

import contextlib
import os
import secrets
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from csp.constants import NONE, SELF
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

BASE_DIR = Path(__file__).resolve().parent.parent


def _text(name: str, default: str = "") -> str:
    """HARBORWEB_<name>, or the content of the file that HARBORWEB_<name>_FILE names."""
    file = os.environ.get(f"HARBORWEB_{name}_FILE")
    return Path(file).read_text().strip() if file else os.environ.get(f"HARBORWEB_{name}", default)


def _flag(name: str) -> bool:
    return _text(name).lower() in {"1", "true", "yes", "on"}


def _list(name: str, default: str) -> list[str]:
    return [part.strip() for part in _text(name, default).split(",") if part.strip()]


DATA_DIR = Path(_text("DATA", str(BASE_DIR / "var" / "data"))).resolve()


def _app_secret() -> str:
    """The secret that signs sessions and seals stored secrets; made once, 0600, where none is given."""
    if given := _text("SECRET_KEY"):
        return given
    path = DATA_DIR / "secret.key"
    DATA_DIR.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = DATA_DIR / f"secret.key.{os.getpid()}"
    if not path.exists():
        fresh.touch(mode=0o600)
        fresh.write_text(secrets.token_urlsafe(50))
        with contextlib.suppress(FileExistsError):
            os.link(fresh, path)  # whole or not at all, and the first of several processes wins
        fresh.unlink()
    return path.read_text().strip()


SECRET_KEY = _app_secret()
DEBUG = _flag("DEBUG")
ALLOWED_HOSTS = _list("HOSTS", "localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = _list("ORIGINS", "")
# Without TLS (loopback only, or behind a proxy that ends it elsewhere) cookies cannot be Secure.
PLAIN_HTTP = _flag("PLAIN_HTTP")

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "axes",
    "csp",
    "django_celery_beat",
    "django_htmx",
    "harborweb.accounts",
    "harborweb.jobs",
    "harborweb.configuration",
    "harborweb.deployment",
    "harborweb.registry",
    "harborweb.access",
    "harborweb.signing",
    "harborweb.audit",
    "harborweb.store",
    "harborweb.dashboard",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "harborweb.accounts.middleware.RoleMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "harborweb.urls"
ASGI_APPLICATION = "harborweb.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "builtins": ["harborweb.dashboard.templatetags.look"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "harborweb.dashboard.context.bar",
            ],
        },
    }
]

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": DATA_DIR / "harborweb.sqlite3",
        "OPTIONS": {
            "timeout": 20,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# The pages of what a lower room keeps stand in a room above it, which it does not know.
ABSOLUTE_URL_OVERRIDES = {"signing.bulksigning": lambda bulk: reverse("audit:signing_list", args=[bulk.pk])}

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "accounts:sign_in"
LOGIN_REDIRECT_URL = "/"
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_CALLABLE = "harborweb.accounts.views.locked_out"
AXES_VERBOSE = False

# Behind a proxy that ends TLS the web server takes its word for the scheme (uvicorn, FORWARDED_ALLOW_IPS).
SECURE_SSL_REDIRECT = not PLAIN_HTTP
SECURE_REDIRECT_EXEMPT = [r"^health/$"]
SECURE_HSTS_SECONDS = 0 if PLAIN_HTTP else 31_536_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = not PLAIN_HTTP
SECURE_HSTS_PRELOAD = not PLAIN_HTTP
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = not PLAIN_HTTP
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = LANGUAGE_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = LANGUAGE_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 12 * 3600
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "connect-src": [SELF],
        "font-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }
}

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English"))]
LOCALE_PATHS = [BASE_DIR / "harborweb" / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = _text("TIME_ZONE", "UTC")

STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True  # the files are served from where they lie; nothing to collect

# An installer arrives in pieces of this size; a form larger than this is refused.
DATA_UPLOAD_MAX_MEMORY_SIZE = 8 * 1024 * 1024
HOOK_MAX_BYTES = 64 * 1024  # a webhook's body; a real one has under 1 KiB
INSTALLER_MAX_BYTES = 64_000_000
INSTALLER_SECONDS = 300.0  # to fetch one from a URL
INSTALLER_UNPACKED_BYTES = 256 * 1024 * 1024
# Installers lie here on the worker's host; inside a container under the same path, for prepare hands it to docker.
INSTALLERS_DIR = Path(_text("INSTALLERS", str(DATA_DIR / "installers"))).resolve()
BACKUPS_DIR = Path(_text("BACKUPS", str(DATA_DIR / "backups"))).resolve()  # on the worker's host
# An upload stays in memory until its pieces are in the database: the web process writes no installer to disk.
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.MemoryFileUploadHandler"]
FILE_UPLOAD_MAX_MEMORY_SIZE = INSTALLER_MAX_BYTES + 1024 * 1024
HEALTHY_SECONDS = float(_text("HEALTHY_SECONDS", "180"))  # how long a deployment waits for its containers

REDIS_URL = _text("REDIS", "redis://127.0.0.1:6379/0")


def _broker(url: str) -> str:
    """Celery names a Redis socket otherwise than redis-py: redis+socket:///path?virtual_host=0."""
    parts = urlsplit(url)
    if parts.scheme != "unix":
        return url
    return f"redis+socket://{parts.path}?virtual_host={parse_qs(parts.query).get('db', ['0'])[0]}"


CELERY_BROKER_URL = _broker(REDIS_URL)
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True  # a second delivery finds the job claimed and leaves
CELERY_TASK_REJECT_ON_WORKER_LOST = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_ROUTES = {  # what needs Harbor's own machine
    "harborweb.deployment.tasks.*": {"queue": "host"},
    "harborweb.access.tasks.look_at_name": {"queue": "host"},
}
CELERY_IMPORTS = ["harborweb.registry.beat"]
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_timeout": 30, "socket_connect_timeout": 5}
CELERY_TIMEZONE = TIME_ZONE
# Schedules of people are in the database; those of CELERY_BEAT_SCHEDULE are written there when it starts.
CELERY_BEAT_SCHEDULER = "harborweb.scheduler:Scheduler"
CELERY_BEAT_SCHEDULE_FILENAME = str(DATA_DIR / "celerybeat-schedule")  # touched while it lives
CELERY_WORKER_HIJACK_ROOT_LOGGER = False

# E-mail, for notices: without a host there is none
EMAIL_HOST = _text("EMAIL_HOST")
EMAIL_PORT = int(_text("EMAIL_PORT", "587"))
EMAIL_HOST_USER = _text("EMAIL_USER")
EMAIL_HOST_PASSWORD = _text("EMAIL_PASSWORD")
EMAIL_USE_SSL = _text("EMAIL_SECURITY", "starttls") == "tls"
EMAIL_USE_TLS = _text("EMAIL_SECURITY", "starttls") == "starttls"  # any other word: plain
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = _text("EMAIL_FROM", "harborweb@localhost")

# Jobs (seconds)
JOB_HEARTBEAT_SECONDS = float(_text("JOB_HEARTBEAT_SECONDS", "5"))
JOB_LOST_SECONDS = float(_text("JOB_LOST_SECONDS", "45"))
JOB_GRACE_SECONDS = float(_text("JOB_GRACE_SECONDS", "10"))  # between TERM and KILL
JOB_LOG_MAX_BYTES = 10 * 1024 * 1024

# Sweeps: a repository with more tags than a slice is judged slice by slice, and kept in batches
SWEEP_SLICE = int(_text("SWEEP_SLICE", "1000"))
SWEEP_BATCH = int(_text("SWEEP_BATCH", "250"))
SWEEP_HELP_SECONDS = float(_text("SWEEP_HELP_SECONDS", "3"))  # so long a helping worker keeps other jobs waiting
CELERY_BEAT_SCHEDULE = {
    "jobs-look-after": {"task": "harborweb.jobs.tasks.look_after", "schedule": min(10.0, JOB_LOST_SECONDS / 3)},
    "audit-look-after": {"task": "harborweb.audit.tasks.look_after", "schedule": 5.0, "options": {"expires": 5}},
    "audit-note-ending": {
        "task": "harborweb.audit.tasks.note_ending",
        "schedule": 3600.0,
        "options": {"expires": 3600},
    },
    "audit-forget-old": {"task": "harborweb.audit.tasks.forget_old", "schedule": 24 * 3600.0},
    "signing-look-after": {"task": "harborweb.signing.tasks.look_after", "schedule": 15.0, "options": {"expires": 15}},
    "audit-restand-due": {"task": "harborweb.audit.tasks.restand_due", "schedule": 60.0, "options": {"expires": 60}},
    "deployment-look": {"task": "harborweb.deployment.tasks.look", "schedule": 10.0, "options": {"expires": 10}},
    "registry-look-after": {"task": "harborweb.registry.beat.look_after", "schedule": 3600.0},
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {"harborweb": {"level": "INFO"}},
}
