"""No page raises, whatever the database holds; and none grows with what a box can name."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Final

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import get_resolver, resolve, reverse
from django.utils import timezone

from portal.fleet.models import Device, DeviceCondition, DeviceSupply, Gateway
from portal.ingest.models import Gap, Latest, Series
from portal.monitoring.metrics import database_gauges
from portal.permissions import ACCESS
from tests.portal.addresses import address_of
from tests.portal.hostile import put_hostile_values

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.test import Client

    from tests.portal.web.seed import SeedIds

pytestmark = pytest.mark.django_db
MOST_QUERIES: Final = 70
MOST_BYTES: Final = 700_000
_SCRIPTED: Final = {
    "account_login": "who is signed in is sent on",
    "account_logout": "shows nothing that is stored",
    "sign-in-link": "shows nothing that a box sent",
    "claim": "for boxes: JSON",
    "metrics": "for programs; its gauges are read below",
}
"""Why an address that answers GET is not opened here."""


def pages(seeded: SeedIds) -> Iterator[str]:
    """Every address that answers GET; those of a device for each device, with its files."""
    for name, access in ACCESS.items():
        if "GET" in access.methods and name not in _SCRIPTED:
            yield address_of(name, seeded)
    site = address_of("site-usage", seeded)
    yield from (f"{site}?by=day", f"{site}?by=month&format=csv", f"{site}?of=jobs")
    yield from ("/devices/?sort=-heard&q=a", "/devices/?sort=product", "/devices/?page=2")
    for device in Device.objects.filter(name__in=("main-incomer", "copier", "gateway", "pv-east")):
        for name in ("device", "device-live", "device-edit", "device-usage"):
            yield reverse(name, args=[device.pk])
        for by in ("demand", "day", "month"):
            yield f"{reverse('device-usage', args=[device.pk])}?by={by}"
        yield f"{reverse('device-usage', args=[device.pk])}?by=hour&format=csv"
        for series in device.series.all()[:6]:
            yield reverse("chart", args=[device.pk, series.pk])
            yield f"{reverse('device', args=[device.pk])}?series={series.pk}"


def visit(client: Client, page: str) -> tuple[int, int, int]:
    """The status of a page, its size in bytes, and how many queries it took."""
    with CaptureQueriesContext(connection) as queries:
        response = client.get(page)
        body = b"".join(response) if response.streaming else response.content
    return response.status_code, len(body), len(queries)


def test_every_address_is_opened(seeded: SeedIds) -> None:
    opened = {resolve(page.partition("?")[0]).url_name for page in pages(seeded)}
    posted = {name for name, access in ACCESS.items() if "GET" not in access.methods}
    every = {name for name in get_resolver().reverse_dict if isinstance(name, str)}
    assert every <= opened | _SCRIPTED.keys() | posted
    assert opened.isdisjoint(_SCRIPTED)


@pytest.mark.database
@pytest.mark.timeout(400)
@pytest.mark.parametrize(("seed", "language"), list(enumerate(["en", "ja"] * 3)))
def test_no_stored_value_makes_a_page_raise(
    owner: Client, seeded: SeedIds, seed: int, language: str
) -> None:
    owner.raise_request_exception = False
    owner.post(reverse("language"), {"language": language, "next": "/"})
    every = list(pages(seeded))
    put = put_hostile_values(Random(seed))
    failed = {}
    for page in every:
        with transaction.atomic():
            status, size, queries = visit(owner, page)
        if status >= 500 or size > MOST_BYTES or queries > MOST_QUERIES:
            failed[page] = (status, size, queries)
    assert not failed, put
    assert [samples for _metric, samples in database_gauges(timezone.now())]


def name_things(
    seeded: SeedIds, first: int, stop: int, *, sites: bool = True, at_once: int = 10**6
) -> None:
    """Let a box name devices, series, supplies, conditions and gaps, and people name sites.

    A device has ``at_once`` supplies at most, and as many open conditions: an event says all.
    """
    gateway = Device.objects.get(pk=seeded.meter).gateway
    now, box = timezone.now(), gateway.boxes.get()
    numbers = range(first, stop)
    site = gateway.site.organization.sites.create
    for number in numbers if sites else ():
        other = site(name=f"Site {number}", time_zone="Asia/Tokyo")
        box_id = f"b-{number:010}"
        Gateway.objects.create(site=other, name="Gateway").boxes.create(box_id=box_id)
    Device.objects.bulk_create(
        Device(gateway=gateway, name=f"{number:x}", reachability="unreachable")
        for number in numbers
    )
    for device in Device.objects.filter(gateway=gateway, name__in=["copier", "main-incomer"]):
        Series.objects.bulk_create(
            Series(device=device, quantity=quantity, part=f"tariff={number}", resolution=0)
            for number in numbers
            for quantity in ("energy.import", "impressions")
        )
        DeviceSupply.objects.bulk_create(
            DeviceSupply(device=device, kind="toner", name=f"{number}", state="ok")
            for number in numbers
            if number < at_once
        )
        DeviceCondition.objects.bulk_create(
            DeviceCondition(
                device=device,
                code=f"x{number}",
                severity="error",
                raised_at=now,
                cleared_at=None if number < at_once else now,
                evidence=[],
            )
            for number in numbers
        )
    named = Device.objects.filter(gateway=gateway, name__in=[f"{number:x}" for number in numbers])
    Series.objects.bulk_create(
        Series(device=device, quantity="impressions", resolution=0) for device in named
    )
    quiet = Series.objects.filter(device__gateway=gateway, latest=None)
    at = int(now.timestamp() * 1000)
    Latest.objects.bulk_create(Latest(series=each, at=at, value=1, quality=0) for each in quiet)
    Gap.objects.bulk_create(
        Gap(
            box=box,
            epoch=box.epochs.get(),
            lane=3,
            ranges=[],
            records=1,
            readings=1,
            first_boot_ms=0,
            last_boot_ms=0,
            first_boot=b"12345678",
            last_boot=b"12345678",
            from_ms=at - 1000 * number,
            to_ms=at - 1000 * number + 1,
            reason="cap",
        )
        for number in numbers
    )


def look_at_statistics() -> None:
    """Let PostgreSQL know how many rows there are, as its autovacuum does within a minute."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")


@pytest.mark.database
def test_no_page_grows_with_what_a_box_names(owner: Client, seeded: SeedIds) -> None:
    every = list(pages(seeded))
    name_things(seeded, 0, 210)
    look_at_statistics()
    before = {page: visit(owner, page) for page in every}
    name_things(seeded, 210, 420)
    look_at_statistics()
    grown = {}
    for page in every:
        status, size, queries = visit(owner, page)
        old_status, old_size, old_queries = before[page]
        assert status == old_status < 500, page
        if size > 1.2 * old_size + 2_000 or queries > old_queries:
            grown[page] = (before[page], (status, size, queries))
    assert not grown
