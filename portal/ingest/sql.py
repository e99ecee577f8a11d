"""What SQLite and PostgreSQL write differently, and which errors refuse a row.

Both get rows as one parameter a column (PostgreSQL) or one for all (SQLite, as JSON, whose
integers are 64 bits there), so that a statement's text does not depend on how many rows there are.
"""

from __future__ import annotations

import json
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

REFUSALS: Final = (DatabaseError, ValueError, OverflowError)
"""What a database, or the way to it, raises for a row it will not take..."""
OUTAGES: Final = (OperationalError, InterfaceError, InternalError, ProgrammingError)
"""...except these: it is busy, full, gone, read-only, another version's or not ours to write.

The row is not to blame: it waits at its box, and is not put aside.
"""


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
        columns = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in types]
        return f"unnest({arrays}) AS rows({', '.join(names)})", columns
    picks = ", ".join(
        f"json_extract(value, '$[{index}]') AS {name}" for index, name in enumerate(names)
    )
    table = f"(SELECT {picks} FROM json_each(%s)) AS rows"  # noqa: S608 - numbers of columns only
    return table, [json.dumps(rows)]


def together_or_singly(
    items: Sequence[T],
    apply: Callable[[Sequence[T]], None],
    refuse: Callable[[T, Exception], None],
) -> None:
    """Apply all at once; where the database refuses, one by one, so that one harms no neighbour.

    ``apply`` runs in savepoints and may run twice: it keeps nothing in memory. Outages propagate:
    the whole transaction is tried again.
    """
    if not items:
        return
    try:
        with transaction.atomic():
            apply(items)
    except OUTAGES:
        raise
    except REFUSALS:
        for item in items:
            try:
                with transaction.atomic():
                    apply([item])
            except OUTAGES:
                raise
            except REFUSALS as error:
                refuse(item, error)
