"""Between which limits the clock of a boot must lie that never had one.

::

    time of a record since boot + offset  <=  when the portal received that record
    last time since boot + offset         <=  when the boot had ended: when the portal first heard
                                              of a newer boot, or when one began, by its clock
                                              if that is synchronised, or by its own estimate
    offset                                >=  the last that is known of an earlier boot: by its
                                              clock if that is synchronised, or by the least that
                                              its own estimate may be

A limit that contradicts the others is by a clock that was wrong, and is not used.

Source: ADR 0027.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from portal.ingest.messages import order
from portal.ingest.models import BootClock, UndatedBoot

if TYPE_CHECKING:
    from django.db.models import QuerySet

_CLOCKS: Final = 20
"""The last clocks of earlier boots that are looked at."""


def greatest_offset(row: UndatedBoot) -> int:
    """The greatest offset that a boot's clock can have had, in milliseconds."""
    bounds = [row.receipt_offset_ms]
    if row.ended_ms is not None:
        clocks_after = _clocks_of_others(row).filter(order__gte=order(row.ordinal + 1, 0))
        boots_after = UndatedBoot.objects.filter(box=row.box_id, ordinal__gt=row.ordinal)
        begins = [
            row.ended_ms,
            *clocks_after.order_by("order").values_list("offset_ms", flat=True)[:1],
            *boots_after.filter(estimate__isnull=False)
            .order_by("ordinal")
            .values_list("estimate__offset_ms", flat=True)[:1],
        ]
        bounds.append(min(begins) - row.last_ms)
    return min(bounds)


def least_offset(row: UndatedBoot, greatest: int) -> int | None:
    """The least offset that it can have had; ``None`` where nothing says.

    ``greatest`` is the one that it gets.
    """
    before = _clocks_of_others(row).filter(order__lt=order(max(row.ordinal, 0), 0))
    ends = [
        max(clock.since_boot_ms, clock.last_ms or 0) + clock.offset_ms
        for clock in before.order_by("-order")[:_CLOCKS]
    ]
    boots_before = UndatedBoot.objects.filter(
        box=row.box_id, ordinal__lt=row.ordinal, least_offset_ms__isnull=False
    )
    last = boots_before.order_by("-ordinal").first()
    if last is not None and last.least_offset_ms is not None:
        ends.append(last.least_offset_ms + last.last_ms)
    return max((end for end in ends if end <= greatest), default=None)


def _clocks_of_others(row: UndatedBoot) -> QuerySet[BootClock]:
    clocks = BootClock.objects.filter(box=row.box_id, synchronised=True)
    return clocks.exclude(boot=row.boot)
