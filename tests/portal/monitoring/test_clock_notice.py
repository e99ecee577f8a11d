"""What the pages say of a gateway without a clock: nothing of it is hidden."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from cloud_link.records import DataRecord, Table, table_id
from cloud_link.wire import Lane
from portal.fleet.models import Box, Device
from portal.ingest.store import ingest
from portal.metrics import table
from portal.monitoring.metrics import database_gauges
from tests.portal.ingest.sender import METER, Sender, meter

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def unset(box: Box, now: datetime) -> Sender:
    """The box after 200 polls of three readings in a boot without a clock."""
    sender = Sender(box.box_id)
    ingest([sender.online(), sender.tables(METER)], now - timedelta(seconds=300))
    polls = [meter(1000 * n, n, n, n) for n in range(1, 201)]
    ingest([sender.send(Lane.DATA, *polls)], now - timedelta(seconds=100))
    return sender


def _text(client: Client, address: str) -> str:
    content = client.get(address).content.decode()
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", content))


def test_counts_have_their_thousands_separated(
    administrator: Client, unset: Sender, box: Box, now: datetime
) -> None:
    ingest([unset.send(Lane.DATA, *[meter(1000 * n, n, n, n) for n in range(201, 401)])], now)
    gateway, device = _pages(box)[0], Device.objects.get(gateway=box.gateway, name="meter")
    found = _text(administrator, gateway)
    assert "1,200 readings have no time yet" in found
    assert f"{device} 1,200 readings" in found
    administrator.post(reverse("language"), {"language": "ja", "next": "/"})
    assert "時刻が未確定の計測値：1,200件" in _text(administrator, gateway)


def _pages(box: Box) -> list[str]:
    device = Device.objects.get(gateway=box.gateway, name="meter")
    return [
        reverse("gateway", args=[box.gateway_id]),
        reverse("device", args=[device.pk]),
        reverse("device-usage", args=[device.pk]),
        reverse("site-usage", args=[box.gateway.site_id]),
    ]


def test_a_gateway_without_a_clock_needs_attention_and_says_what_waits(
    administrator: Client, box: Box, unset: Sender, now: datetime
) -> None:
    first = _text(administrator, "/")
    assert "Nothing needs attention" not in first
    assert "clock not set" in first
    for address in _pages(box):
        assert "600 readings have no time yet" in _text(administrator, address), address
    assert dict(database_gauges(now))[table.UNDATED] == [((), 600)]


def test_the_live_part_of_a_page_follows_what_waits(
    administrator: Client, box: Box, unset: Sender, now: datetime
) -> None:
    device = Device.objects.get(gateway=box.gateway, name="meter")
    address = reverse("device-live", args=[device.pk])
    tag = administrator.get(address)["ETag"]
    ingest([unset.send(Lane.DATA, meter(201_000, 1, 1, 1))], now)
    again = administrator.get(address, headers={"If-None-Match": tag})
    assert again.status_code == 200
    assert "603 readings" in again.content.decode()


def test_after_a_power_cycle_they_are_there_and_marked_as_estimated(
    administrator: Client, box: Box, unset: Sender, now: datetime
) -> None:
    later = Sender(box.box_id, ordinal=2)
    began = round(now.timestamp() * 1000) - 60_000
    ingest([later.online(2), later.clock(began), later.send(Lane.DATA, meter(1000, 1, 1, 1))], now)
    for address in _pages(box):
        text = _text(administrator, address)
        assert "have no time yet" not in text
        if address != reverse("site-usage", args=[box.gateway.site_id]):
            assert "Estimated times" in text, address
    device = Device.objects.get(gateway=box.gateway, name="meter")
    file = administrator.get(reverse("device-usage", args=[device.pk]), {"format": "csv"})
    assert b"estimated times" in b"".join(file)
    assert "Nothing needs attention" in _text(administrator, "/")
    assert dict(database_gauges(now))[table.UNDATED] == [((), 0)]


@pytest.fixture
def doubtful(box: Box, unset: Sender, now: datetime) -> Sender:
    """The same box with a second device, of which 5 polls wait."""
    other = Table("roof", METER.columns)
    ingest([unset.tables(other)], now - timedelta(seconds=100))
    polls = [DataRecord(table_id(other), 1000 * n, [n, n, n]) for n in range(1, 6)]
    ingest([unset.send(Lane.DATA, *polls)], now - timedelta(seconds=100))
    return unset


def test_each_device_says_what_waits_of_its_own(
    administrator: Client, box: Box, doubtful: Sender, now: datetime
) -> None:
    pages = {
        one.name: _text(administrator, reverse("device", args=[one.pk]))
        for one in Device.objects.filter(gateway=box.gateway)
    }
    assert "600 readings have no time yet" in pages["meter"]
    assert "15 readings have no time yet" in pages["roof"]
    assert "no time yet" not in pages["gateway"]
    for place in ("gateway", "site-usage"):
        pk = box.gateway_id if place == "gateway" else box.gateway.site_id
        text = _text(administrator, reverse(place, args=[pk]))
        assert "615 readings have no time yet" in text
        assert re.search("meter 600 readings roof 15 readings", text), text
    metrics = dict(database_gauges(now))
    assert metrics[table.UNDATED] == [((), 615)]
    assert metrics[table.UNDATED_DEVICES] == [((), 2)]
    administrator.post("/language/", {"language": "ja", "next": "/"})
    text = _text(administrator, reverse("gateway", args=[box.gateway_id]))
    assert "meter 計測値600件 roof 計測値15件" in text


def test_a_gateway_names_a_few_of_very_many_devices(
    administrator: Client, box: Box, unset: Sender, now: datetime
) -> None:
    names = [Table(f"d-{n}", METER.columns) for n in range(30)]
    ingest([unset.tables(*names)], now)
    polls = [DataRecord(table_id(one), 1_000, [1, 2, 3]) for one in names]
    ingest([unset.send(Lane.DATA, *polls)], now)
    page = administrator.get(reverse("gateway", args=[box.gateway_id])).content.decode()
    listed = page.partition('class="undated-devices"')[2].partition("</ul>")[0]
    assert listed.count("<a ") == 12
    assert "and 19 more" in listed


def test_an_estimate_is_shown_with_its_earliest_time(
    administrator: Client, box: Box, unset: Sender, now: datetime
) -> None:
    """The boot before it ended, as far as is known, an hour and ten minutes ago."""
    before, later = Sender(box.box_id, ordinal=0), Sender(box.box_id, ordinal=2)
    began = round(now.timestamp() * 1000) - 4_300_000
    ingest([before.clock(began), before.send(Lane.DATA, meter(100_000, 1, 1, 1))], now)
    ingest([later.online(2), later.clock(began + 4_200_000)], now)
    device = Device.objects.get(gateway=box.gateway, name="meter")
    usage = reverse("device-usage", args=[device.pk])
    for address in (reverse("device", args=[device.pk]), usage):
        text = _text(administrator, address)
        assert "may have been taken up to 1 h 5 min earlier, but not before" in text, text
    file = b"".join(administrator.get(usage, {"format": "csv"})).decode()
    assert "estimated times (up to 1 h 5 min earlier)" in file
    administrator.post("/language/", {"language": "ja", "next": "/"})
    assert "最大で1時間5分早い可能性があります" in _text(administrator, usage)


def test_an_estimate_without_an_earliest_time_says_so(
    administrator: Client, box: Box, unset: Sender, now: datetime
) -> None:
    later = Sender(box.box_id, ordinal=2)
    ingest([later.online(2), later.clock(round(now.timestamp() * 1000) - 60_000)], now)
    for address in _pages(box)[:3]:
        assert "how much earlier the readings may have been taken is not known" in _text(
            administrator, address
        )


def test_a_clock_that_runs_ahead_is_marked_while_it_does(
    administrator: Client, box: Box, now: datetime
) -> None:
    sender, later = Sender(box.box_id), Sender(box.box_id, ordinal=2)
    began = round(now.timestamp() * 1000) - 60_000
    ahead = sender.clock(began + 40 * 86_400_000, synchronised=False)
    ingest([sender.online(), sender.tables(METER), ahead], now)
    ingest([sender.send(Lane.DATA, meter(1_000, 1, 1, 1))], now)
    for address in _pages(box)[:2]:
        assert "Unconfirmed times" in _text(administrator, address), address
    ingest([later.online(2), later.clock(began), later.send(Lane.DATA, meter(2, 2, 2, 2))], now)
    for address in _pages(box):
        assert "Unconfirmed times" not in _text(administrator, address), address


@pytest.mark.parametrize("step_ms", [0, 3_600_000, -7_200_000])
def test_what_no_time_source_confirms_is_marked(
    administrator: Client, box: Box, now: datetime, step_ms: int
) -> None:
    """An assumed clock from the beginning on, or one that was set to another hour."""
    sender = Sender(box.box_id)
    began = round(now.timestamp() * 1000) - 86_400_000
    first = [sender.clock(began)] if step_ms else []
    assumed = sender.clock(began + step_ms, since=1_000 if step_ms else 0, synchronised=False)
    ingest([sender.online(), sender.tables(METER), *first, assumed], now)
    ingest([sender.send(Lane.DATA, meter(3_600_000, 1, 1, 1), meter(7_200_000, 2, 2, 2))], now)
    device = Device.objects.get(gateway=box.gateway, name="meter")
    usage = reverse("device-usage", args=[device.pk])
    usage += f"?by=month&on={now - timedelta(days=1):%Y}"
    for address in (*_pages(box)[:2], usage):
        assert "Unconfirmed times" in _text(administrator, address), address
    assert b"unconfirmed times" in b"".join(administrator.get(f"{usage}&format=csv"))
    tag = administrator.get(reverse("device-live", args=[device.pk]))["ETag"]
    ingest([sender.clock(began, since=1_000 if step_ms else 0)], now)
    for address in (*_pages(box), usage):
        assert "Unconfirmed times" not in _text(administrator, address), address
    assert b"unconfirmed times" not in b"".join(administrator.get(f"{usage}&format=csv"))
    headers = {"If-None-Match": tag}
    again = administrator.get(reverse("device-live", args=[device.pk]), headers=headers)
    assert again.status_code == 200
