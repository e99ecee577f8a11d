"""A fleet as customers have them: several states, faults, a silent gateway, a day of samples.

``python -m tests.portal.web.seed`` fills the portal that the environment names, for looking at.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from console.templates import evidence
from console.text import verbatim
from drivers.report import Code, Condition, Evidence, EvidenceKind, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from portal.fleet.models import Box, Device
    from portal.ingest.models import Series

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
STEP = MINUTE


@dataclass(frozen=True)
class SeedIds:
    """Ids of what tests look for."""

    organization: int
    meter: int
    power: int
    foreign_meter: int
    foreign_power: int
    key: int
    foreign_key: int


def seed(now: datetime, *, email: str = "hanako@example.com") -> SeedIds:
    """Two organizations; the first has two sites, three gateways and eight devices."""
    from portal.accounts.actions import NewUser, add_user
    from portal.accounts.models import Role
    from portal.fleet.models import Box, RunningConfiguration
    from portal.fleet.provisioning import GatewayPlacement, ensure_gateway

    random.seed(7)

    def place(organization: str, site: str, gateway: str, box: str) -> Box:
        placed = ensure_gateway(
            GatewayPlacement(
                organization=organization,
                site=site,
                time_zone="Asia/Tokyo",
                gateway=gateway,
                box_id=box,
            )
        )
        return placed.box

    def online(box: Box, heard: datetime, *, alive: bool = True) -> None:
        Box.objects.filter(pk=box.pk).update(
            alive=alive, last_heard_at=heard, session=4, software="0.1.0"
        )
        document = json.dumps(
            {
                "gateway": {"heartbeat_s": 300, "health_s": 60},
                "devices": [
                    {"name": "copier", "url": "snmp://readers@192.0.2.41:1161/?timeout_s=2"},
                    {"name": "label-printer", "url": "snmp://[2001:db8::7]/"},
                    {"name": "main-incomer", "url": "modbus-tcp://192.0.2.9/?unit=1"},
                ],
            }
        )
        RunningConfiguration.objects.create(
            gateway_id=box.gateway_id,
            digest=hashlib.sha256(document.encode()).hexdigest(),
            document=document,
            at=heard,
            order=1,
        )

    plant = place("Aoyama Foods", "Kawasaki plant", "Plant room", "b-4xk2m7q9wd")
    roof = place("Aoyama Foods", "Kawasaki plant", "Roof", "b-h3n8t5c2vz")
    shop = place("Aoyama Foods", "Shibuya shop", "Back office", "b-9f7e2r6k1p")
    other = place("Another Company", "Elsewhere", "Their gateway", "b-zzzzzzzzzz")
    online(plant, now - timedelta(seconds=4))
    online(roof, now - timedelta(minutes=47), alive=False)
    online(other, now)
    add_user(
        NewUser(email=email, organization="Aoyama Foods", role=Role.ADMINISTRATOR, name="青山 花子")
    )
    meter = _meter(plant.gateway_id, "main-incomer", "Main incomer", now, load=34_000)
    _gap(plant, now)
    _meter(plant.gateway_id, "compressor-2", "Compressor 2", now, load=6_400, fault=True)
    _meter(plant.gateway_id, "cold-store", "Cold store", now, load=2_100, gone=True)
    _gateway_device(plant.gateway_id, now)
    _printers(plant.gateway_id, now)
    _meter(roof.gateway_id, "pv-east", "PV east", now - timedelta(minutes=47), load=12_000)
    _ = shop  # never heard
    foreign = _meter(other.gateway_id, "secret-meter", "Their meter", now, load=1_000)
    return SeedIds(
        organization=plant.gateway.site.organization_id,
        meter=meter[0],
        power=meter[1],
        foreign_meter=foreign[0],
        foreign_power=foreign[1],
        key=_key(plant, "KEYSEED2", now),
        foreign_key=_key(other, "KEYSEED3", now),
    )


def _key(box: Box, key_id: str, now: datetime) -> int:
    from portal.authority.models import AgentKey

    row = AgentKey.objects.create(
        key_id=key_id,
        secret_digest="0" * 64,
        site=box.gateway.site,
        gateway_name="Boiler house",
        uses=1,
        expires_at=now + timedelta(days=5),
    )
    return row.pk


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def _device(
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


def _condition(  # a row of a table, not a thing: the columns are its arguments
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


def _reported(device: Device, found: Iterable[Condition], at: datetime) -> None:
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


def _series(
    device: Device,
    quantity: str,
    part: str,
    resolution: int,
    samples: list[tuple[int, int | None]],
) -> Series:
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


def _meter(
    gateway: int,
    name: str,
    label: str,
    now: datetime,
    *,
    load: int,
    fault: bool = False,
    gone: bool = False,
) -> tuple[int, int]:
    device = _device(
        gateway,
        name,
        label,
        now,
        ("Eastron", "SDM630-Modbus V2", f"2310{load:05d}"),
        state="running",
        reachability="unreachable" if gone else "online",
    )
    end = _ms(now) - (38 * MINUTE if gone else 2_000)
    times = range(end - DAY, end + 1, STEP)
    hole = (end - 9 * 60 * MINUTE, end - 7 * 60 * MINUTE - 20 * MINUTE)
    short = (end - 3 * 60 * MINUTE, end - 3 * 60 * MINUTE + 25 * MINUTE)

    def power(at: int) -> int:
        hour = (at / 3_600_000 + 9) % 24
        day = max(0.0, math.sin((hour - 6) / 14 * math.pi)) if 6 < hour < 20 else 0.0
        return int(10 * load * (0.18 + 0.8 * day + random.uniform(-0.04, 0.04)))

    def there(at: int) -> bool:
        return not any(begin < at < stop for begin, stop in (hole, short))

    kept = [at for at in times if there(at)]
    total = _series(device, "power.active", "", -1, [(at, power(at)) for at in kept])
    energy = 184_223_410 + load
    samples: list[tuple[int, int | None]] = []
    for at in kept:
        energy += int(load / 100)
        samples.append((at, energy))
    _series(device, "energy.import", "", 0, samples)
    now_ms = end
    for index, part in enumerate(("l1", "l2", "l3")):
        lost = fault and part == "l2"
        _series(device, "voltage", part, -1, [(now_ms, None if lost else 2304 + 7 * index)])
        _series(device, "current", part, -3, [(now_ms, None if lost else load * 45 // 10 + 113)])
    _series(device, "power_factor", "", -3, [(now_ms, 962)])
    _series(device, "frequency", "", -2, [(now_ms, 5001)])
    _series(device, "energy.export", "", 0, [(now_ms, 0)])
    if fault:
        register = Evidence(
            kind=EvidenceKind.REGISTER,
            address="holding 32008",
            value="0x2",
            meaning=evidence.REGISTER_BIT(bit=1),
            profile="acme-x1",
        )
        phase = Condition(
            code=Code.PHASE_LOST,
            severity=Severity.ERROR,
            component="l2",
            message=verbatim("Voltage on L2 is missing"),
            evidence=(register,),
        )
        _reported(device, [phase], now - timedelta(minutes=12))
        _condition(
            device,
            "maintenance.due",
            "info",
            now - timedelta(days=3),
            "",
            "holding register 60 = 1",
        )
    if gone:
        _condition(
            device,
            "comm.timeout",
            "warning",
            now - timedelta(minutes=38),
            "192.0.2.10:502 unit 3: no answer to input 0..5 within 1 s. "
            "Check the unit id, the wiring and that the device has power.",
            "tcp:192.168.10.22:502 unit 3",
        )
    return device.pk, total.pk


SUPPLIES = (
    ("ink", "black", "", 12, "low"),
    ("ink", "cyan", "", 64, "ok"),
    ("ink", "magenta", "", None, "some_left"),
    ("ink", "yellow", "", None, "unknown"),
    ("maintenance_tank", "", "T6997", 41, "ok"),
)


def _printers(gateway: int, now: datetime) -> None:
    from portal.fleet.models import DeviceSupply

    label = _device(
        gateway, "label-printer", "Label printer", now, ("Example", "LX-900", "LX9-00412")
    )
    copier = _device(
        gateway,
        "copier",
        "3F copier",
        now,
        ("Example", "Copier C450", "CP-0457781"),
        state="running",
    )
    for printer in (label, copier):
        for kind, colour, name, level, state in SUPPLIES:
            DeviceSupply.objects.create(
                device=printer, kind=kind, colour=colour, name=name, level=level, state=state
            )
        _series(printer, "jobs", "", 0, _prints(now, 8_114, 3))
    _series(label, "area", "", -4, _prints(now, 12_345_678, 5_210))
    _series(copier, "impressions", "", 0, _prints(now, 184_220, 17))


def _prints(now: datetime, last: int, each: int) -> list[tuple[int, int | None]]:
    """What a printer counted for a month of office hours; every five minutes of the last day."""
    end = _ms(now) - MINUTE
    hours = range(end - 31 * DAY, end - 26 * HOUR, HOUR)
    times = [at for at in hours if 7 <= _hour(at) <= 21]
    times += range(end - 26 * HOUR, end + 1, 5 * MINUTE)
    steps = [
        each * random.randrange(4) * ((at - before) // (5 * MINUTE)) if 9 <= _hour(at) < 19 else 0
        for before, at in pairwise(times)
    ]
    value = last - sum(steps)
    samples: list[tuple[int, int | None]] = []
    for at, step in zip(times, [0, *steps], strict=True):
        value += step
        samples.append((at, value))
    return samples


def _hour(at: int) -> int:
    return (at // HOUR + 9) % 24


def _gap(box: Box, now: datetime) -> None:
    from portal.ingest.models import Epoch, Gap

    epoch = Epoch.objects.create(box=box, epoch=b"12345678", ordinal=1)
    end = _ms(now) - 2_000
    Gap.objects.create(
        box=box,
        epoch=epoch,
        lane=3,
        ranges=[[1, 200]],
        records=200,
        readings=2_000,
        first_boot=b"12345678",
        first_boot_ms=0,
        last_boot=b"12345678",
        last_boot_ms=100,
        from_ms=end - 9 * 60 * MINUTE,
        to_ms=end - 7 * 60 * MINUTE - 20 * MINUTE,
        reason="cap",
    )


def _gateway_device(gateway: int, now: datetime) -> None:
    device = _device(gateway, "gateway", "", now, ("Kanmon", "gateway", "b-4xk2m7q9wd"))
    at = _ms(now) - 4_000
    _series(device, "uptime", "", 0, [(at, 1_204_331)])
    _series(device, "spool.records", "lane=data", 0, [(at, 3)])
    _series(device, "disk.free", "", 0, [(at, 11_884_000_000)])
    _series(device, "memory.resident", "", 0, [(at, 46_200_000)])


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    import django

    django.setup()
    print(seed(datetime.now(UTC)))
