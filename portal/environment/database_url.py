"""Django's database entry, from the address in ``KANMON_DATABASE_URL`` or for SQLite.

The address holds a password. No error repeats a part of it that could be one: a password whose
``@``, ``/`` or ``#`` is not written as ``%40``, ``%2F`` or ``%23`` ends up anywhere else.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import dj_database_url

if TYPE_CHECKING:
    from pathlib import Path

_SCHEME: Final = re.compile(r"([a-z][a-z0-9+.-]*)://", re.IGNORECASE)
_POSTGRES: Final = frozenset({"postgres", "postgresql"})
_OPTIONS: Final = frozenset(
    {
        "sslmode",
        "sslrootcert",
        "sslcert",
        "sslkey",
        "connect_timeout",
        "application_name",
        "options",
    }
)
_LIFE_S: Final = 60
"""How long a connection is kept for the next request."""
_SQLITE_WAIT_S: Final = 20


def sqlite(state: Path) -> dict[str, Any]:
    """The entry for SQLite in ``state``, as this product needs it.

    WAL, so that pages read while ingest writes; IMMEDIATE transactions, without which parallel
    writers fail nine times in ten; ``synchronous=FULL``, because a gateway deletes what a commit
    has acknowledged.
    """
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": state / "db.sqlite3",
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": _SQLITE_WAIT_S,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL",
        },
    }


def postgresql(url: str) -> dict[str, Any]:
    """The entry for a PostgreSQL URL; a socket's folder may stand in its query as ``host``.

    Raises:
        ValueError: Another scheme, no database name, or an option that is not known.
    """
    found = _SCHEME.match(url)
    scheme = found[1].lower() if found else ""
    if scheme not in _POSTGRES:
        raise ValueError(
            f"KANMON_DATABASE_URL begins with {f'{scheme}://' if scheme else 'no scheme'}; write "
            "postgres://user:secret@host:5432/name, or leave it out to use SQLite in the state "
            "folder"
        )
    try:
        entry: dict[str, Any] = {
            "OPTIONS": {},
            **dj_database_url.parse(url, conn_max_age=_LIFE_S, conn_health_checks=True),
        }
    except ValueError:
        # Not chained: it holds the address.
        raise ValueError(
            "KANMON_DATABASE_URL is no URL: its host or its port is wrong; write one such as "
            "postgres://user:secret@host:5432/name"
        ) from None
    _check_name(url, entry["NAME"])
    options = entry["OPTIONS"]
    entry["HOST"] = options.pop("host", "") or entry["HOST"]
    unknown = sorted(options.keys() - _OPTIONS)
    if unknown:
        raise ValueError(
            f"KANMON_DATABASE_URL has the option {unknown[0]!r}, which is not one of "
            f"{', '.join(sorted(_OPTIONS))}; remove it"
        )
    repeated = sorted(name for name, value in options.items() if isinstance(value, list))
    if repeated:
        raise ValueError(
            f"KANMON_DATABASE_URL has the option {repeated[0]!r} more than once; write each option "
            "once"
        )
    return entry


def _check_name(url: str, name: str) -> None:
    if not name:
        raise ValueError(
            "KANMON_DATABASE_URL names no database; write one such as "
            "postgres://user:secret@host:5432/name"
        )
    _, _, path = url.partition("://")[2].partition("/")
    if "@" in path:
        raise ValueError(
            "KANMON_DATABASE_URL has an @ after the first / of its address; in a user, a password "
            "or a name write @ as %40, / as %2F, ? as %3F and # as %23"
        )
