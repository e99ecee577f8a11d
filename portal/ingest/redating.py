"""Samples dated again, a few at a time, after a clock was put right.

A clock record can overrule what dated millions of samples. Each such correction is a `Redating`:
its first samples move in the transaction that made it, the rest in transactions of their own, so
that no other box waits. Those of a box are done one after the other, in the order in which they
were made, as each begins where the one before it ended.

Within a series those samples go first that move away from the others, so that none lands on one
that is still to move. A correction keeps how far it is within a series::

    delta > 0     start_ms |- still to look at -|<- passed_ms ... moved ...| end_ms
    delta < 0     start_ms |... moved ... passed_ms ->|- still to look at -| end_ms

so that no sample is looked at twice. One part takes about as long as a message of 50 readings: what
it costs is the samples that it moves, the series that these are in, each on pages of its own, and
the samples that it looks at.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.db import IntegrityError, connection, transaction

from portal.fleet.models import Box
from portal.ingest import samples, sql
from portal.ingest.alarms import detail_of
from portal.ingest.models import Redating, Sample, Series, TextSample
from portal.ingest.tables import TEXTS
from portal.logs import event_log

if TYPE_CHECKING:
    from portal.ingest.samples import SampleTable

log = event_log(__name__)

MOVED_AT_ONCE: Final = 320
"""Samples that one transaction moves."""
SERIES_AT_ONCE: Final = 10
"""Series in which one transaction moves samples."""
_WINDOWS_AT_ONCE: Final = 40
"""Times that one transaction looks at up to `MOVED_AT_ONCE` samples of a series."""
_DETOUR_MS: Final = 1 << 50
"""Milliseconds beyond every time that a sample may have."""


def begin(correction: Redating) -> None:
    """Move the first samples of a new correction of a locked box; keep it where some are left."""
    waiting = Redating.objects.filter(box=correction.box).exists()
    if waiting or not _move(correction):
        correction.save()


def go_on(after: int = 0) -> int | None:
    """Move some more samples of the next box that has any to move, in a transaction of its own.

    Args:
        after: The id of the box that had its turn last.

    Returns:
        The id of the box that has had its turn now; ``None`` where nothing is left to move.

    Raises:
        DatabaseError: The database is unavailable.
    """
    waiting = Redating.objects.order_by("box_id").values_list("box_id", flat=True)
    box_id = waiting.filter(box_id__gt=after).first() or waiting.first()
    if box_id is None:
        return None
    with transaction.atomic(durable=True):
        box = Box.objects.select_for_update(no_key=True).get(pk=box_id)
        correction = Redating.objects.filter(box=box).order_by("pk").first()
        if correction is not None and _advance(correction):
            correction.delete()
    return box_id


def _advance(correction: Redating) -> bool:
    """Move some samples; returns whether the correction is over, as one that fails is."""
    try:
        with transaction.atomic():
            over = _move(correction)
            if not over:
                correction.save(update_fields=["series", "passed_ms"])
    except Exception as error:
        if sql.is_outage(error):
            raise
        # The samples keep the times they have: those behind them would otherwise wait for ever.
        log.error("redating_failed", box=correction.box.box_id, error=detail_of(error))
        return True
    return over


def _move(correction: Redating) -> bool:
    """Move samples within the limits of one transaction; returns whether none is left."""
    ahead = Series.objects.filter(
        device__gateway=correction.box.gateway_id, pk__gte=correction.series
    ).order_by("pk")
    found = list(ahead.values_list("pk", "quantity")[:_WINDOWS_AT_ONCE])
    part = _Part()
    for series, quantity in found:
        if series != correction.series:
            correction.series, correction.passed_ms = series, None
        table: SampleTable = TextSample if quantity in TEXTS else Sample
        touched = False
        while True:
            if part.over or (not touched and part.series >= SERIES_AT_ONCE):
                return False
            window = _window(correction, table, part.samples_left)
            part.windows += 1
            if window.wrong:
                part.series += not touched
                touched = True
                part.samples_left -= window.wrong
                _move_within(correction, table, window)
            if window.last:
                break
            correction.passed_ms = window.passed_ms
    if len(found) < _WINDOWS_AT_ONCE:
        return True
    correction.series, correction.passed_ms = found[-1][0] + 1, None
    return False


@dataclass(slots=True)
class _Part:
    """What one transaction has done and may still do."""

    samples_left: int = 0
    series: int = 0
    windows: int = 0

    def __post_init__(self) -> None:
        self.samples_left = MOVED_AT_ONCE

    @property
    def over(self) -> bool:
        return self.samples_left <= 0 or self.windows >= _WINDOWS_AT_ONCE


@dataclass(frozen=True, slots=True, kw_only=True)
class _Window:
    """Some samples of a series, next to each other, as far as they are to be looked at.

    Attributes:
        start_ms, end_ms: The first and the last of them; Unix milliseconds.
        wrong: How many of them the old clock has dated.
        last: Whether no others are to be looked at in the series.
        passed_ms: The end that is next to those.
    """

    start_ms: int
    end_ms: int
    wrong: int
    last: bool
    passed_ms: int


def _window(correction: Redating, table: SampleTable, most: int) -> _Window:
    """The next samples of the correction's series, at most ``most``."""
    start, end, passed = correction.start_ms, correction.end_ms, correction.passed_ms
    ahead = correction.delta_ms > 0
    if passed is not None and ahead:
        end = passed
    elif passed is not None:
        start = passed + 1
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT COUNT(*), MIN(at), MAX(at), "  # noqa: S608 - a model's table
            "COUNT(CASE WHEN clock_id = %s THEN 1 END) FROM (SELECT at, clock_id "
            f"FROM {table._meta.db_table} WHERE series_id = %s AND at >= %s AND at < %s "
            f"ORDER BY at {'DESC' if ahead else 'ASC'} LIMIT %s) AS next_ones",
            [correction.old_clock, correction.series, start, end, most],
        )
        count, first, last, wrong = cursor.fetchone()
    if not count:
        return _Window(start_ms=start, end_ms=start, wrong=0, last=True, passed_ms=start)
    passed = first if ahead else last
    return _Window(
        start_ms=first, end_ms=last, wrong=int(wrong), last=count < most, passed_ms=passed
    )


def _move_within(correction: Redating, table: SampleTable, window: _Window) -> None:
    """Move the wrong samples of a window at once; one by one where moments are taken."""
    name, delta = table._meta.db_table, correction.delta_ms
    which = "clock_id = %s AND series_id = %s AND at BETWEEN %s AND %s"
    within = [correction.old_clock, correction.series, window.start_ms, window.end_ms]
    # A database looks for taken moments row by row: where the window meets itself, by a detour.
    detour = _DETOUR_MS if window.end_ms - window.start_ms >= abs(delta) else 0
    shift = f"UPDATE {name} SET at = at + %s, clock_id = %s WHERE {which}"  # noqa: S608 - a model's table
    with connection.cursor() as cursor:
        try:
            with transaction.atomic():
                cursor.execute(shift, [delta + detour, correction.fresh_clock, *within])
                if detour:
                    moved = [correction.fresh_clock, correction.series]
                    moved += [one + delta + detour for one in (window.start_ms, window.end_ms)]
                    cursor.execute(shift, [-detour, correction.fresh_clock, *moved])
        except IntegrityError:
            order = "DESC" if delta > 0 else "ASC"
            cursor.execute(
                f"SELECT series_id, at, value, quality FROM {name} "  # noqa: S608 - a model's table
                f"WHERE {which} ORDER BY at {order}",
                within,
            )
            samples.move(table, cursor.fetchall(), delta, correction.fresh_clock)
