from __future__ import annotations

import re
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from portal.fleet.models import Device, Site
from tests.portal.usage.files import csv_file, page_of
from tests.portal.usage.meters import HOUR, counted, meter, ms, noon_zone, steady

if TYPE_CHECKING:
    from django.test import Client

    from tests.portal.web.seed import SeedIds

pytestmark = pytest.mark.django_db
DAY = "2026-05-04"


def _text(client: Client, address: str, status: int = 200) -> str:
    response = client.get(address)
    assert response.status_code == status
    said = re.sub(r"<svg.*?</svg>", " ", response.content.decode(), flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", said).replace("\N{NO-BREAK SPACE}", " "))


@pytest.mark.database
def test_a_day_by_the_hour_is_what_the_counter_says(owner: Client, device: Device) -> None:
    counted(device, steady("2026-05-03 12:00", "2026-05-05 12:00", 1200))
    text = _text(owner, page_of(device, f"?on={DAY}"))
    assert "Total 28.800 kWh" in text
    assert text.count("1.200 kWh complete") == 23
    assert "00:00–01:00 1.200 kWh peak" in text
    assert "Peak demand 1.200 kW 00:00–00:30" in text
    assert "Gaps" not in text


@pytest.mark.req("C-20")
def test_a_gap_is_named_and_never_0(owner: Client, device: Device) -> None:
    samples = [
        (at, value)
        for at, value in steady("2026-05-03 12:00", "2026-05-05 12:00", 1200)
        if not ms("2026-05-04 09:30") < at < ms("2026-05-04 12:15")
    ]
    counted(device, samples)
    text = _text(owner, page_of(device, f"?on={DAY}"))
    assert "Total 28.800 kWh" in text
    assert "09:00–10:00 0.600 kWh incomplete" in text
    assert "10:00–11:00 – no readings" in text
    assert "12:00–13:00 0.900 kWh incomplete" in text
    assert "3.300 kWh were used between 09:30 and 12:15" in text
    demand = _text(owner, page_of(device, f"?by=demand&on={DAY}"))
    assert "09:30–10:00 – – no readings" in demand
    assert "12:00–12:30 0.300 kWh 0.600 kW incomplete" in demand
    assert "0.000" not in text + demand


@pytest.mark.database
def test_an_exchanged_meter_counts_before_and_after(owner: Client, device: Device) -> None:
    before = steady("2026-05-03 12:00", "2026-05-04 10:00", 1200)
    after = steady("2026-05-04 10:20", "2026-05-05 12:00", 1200, first=3)
    counted(device, before + after)
    text = _text(owner, page_of(device, f"?on={DAY}"))
    assert "Total (missing readings excluded) 28.400 kWh" in text
    assert "The counter restarted between 10:00 and 10:20" in text
    assert "10:00–11:00 0.800 kWh incomplete" in text


def test_what_is_incomplete_is_never_the_peak(owner: Client, device: Device) -> None:
    calm = steady("2026-05-03 12:00", "2026-05-04 10:00", 600)
    rush = steady("2026-05-04 10:40", "2026-05-04 10:50", 90_000, first=calm[-1][1] + 40_000)
    rest = steady("2026-05-04 11:20", "2026-05-05 12:00", 900, first=rush[-1][1] + 45_000)
    counted(device, [*calm, *rush, *rest])
    text = _text(owner, page_of(device, f"?by=demand&on={DAY}"))
    assert "10:30–11:00 15.000 kWh 30.000 kW incomplete" in text
    assert "Peak demand 0.900 kW 11:30–12:00" in text


def test_the_months_peak_is_the_greatest_of_its_half_hours(owner: Client, device: Device) -> None:
    calm = steady("2026-04-30 12:00", "2026-05-20 14:00", 600)
    rush = steady("2026-05-20 14:01", "2026-05-20 14:30", 9000, first=calm[-1][1] + 10)
    rest = steady("2026-05-20 14:31", "2026-06-01 12:00", 600, first=rush[-1][1] + 10)
    counted(device, [*calm, *rush, *rest])
    text = _text(owner, page_of(device, "?by=day&on=2026-05"))
    assert re.search(r"Peak demand 8\.\d+ kW Wed 20 May, 14:00–14:30", text)
    assert "Highest day" in text
    calm_day = _text(owner, page_of(device, "?by=demand&on=2026-05-04"))
    assert "Peak demand 0.600 kW 00:00–00:30" in calm_day
    assert re.search(r"Peak demand of the month 8\.\d+ kW Wed 20 May, 14:00–14:30", calm_day)
    assert text.count("14.400 kWh complete") == 30


def test_a_year_by_the_month_is_the_sum_of_its_days(owner: Client, device: Device) -> None:
    hours = range(ms("2025-12-31 00:00"), ms("2027-01-02 00:00"), 3_600_000)
    counted(device, [(at, 100 * index) for index, at in enumerate(hours)])
    text = _text(owner, page_of(device, "?by=month&on=2026"))
    assert "January 2026 74.400 kWh" in text
    assert "February 2026 67.200 kWh – complete" in text
    fiscal = _text(owner, page_of(device, "?by=month&on=2026-04&until=2026-06"))
    assert "April 2026 – June 2026" in fiscal
    assert "Total 218.400 kWh" in fiscal


def test_each_month_of_a_year_shows_its_peak(owner: Client, device: Device, site: int) -> None:
    def load(at: int) -> int:
        rush = ms("2026-05-20 14:00") <= at < ms("2026-05-20 14:30")
        return 4_500 if rush else 300 if at < ms("2026-06-01 00:00") else 450

    value, samples = 0, []
    for at in range(ms("2026-04-30 23:30"), ms("2026-07-01 00:30"), HOUR // 2):
        samples.append((at, value))
        value += load(at)
    counted(device, samples)
    text = _text(owner, page_of(device, "?by=month&on=2026-05&until=2026-07"))
    assert re.search(r"Peak demand 9\.000 kW Wed 20 May, 14:00–14:30", text)
    assert re.search(r"May 2026 \S+ kWh 9\.000 kW Wed 20 May, 14:00–14:30", text)
    assert re.search(r"June 2026 \S+ kWh 0\.900 kW Mon 1 Jun, 00:00–00:30", text)
    rows, _response = csv_file(
        owner, page_of(device, "?by=month&on=2026-05&until=2026-06&format=csv")
    )
    assert rows[0][4:] == ["Peak demand [kW]", "Peak from", "State"]
    assert [row[4:] for row in rows[1:]] == [
        ["9.000", "2026-05-20T14:00:00+09:00", "complete"],
        ["0.900", "2026-06-01T00:00:00+09:00", "complete"],
    ]
    for number in range(13):
        counted(meter(site, f"more-{number}"), samples[:2])
    year = f"/sites/{site}/usage/?by=month&on=2026"
    one = _text(owner, f"{year}&device={device.pk}")
    assert "June 2026" in one
    assert "0.900 kW" in one
    every = "".join(f"&device={each.pk}" for each in Device.objects.filter(gateway__site=site))
    assert "kW Wed 20 May" not in _text(owner, year + every)
    assert "for at most 12 devices together" in _text(owner, year + every)
    assert "for at most 12 devices together" not in one


@pytest.mark.database
def test_days_are_cut_by_the_sites_clock(owner: Client, device: Device, site: int) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    Site.objects.filter(pk=site).update(time_zone="Europe/Berlin")
    begin = ms("2026-10-24 12:00", berlin)
    counted(device, [(begin + i * 60_000, 20 * i) for i in range(60 * 48)])
    text = _text(owner, page_of(device, "?on=2026-10-25"))
    assert "Total 30.000 kWh" in text  # 25 hours
    assert re.search(r"02:00–03:00 CEST \S+ kWh complete 02:00–03:00 CET \S+ kWh", text)
    assert "Highest hour 1.200 kWh 00:00–01:00 CEST" in text
    counted(meter(site, "spring"), [(ms("2026-03-28 12:00", berlin) + i * 60_000, 20 * i)
                                    for i in range(60 * 48)])  # fmt: skip
    spring = Device.objects.get(name="spring")
    text = _text(owner, page_of(spring, "?on=2026-03-29"))
    assert "Total 27.600 kWh" in text  # 23 hours
    assert re.search(r"01:00–02:00 CET \S+ kWh complete 03:00–04:00 CEST", text)
    rows, _response = csv_file(owner, page_of(device, "?on=2026-10-25&format=csv"))
    assert [row[0] for row in rows[3:5]] == [
        "2026-10-25T02:00:00+02:00",
        "2026-10-25T02:00:00+01:00",
    ]


def test_what_has_not_begun_is_neither_0_nor_a_gap(owner: Client, device: Device) -> None:
    counted(device, steady("2026-05-03 12:00", "2026-05-03 13:00", 600))
    for query in ("?on=2098-01-01", "?by=day&on=2098-02", "?by=month&on=2098-01"):
        text = _text(owner, page_of(device, query))
        assert "This period has not started yet" in text
        assert "no readings" not in text
    rows, _response = csv_file(owner, page_of(device, "?on=2098-01-01&format=csv"))
    assert len(rows) == 1


def test_a_meter_that_fell_silent_is_not_said_to_be_counting_on(
    owner: Client, seeded: SeedIds
) -> None:
    Site.objects.update(time_zone=noon_zone(timezone.now()))
    silent = Device.objects.get(name="cold-store")
    assert "Total (missing readings excluded)" in _text(owner, page_of(silent))


@pytest.mark.req("C-20")
def test_without_readings_there_is_a_dash(owner: Client, device: Device) -> None:
    counted(device, [(ms("2026-05-01 00:00"), 5), (ms("2026-05-01 00:05"), None)])
    text = _text(owner, page_of(device, f"?on={DAY}"))
    assert "Total –" in text
    assert text.count("– no readings") == 24


def test_tariffs_are_added_up_only_where_all_are_known(owner: Client, device: Device) -> None:
    counted(device, steady("2026-05-03 12:00", "2026-05-05 12:00", 600), part="tariff=1")
    counted(device, steady("2026-05-03 12:00", "2026-05-04 06:00", 600), part="tariff=2")
    text = _text(owner, page_of(device, f"?on={DAY}"))
    assert "05:00–06:00 1.200 kWh complete" in text
    assert "06:00–07:00 – no readings" in text
    assert "Total (missing readings excluded) 18.000 kWh" in text


def test_gas_is_cubic_metres_and_has_no_demand(owner: Client, device: Device) -> None:
    samples = [
        (at, value // 100) for at, value in steady("2026-05-03 12:00", "2026-05-05 12:00", 600)
    ]
    counted(device, samples, quantity="volume.gas", resolution=-2)
    text = _text(owner, page_of(device, f"?on={DAY}"))
    assert "Gas" in text
    assert "m³" in text
    assert "demand" not in text


# --- a site -------------------------------------------------------------------------------------


def test_a_site_adds_up_what_is_ticked_and_nothing_else(
    owner: Client, device: Device, site: int, stranger: Client, seeded: SeedIds
) -> None:
    other = meter(site, "Bench")
    for each in (device, other):
        counted(each, steady("2026-05-03 12:00", "2026-05-05 12:00", 1200))
    text = _text(owner, f"/sites/{site}/usage/?on={DAY}")
    assert "Only the selected devices are added up" in text
    assert "No devices selected" in text
    assert text.count("28.800 kWh") == 2
    ticks = f"?on={DAY}&device={device.pk}&device={other.pk}"
    assert "Total 57.600 kWh" in _text(owner, f"/sites/{site}/usage/{ticks}")
    assert "Total 28.800 kWh" in _text(owner, f"/sites/{site}/usage/?on={DAY}&device={other.pk}")
    foreign = f"/sites/{site}/usage/?device={seeded.foreign_meter}"
    assert owner.get(foreign).status_code == 404
    assert "device= must be the number" in _text(owner, f"/sites/{site}/usage/?device=all", 400)


def test_the_only_meter_of_a_site_is_its_sum(owner: Client, device: Device, site: int) -> None:
    counted(device, steady("2026-05-03 12:00", "2026-05-05 12:00", 1200), quantity="energy.heat")
    text = _text(owner, f"/sites/{site}/usage/?of=heat&on={DAY}")
    assert "Total 28.800 kWh" in text
    assert "Only the selected devices" not in text


@pytest.mark.parametrize("query", ["?by=day&on=2026-05", "?on=2026-05-03"])
def test_a_site_asks_the_database_no_more_often_for_more_devices(
    owner: Client, device: Device, site: int, query: str
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            owner.get(f"/sites/{site}/usage/{query}")
        return len(asked)

    counted(device, steady("2026-05-03 12:00", "2026-05-03 18:00", 1200))
    queries()  # which the audit log keeps, once an hour
    before = queries()
    for number in range(4):
        more = meter(site, f"more-{number}")
        counted(more, steady("2026-05-03 12:00", "2026-05-03 18:00", 1200))
    assert queries() == before <= 30  # the frame counts the fleet


# --- addresses ----------------------------------------------------------------------------------


@pytest.mark.req("C-22")
@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("?by=week", "by= must be demand"),
        ("?of=steam", "of= must be one of: import"),
        ("?of=gas", "of= must be one of: import"),
        ("?on=2026-02-30", "must be valid dates"),
        ("?on=2026-02", "must be a day such as"),
        ("?by=day&on=2026-01&until=2026-04", "at most 3 months"),
        ("?by=month&on=2026-01&until=2027-01", "at most 1 year"),
        ("?format=xlsx", "format= must be csv"),
        ("?format=csv&by=%00", "by= must be demand"),
    ],
)
def test_a_bad_address_is_told_what_is_allowed(
    owner: Client, device: Device, query: str, said: str
) -> None:
    counted(device, [(1, 1)])
    text = _text(owner, page_of(device, query), 400)
    assert said in text
    assert "Show today" in text
    owner.post("/language/", {"language": "ja", "next": "/"})
    assert said not in _text(owner, page_of(device, query), 400)
    assert owner.get(f"/devices/{device.pk}/usage/live/{query}").status_code == 400


def test_a_device_without_counters_says_so_and_others_are_linked(
    owner: Client, seeded: SeedIds
) -> None:
    bare = meter(Device.objects.get(pk=seeded.meter).gateway.site_id, "Thermometer")
    assert "No counters" in _text(owner, page_of(bare))
    assert f"/devices/{bare.pk}/usage/" not in owner.get(f"/devices/{bare.pk}/").content.decode()
    page = owner.get(f"/devices/{seeded.meter}/").content.decode()
    assert f'href="/devices/{seeded.meter}/usage/"' in page


def test_a_running_day_is_polled_and_answers_304_while_nothing_changed(
    owner: Client, seeded: SeedIds
) -> None:
    page = owner.get(f"/devices/{seeded.meter}/usage/").content.decode()
    assert "/usage/live/" in page
    live = f"/devices/{seeded.meter}/usage/live/"
    for _attempt in range(3):  # the tag holds for a minute, which may just end
        tag = owner.get(live).headers["ETag"]
        again = owner.get(live, headers={"If-None-Match": tag})
        if again.status_code == 304:
            break
    assert again.status_code == 304
    assert (
        "/usage/live/" not in owner.get(f"/devices/{seeded.meter}/usage/?on={DAY}").content.decode()
    )


def test_nothing_is_styled_or_scripted_in_line(owner: Client, seeded: SeedIds) -> None:
    for query in ("", "?by=demand", "?by=day", "?by=month"):
        page = owner.get(f"/devices/{seeded.meter}/usage/{query}").content.decode()
        assert not re.search(r"\sstyle=|<script(?![^>]*src=)|\son\w+=", page)
        assert page.count("<title>") > 10  # the page's, and one for each bar
