"""Rows of devices, their conditions and their series, as the portal stores them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from drivers.report import Condition
    from portal.fleet.models import Device
    from portal.ingest.models import Series


MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def add_device(
    gateway: int,
    name: str,
    label: str,
    now: datetime,
    identity: tuple[str, str, str],
    **fields: Any,
) -> Device:
    from portal.fleet.models import Device

    maker, model, serial = identity
    return Device.objects.create(
        gateway_id=gateway,
        name=name,
        label=label,
        maker=maker,
        model=model,
        serial=serial,
        firmware="1.14",
        **{
            "reachability": "online",
            "state": "ready",
            "reported_at": now - timedelta(seconds=6),
            "event_order": 10,
            **fields,
        },
    )


def add_condition(  # a row of a table, not a thing: the columns are its arguments
    device: Device,
    code: str,
    severity: str,
    at: datetime,
    message: str,
    source: str,
    component: str = "",
) -> None:
    from portal.fleet.models import DeviceCondition

    DeviceCondition.objects.create(
        device=device,
        code=code,
        severity=severity,
        component=component,
        message=message,
        source=source,
        raised_at=at,
    )


def add_reported(device: Device, found: Iterable[Condition], at: datetime) -> None:
    """Conditions as a driver reports them, stored as the portal stores them."""
    from cloud_link.columns import wire_condition
    from portal.fleet.models import DeviceCondition
    from portal.ingest.condition_texts import condition_texts

    for one in found:
        sent = wire_condition(one)
        texts = condition_texts(sent)
        DeviceCondition.objects.create(
            device=device,
            code=sent.code,
            severity=sent.severity,
            component=sent.component,
            raised_at=at,
            **texts,
        )


def add_series(
    device: Device,
    quantity: str,
    part: str,
    resolution: int,
    samples: Iterable[tuple[int, int | None]],
) -> Series:
    """A series with its samples."""
    from portal.ingest.models import Series
    from portal.ingest.samples import Rows, write_rows

    series = Series.objects.create(
        device=device, quantity=quantity, part=part, resolution=resolution
    )
    # As readings come in: the ORM takes ten times as long for a day of samples.
    write_rows(
        Rows(
            numbers=[
                (series.pk, at, value, 0 if value is not None else 2, 1) for at, value in samples
            ]
        )
    )
    return series
