"""What whoever owns the database can do: write to the audit log without its triggers."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from django.db import connection

if TYPE_CHECKING:
    from collections.abc import Iterator

TABLES: Final = ("audit_entry", "audit_detail", "audit_head")


@contextmanager
def without_triggers() -> Iterator[None]:
    """While this lasts, nothing refuses a change of the audit log."""
    if connection.vendor == "postgresql":
        _run(f"ALTER TABLE {table} DISABLE TRIGGER USER" for table in TABLES)
        yield
        _run(f"ALTER TABLE {table} ENABLE TRIGGER USER" for table in TABLES)
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        found = cursor.fetchall()
    _run(f"DROP TRIGGER {name}" for name, _sql in found)
    yield
    _run(sql for _name, sql in found)


def _run(statements: Iterator[str]) -> None:
    with connection.cursor() as cursor:
        for statement in list(statements):
            cursor.execute(statement)
