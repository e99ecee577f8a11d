"""Event records applied: state, conditions, supplies, identity, each from the newest that speaks.

Source: design section 2 (conditions are frozen while a device is unreachable) and 5 (an event
carries the whole set and heals whatever came before).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cloud_link.limits import IDENTITY_LENGTHS, SUPPLY_NAME_LENGTH, SUPPLY_WORD_LENGTH
from cloud_link.validation import storable_text
from drivers.report import Reachability
from portal.fleet.models import LINK, UNHEARD, DeviceCondition, DeviceSupply
from portal.ingest.condition_texts import condition_texts
from portal.web.moments import nearest_datetime

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from cloud_link.records import EventRecord, WireCondition
    from portal.fleet.models import Device
    from portal.ingest.models import BootClock

HEARD: Final = (Reachability.ONLINE, Reachability.SILENT_AS_EXPECTED)
"""A device that is one of these is as it should be, so that an event about it is news of it."""
_FIELDS: Final = (
    "speaker",
    "event_order",
    "own_order",
    "identity_order",
    "reachability",
    "state",
    "reported_at",
    "reported_clock",
    "last_heard_at",
    *IDENTITY_LENGTHS,
)
"""What events say of a device."""


def apply_event(
    device: Device,
    record: EventRecord,
    source: tuple[int, int],
    clock: BootClock,
    received_ms: int = 0,
) -> None:
    """Apply what is newer in an event without flaw than what is stored; saves what it changes.

    Args:
        device: The device it is about.
        record: The event.
        source: The id of the box that sent it, and the record's order among those of that box.
        clock: The clock that dates it.
        received_ms: When it was received, Unix milliseconds of the portal's clock; 0: not known.
    """
    speaker, order = source
    if speaker < device.speaker:
        return  # another box has taken its place
    if speaker > device.speaker:
        device.speaker = speaker
        device.event_order = device.own_order = device.identity_order = UNHEARD
    when = nearest_datetime(record.at + clock.offset_ms)
    answers = record.reachability == Reachability.ONLINE
    link = [c for c in record.conditions if c.code.startswith(LINK)]
    own = [c for c in record.conditions if not c.code.startswith(LINK)]
    if order > device.event_order:
        device.event_order = order
        if record.reachability in HEARD and received_ms:
            heard = nearest_datetime(received_ms)
            device.last_heard_at = max(device.last_heard_at or heard, heard)
        device.reachability, device.state = record.reachability, record.state
        device.reported_at, device.reported_clock = when, clock.pk
        _set_conditions(device, link, when, clock, of_link=True)
    if (answers or own) and order > device.own_order:
        device.own_order = order
        _set_conditions(device, own, when, clock, of_link=False)
        _set_supplies(device, record)
    if (
        any(getattr(record.identity, name) for name in IDENTITY_LENGTHS)
        and order > device.identity_order
    ):
        device.identity_order = order
        for name, limit in IDENTITY_LENGTHS.items():
            setattr(device, name, storable_text(getattr(record.identity, name), limit))
    device.save(update_fields=_FIELDS)  # the others are people's, who may be changing them


def _set_conditions(
    device: Device,
    current: Sequence[WireCondition],
    when: datetime,
    clock: BootClock,
    *,
    of_link: bool,
) -> None:
    new = {(condition.code, condition.component): condition for condition in current}
    over: list[int] = []
    for row in device.conditions.open():
        if row.of_link is not of_link:
            continue
        same = new.get(row.key)
        if same is not None and same.severity == row.severity:
            del new[row.key]
            _refresh(row, same)
        else:
            over.append(row.pk)
    if over:
        rows = DeviceCondition.objects.filter(pk__in=over)
        rows.update(cleared_at=when, cleared_clock=clock.pk)
    DeviceCondition.objects.bulk_create(
        DeviceCondition(
            device=device,
            code=condition.code,
            component=condition.component,
            severity=condition.severity,
            **condition_texts(condition),
            raised_at=_raised_at(condition, when, clock),
            raised_clock=clock.pk,
        )
        for condition in new.values()
    )


def _raised_at(condition: WireCondition, when: datetime, clock: BootClock) -> datetime:
    if condition.since is None:
        return when
    return min(when, nearest_datetime(condition.since + clock.offset_ms))


def _refresh(row: DeviceCondition, condition: WireCondition) -> None:
    texts = condition_texts(condition)
    changed = [name for name, value in texts.items() if getattr(row, name) != value]
    for name in changed:
        setattr(row, name, texts[name])
    if changed:
        row.save(update_fields=changed)


def _set_supplies(device: Device, record: EventRecord) -> None:
    if not record.supplies and not device.supplies.exists():
        return
    device.supplies.all().delete()
    DeviceSupply.objects.bulk_create(
        DeviceSupply(
            device=device,
            kind=storable_text(supply.kind, SUPPLY_WORD_LENGTH),
            colour=storable_text(supply.colour, SUPPLY_WORD_LENGTH),
            name=storable_text(supply.name, SUPPLY_NAME_LENGTH),
            level=supply.level,
            capacity=supply.capacity,
            unit=storable_text(supply.unit, SUPPLY_WORD_LENGTH),
            state=supply.state,
        )
        for supply in record.supplies
    )
