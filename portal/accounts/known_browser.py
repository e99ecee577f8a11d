"""A browser in which a user has signed in: guesses made elsewhere do not lock them out of it.

The cookie opens nothing. It names a bucket of its own in which this browser's wrong tries for this
one user are counted, instead of the one for all unknown browsers (OWASP, "Slow Down Online
Guessing Attacks with Device Cookies").
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.core import signing

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponseBase

    from portal.accounts.models import User

COOKIE: Final = "known-browser"
_SALT: Final = "kanmon.known-browser"
_LIFE: Final = timedelta(days=365)


def known_as(request: HttpRequest, email: str) -> str:
    """The bucket of this browser for a user's email in its normal form; ``""`` for a stranger."""
    try:
        known = signing.loads(request.COOKIES.get(COOKIE, ""), salt=_SALT, max_age=_LIFE)
        return str(known["bucket"]) if known["email"] == email else ""
    except (signing.BadSignature, KeyError, TypeError):
        return ""


def remember_browser(response: HttpResponseBase, user: User) -> None:
    """Know this browser from now on by ``user``, instead of the user who signed in here before."""
    known = {"email": user.email, "bucket": secrets.token_urlsafe(12)}
    response.set_cookie(
        COOKIE,
        signing.dumps(known, salt=_SALT),
        max_age=_LIFE,
        secure=settings.SECURE_COOKIES,
        httponly=True,
        samesite="Lax",
    )
