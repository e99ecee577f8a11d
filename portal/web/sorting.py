"""What sort of thing a device is, and whether it has a state of its own, from what is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portal.fleet.kinds import DeviceKind, Known, kind_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from portal.fleet.models import Device, DeviceSupply
    from portal.ingest.models import Latest


def device_kind(
    device: Device, latest: Iterable[Latest], supplies: Iterable[DeviceSupply]
) -> DeviceKind:
    """What ``device`` is: as a person said, else `derived_kind`."""
    if device.kind_given:
        return DeviceKind(device.kind_given)
    return derived_kind(device, latest, supplies)


def derived_kind(
    device: Device, latest: Iterable[Latest], supplies: Iterable[DeviceSupply]
) -> DeviceKind:
    """What ``device`` is by what is known of it; needs each ``latest.series`` fetched."""
    known = Known(
        series=frozenset((row.series.quantity, row.series.part) for row in latest),
        supplies=tuple(supply.colour for supply in supplies),
        model=device.model,
        label=device.label,
    )
    return kind_of(known)


def only_counts(device: Device, latest: Iterable[Latest]) -> bool:
    """Whether it sends values and never said how it is: it is shown as normal (C-17, C-18)."""
    return device.never_heard and any(
        row.value is not None or row.text is not None for row in latest
    )
