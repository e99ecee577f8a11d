"""Texts and times as the database compares them, alike on SQLite and PostgreSQL.

A search finds a text whatever its case and width (``３Ｆ`` as ``3f``). PostgreSQL normalizes by
itself; SQLite is taught to, when a connection is made.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any, Final

from django.db.models import BigIntegerField, CharField, Func

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper
    from django.db.models.sql.compiler import SQLCompiler

    Compiled = tuple[str, Any]

_FUNCTION: Final = "KANMON_SEARCH_TEXT"


def search_text(*texts: str | None) -> str:
    """Texts as they are searched: as one, in small letters, without differences of width."""
    return unicodedata.normalize("NFKC", " ".join(text or "" for text in texts)).lower()


class SearchText(Func):
    """`search_text` of columns."""

    function = _FUNCTION
    output_field = CharField()

    def as_postgresql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any
    ) -> Compiled:
        """PostgreSQL has the functions."""
        template = "LOWER(NORMALIZE(CONCAT_WS(' ', %(expressions)s), NFKC))"
        return self.as_sql(compiler, connection, template=template, **context)


class UnixMilliseconds(Func):
    """A moment as Unix milliseconds, for an order."""

    output_field = BigIntegerField()

    def as_postgresql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any
    ) -> Compiled:
        """The seconds of its epoch."""
        template = "CAST(EXTRACT(EPOCH FROM %(expressions)s) * 1000 AS BIGINT)"
        return self.as_sql(compiler, connection, template=template, **context)

    def as_sqlite(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any
    ) -> Compiled:
        """The days since the Julian epoch."""
        template = "CAST((julianday(%(expressions)s) - 2440587.5) * 86400000 AS INTEGER)"
        return self.as_sql(compiler, connection, template=template, **context)


def teach_sqlite(connection: BaseDatabaseWrapper, **_: Any) -> None:
    """Let a new connection to SQLite know `search_text`; for ``connection_created``."""
    if connection.vendor == "sqlite":
        connection.connection.create_function(_FUNCTION, -1, search_text, deterministic=True)
