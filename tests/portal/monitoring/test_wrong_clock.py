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
from portal.ingest.models import Latest
from portal.ingest.store import ingest
from portal.monitoring.device import device_view
from portal.web.moments import datetime_of
from portal.web.templatetags.kanmon import when
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


@pytest.mark.parametrize("wrong_ms", [3650 * DAY_MS, DAY_MS, 0, -2 * DAY_MS])
@pytest.mark.parametrize("lane", [Lane.DATA, Lane.EVENT])
def test_last_received_is_the_portals_time(
    administrator: Client, box: Box, now: datetime, wrong_ms: int, lane: Lane
) -> None:
    """Whatever a gateway's clock says, pages and lists say when the portal received something."""
    began = round(now.timestamp() * 1000) - 600_000 + wrong_ms
    sender = Sender(box.box_id)
    earlier, received = now - timedelta(hours=3), now - timedelta(minutes=90)
    ingest([sender.online(), sender.tables(METER)], earlier)
    ingest([sender.clock(began, synchronised=False)], earlier)
    record = polled(590_000, HONEST) if lane is Lane.DATA else event(590_000)
    ingest([sender.send(lane, record)], received)
    device = Device.objects.get(name="meter")
    assert device_view(device, now).heard_at == round(received.timestamp() * 1000)
    said = when(received, box.gateway.site.time_zone, relative=True)
    spoken = re.sub(r"<[^>]+>", "", said)
    text = text_of(administrator, reverse("device", args=[device.pk]))
    assert f"last received {spoken}" in text
    assert spoken in text_of(administrator, reverse("devices"))
    assert f"last received {spoken}" in text_of(administrator, "/"), "in the sentence too"


def test_devices_are_sorted_by_when_the_portal_received_something(
    administrator: Client, box: Box, now: datetime
) -> None:
    """The device whose gateway dates it ahead was heard first, and stands behind the other."""
    sender = Sender(box.box_id)
    other = Table("other", METER.columns)
    ingest([sender.online(), sender.tables(METER, other)], now - timedelta(minutes=9))
    ahead = round(now.timestamp() * 1000) + DAY_MS
    ingest([sender.clock(ahead, synchronised=False)], now - timedelta(minutes=8))
    ingest([sender.send(Lane.DATA, polled(9_000, WRONG))], now - timedelta(minutes=7))
    later = DataRecord(table_id(other), 1_000, list(HONEST))
    ingest([sender.send(Lane.DATA, later)], now - timedelta(minutes=6))
    text = text_of(administrator, reverse("devices") + "?sort=-heard")
    assert text.index("other") < text.index("meter")
    text = text_of(administrator, reverse("devices") + "?sort=heard")
    assert text.index("meter") < text.index("other")


@pytest.mark.parametrize("wrong_ms", [3650 * DAY_MS, DAY_MS, 600_000])
@pytest.mark.parametrize("with_clock", [False, True])
def test_a_reading_of_a_time_to_come_gives_way_to_the_next_honest_one(
    administrator: Client, box: Box, now: datetime, wrong_ms: int, with_clock: bool
) -> None:
    """In the same epoch, and though no source vouches for any clock.

    With a clock of its own the forged reading is dated as if it were taken now.
    """
    began = round(now.timestamp() * 1000) - 600_000
    sender = Sender(box.box_id)
    ingest([sender.online(), sender.tables(METER), sender.clock(began, synchronised=False)], now)
    ingest([sender.send(Lane.DATA, polled(590_000, HONEST))], now)
    if with_clock:
        since = 600_000 + wrong_ms
        forged = sender.clock(began - wrong_ms, since=since, synchronised=False)
        ingest([forged], now)
    ingest([sender.send(Lane.DATA, polled(600_000 + wrong_ms, WRONG))], now)
    shows(administrator, box, WRONG)
    later = now + timedelta(seconds=20)
    ingest([sender.send(Lane.DATA, polled(610_000, HONEST))], later)
    shows(administrator, box, HONEST)
    latest = Latest.objects.filter(series__device__gateway=box.gateway)
    assert {one.received_ms for one in latest} == {round(later.timestamp() * 1000)}
    ingest([sender.send(Lane.DATA, polled(620_000, WRONG))], later)
    shows(administrator, box, WRONG)


def test_a_backlog_that_comes_later_does_not_replace_what_was_read_since(
    administrator: Client, box: Box, now: datetime
) -> None:
    began = round(now.timestamp() * 1000) - 600_000
    sender = Sender(box.box_id)
    ingest([sender.online(), sender.tables(METER), sender.clock(began, synchronised=False)], now)
    ingest([sender.send(Lane.DATA, polled(590_000, HONEST))], now)
    later = now + timedelta(hours=1)
    ingest([sender.send(Lane.DATA, polled(1_000, WRONG), polled(580_000, WRONG))], later)
    shows(administrator, box, HONEST)
