"""Django's database entry, from the address in ``KANMON_DATABASE_URL`` or for SQLite.

The address holds a password. No error repeats a part of it that could be one: a password whose
``@``, ``/`` or ``#`` is not written as ``%40``, ``%2F`` or ``%23`` ends up anywhere else.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import dj_database_url

from console.text import Template
from portal.environment.errors import VariableError

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
_SSL_MODES: Final = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
"""What ``sslmode`` may be. Source: PostgreSQL, "Database Connection Control Functions"."""
_LIFE_S: Final = 60
"""How long a connection is kept for the next request."""
_SQLITE_WAIT_S: Final = 20
DATABASE: Final = "db.sqlite3"
"""The file of SQLite's database in the state folder."""

SCHEME: Final = Template("environment.scheme", "a database address cannot begin with {scheme}://")
NO_SCHEME: Final = Template("environment.no_scheme", "the database address has no scheme")
WRITE_ADDRESS: Final = Template(
    "environment.write_address",
    "write postgres://user:secret@host:5432/name, or remove the variable to use SQLite in the "
    "state folder",
)
INVALID_URL: Final = Template(
    "environment.invalid_url", "invalid URL: its host or its port is wrong"
)
UNUSABLE_CHARACTER: Final = Template(
    "environment.unusable_character",
    "the database address contains a character that cannot be used",
)
REMOVE_CHARACTER: Final = Template(
    "environment.remove_character",
    "remove %00 and every character that is not UTF-8 from the address",
)
WRITE_SUCH: Final = Template(
    "environment.write_such", "write an address such as postgres://user:secret@host:5432/name"
)
UNKNOWN_OPTION: Final = Template("environment.unknown_option", "unknown option '{option}'")
REMOVE_OPTION: Final = Template(
    "environment.remove_option", "correct or remove the option; the supported options are {known}"
)
REPEATED_OPTION: Final = Template(
    "environment.repeated_option", "the option '{option}' is given more than once"
)
WRITE_ONCE: Final = Template("environment.write_once", "write each option once")
INVALID_OPTION: Final = Template(
    "environment.invalid_option", "the option '{option}' has an invalid value"
)
CHOOSE_VALUE: Final = Template("environment.choose_value", "write one of {values}")
WRITE_SECONDS: Final = Template("environment.write_seconds", "write a whole number of seconds")
NO_DATABASE: Final = Template("environment.no_database", "the address names no database")
MISPLACED_AT: Final = Template(
    "environment.misplaced_at", "the address contains an @ after its first /"
)
ESCAPE: Final = Template(
    "environment.escape",
    "in a user name, a password or a database name, write @ as %40, / as %2F, ? as %3F and # as "
    "%23",
)


def sqlite(state: Path) -> dict[str, Any]:
    """The entry for SQLite in ``state``, as this product needs it.

    WAL, so that pages read while ingest writes; IMMEDIATE transactions, without which parallel
    writers fail nine times in ten; ``synchronous=FULL``, because a gateway deletes what a commit
    has acknowledged.
    """
    return {
        "ENGINE": "portal.environment.private_sqlite3",
        "NAME": state / DATABASE,
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": _SQLITE_WAIT_S,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL",
        },
    }


def postgresql(url: str) -> dict[str, Any]:
    """The entry for a PostgreSQL URL; a socket's folder may stand in its query as ``host``.

    Raises:
        VariableError: Another scheme, no database name, or an option that is not possible.
    """
    found = _SCHEME.match(url)
    scheme = found[1].lower() if found else ""
    if scheme not in _POSTGRES:
        what = SCHEME(scheme=scheme) if scheme else NO_SCHEME()
        raise VariableError(what, WRITE_ADDRESS())
    try:
        entry: dict[str, Any] = {
            "OPTIONS": {},
            **dj_database_url.parse(url, conn_max_age=_LIFE_S, conn_health_checks=True),
        }
    except ValueError:
        # Not chained: it holds the address.
        raise VariableError(INVALID_URL(), WRITE_SUCH()) from None
    _check_name(url, entry["NAME"])
    if urlsplit(url).port == 0:  # which the library takes for none
        raise VariableError(INVALID_URL(), WRITE_SUCH())
    _check_options(entry["OPTIONS"])
    # A text again: the library makes a number of digits.
    entry["HOST"] = str(entry["OPTIONS"].pop("host", "")) or entry["HOST"]
    _check_characters(entry)
    return entry


def _check_options(options: dict[str, Any]) -> None:
    """Refuse what the driver would, only when it connects."""
    unknown = sorted(options.keys() - _OPTIONS - {"host"})
    if unknown:
        step = REMOVE_OPTION(known=tuple(sorted(_OPTIONS)))
        raise VariableError(UNKNOWN_OPTION(option=unknown[0]), step)
    repeated = sorted(name for name, value in options.items() if isinstance(value, list))
    if repeated:
        raise VariableError(REPEATED_OPTION(option=repeated[0]), WRITE_ONCE())
    if options.get("sslmode", "prefer") not in _SSL_MODES:
        raise VariableError(INVALID_OPTION(option="sslmode"), CHOOSE_VALUE(values=_SSL_MODES))
    if type(options.get("connect_timeout", 0)) is not int:  # True is one, too
        raise VariableError(INVALID_OPTION(option="connect_timeout"), WRITE_SECONDS())


def _check_characters(entry: dict[str, Any]) -> None:
    """Refuse what neither PostgreSQL's protocol nor the name service can carry."""
    parts = [*(entry[name] for name in ("NAME", "USER", "PASSWORD", "HOST")), *_texts(entry)]
    try:
        usable = not any(b"\0" in part.encode() for part in parts)
    except UnicodeEncodeError:  # a byte of the environment that is not UTF-8
        usable = False
    if not usable:
        raise VariableError(UNUSABLE_CHARACTER(), REMOVE_CHARACTER()) from None
    if entry["HOST"].startswith("/"):
        return  # the folder of a socket
    try:
        for host in entry["HOST"].split(","):
            host.encode("idna")
    except UnicodeError:
        raise VariableError(INVALID_URL(), WRITE_SUCH()) from None


def _texts(entry: dict[str, Any]) -> list[str]:
    return [value for value in entry["OPTIONS"].values() if isinstance(value, str)]


def _check_name(url: str, name: str) -> None:
    if not name:
        raise VariableError(NO_DATABASE(), WRITE_SUCH())
    _, _, path = url.partition("://")[2].partition("/")
    if "@" in path:
        raise VariableError(MISPLACED_AT(), ESCAPE())
