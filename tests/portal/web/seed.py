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
from typing import TYPE_CHECKING

from console.templates import evidence
from console.text import verbatim
from drivers.report import Code, Condition, Evidence, EvidenceKind, Severity
from tests.portal.web.seed_printers import add_printers
from tests.portal.web.seed_rows import (
    DAY,
    MINUTE,
    add_condition,
    add_device,
    add_reported,
    add_series,
    milliseconds,
)

if TYPE_CHECKING:
    from portal.fleet.models import Box
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
        NewUser(
            email=email,
            organization="Aoyama Foods",
            role=Role.ADMINISTRATOR,
            family_name="青山",
            given_name="花子",
            consent_given=True,
        )
    )
    meter = _meter(plant.gateway_id, "main-incomer", "Main incomer", now, load=34_000)
    _gap(plant, now)
    _meter(plant.gateway_id, "compressor-2", "Compressor 2", now, load=6_400, fault=True)
    _meter(plant.gateway_id, "cold-store", "Cold store", now, load=2_100, gone=True)
    _gateway_device(plant.gateway_id, now)
    add_printers(plant.gateway_id, now)
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
    device = add_device(
        gateway,
        name,
        label,
        now,
        ("Eastron", "SDM630-Modbus V2", f"2310{load:05d}"),
        state="running",
        reachability="unreachable" if gone else "online",
    )
    end = milliseconds(now) - (38 * MINUTE if gone else 2_000)
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
    total = add_series(device, "power.active", "", -1, [(at, power(at)) for at in kept])
    energy = 184_223_410 + load
    samples: list[tuple[int, int | None]] = []
    for at in kept:
        energy += int(load / 100)
        samples.append((at, energy))
    add_series(device, "energy.import", "", 0, samples)
    now_ms = end
    for index, part in enumerate(("l1", "l2", "l3")):
        lost = fault and part == "l2"
        add_series(device, "voltage", part, -1, [(now_ms, None if lost else 2304 + 7 * index)])
        add_series(device, "current", part, -3, [(now_ms, None if lost else load * 45 // 10 + 113)])
    add_series(device, "power_factor", "", -3, [(now_ms, 962)])
    add_series(device, "frequency", "", -2, [(now_ms, 5001)])
    add_series(device, "energy.export", "", 0, [(now_ms, 0)])
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
        add_reported(device, [phase], now - timedelta(minutes=12))
        add_condition(
            device,
            "maintenance.due",
            "info",
            now - timedelta(days=3),
            "",
            "holding register 60 = 1",
        )
    if gone:
        add_condition(
            device,
            "comm.timeout",
            "warning",
            now - timedelta(minutes=38),
            "192.0.2.10:502 unit 3: no answer to input 0..5 within 1 s. "
            "Check the unit id, the wiring and that the device has power.",
            "tcp:192.168.10.22:502 unit 3",
        )
    return device.pk, total.pk


def _gap(box: Box, now: datetime) -> None:
    from portal.ingest.models import Epoch, Gap

    epoch = Epoch.objects.create(box=box, epoch=b"12345678", ordinal=1)
    end = milliseconds(now) - 2_000
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
    device = add_device(gateway, "gateway", "", now, ("Kanmon", "gateway", "b-4xk2m7q9wd"))
    at = milliseconds(now) - 4_000
    add_series(device, "uptime", "", 0, [(at, 1_204_331)])
    add_series(device, "spool.records", "lane=data", 0, [(at, 3)])
    add_series(device, "disk.free", "", 0, [(at, 11_884_000_000)])
    add_series(device, "memory.resident", "", 0, [(at, 46_200_000)])


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    import django

    django.setup()
    print(seed(datetime.now(UTC)))
