"""Django's settings. What differs between machines comes from `portal.environment.model`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import django_stubs_ext
from csp.constants import NONE, SELF
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext_lazy as _

from portal.environment import model
from portal.environment.mail_server import PRODUCT
from portal.environment.state_folder import PACKAGE, secret_key

django_stubs_ext.monkeypatch()

ENVIRONMENT = model.read()
STATE = ENVIRONMENT.state
BROKER = ENVIRONMENT.broker
BROKER_ID = ENVIRONMENT.broker_id
MQTT = ENVIRONMENT.mqtt
PORTAL_URL = ENVIRONMENT.url
CLAIM_URL = ENVIRONMENT.claim_url
BOX_BROKER = ENVIRONMENT.box_broker
TRUSTED_PROXIES = ENVIRONMENT.trusted_proxies
METRICS_TOKEN = ENVIRONMENT.metrics_token
INGEST_METRICS = ENVIRONMENT.ingest_metrics
INGEST_BUDGET = ENVIRONMENT.ingest_budget
MAIL_SERVER = ENVIRONMENT.mail_server
MAIL_SENDER = ENVIRONMENT.mail_from or (PRODUCT, f"no-reply@{ENVIRONMENT.host}")
SIMULATION = ENVIRONMENT.simulation

DEBUG = ENVIRONMENT.debug
# Lazy: the key's file is made by the first thing that signs, not by importing the settings.
SECRET_KEY: Any = SimpleLazyObject(lambda: secret_key(STATE))
ALLOWED_HOSTS = [ENVIRONMENT.host, ENVIRONMENT.claim_host, "localhost", "127.0.0.1", "[::1]"]
ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "django_tasks_db",
    "csp",
    # Ours before allauth's, so that our templates of the same name are found first.
    "portal.audit",
    "portal.notifications",
    "portal.accounts",
    "portal.fleet",
    "portal.authority",
    "portal.ingest",
    "portal.web",
    "portal.manual",
    "portal.monitoring",
    "portal.usage",
    "portal.simulation",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
]

MIDDLEWARE = [
    "portal.web.client_address.ClientAddressMiddleware",
    "portal.metrics.requests.RequestTimes",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    # Pads each page at random, so that its length tells nothing of what is in it (BREACH).
    "django.middleware.gzip.GZipMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "portal.accounts.language.LanguageMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "portal.accounts.middleware.LoginRequired",
    "portal.accounts.middleware.SetUpFirst",
    "portal.accounts.entry.EntrySteps",
    "portal.accounts.roles.BillingRole",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "portal.web.visible.VisibleControls",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "django.template.context_processors.i18n",
                "portal.simulation.mailbox.simulated_mailbox",
                "portal.monitoring.frame.frame",
                "portal.manual.help.help_link",
            ],
        },
    }
]

# --- data -----------------------------------------------------------------------------------

DATABASES = {"default": dict(ENVIRONMENT.database)}

# Each process's own: what must be counted in all of them together is in the database.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "OPTIONS": {"MAX_ENTRIES": 50_000},
    }
}

# --- background work ------------------------------------------------------------------------

# A task is a row, written in the transaction of the act that causes it; `kanmon-portal work` runs
# it once. Mail has an outbox of its own, because nothing here tries a failed task again.
TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend", "QUEUES": []}}
# Mail that bypasses the outbox would be lost where the mail server is away.
EMAIL_BACKEND = "portal.notifications.direct_mail.RefusingBackend"

# --- people ---------------------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "portal.accounts.passwords.CharactersValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {
            "user_attributes": (
                "email",
                "user_name",
                "family_name",
                "given_name",
                "notification_email",
            )
        },
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "overview"
ACCOUNT_ADAPTER = "portal.accounts.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email", "username"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = "user_name"
ACCOUNT_EMAIL_VERIFICATION = "none"  # an account is made when its address is proven
# Signing up (`portal.accounts.sign_up`): the address is proven before there is an account.
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_FORMAT = {"numeric": True, "length": 6, "dashed": False}
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_MAX_ATTEMPTS = 3
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_TIMEOUT = int(timedelta(minutes=30).total_seconds())
ACCOUNT_LOGIN_TIMEOUT = int(timedelta(minutes=30).total_seconds())
INVITATION_LIFE = timedelta(days=7)
# What is settled when a person leaves an organization, in this order.
DEPARTURES = (
    "portal.accounts.departure.Access",
    "portal.accounts.departure.Links",
    "portal.accounts.departure.Invitations",
    "portal.accounts.departure.Mails",
    "portal.authority.departure.AgentKeys",
)
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_RATE_LIMITS = False  # it counts in each process; portal.accounts.tries counts in all
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_SESSION_COOKIE_AGE = int(timedelta(days=14).total_seconds())
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False  # who asks for a new password learns nothing by mail either
ACCOUNT_REAUTHENTICATION_TIMEOUT = int(timedelta(minutes=15).total_seconds())
ACCOUNT_FORMS = {
    "login": "portal.accounts.forms.SignInForm",
    "reauthenticate": "portal.accounts.forms.AgainForm",
    "change_password": "portal.accounts.forms.PasswordForm",
    "set_password": "portal.accounts.forms.NewPasswordForm",
    "reset_password": "portal.accounts.forms.ForgottenForm",
    "reset_password_from_key": "portal.accounts.forms.ResetForm",
}
PASSWORD_RESET_TIMEOUT = int(timedelta(hours=2).total_seconds())
SIGN_IN_LINK_LIFE = timedelta(minutes=30)
NOTIFICATION_ADDRESS_LIFE = timedelta(hours=24)
NOTICE_LIFE = timedelta(days=2)

# A demonstration protects nothing, and everything in it is made up.
SECOND_FACTOR_REQUIRED = ENVIRONMENT.second_factor == "required" and not ENVIRONMENT.simulation
MFA_ADAPTER = "portal.accounts.second_factor.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_ALLOW_UNVERIFIED_EMAIL = True  # an operator vouches for addresses added by command
MFA_TOTP_TOLERANCE = 1  # a step of 30 seconds: RFC 6238, section 5.2
MFA_RATE_LIMITS = False  # as ACCOUNT_RATE_LIMITS
MFA_FORMS = {
    "authenticate": "portal.accounts.forms.CodeForm",
    "reauthenticate": "portal.accounts.forms.CodeAgainForm",
    "add_webauthn": "portal.accounts.forms.PasskeyForm",
    "edit_webauthn": "portal.accounts.forms.PasskeyNameForm",
}
USERSESSIONS_TRACK_ACTIVITY = False  # each poll would write

# --- words and times ------------------------------------------------------------------------

LANGUAGES = [("en", _("English")), ("ja", _("Japanese"))]
LANGUAGE_CODE = "en"
LOCALE_PATHS = [PACKAGE / "locale"]
USE_TZ = True
TIME_ZONE = "UTC"

# --- what the browser may do ----------------------------------------------------------------

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }
}
# Plain HTTP is for the machine itself (a demo, a proxy's back side); everywhere else a cookie
# that could travel unencrypted would be a session for whoever listens.
SECURE_COOKIES = not (ENVIRONMENT.debug or (ENVIRONMENT.loopback and not ENVIRONMENT.https))
SESSION_COOKIE_SECURE = SECURE_COOKIES
CSRF_COOKIE_SECURE = SECURE_COOKIES
LANGUAGE_COOKIE_SECURE = SECURE_COOKIES
SESSION_COOKIE_NAME = "__Host-session" if SECURE_COOKIES else "session"
CSRF_COOKIE_NAME = "__Host-csrf" if SECURE_COOKIES else "csrf"
SESSION_COOKIE_HTTPONLY = True
CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = int(timedelta(days=14).total_seconds())
CSRF_TRUSTED_ORIGINS = [PORTAL_URL]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if ENVIRONMENT.https else None
SECURE_SSL_REDIRECT = ENVIRONMENT.https and not ENVIRONMENT.debug
# Prometheus reads beside the proxy, over plain HTTP on this machine.
SECURE_REDIRECT_EXEMPT = [r"^metrics$"]
SECURE_HSTS_SECONDS = int(timedelta(days=365).total_seconds()) if ENVIRONMENT.https else 0
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

# --- files the browser loads ----------------------------------------------------------------

# scripts/assets collects this folder when the program is built: nothing is found at run time.
STATIC_URL = "/static/"
STATIC_ROOT = PACKAGE / "static" / "build"
STATICFILES_FINDERS: list[str] = []
STORAGES = {"staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"}}
WHITENOISE_MAX_AGE = 60  # of a name without its content's hash; the others are kept for good

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": "portal.logs.LineFormatter"}},
    "filters": {"requests": {"()": "portal.logs.RequestFilter"}},
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": "line",
            "filters": ["requests"],
        }
    },
    "loggers": {
        "django": {"handlers": []},  # Django's own handlers escape nothing
        "django_tasks_db": {"level": "WARNING"},  # it tells of each start and end of its loop
    },
    "root": {"handlers": ["console"], "level": "INFO"},
}
