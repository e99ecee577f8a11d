"""How far the times of readings can be relied on, for pages, files, metrics and the ledger.

::

    undated      no clock of the boot is known yet: the readings are stored, and wait
    estimated    the boot ended without a clock: dated as late as possible, and no earlier than the
                 last that is known of an earlier boot
    unconfirmed  by the box's own clock, which no time source confirms

All of it is read from a row a boot or a clock, however many readings there are.

Source: ADR 0027.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.db.models import Exists, F, FloatField, OuterRef, Q
from django.db.models.functions import Cast

from portal.ingest.models import BootClock, UndatedBoot, UndatedDevice
from portal.web.sums import ExactSum

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models.expressions import CombinedExpression

STRETCHES: Final = 100
"""Stretches of each sort that a page or a file is told of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Undated:
    """What waits for a clock: data records, and the readings in them."""

    records: int = 0
    readings: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class UndatedReadings:
    """How many readings of a device wait for a clock.

    Attributes:
        box: The id of the box that read them.
        device: The id of the device, and its ``name``.
    """

    box: int
    device: int
    name: str
    readings: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A stretch of a box's readings whose times are not sure.

    Attributes:
        box: The id of the box.
        start: When it begins by those times, Unix milliseconds, and when it ends (``end``).
        earlier_ms: By how much the true times may be earlier at most, in milliseconds; ``None``
            where that is not known.
    """

    box: int
    start: int
    end: int
    earlier_ms: int | None = None


def undated(scope: Q | None = None) -> dict[int, Undated]:
    """What waits for a clock, by the id of the box; boxes without any are left out.

    Args:
        scope: Which boots, as a condition on `UndatedBoot`; all where it is not given.
    """
    rows = UndatedBoot.objects.filter(scope or Q(), records__gt=0).order_by().values_list("box")
    counts = rows.annotate(records=ExactSum("records"), readings=ExactSum("readings"))
    return {box: Undated(records=records, readings=readings) for box, records, readings in counts}


def undated_devices(scope: Q | None = None, most: int | None = None) -> list[UndatedReadings]:
    """The devices of which readings wait for a clock, those with the most first.

    Args:
        scope: Which devices, as a condition on `UndatedDevice`; all where it is not given.
        most: How many at most; all where it is not given.
    """
    rows = UndatedDevice.objects.filter(scope or Q(), readings__gt=0).order_by()
    counts = rows.values_list("boot__box", "device", "device__name").annotate(
        count=ExactSum("readings")
    )
    found = counts.order_by("-count", "device__name", "boot__box")[:most]
    return [
        UndatedReadings(box=box, device=device, name=name, readings=int(count))
        for box, device, name, count in found
    ]


def estimated(scope: Q, start: int, end: int) -> list[Stretch]:
    """The stretches with estimated times that touch ``start`` to ``end`` (Unix milliseconds).

    The newest `STRETCHES`, the oldest of them first.

    ``scope`` says which boots, as a condition on `UndatedBoot`.
    """
    rows = UndatedBoot.objects.filter(scope, estimate__isnull=False)
    dated = rows.annotate(
        begins=_sum("first_ms", "estimate__offset_ms"),
        ends=_sum("last_ms", "estimate__offset_ms"),
        earlier=_float("estimate__offset_ms") - _float("least_offset_ms"),
    )
    dated = dated.filter(begins__lt=end, ends__gte=start, ended_ms__isnull=False)
    found = dated.order_by("-begins").values_list("box_id", "begins", "ends", "earlier")
    return _stretches(list(found[:STRETCHES]))


def unconfirmed(scope: Q, start: int, end: int) -> list[Stretch]:
    """The stretches that no time source vouches for, otherwise as `estimated`.

    ``scope`` says which clocks, as a condition on `BootClock`.
    """
    overruling = BootClock.objects.filter(
        box=OuterRef("box"),
        boot=OuterRef("boot"),
        order__gt=OuterRef("order"),
        since_boot_ms__lte=OuterRef("since_boot_ms"),
    )
    rows = BootClock.objects.filter(
        scope, ~Exists(overruling), synchronised=False, estimated=False, last_ms__isnull=False
    )
    dated = rows.annotate(
        begins=_sum("since_boot_ms", "offset_ms"), ends=_sum("last_ms", "offset_ms")
    )
    dated = dated.filter(begins__lt=end, ends__gte=start, last_ms__gte=F("since_boot_ms"))
    found = dated.order_by("-begins").values_list("box_id", "begins", "ends")[:STRETCHES]
    return _stretches([(*row, None) for row in found])


def unconfirmed_now(scope: Q) -> Stretch | None:
    """The stretch of the newest clock, wherever it lies, if no time source vouches for that.

    ``scope`` says which clocks, as a condition on `BootClock`, of one gateway.
    """
    clock = BootClock.objects.filter(scope, estimated=False).order_by("-box", "-order").first()
    if clock is None or clock.synchronised or clock.last_ms is None:
        return None
    start, end = clock.since_boot_ms + clock.offset_ms, clock.last_ms + clock.offset_ms
    return Stretch(box=clock.box_id, start=start, end=end) if start <= end else None


def _stretches(rows: Sequence[tuple[int, float, float, float | None]]) -> list[Stretch]:
    return [
        Stretch(
            box=box,
            start=int(begins),
            end=int(ends),
            earlier_ms=None if earlier is None else int(earlier),
        )
        for box, begins, ends, earlier in reversed(rows)
    ]


def _sum(one: str, other: str) -> CombinedExpression:
    """Two fields added as floats: a sum beyond 64 bits is then no error, and touches no window."""
    return _float(one) + _float(other)


def _float(field: str) -> Cast:
    return Cast(field, FloatField())
