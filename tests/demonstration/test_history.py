"""Thirteen months in the portal's own tables: whole, marked, written once, and going on as read."""

from __future__ import annotations

import time
from itertools import pairwise
from pathlib import Path

import pytest

from portal.fleet.models import Device
from portal.fleet.provisioning import GatewayPlacement, ensure_gateway
from portal.ingest.models import BootClock, Latest, Sample, Series
from portal.simulation.models import SimulatedHistory
from scripts.demonstration.demonstration import silent_since
from scripts.demonstration.history import fill, watt_hours
from scripts.demonstration.sites import DAYS, LABELLED, OFFICE, ORGANIZATION, PLANT, Past, registers

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database]


@pytest.fixture
def read_now(tmp_path: Path) -> dict[str, Series]:
    """One meter and the copier as if their gateways had just read them for the first time."""
    now = time.time()
    place = registers(Past.read(tmp_path))[3]
    values = {
        ("cold-room", "energy.import"): watt_hours(place.counters_kwh(now)[0]) + 1,
        ("cold-room", "power.active"): round(place.power_w(now) * 10),
        ("cold-room", "voltage"): 2_300,
        ("copier-3f", "impressions"): 10_000_000,
    }
    made = {}
    for gateway in (PLANT, OFFICE):
        box = ensure_gateway(
            GatewayPlacement(
                organization=ORGANIZATION, site=gateway.site, time_zone="Asia/Tokyo",
                gateway=gateway.name, box_id=f"b-{gateway.key}",
            )
        ).box  # fmt: skip
        clock = BootClock.objects.create(
            box=box, boot=b"12345678", since_boot_ms=0, offset_ms=0, synchronised=True, order=1
        )
        for (name, quantity), value in values.items():
            if name not in {device.name for device in gateway.devices}:
                continue
            device, _ = Device.objects.get_or_create(gateway=box.gateway, name=name)
            series = Series.objects.create(device=device, quantity=quantity, resolution=0)
            at = int(now * 1000)
            Sample.objects.create(series=series, at=at, value=value, quality=0, clock=clock)
            Latest.objects.create(
                series=series, at=at, value=value, quality=0, speaker=box.pk, rank=0
            )
            made[quantity] = series
    return made


def test_history_ends_where_reading_began(tmp_path: Path, read_now: dict[str, Series]) -> None:
    told = fill(tmp_path)
    assert told["samples"] == Sample.objects.count() - 4

    past = Past.read(tmp_path)
    rows = Sample.objects.filter(series=read_now["energy.import"]).order_by("at")
    energy = [(row.at, row.value or 0) for row in rows]
    falls = [b[0] for a, b in pairwise(energy) if b[1] < a[1]]
    assert len(falls) == 1, "one exchange, and no step back where reading begins"
    assert 0 < falls[0] - past.exchanges[3][0] * 1000 <= 1_800_000
    assert energy[0][0] == past.since * 1000
    assert energy[-1][0] - energy[-2][0] <= 11_000
    assert (energy[-1][0] - energy[0][0]) / 86_400_000 == pytest.approx(DAYS, abs=1.1)
    silent = [(a[0], b[0]) for a, b in pairwise(energy) if b[0] - a[0] > 3_600_000]
    assert len(silent) == 1, "one outage"

    assert Sample.objects.filter(series=read_now["voltage"]).count() == 1, "nothing made up for it"
    assert Latest.objects.get(series=read_now["energy.import"]).value == energy[-1][1]
    pages = Sample.objects.filter(series=read_now["impressions"])
    assert pages.count() > 19_000
    assert not [1 for a, b in pairwise(pages.order_by("at").values_list("value")) if b < a]

    marks = SimulatedHistory.objects.all()
    assert {mark.gateway.name for mark in marks} == {PLANT.name, OFFICE.name}
    assert all(mark.first_ms == past.since * 1000 for mark in marks)
    assert all(mark.last_ms == energy[-1][0] for mark in marks.filter(gateway__name=PLANT.name))

    assert fill(tmp_path)["samples"] == 0, "a second run adds nothing"
    assert Sample.objects.filter(series=read_now["energy.import"]).count() == len(energy)


def test_what_an_earlier_run_left_is_no_first_value() -> None:
    old, new = {"readings": [{"at": 5}]}, {"readings": [{"at": 5}, {"at": 10}]}
    devices = {**dict.fromkeys(LABELLED, new), "roof-pv": old, "cold-room": {"readings": []}}
    del devices["copier-3f"]
    assert silent_since(devices, 10) == ["cold-room", "copier-3f", "roof-pv"]


def test_energy_of_a_day_is_what_its_power_says(
    tmp_path: Path, read_now: dict[str, Series]
) -> None:
    fill(tmp_path)
    end = int(time.time()) // 3600 * 3600 * 1000
    window = {"at__gte": end - 6 * 3_600_000, "at__lte": end}
    power = Sample.objects.filter(series=read_now["power.active"], **window)
    energy = Sample.objects.filter(series=read_now["energy.import"], **window).order_by("at")
    first, last = energy[0], energy.reverse()[0]
    assert first.value is not None
    assert last.value is not None
    watts = [value / 10 for value in power.values_list("value", flat=True) if value is not None]
    hours = (last.at - first.at) / 3_600_000
    assert (last.value - first.value) / hours == pytest.approx(sum(watts) / len(watts), rel=0.01)
