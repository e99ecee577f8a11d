"""The readings of counters from the database: as many as the question needs, and no more.

A meter that is read every minute leaves half a million samples a year. A month's table needs a
counter only near the edges of its days, so a window is cut into *cells*, and of each cell come the
first and the last reading: two steps down the primary key, however many lie between::

    cell      |------------------|------------------|
    samples   · ·  ·  · ·  · · ·   ·   · ·  ·   ·  ·
    read      x                x   x               x

Buckets made of whole cells come out as if every sample had been read (a property test of
`portal.usage.counting` holds it), with one exception: a register that fell *and* climbed above
what it had shown, within one cell. A fall that shows between a cell's first and last reading is
looked at sample by sample.

Where both databases have their own way, this is the only place that knows.
"""

from __future__ import annotations

from itertools import chain, pairwise
from typing import TYPE_CHECKING

from django.db import connection

from portal.ingest.models import Sample
from portal.ingest.sql import postgres, source

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from portal.ingest.sql import Row

    Samples = dict[int, dict[int, int]]
    Cell = tuple[int, int, int]

_EARLIEST, _LATEST = -(2**62), 2**62
_CELL = ("bigint", "bigint", "bigint")
_PICK = """SELECT {columns} FROM ingest_sample
    WHERE series_id = c0 AND at >= c1 AND at < c2 AND value IS NOT NULL
    ORDER BY at {order} LIMIT 1"""


def read_all(series: Iterable[int], start: int, end: int) -> dict[int, list[tuple[int, int]]]:
    """Every reading of each series from ``start`` to ``end`` (Unix ms), and one beyond each."""
    return _read(list(series), [start, end], every=True)


def read_edges(series: Iterable[int], edges: Sequence[int]) -> dict[int, list[tuple[int, int]]]:
    """The first and last reading of each series in each cell, and one beyond each end.

    Args:
        series: Ids.
        edges: Where cells begin and end, ascending; every edge of the buckets is among them.

    Returns:
        For each id its readings (Unix ms, value), ascending.
    """
    return _read(list(series), edges, every=False)


def _read(
    series: list[int], edges: Sequence[int], *, every: bool
) -> dict[int, list[tuple[int, int]]]:
    cells = [] if every else [
        (pk, start, end) for pk in series for start, end in pairwise(edges)
    ]  # fmt: skip
    before = [(pk, _EARLIEST, edges[0]) for pk in series]
    after = [(pk, edges[-1], _LATEST) for pk in series]
    found: Samples = {pk: {} for pk in series}
    firsts = _ends([*cells, *after], "ASC")
    lasts = _ends([*cells, *before], "DESC")
    for (pk, _start, _end), (at, value) in chain(firsts.items(), lasts.items()):
        found[pk][at] = value
    if every:
        _add_every(found, series, edges[0], edges[-1])
    for pk, start, end in _fallen(cells, firsts, lasts):
        _add_every(found, [pk], start, end)
    return {pk: sorted(readings.items()) for pk, readings in found.items()}


def _fallen(
    cells: Sequence[Cell],
    firsts: dict[Cell, tuple[int, int]],
    lasts: dict[Cell, tuple[int, int]],
) -> list[Cell]:
    """The cells in which a register shows less at the end than at the beginning."""
    return [cell for cell in cells if cell in firsts and firsts[cell][1] > lasts[cell][1]]


def _add_every(found: Samples, series: Sequence[int], start: int, end: int) -> None:
    samples = Sample.objects.filter(
        series__in=series, at__gte=start, at__lt=end, value__isnull=False
    )
    for pk, at, value in samples.values_list("series", "at", "value").iterator(chunk_size=5000):
        if value is not None:
            found[pk][at] = value


def _ends(cells: Sequence[Cell], order: str) -> dict[Cell, tuple[int, int]]:
    """Of each (series, from, up to) the first (``ASC``) or last (``DESC``) reading in it."""
    if not cells:
        return {}
    rows, parameters = source(_CELL, cells)
    statement = _lateral(rows, order) if postgres() else _correlated(rows, order)
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        found: list[Row] = cursor.fetchall()
    return {(row[0], row[1], row[2]): (row[3], row[4]) for row in found}


def _lateral(rows: str, order: str) -> str:
    pick = _PICK.format(columns="at, value", order=order)
    return f"SELECT c0, c1, c2, at, value FROM {rows} CROSS JOIN LATERAL ({pick}) AS picked"  # noqa: S608 - constants only


def _correlated(rows: str, order: str) -> str:
    pick = _PICK.format(columns="at", order=order)
    return (
        "SELECT c0, c1, c2, sample.at, sample.value FROM "  # noqa: S608 - constants only
        f"(SELECT c0, c1, c2, ({pick}) AS picked FROM {rows}) AS cells "
        "JOIN ingest_sample AS sample ON sample.series_id = c0 AND sample.at = picked"
    )
