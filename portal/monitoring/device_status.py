"""What is known of each device, in SQL, so that the database counts, sorts and cuts lists.

::

    worst    rank of the most severe open condition; NULL without one
    reach    as its gateway reported last. A gateway that was restarted reports a device which no
             longer answers as never reached; its earlier values show otherwise:
                 never, and has values, and a comm.* condition     unreachable
                 never, and has values                             counts (C-17, C-18)
    prints   whether it is a printer of any kind, as `portal.fleet.kinds` decides

Texts that the vocabulary lacks (of a newer gateway, or damaged) count as the most cautious of what
it has: no state, never reached, a warning.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.db.models import (
    BigIntegerField,
    BooleanField,
    Case,
    CharField,
    Count,
    Exists,
    F,
    Min,
    OuterRef,
    Q,
    SmallIntegerField,
    Subquery,
    Value,
    When,
)
from django.db.models.expressions import RawSQL
from django.utils import timezone

from drivers.report import Reachability, Severity, State
from portal.fleet.kinds import PRINTED, DeviceFamily, DeviceKind
from portal.fleet.models import LINK, Device, DeviceCondition, DeviceSupply, severity_rank
from portal.ingest.models import Latest, Series
from portal.monitoring.connectivity import Connectivity
from portal.web.moments import milliseconds

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from typing import Any

    from django.db.models import Field, QuerySet

SERIES: Final = 500
"""How many series of a device are looked at: a box may name any number."""
COUNTS: Final = "counts"
"""The ``reach`` of a device that sends values and never a state."""
NEEDS: Final = Q(worst__lt=Severity.INFO.rank) | Q(
    worst__isnull=True, reach=Reachability.UNREACHABLE.value
)
"""Devices that need attention, of those `with_status`."""

_PRINTERS: Final = [kind.value for kind in DeviceKind if kind.family is DeviceFamily.PRINTER]
_METERS: Final = [kind.value for kind in DeviceKind if kind.family is DeviceFamily.METER]
_STATES: Final = [state.value for state in State]
_REACHED: Final = [one.value for one in Reachability if one is not Reachability.NEVER]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceStatus:
    """What is known of one device.

    Attributes:
        connectivity: Whether it can be reached.
        prints: Whether it is a printer.
        conditions: How many conditions are open.
        received_ms: When the newest of its values was received, Unix milliseconds of the portal's
            clock; ``None`` without any.
    """

    connectivity: Connectivity
    prints: bool
    conditions: int
    received_ms: int | None


def with_status(devices: QuerySet[Device]) -> QuerySet[Device]:
    """The devices with ``worst``, ``reach``, ``shown_state`` and ``prints`` annotated."""
    open_ = DeviceCondition.objects.open().filter(device=OuterRef("pk")).order_by()
    worst = open_.values("device").annotate(rank=Min(severity_rank())).values("rank")
    valued = _first_latest("EXISTS ({} WHERE v.value IS NOT NULL OR v.text IS NOT NULL)")
    linked = Exists(open_.filter(code__startswith=LINK))
    text = CharField()
    return devices.annotate(
        worst=Subquery(worst, output_field=SmallIntegerField()),
        reach=Case(
            When(reachability__in=_REACHED, then=F("reachability")),
            When(~valued, then=Value(Reachability.NEVER.value)),
            When(linked, then=Value(Reachability.UNREACHABLE.value)),
            default=Value(COUNTS),
            output_field=text,
        ),
        shown_state=Case(
            When(state__in=_STATES, then=F("state")),
            default=Value(State.OTHER.value),
            output_field=text,
        ),
        prints=Case(
            When(kind_given__in=_PRINTERS, then=Value(value=True)),
            When(kind_given__in=_METERS, then=Value(value=False)),
            When(
                Exists(DeviceSupply.objects.filter(device=OuterRef("pk"))), then=Value(value=True)
            ),
            When(_first_latest("EXISTS ({})", PRINTED), then=Value(value=True)),
            default=Value(value=False),
            output_field=BooleanField(),
        ),
    )


def _first_latest(
    what: str,
    quantities: Collection[str] = (),
    parameters: Sequence[Any] = (),
    output: Field[Any, Any] | None = None,
) -> RawSQL:
    """Something about the latest values of a device's first `SERIES` series.

    Args:
        what: SQL about them, which stand at ``{}`` as ``v``.
        quantities: Only series of these.
        parameters: Of ``what``.
        output: What it is; a truth by default.
    """
    series, latest = Series._meta.db_table, Latest._meta.db_table
    among = f"AND s.quantity IN ({', '.join(['%s'] * len(quantities))}) " if quantities else ""
    first = (
        f"SELECT v.at, v.received_ms FROM (SELECT s.id FROM {series} s "  # noqa: S608 - no values
        f"WHERE s.device_id = {Device._meta.db_table}.id {among}"
        f"ORDER BY s.device_id, s.quantity, s.part, s.resolution LIMIT {SERIES}) AS f "
        f"JOIN {latest} v ON v.series_id = f.id"
    )
    sql = what.format(first)
    return RawSQL(sql, [*sorted(quantities), *parameters], output or BooleanField())  # noqa: S611


def raised_first() -> Subquery:
    """When the most severe open condition of a device was raised, for an order."""
    open_ = DeviceCondition.objects.open().filter(device=OuterRef("pk"))
    return Subquery(open_.gravest_first().values("raised_at")[:1])


def newest_receipt() -> RawSQL:
    """When a value of a device was last received, Unix milliseconds of the portal's clock.

    A value that an older portal received counts from its date, where that is past.
    """
    by_now = milliseconds(timezone.now())
    received = "CASE WHEN received_ms > 0 THEN received_ms WHEN at <= %s THEN at END"
    newest = f"(SELECT MAX({received}) FROM ({{}}) AS heard)"  # noqa: S608 - no values
    return _first_latest(newest, parameters=[by_now], output=BigIntegerField())


def statuses(devices: Collection[int]) -> dict[int, DeviceStatus]:
    """The status of each device, by its id; one query."""
    open_ = DeviceCondition.objects.open().filter(device=OuterRef("pk")).order_by()
    many = open_.values("device").annotate(many=Count("pk")).values("many")
    rows = (
        with_status(Device.objects.filter(pk__in=devices))
        .annotate(many=Subquery(many), received=newest_receipt())
        .values_list("pk", "reach", "prints", "many", "received")
    )
    return {
        pk: DeviceStatus(
            connectivity=connectivity(reach),
            prints=prints,
            conditions=many or 0,
            received_ms=received,
        )
        for pk, reach, prints, many, received in rows
    }


def connectivity(reach: str) -> Connectivity:
    """The connectivity that a ``reach`` stands for."""
    only_counts = reach == COUNTS
    known = Reachability.NEVER if only_counts else Reachability(reach)
    return Connectivity(reachability=known, only_counts=only_counts)
