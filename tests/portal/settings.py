"""The portal's settings, with a key and a password hasher that are fit for tests only."""

from __future__ import annotations

import atexit
import os
import tempfile
from pathlib import Path

# Never the state folder of a portal that lives on this machine.
os.environ["KANMON_PORTAL_STATE"] = tempfile.gettempdir() + "/kanmon-test-portal"

from portal.settings import *  # noqa: F403 - everything else is the portal's own
from portal.settings import DATABASES, MIDDLEWARE

SECRET_KEY = "tests-only-" + "0123456789" * 4
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # argon2 is slow on purpose
# Administrators of most tests have none; the tests of second factors require them.
SECOND_FACTOR_REQUIRED = False
# The built assets are looked at by the browser walk, which runs a portal of its own.
STORAGES = {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
MIDDLEWARE = [name for name in MIDDLEWARE if not name.startswith("whitenoise.")]

if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # A file in WAL, as in the field: in memory, threads would not wait for each other.
    _FOLDER = tempfile.TemporaryDirectory(prefix="kanmon-test-database-")
    atexit.register(_FOLDER.cleanup)
    DATABASES["default"]["TEST"] = {"NAME": Path(_FOLDER.name) / "test.sqlite3"}
