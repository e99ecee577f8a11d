"""Rows that a database refuses, each with a real error of its own."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from django.db import connection

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

POSTGRES: Final = {
    "program limit": "RAISE EXCEPTION 'poison' USING ERRCODE = '54000'",
    "statement timeout": "RAISE EXCEPTION 'poison' USING ERRCODE = '57014'",
    "out of range": "RAISE EXCEPTION 'poison' USING ERRCODE = '22003'",
    "internal": "RAISE EXCEPTION 'poison' USING ERRCODE = 'XX000'",
    "constraint": "RAISE EXCEPTION 'poison' USING ERRCODE = '23514'",
    "no such column": "RAISE EXCEPTION 'poison' USING ERRCODE = '42703'",
    "division": "PERFORM 1 / 0",
}
SQLITE: Final = {
    "integer overflow": "SELECT abs(-9223372036854775807 - 1)",
    "too big": "SELECT zeroblob(2000000000)",
    "constraint": "SELECT RAISE(ABORT, 'poison')",
}
ERRORS: Final = (*POSTGRES, *(name for name in SQLITE if name not in POSTGRES))
OUTAGES: Final = {
    "disk full": "53100",
    "read-only": "25006",
    "deadlock": "40P01",
    "serialization": "40001",
    "lock timeout": "55P03",
    "shutdown": "57P01",
}
"""What PostgreSQL raises where no row is to blame."""
BAD: Final = 666
"""The value of the records for which rows are poisoned."""


def statement(error: str) -> str | None:
    """What raises an error in this database's triggers; ``None`` where it has no such error."""
    if connection.vendor == "postgresql":
        return POSTGRES.get(error)
    return SQLITE.get(error)


def any_error() -> str:
    """A statement that raises what counted as an outage once, in either database."""
    return statement("program limit") or statement("integer overflow") or ""


@contextmanager
def poisoned(table: str, condition: str, raises: str, *, on: str = "INSERT") -> Iterator[None]:
    """While the block runs, rows of ``table`` for which ``condition`` holds raise an error."""
    with connection.cursor() as cursor:
        for one in _create(table, condition, raises, on):
            cursor.execute(one)
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute("DROP FUNCTION poison() CASCADE")
            else:
                cursor.execute("DROP TRIGGER poison")


def refusing() -> AbstractContextManager[None]:
    """A database that does not take the readings that are `BAD`."""
    return poisoned("ingest_sample", f"NEW.value = {BAD}", any_error())


def poisoned_clocks() -> AbstractContextManager[None]:
    """A database that takes no clock, nor the canary's."""
    return poisoned("ingest_bootclock", "NEW.since_boot_ms >= 0", any_error())


def _create(table: str, condition: str, raises: str, on: str) -> list[str]:
    if connection.vendor == "postgresql":
        body = f"BEGIN IF {condition} THEN {raises}; END IF; RETURN NEW; END"
        return [
            f"CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS $$ {body} $$",
            f"CREATE TRIGGER poison BEFORE {on} ON {table} FOR EACH ROW EXECUTE FUNCTION poison()",
        ]
    return [f"CREATE TRIGGER poison BEFORE {on} ON {table} WHEN {condition} BEGIN {raises}; END"]
