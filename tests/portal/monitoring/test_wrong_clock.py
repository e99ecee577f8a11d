"""Readings and events under a clock that is ahead or back: the next honest ones are shown."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from cloud_link.records import Column, DataRecord, Table, table_id
from cloud_link.wire import Lane
from portal.fleet.models import Box, Device, DeviceCondition
from portal.ingest.store import ingest
from portal.monitoring.device import device_view
from portal.web.moments import datetime_of
from tests.portal.ingest.sender import Sender, condition, event

pytestmark = [pytest.mark.database, pytest.mark.django_db(transaction=True)]

DAY_MS = 86_400_000
METER = Table("meter", (Column("power.active", "", 0), Column("impressions", "", 0)))
WRONG, HONEST = (777_111, 888_222), (4_321, 5_678)


def text_of(client: Client, address: str) -> str:
    content = client.get(address).content.decode()
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", content))


def polled(at: int, values: tuple[int, int]) -> DataRecord:
    return DataRecord(table_id(METER), at, list(values))


def addresses(box: Box) -> list[str]:
    """Every page that shows the latest reading of a device."""
    device = Device.objects.get(gateway=box.gateway, name="meter")
    return [
        "/",
        reverse("overview-live"),
        reverse("site", args=[box.gateway.site_id]),
        reverse("gateway", args=[box.gateway_id]),
        reverse("gateway-live", args=[box.gateway_id]),
        reverse("device", args=[device.pk]),
        reverse("device-live", args=[device.pk]),
    ]


def shows(client: Client, box: Box, values: tuple[int, int]) -> None:
    for address in addresses(box):
        text = text_of(client, address)
        assert f"{values[1]:,}" in text, address
    other = WRONG if values == HONEST else HONEST
    for address in addresses(box):
        assert f"{other[1]:,}" not in text_of(client, address), address


@pytest.mark.parametrize("synchronised", [True, False])
@pytest.mark.parametrize("wrong_ms", [3650 * DAY_MS, DAY_MS, -2 * DAY_MS])
def test_no_wrong_date_hides_what_comes_after_it(
    administrator: Client, box: Box, now: datetime, wrong_ms: int, synchronised: bool
) -> None:
    """A clock steps away, and back from where it is noticed; what it dated stays as it is."""
    began = round(now.timestamp() * 1000) - 600_000
    sender = Sender(box.box_id)
    before = [condition("cover.open", "error")]
    ingest([sender.online(), sender.tables(METER), sender.clock(began)], now)
    ingest([sender.clock(began + wrong_ms, since=100_000, synchronised=synchronised)], now)
    ingest([sender.send(Lane.DATA, polled(200_000, WRONG))], now)
    ingest([sender.send(Lane.EVENT, event(200_000, *before))], now)
    shows(administrator, box, WRONG)
    ingest([sender.clock(began, since=300_000, synchronised=synchronised)], now)
    ingest([sender.send(Lane.DATA, polled(590_000, HONEST))], now)
    ingest([sender.send(Lane.EVENT, event(590_000, condition("media.jam", "error")))], now)
    shows(administrator, box, HONEST)
    device = Device.objects.get(name="meter")
    assert device.reported_at == datetime_of(began + 590_000)
    assert [one.code for one in DeviceCondition.objects.open()] == ["media.jam"]
    for address in ("/", reverse("devices"), reverse("device", args=[device.pk])):
        assert "cover open" not in text_of(administrator, address)


def test_a_date_that_is_yet_to_come_is_shown_with_the_value(
    administrator: Client, box: Box, now: datetime
) -> None:
    """Nothing that is dated tomorrow looks like what is measured now."""
    began = round(now.timestamp() * 1000) - 600_000
    sender = Sender(box.box_id)
    ingest([sender.online(), sender.tables(METER)], now)
    ingest([sender.clock(began + 40 * DAY_MS, synchronised=False)], now)
    ingest([sender.send(Lane.DATA, polled(590_000, WRONG))], now)
    device = Device.objects.get(name="meter")
    page = administrator.get(reverse("device", args=[device.pk])).content.decode()
    assert 'class="as-of"' in page
    assert (now + timedelta(days=39)).strftime("%Y") in page
    assert "last received" not in re.sub(r"\s+", " ", page)


def test_a_series_that_was_made_up_does_not_make_its_device_look_alive(
    administrator: Client, box: Box, now: datetime
) -> None:
    began = round(now.timestamp() * 1000) - 600_000
    sender = Sender(box.box_id)
    ingest([sender.online(), sender.tables(METER), sender.clock(began)], now)
    ingest([sender.send(Lane.DATA, polled(1_000, HONEST))], now)
    made_up = Table("meter", (Column("power.reactive", "", 0),))
    ingest([sender.tables(made_up)], now)
    ingest([sender.send(Lane.DATA, DataRecord(table_id(made_up), 3650 * DAY_MS, [1]))], now)
    device = Device.objects.get(name="meter")
    assert device_view(device, now).heard_at == began + 1_000
