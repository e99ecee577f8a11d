"""The chart of a series: what is drawn, and why nothing is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from django.urls import reverse
from django.utils import timezone

from portal.fleet.heartbeat import Heartbeat, heartbeat_in
from portal.fleet.models import Device
from portal.ingest.models import Sample, Series
from tests.portal.monitoring.page_text import page_text

if TYPE_CHECKING:
    from django.test import Client

    from tests.portal.web.seed import SeedIds


pytestmark = pytest.mark.django_db


def test_the_chart_says_why_nothing_is_drawn(owner: Client, seeded: SeedIds) -> None:
    address = reverse("chart", args=[seeded.meter, seeded.power])
    data = owner.get(address).json()
    assert data["zone"] == "Asia/Tokyo"
    assert data["unit"] == "kW"
    assert len(data["at"]) == len(data["value"]) <= 1510
    dropped = [void for void in data["voids"] if void["dropped"]]
    silent = [void for void in data["voids"] if not void["dropped"]]
    assert [void["reason"] for void in dropped] == ["Dropped by the gateway: spool full"]
    assert dropped[0]["to"] - dropped[0]["from"] == pytest.approx(100 * 60)
    assert [void["reason"] for void in silent] == ["No readings received"]
    inside = [
        value
        for at, value in zip(data["at"], data["value"], strict=True)
        if silent[0]["from"] <= at < silent[0]["to"]
    ]
    assert inside == [None]


def test_before_a_series_begins_nothing_is_missing(owner: Client, seeded: SeedIds) -> None:
    address = reverse("chart", args=[seeded.meter, seeded.power])
    start = owner.get(address).json()["from"]
    begins = (start + 6 * 3600) * 1000

    def leading() -> list[float]:
        voids = owner.get(address).json()["voids"]
        return [void["from"] for void in voids if void["from"] < begins / 1000 - 60]

    Sample.objects.filter(series=seeded.power, at__lt=begins).delete()
    assert leading() == []
    last = Sample.objects.filter(series=seeded.power).latest("at").at
    Sample.objects.filter(pk=(seeded.power, last)).update(at=start * 1000 - 86_400_000)
    assert leading() == [pytest.approx(start, abs=60)]


def test_the_configured_heartbeat_decides_how_long_a_sample_stands(
    owner: Client, seeded: SeedIds
) -> None:
    device = Device.objects.get(pk=seeded.meter)
    before = len(owner.get(reverse("chart", args=[seeded.meter, seeded.power])).json()["voids"])
    device.gateway.configurations.create(
        digest="b" * 64,
        document='{"gateway": {"heartbeat_s": 10}}',
        at=timezone.now(),
        order=2,
    )
    after = len(owner.get(reverse("chart", args=[seeded.meter, seeded.power])).json()["voids"])
    assert after > before + 100  # samples a minute apart no longer reach each other


@pytest.mark.parametrize(
    ("document", "pace"),
    [
        ('{"gateway": {"heartbeat_s": 60, "health_s": 10}}', Heartbeat(60, 10)),
        ('{"gateway": {}}', Heartbeat()),
        ("not JSON", Heartbeat()),
        ("[]", Heartbeat()),
        ('{"gateway": {"heartbeat_s": null}}', Heartbeat()),
    ],
)
def test_a_configuration_that_says_nothing_means_the_defaults(
    document: str, pace: Heartbeat
) -> None:
    assert heartbeat_in(document) == pace


def test_counters_are_drawn_as_they_stand_and_their_increase_is_exact(
    owner: Client, seeded: SeedIds
) -> None:
    energy = Series.objects.get(device=seeded.meter, quantity="energy.import")
    rows = list(Sample.objects.filter(series=energy).order_by("at").values_list("value", flat=True))
    text = page_text(owner, f"/devices/{seeded.meter}/?series={energy.pk}")
    grown = (rows[-1] or 0) - (rows[0] or 0)
    first = (rows[1] or 0) - (rows[0] or 0)
    shown = re.search(r"Increase over 24 hours ([\d,.]+)", text)
    assert shown
    drawn = int(shown.group(1).replace(",", "").replace(".", ""))
    assert grown - first <= drawn <= grown, "from the first sample in the window on"
    assert owner.get(reverse("chart", args=[seeded.meter, energy.pk])).json()["counter"]


def test_the_chart_answers_304_too_and_the_page_works_without_a_script(
    owner: Client, seeded: SeedIds
) -> None:
    address = reverse("chart", args=[seeded.meter, seeded.power])
    for _attempt in range(3):  # the tag holds for a minute, which may just end
        tag = owner.get(address).headers["ETag"]
        again = owner.get(address, headers={"If-None-Match": tag})
        if again.status_code == 304:
            break
    assert (again.status_code, again.content) == (304, b"")
    text = page_text(owner, f"/devices/{seeded.meter}/")
    assert "Show as a table" in text
    assert "Times in the site's time zone (Asia/Tokyo)" in text
    assert "Dropped by the gateway: spool full" in text
