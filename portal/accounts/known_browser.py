"""A browser in which a user has signed in: guesses made elsewhere do not lock them out of it.

The cookie opens nothing. For each of the accounts that last signed in here it names a count of its
own, in which this browser's wrong tries for this one account are counted instead of in the one for
all other clients (OWASP, "Slow Down Online Guessing Attacks with Device Cookies"). It is signed,
and it holds ids only: a person who reads it learns no address.
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
_SALT: Final = "kanmon.known-browser.2"
_LIFE: Final = timedelta(days=365)
_MOST: Final = 8
"""Accounts that a browser is known by: a shared computer in an office has several."""


def known_as(request: HttpRequest, user: User | None) -> str:
    """The count of this browser for an account; ``""`` where the account never signed in here."""
    return _accounts(request).get(str(user.pk), "") if user else ""


def remember_browser(request: HttpRequest, response: HttpResponseBase, user: User) -> None:
    """Know this browser from now on by ``user``, beside the users who signed in here last.

    Its count is a new one: a copy of the cookie that was made before no longer counts with it.
    """
    accounts = _accounts(request)
    accounts.pop(str(user.pk), None)
    newest = dict([*accounts.items(), (str(user.pk), secrets.token_urlsafe(12))][-_MOST:])
    response.set_cookie(
        COOKIE,
        signing.dumps(newest, salt=_SALT),
        max_age=_LIFE,
        secure=settings.SECURE_COOKIES,
        httponly=True,
        samesite="Lax",
    )


def _accounts(request: HttpRequest) -> dict[str, str]:
    """The counts of this browser by account, the oldest first; none in a forged cookie."""
    try:
        known = signing.loads(request.COOKIES.get(COOKIE, ""), salt=_SALT, max_age=_LIFE)
        return {str(account): str(bucket) for account, bucket in known.items()}
    except (signing.BadSignature, AttributeError):
        return {}
