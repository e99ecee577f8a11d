"""The kind of a device, from what is stored of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portal.fleet.kinds import DeviceKind, KindEvidence, kind_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from portal.fleet.models import Device, DeviceSupply
    from portal.ingest.models import Latest


def device_kind(
    device: Device, latest: Iterable[Latest], supplies: Iterable[DeviceSupply]
) -> DeviceKind:
    """The kind of ``device``: what a person chose, else `derived_kind`."""
    if device.kind_given in set(DeviceKind):
        return DeviceKind(device.kind_given)
    return derived_kind(device, latest, supplies)


def derived_kind(
    device: Device, latest: Iterable[Latest], supplies: Iterable[DeviceSupply]
) -> DeviceKind:
    """The kind of ``device`` by what it reports; needs each ``latest.series`` fetched."""
    evidence = KindEvidence(
        series=frozenset((row.series.quantity, row.series.part) for row in latest),
        supplies=tuple(supply.colour for supply in supplies),
        model=device.model,
        label=device.label,
    )
    return kind_of(evidence)
