"""Samples dated again, a few at a time, after a clock was put right.

A clock record can overrule what dated millions of samples. Each such correction is a `Redating`:
its first samples move in the transaction that made it, the rest in transactions of their own, so
that no other box waits. Those of a box are done one after the other, in the order in which they
were made, as each begins where the one before it ended.

Within a series those samples go first that move away from the others, so that none lands on one
that is still to move.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.db import transaction
from django.db.models import Exists, OuterRef

from portal.fleet.models import Box
from portal.ingest import samples, sql
from portal.ingest.alarms import detail_of
from portal.ingest.models import Redating, Sample, Series, TextSample
from portal.logs import event_log

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import QuerySet

    from portal.ingest.samples import SampleTable

log = event_log(__name__)

MOVED_AT_ONCE: Final = 500
"""Samples that one transaction moves."""
_SERIES_AT_ONCE: Final = 2_000
"""Series that one transaction looks at."""


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
                correction.save(update_fields=["series"])
    except Exception as error:
        if sql.is_outage(error):
            raise
        # The samples keep the times they have: those behind them would otherwise never be reached.
        log.error("redating_failed", box=correction.box.box_id, error=detail_of(error))
        return True
    return over


def _move(correction: Redating) -> bool:
    """Move at most `MOVED_AT_ONCE` samples; returns whether none is left."""
    ahead = Series.objects.filter(
        device__gateway=correction.box.gateway_id, pk__gte=correction.series
    ).order_by("pk")
    looked_at = list(ahead.values_list("pk", flat=True)[:_SERIES_AT_ONCE])
    left = MOVED_AT_ONCE
    for series in _to_move(correction, looked_at):
        for table in (Sample, TextSample):
            left -= _move_of(correction, table, series, left)
        if left <= 0:
            correction.series = series
            return False
    if len(looked_at) < _SERIES_AT_ONCE:
        return True
    correction.series = looked_at[-1] + 1
    return False


def _to_move(correction: Redating, series: Sequence[int]) -> list[int]:
    """Those of some series, ascending, that have samples to move."""
    if not series:
        return []
    of_series = [
        Exists(_wrong(correction, table).filter(series=OuterRef("pk")))
        for table in (Sample, TextSample)
    ]
    rows = Series.objects.filter(of_series[0] | of_series[1]).filter(
        device__gateway=correction.box.gateway_id, pk__range=(series[0], series[-1])
    )
    return list(rows.order_by("pk").values_list("pk", flat=True)[:MOVED_AT_ONCE])


def _wrong(correction: Redating, table: SampleTable) -> QuerySet[Sample | TextSample]:
    return table._default_manager.filter(
        clock=correction.old_clock, at__gte=correction.start_ms, at__lt=correction.end_ms
    )


def _move_of(correction: Redating, table: SampleTable, series: int, most: int) -> int:
    rows = (
        _wrong(correction, table)
        .filter(series=series)
        .order_by("-at" if correction.delta_ms > 0 else "at")
        .values_list("series_id", "at", "value", "quality")
    )
    found = list(rows[:most]) if most > 0 else []
    samples.move(table, found, correction.delta_ms, correction.fresh_clock)
    return len(found)
