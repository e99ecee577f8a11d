"""The first few rows of each of many groups, found through an index and never among all rows.

A window function numbers every row of a group before it is cut. Here the database takes the first
rows of each group from an index of (group, order) and looks at no other. Where these are few, a
list of their ids is better than a subquery: the planner of the query that uses it knows how few.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from django.db import connection
from django.db.models.expressions import RawSQL

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from django.db import models

_GROUPS: Final = {"sqlite": "json_each(%s) AS g{n}", "postgresql": "unnest({cast}) AS g{n}(value)"}
_ROWS: Final = {
    "sqlite": ", json_each((SELECT json_group_array(id) FROM ({rows}))) AS found",
    "postgresql": " CROSS JOIN LATERAL ({rows}) AS found(value)",
}
_COUNTS: Final = "SELECT g0.value, (SELECT COUNT(*) FROM ({rows}) AS counted) FROM {groups}"


def first_rows(
    model: type[models.Model],
    groups: Mapping[str, Collection[Any]],
    order: Sequence[str],
    most: int,
) -> RawSQL:
    """The ids of the first rows of each group, for ``pk__in``.

    Args:
        model: Whose rows.
        groups: Columns, with the values of each; a group is one value of each column.
        order: The columns by which the rows of a group are ordered; an index begins with those of
            ``groups`` and goes on with these.
        most: How many rows of a group, at most.
    """
    tables, rows, parameters = _parts(model, groups, order, most)
    found = _ROWS[connection.vendor].format(rows=rows)
    return RawSQL(f"SELECT found.value FROM {tables}{found}", parameters)  # noqa: S608, S611


def first_ids(
    model: type[models.Model],
    groups: Mapping[str, Collection[Any]],
    order: Sequence[str],
    most: int,
) -> list[int]:
    """The same as a list, where they are few; one query."""
    if not all(groups.values()):
        return []
    rows = first_rows(model, groups, order, most)
    with connection.cursor() as cursor:
        cursor.execute(rows.sql, rows.params)
        return [pk for (pk,) in cursor.fetchall()]


def counts_up_to(
    model: type[models.Model], column: str, values: Collection[int], most: int
) -> dict[int, int]:
    """How many rows each group has, by the group's value; counting stops at ``most``."""
    if not values:
        return {}
    tables, rows, parameters = _parts(model, {column: values}, (), most)
    with connection.cursor() as cursor:
        # The limit comes before the values here: it stands in the list of columns.
        cursor.execute(_COUNTS.format(rows=rows, groups=tables), [*parameters[1:], *parameters[:1]])
        return dict(cursor.fetchall())


def _parts(
    model: type[models.Model],
    groups: Mapping[str, Collection[Any]],
    order: Sequence[str],
    most: int,
) -> tuple[str, str, list[Any]]:
    """The tables of the groups' values, the rows of one group, and the parameters of both."""
    quote, vendor = connection.ops.quote_name, connection.vendor
    tables = ", ".join(
        _GROUPS[vendor].format(n=n, cast=_cast(values)) for n, values in enumerate(groups.values())
    )
    where = " AND ".join(f"{quote(name)} = g{n}.value" for n, name in enumerate(groups))
    by = f" ORDER BY {', '.join(map(quote, order))}" if order else ""
    table = quote(model._meta.db_table)
    rows = f"SELECT id FROM {table} WHERE {where}{by} LIMIT %s"  # noqa: S608 - no values
    lists = [list(values) for values in groups.values()]
    return tables, rows, [*(json.dumps(v) if vendor == "sqlite" else v for v in lists), most]


def _cast(values: Collection[Any]) -> str:
    """A parameter that is an array, for PostgreSQL, which cannot tell what an empty one holds."""
    return "%s::text[]" if any(isinstance(value, str) for value in values) else "%s::bigint[]"
