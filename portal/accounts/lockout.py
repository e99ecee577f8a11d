"""Five wrong passwords in a row lock a count for twelve minutes.

A count belongs to an account together with one of its known browsers, or to the account together
with all other clients::

    who tries                                        counted by
    a browser that signed in to the account before   that browser (`portal.accounts.known_browser`)
    every other client                               the account: all of them together
    a name that has no account                       the name, in the same way

So whoever guesses from elsewhere locks their own count, and not the owner's browser; and what a
guesser is told does not depend on whether the account exists. Failures count whatever lies between
them, until a right password ends the row, and are forgotten after ninety days without another one.
A try is counted before its password is looked at: tries that are made at once do not overtake the
limit.

Source: requirements C-7, K-14 and K-16; OWASP, "Slow Down Online Guessing Attacks with Device
Cookies".
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from django.db import connection, transaction

from portal.accounts.models import FailedSignIns

MOST: Final = 5
"""Wrong passwords in a row that lock a count."""
LOCK_MS: Final = 12 * 60_000
"""How long a count is locked."""
_FORGOTTEN_MS: Final = 90 * 86_400_000
"""A count that nothing was added to for so long is forgotten, whether its account exists or not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A try that was counted, or refused.

    Attributes:
        bucket: The count, a hash.
        refused: Whether the count was locked already: the password is not looked at.
        locked_until_ms: Until when the count is locked if the try fails, Unix milliseconds; 0 where
            it then is not.
    """

    bucket: str
    refused: bool
    locked_until_ms: int


def begin(whose: str, now_ms: int) -> Attempt:
    """Count a try as failed, unless its count is locked; `succeeded` ends the row.

    Args:
        whose: What is counted together, such as an account's id.
        now_ms: Unix milliseconds.
    """
    bucket = sha256(f"failures\n{whose}".encode()).hexdigest()
    with transaction.atomic():
        lock_bucket(bucket)
        FailedSignIns.objects.filter(at__lt=now_ms - _FORGOTTEN_MS).delete()
        count = FailedSignIns.objects.filter(bucket=bucket).first() or FailedSignIns(bucket=bucket)
        if now_ms < count.locked_until <= now_ms + LOCK_MS:
            return Attempt(bucket=bucket, refused=True, locked_until_ms=count.locked_until)
        if count.locked_until:  # over, or set by a clock that has been put back since
            count.failures, count.locked_until = 0, 0
        count.failures += 1
        count.at = now_ms
        if count.failures >= MOST:
            count.locked_until = now_ms + LOCK_MS
        count.save()
    return Attempt(bucket=bucket, refused=False, locked_until_ms=count.locked_until)


def succeeded(attempt: Attempt) -> None:
    """End the row of failures: the password of this try was right."""
    FailedSignIns.objects.filter(bucket=attempt.bucket).delete()


def lock_bucket(bucket: str) -> None:
    """Keep other processes from counting in this bucket until the transaction ends.

    SQLite has one writer at a time anyway (its transactions begin with ``IMMEDIATE``).
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [int(bucket[:15], 16)])
