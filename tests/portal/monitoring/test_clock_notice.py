"""What the pages say of a gateway without a clock: nothing of it is hidden."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from cloud_link.wire import Lane
from portal.accounts.models import Membership, Organization, Role, User
from portal.fleet.models import Box, Device
from portal.ingest.store import ingest
from portal.metrics import table
from portal.monitoring.metrics import database_gauges
from tests.portal.ingest.sender import METER, Sender, meter, new_box

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def now() -> datetime:
    return timezone.now()


@pytest.fixture
def box() -> Box:
    return new_box()


@pytest.fixture
def member(client: Client, box: Box) -> Client:
    organization = Organization.objects.get(sites__gateways=box.gateway)
    user = User.objects.create_user("reader@example.com", "a password that is long")
    Membership.objects.create(user=user, organization=organization, role=Role.ADMINISTRATOR)
    client.force_login(user)
    return client


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


def _pages(box: Box) -> list[str]:
    device = Device.objects.get(gateway=box.gateway, name="meter")
    return [
        reverse("gateway", args=[box.gateway_id]),
        reverse("device", args=[device.pk]),
        reverse("device-usage", args=[device.pk]),
        reverse("site-usage", args=[box.gateway.site_id]),
    ]


def test_a_gateway_without_a_clock_needs_attention_and_says_what_waits(
    member: Client, box: Box, unset: Sender, now: datetime
) -> None:
    first = _text(member, "/")
    assert "Nothing needs attention" not in first
    assert "clock not set" in first
    for address in _pages(box):
        assert "600 readings have no time yet" in _text(member, address), address
    assert dict(database_gauges(now))[table.UNDATED] == [((), 600)]


def test_the_live_part_of_a_page_follows_what_waits(
    member: Client, box: Box, unset: Sender, now: datetime
) -> None:
    device = Device.objects.get(gateway=box.gateway, name="meter")
    address = reverse("device-live", args=[device.pk])
    tag = member.get(address)["ETag"]
    ingest([unset.send(Lane.DATA, meter(201_000, 1, 1, 1))], now)
    again = member.get(address, headers={"If-None-Match": tag})
    assert again.status_code == 200
    assert "603 readings" in again.content.decode()


def test_after_a_power_cycle_they_are_there_and_marked_as_estimated(
    member: Client, box: Box, unset: Sender, now: datetime
) -> None:
    later = Sender(box.box_id, ordinal=2)
    began = round(now.timestamp() * 1000) - 60_000
    ingest([later.online(2), later.clock(began), later.send(Lane.DATA, meter(1000, 1, 1, 1))], now)
    for address in _pages(box):
        text = _text(member, address)
        assert "have no time yet" not in text
        if address != reverse("site-usage", args=[box.gateway.site_id]):
            assert "Estimated times" in text, address
    device = Device.objects.get(gateway=box.gateway, name="meter")
    file = member.get(reverse("device-usage", args=[device.pk]), {"format": "csv"})
    assert b"estimated times" in b"".join(file)
    assert "Nothing needs attention" in _text(member, "/")
    assert dict(database_gauges(now))[table.UNDATED] == [((), 0)]
