"""Event records applied: state, conditions, supplies, identity, each from the newest that speaks.

Source: design section 2 (conditions are frozen while a device is unreachable) and 5 (an event
carries the whole set and heals whatever came before).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cloud_link.wire import RejectCode
from drivers.report import Code, Reachability, Severity, State, SupplyState
from portal.fleet.models import LINK, UNHEARD, DeviceCondition, DeviceSupply
from portal.ingest.clocks import moment
from portal.ingest.condition_texts import condition_texts
from portal.ingest.messages import Flaw, storable_text
from portal.ingest.tables import usable_name

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from cloud_link.records import EventRecord, WireCondition
    from portal.fleet.models import Device
    from portal.ingest.models import BootClock

_COMPONENT_LENGTH: Final = 100
_PER_CENT: Final = range(101)
_IDENTITY: Final = {"maker": 100, "model": 100, "serial": 100, "firmware": 100, "mac": 32}
"""The fields of a device's identity, and how many characters of each are stored."""


def event_flaw(record: EventRecord) -> Flaw | None:
    """Why an event cannot be applied, if it cannot."""
    try:
        Reachability(record.reachability)
        State(record.state)
        for condition in record.conditions:
            Code(condition.code)
            Severity(condition.severity)
        for supply in record.supplies:
            SupplyState(supply.state)
    except ValueError as error:
        return Flaw(code=RejectCode.UNKNOWN_WORD, detail=str(error))
    keys = {(condition.code, condition.component) for condition in record.conditions}
    if (
        not usable_name(record.device)
        or len(keys) != len(record.conditions)
        or any(
            c.component != storable_text(c.component, _COMPONENT_LENGTH) for c in record.conditions
        )
        or any(s.level is not None and s.level not in _PER_CENT for s in record.supplies)
    ):
        detail = "an unusable name, a condition given twice, or a level that is not a percentage"
        return Flaw(code=RejectCode.MISFIT, detail=detail)
    return None


def apply_event(
    device: Device, record: EventRecord, source: tuple[int, int], clock: BootClock
) -> None:
    """Apply what is newer in an event without flaw than what is stored; saves the device.

    Args:
        device: The device it is about.
        record: The event.
        source: The id of the box that sent it, and the record's order among those of that box.
        clock: The clock that dates it.
    """
    speaker, order = source
    if speaker < device.speaker:
        return  # another box has taken its place
    if speaker > device.speaker:
        device.speaker = speaker
        device.event_order = device.own_order = device.identity_order = UNHEARD
    when = moment(record.at + clock.offset_ms)
    answers = record.reachability == Reachability.ONLINE
    link = [c for c in record.conditions if c.code.startswith(LINK)]
    own = [c for c in record.conditions if not c.code.startswith(LINK)]
    if order > device.event_order:
        device.event_order = order
        device.reachability, device.state = record.reachability, record.state
        device.reported_at, device.reported_clock = when, clock.pk
        _set_conditions(device, link, when, clock, of_link=True)
    if (answers or own) and order > device.own_order:
        device.own_order = order
        _set_conditions(device, own, when, clock, of_link=False)
        _set_supplies(device, record)
    if any(getattr(record.identity, name) for name in _IDENTITY) and order > device.identity_order:
        device.identity_order = order
        for name, limit in _IDENTITY.items():
            setattr(device, name, storable_text(getattr(record.identity, name), limit))
    device.save()


def _set_conditions(
    device: Device,
    current: Sequence[WireCondition],
    when: datetime,
    clock: BootClock,
    *,
    of_link: bool,
) -> None:
    new = {(condition.code, condition.component): condition for condition in current}
    for row in device.conditions.open():
        if row.of_link is not of_link:
            continue
        same = new.get(row.key)
        if same is not None and same.severity == row.severity:
            del new[row.key]
            _refresh(row, same)
        else:
            row.cleared_at, row.cleared_clock = when, clock.pk
            row.save(update_fields=["cleared_at", "cleared_clock"])
    for condition in new.values():
        since = condition.since
        DeviceCondition.objects.create(
            device=device,
            code=condition.code,
            component=condition.component,
            severity=condition.severity,
            **condition_texts(condition),
            raised_at=when if since is None else min(when, moment(since + clock.offset_ms)),
            raised_clock=clock.pk,
        )


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
            kind=storable_text(supply.kind, 32),
            colour=storable_text(supply.colour, 32),
            name=storable_text(supply.name, 255),
            level=supply.level,
            capacity=supply.capacity,
            unit=storable_text(supply.unit, 32),
            state=supply.state,
        )
        for supply in record.supplies
    )
