"""Sums over 64-bit integers, exact whatever they are. Every page and metric adds up with these.

PostgreSQL adds ``bigint`` as ``numeric``, exactly. SQLite's SUM raises *integer overflow* beyond 64
bits, which a few hundred values of a box can reach; here it adds the upper and the lower 32 bits
apart, and no sum of fewer than 2^31 rows can overflow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import Aggregate, BigIntegerField

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper
    from django.db.models.sql.compiler import SQLCompiler

_HALVES = (
    "CAST(SUM(%(expressions)s >> 32) AS TEXT) || ' ' || "
    "CAST(SUM(%(expressions)s & 4294967295) AS TEXT)"
)


class ExactSum(Aggregate):
    """The sum of a column of integers, an `int`; ``None`` without any. It takes no filter."""

    function = "SUM"
    name = "ExactSum"
    output_field = BigIntegerField()

    def __init__(self, field: str) -> None:
        super().__init__(field)

    def as_sqlite(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any
    ) -> tuple[str, tuple[Any, ...]]:
        """The sums of both halves, as one text."""
        statement, parameters = super().as_sql(compiler, connection, template=_HALVES, **context)
        return statement, (*parameters, *parameters)

    def convert_value(self, value: Any, expression: Any, connection: Any) -> int | None:
        """What the database returned, as an integer."""
        if isinstance(value, str):
            upper, lower = value.split()
            return (int(upper) << 32) + int(lower)
        return None if value is None else int(value)
