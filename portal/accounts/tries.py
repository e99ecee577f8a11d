"""Limits that protect the server, counted in the database: all processes count together.

A try is counted before the password is looked at, and taken back where it was right; forms that are
sent are counted by themselves, whatever they say. Counting and asking are one step, under a lock:
tries that are made at once do not overtake the limit. What is refused is not counted, so that each
address has few rows, and none is kept for longer than five minutes. What protects an account is
counted elsewhere (`portal.accounts.lockout`).
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from django.db import connection, transaction
from django.db.models import Q

from portal.accounts.models import SignInTry

if TYPE_CHECKING:
    from collections.abc import Sequence

_MINUTE_MS: Final = 60_000
_LONGEST_MS: Final = 5 * _MINUTE_MS
"""The longest window that a limit may have: an older try is forgotten."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """How many tries there may be within a window.

    Attributes:
        name: What is counted together: a limit's tries do not count for another.
        most: How many.
        window_ms: Milliseconds; at most five minutes.
    """

    name: str
    most: int
    window_ms: int


FORMS: Final = Limit(name="forms", most=30, window_ms=_MINUTE_MS)
RESETS: Final = Limit(name="resets", most=3, window_ms=5 * _MINUTE_MS)
SIGN_UPS: Final = Limit(name="sign-ups", most=3, window_ms=5 * _MINUTE_MS)
"""Mails to one address because somebody signs up with it."""
NETWORK_SIGN_UPS: Final = Limit(name="network sign-ups", most=30, window_ms=5 * _MINUTE_MS)
CODES: Final = Limit(name="codes", most=3, window_ms=5 * _MINUTE_MS)
"""Codes that are tried for one sign-up."""
INVITATIONS: Final = Limit(name="invitations", most=30, window_ms=5 * _MINUTE_MS)
"""Invitations that one organization sends."""
NETWORK: Final = Limit(name="network", most=10, window_ms=_MINUTE_MS)


def count_try(kinds: Sequence[tuple[Limit, str]], now_ms: int) -> list[int] | None:
    """Count a try, unless it is one too many.

    Args:
        kinds: The limits that hold for it, each with whose tries it counts (an address, an email).
        now_ms: Unix milliseconds.

    Returns:
        What `take_back` needs; ``None`` where a limit is reached: such a try is not counted.
    """
    buckets = [(limit, _bucket(limit, whose)) for limit, whose in kinds]
    with transaction.atomic():
        _lock([bucket for _limit, bucket in buckets])
        # What lies ahead was counted by a clock that has been put back since.
        outdated = Q(at__lte=now_ms - _LONGEST_MS) | Q(at__gt=now_ms + _LONGEST_MS)
        SignInTry.objects.filter(outdated).delete()
        for limit, bucket in buckets:
            tries = SignInTry.objects.filter(bucket=bucket, at__gt=now_ms - limit.window_ms)
            if tries.count() >= limit.most:
                return None
        return [SignInTry.objects.create(bucket=bucket, at=now_ms).pk for _, bucket in buckets]


def take_back(tries: Sequence[int]) -> None:
    """Count a try no longer: its password was right."""
    SignInTry.objects.filter(pk__in=tries).delete()


def _bucket(limit: Limit, whose: str) -> str:
    """The name of what is counted together; a hash, because an email may have any length."""
    return sha256(f"{limit.name}\n{whose}".encode()).hexdigest()


def _lock(buckets: Sequence[str]) -> None:
    """Keep other processes from counting in these buckets until the transaction ends.

    SQLite has one writer at a time anyway (its transactions begin with ``IMMEDIATE``).
    """
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        for key in sorted(int(bucket[:15], 16) for bucket in buckets):
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [key])
