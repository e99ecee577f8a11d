"""Passwords that expire, in organizations that want it.

Off unless an administrator of an organization turns it on: forced changes make passwords worse
(NIST SP 800-63B, section 5.1.1.2). Then a password lives three calendar months. From seven days
before its end each sign-in says so, and after its end a session opens the change page only. When
the password of a session expires is decided at its sign-in and kept in the session, so that pages
need no query for it: turning expiry on takes effect at the next sign-in.

Source: requirements C-8 and K-2.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.utils import timezone

from portal.web.moments import datetime_of, milliseconds

if TYPE_CHECKING:
    from datetime import datetime

    from django.http import HttpRequest

    from portal.accounts.models import User

LIFE_MONTHS: Final = 3
WARNING: Final = timedelta(days=7)
_KEY: Final = "password_expires_at"


def months_later(at: datetime, months: int) -> datetime:
    """The same day of a later month, or that month's last day where it has no such day."""
    month = at.month - 1 + months
    first = at.replace(year=at.year + month // 12, month=month % 12 + 1, day=1)
    following = (first + timedelta(days=31)).replace(day=1)
    return first.replace(day=min(at.day, (following - timedelta(days=1)).day))


def expires_at(user: User) -> datetime | None:
    """When a user's password expires; ``None``: never, or there is no password."""
    if not user.has_usable_password():
        return None
    if not user.organizations.filter(password_expires=True).exists():
        return None
    return months_later(user.password_changed_at or user.created_at, LIFE_MONTHS)


def note_expiry(request: HttpRequest, user: User) -> None:
    """Keep in the session when the password expires."""
    end = expires_at(user)
    if end is None:
        request.session.pop(_KEY, None)
    else:
        request.session[_KEY] = milliseconds(end)


def session_expiry(request: HttpRequest) -> datetime | None:
    """When the password of the session's user expires; ``None``: never."""
    end = request.session.get(_KEY)
    return datetime_of(end) if isinstance(end, int) else None


def password_expired(request: HttpRequest) -> bool:
    """Whether the session may only change its password."""
    end = session_expiry(request)
    return end is not None and end <= timezone.now()


def warned_until(request: HttpRequest) -> datetime | None:
    """The end of the password where it is to be said; ``None`` before the last seven days."""
    end = session_expiry(request)
    return end if end and end - WARNING <= timezone.now() < end else None
