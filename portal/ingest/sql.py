"""What SQLite and PostgreSQL write differently, and which errors refuse a row.

Both get rows as one parameter a column (PostgreSQL) or one for all (SQLite, as JSON, whose
integers are 64 bits there), so that a statement's text does not depend on how many rows there are.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from django.db import (
    DatabaseError,
    InterfaceError,
    InternalError,
    OperationalError,
    ProgrammingError,
    connection,
    transaction,
)

T = TypeVar("T")

Row = tuple[Any, ...]

_WHOLE_NUMBERS: Final = frozenset({"smallint", "integer", "bigint"})

OUTAGES: Final = (OperationalError, InterfaceError, InternalError, ProgrammingError)
"""What a database raises when it is unavailable; `is_outage` tells which of them mean that."""

_STATE_PREFIXES: Final = ("08", "40", "53", "57P", "58")
"""SQLSTATEs of connections, rolled back transactions, resources, administration and files."""
_STATES: Final = frozenset({"25006", "55P03"})
"""SQLSTATEs of a database that is read-only, and of a lock that was waited for too long."""
_SQLITE_CODES: Final = frozenset(
    {
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_NOTADB,
    }
)


def sqlstate(error: BaseException) -> str:
    """The code of a database error: an SQLSTATE, or SQLite's name for it; ``""`` without one."""
    cause = error.__cause__ or error
    code = getattr(cause, "sqlstate", None) or getattr(cause, "sqlite_errorname", None)
    return str(code or "")


def is_lost(error: BaseException) -> bool:
    """Whether the connection was lost; one row that ends every connection does that, too."""
    if not isinstance(error, OperationalError | InterfaceError):
        return False
    return sqlstate(error)[:2] in {"", "08"} or sqlstate(error).startswith("57P")


def is_outage(error: BaseException) -> bool:
    """Whether the whole database is unavailable, and no row is to blame.

    The connection was lost, transactions met each other, the disk is full, the database is
    read-only, or a lock was not obtained in time. Whatever else is raised may be a row's fault.
    """
    if not isinstance(error, DatabaseError | InterfaceError):
        return False
    if is_lost(error):
        return True
    state = sqlstate(error)
    number = getattr(error.__cause__, "sqlite_errorcode", None)
    if number is not None:
        return number & 0xFF in _SQLITE_CODES
    return state in _STATES or state.startswith(_STATE_PREFIXES)


def postgres() -> bool:
    """Whether the current connection's database is PostgreSQL; otherwise it is SQLite."""
    return connection.vendor == "postgresql"


def source(types: Sequence[str], rows: Sequence[Row]) -> tuple[str, list[Any]]:
    """A row source for FROM with columns ``c0, c1, ...``, and its parameters.

    Args:
        types: The types of the columns, as PostgreSQL calls them.
        rows: The rows it yields.

    End a SELECT from it with WHERE before ON CONFLICT: SQLite's grammar needs one there.
    """
    names = [f"c{index}" for index in range(len(types))]
    if postgres():
        arrays = ", ".join(f"%s::{type_}[]" for type_ in types)
        columns = zip(*rows, strict=True) if rows else [()] * len(types)
        parameters = [_array(type_, column) for type_, column in zip(types, columns, strict=True)]
        return f"unnest({arrays}) AS rows({', '.join(names)})", parameters
    picks = ", ".join(
        f"json_extract(value, '$[{index}]') AS {name}" for index, name in enumerate(names)
    )
    table = f"(SELECT {picks} FROM json_each(%s)) AS rows"  # noqa: S608 - numbers of columns only
    return table, [json.dumps(rows)]


def _array(type_: str, column: Sequence[Any]) -> Any:
    """A column as PostgreSQL's array; whole numbers as its text, which psycopg makes slowly.

    Source: PostgreSQL manual, "Array Input and Output Syntax".
    """
    if type_ not in _WHOLE_NUMBERS:
        return list(column)
    return "{" + ",".join(["NULL" if one is None else f"{one:d}" for one in column]) + "}"


def isolate(
    items: Sequence[T],
    apply: Callable[[Sequence[T]], None],
    trial: Callable[[Exception], None],
    until: float,
) -> list[tuple[T, Exception | None]]:
    """Apply all items but those that fail; returns these, each with its error.

    All are applied at once. Where that fails they are halved, until each that fails is alone in a
    savepoint and has failed twice. Those that were not tried in time come without an error.

    Args:
        items: In the order in which they are applied.
        apply: Runs in savepoints and may run several times: it keeps nothing in memory.
        trial: Called with the first error before any item is tried alone; raises where not the
            items are to blame.
        until: When no further half is tried once one item was found, by `time.monotonic`.

    Raises:
        DatabaseError: The database is unavailable (`is_outage`).
    """
    error = _attempt(items, apply) if items else None
    if error is None:
        return []
    trial(error)
    found: list[tuple[T, Exception | None]] = []
    _descend(items, apply, until, found)
    return found


def _descend(
    items: Sequence[T],
    apply: Callable[[Sequence[T]], None],
    until: float,
    found: list[tuple[T, Exception | None]],
) -> None:
    """Apply items that failed together; adds to ``found`` those that fail alone, and again.

    One at least is found, however long that takes, so that a box gets on.
    """
    half = len(items) // 2
    if not half:  # it failed before this call
        again = _attempt(items, apply)
        if again is not None:
            found.append((items[0], again))
        return
    for part in (items[:half], items[half:]):
        if found and time.monotonic() > until:
            found += [(one, None) for one in part]
        elif _attempt(part, apply) is not None:
            _descend(part, apply, until, found)


def _attempt(items: Sequence[T], apply: Callable[[Sequence[T]], None]) -> Exception | None:
    """Apply items in a savepoint; returns the error that undid them."""
    try:
        with transaction.atomic():
            apply(items)
    except Exception as error:
        if is_outage(error):
            raise
        return error
    return None
