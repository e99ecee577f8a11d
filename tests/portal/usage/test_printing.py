"""What printers printed: the first page's report, the operation status, a printer's own page."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from portal.fleet.models import Device, Site
from portal.ingest.models import Latest, Sample, Series
from portal.monitoring.printers import printers
from portal.monitoring.tally import Scope
from portal.usage.measures import Measure, SeriesFact, counter_of
from portal.usage.printing import last_days, print_report, print_totals, today
from tests.portal.usage.meters import TOKYO, counted, meter, ms, noon_zone

if TYPE_CHECKING:
    from django.test import Client

    from portal.accounts.models import User
    from tests.portal.web.seed import SeedIds

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 5, 14, 12, 0, tzinfo=TOKYO)


def _text(client: Client, address: str) -> str:
    said = re.sub(r"<svg.*?</svg>", " ", client.get(address).content.decode(), flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", said).replace("\N{NO-BREAK SPACE}", " "))


def prints(device: Device, quantity: str, each: int, resolution: int = 0) -> None:
    """A counter that grows by ``each`` in every hour from 9 to 12 of a fortnight in May."""
    samples, value = [], 1_000
    for day in range(1, 15):
        for hour in range(8, 13):
            for minute in range(0, 60, 5):
                at = ms(f"2026-05-{day:02} {hour:02}:{minute:02}")
                value += each if 9 <= hour < 12 and minute == 30 else 0
                samples.append((at, value))
    at_noon = [sample for sample in samples if sample[0] <= int(NOON.timestamp() * 1000)]
    counted(device, at_noon, quantity=quantity, resolution=resolution)


LIVING = ["/operation/live/", "/report/live/"]


@pytest.fixture
def user(seeded: SeedIds) -> User:
    from portal.accounts.models import User

    return User.objects.get(email="owner@example.com")


@pytest.fixture
def site(seeded: SeedIds) -> int:
    Device.objects.filter(name__in=["copier", "label-printer"]).delete()
    return Device.objects.get(pk=seeded.meter).gateway.site_id


@pytest.mark.req("E-30")
@pytest.mark.database
def test_the_report_adds_up_what_all_printers_printed_day_by_day(site: int, user: User) -> None:
    for name in ("plotter-1", "plotter-2"):
        device = meter(site, name)
        prints(device, "area", 12_500, resolution=-4)
        prints(device, "jobs", 4)
    found = print_report(printers(user, Scope()).added_up, "", last_days, NOON)
    assert found
    (clock,) = found.zones
    assert clock.printed
    assert clock.jobs
    assert str(clock.printed.total).replace("\N{NO-BREAK SPACE}", " ") == "105.0000 m²"
    assert clock.jobs.total.text == "336"
    assert len(clock.jobs.rows) == 30
    assert [row.figure.text for row in clock.jobs.rows][-14:] == ["24"] * 14
    assert [row.figure.missing for row in clock.jobs.rows][:16] == [True] * 16  # never 0
    assert len(clock.jobs.chart.points) == 14
    assert len(clock.jobs.chart.strokes) == 13


@pytest.mark.req("E-31")
@pytest.mark.database
def test_todays_hours_are_the_sites_and_each_card_counts_in_its_own_way(
    site: int, user: User
) -> None:
    plotter, copier, dumb = (meter(site, name) for name in ("plotter", "copier", "dumb"))
    prints(plotter, "area", 12_500, resolution=-4)
    prints(plotter, "jobs", 4)
    prints(copier, "impressions", 70)
    prints(dumb, "sheets", 5)
    every = printers(user, Scope()).added_up
    found = print_report(every, "", today, NOON)
    assert found
    assert [(m.measure, m.current) for m in found.measures] == [
        (Measure.AREA, True),
        (Measure.IMPRESSIONS, False),
        (Measure.SHEETS, False),
    ]
    printed = found.zones[0].printed
    assert printed
    assert [row.figure.text for row in printed.rows][9:12] == ["1.2500"] * 3
    assert printed.rows[9].words == "09:00–10:00"
    assert len(printed.chart.bars) == 24
    said = {str(c.device): (c.printed_words, c.printed.text, c.jobs.text) for c in found.printers}
    assert said == {
        "copier": ("Impressions printed", "210", "–"),
        "dumb": ("Sheets used", "15", "–"),
        "plotter": ("Printed area", "3.7500", "12"),
    }
    pages = print_report(every, "impressions", today, NOON)
    assert pages
    assert pages.zones[0].printed
    assert pages.zones[0].printed.total.text == "210"


@pytest.mark.req("E-31")
def test_two_clocks_are_never_put_together(site: int, seeded: SeedIds, user: User) -> None:
    shop = Site.objects.get(name="Shibuya shop")
    Site.objects.filter(pk=shop.pk).update(time_zone="Europe/Berlin")
    for place in (site, shop.pk):
        prints(meter(place, f"printer-{place}"), "impressions", 70)
    found = print_report(printers(user, Scope()).added_up, "", today, NOON)
    assert found
    assert {clock.zone for clock in found.zones} == {"Asia/Tokyo", "Europe/Berlin"}
    totals = {clock.zone: clock.printed.total.text for clock in found.zones if clock.printed}
    assert totals["Asia/Tokyo"] == "210"
    assert [row.words for c in found.zones if c.printed for row in c.printed.rows][:1] == [
        "00:00–01:00"
    ]


def _grown_in_the_last_hour(name: str, quantity: str, by: int) -> None:
    """Let a seeded printer's counter stand still until an hour ago, and then grow once."""
    series = Series.objects.get(device__name=name, quantity=quantity)
    an_hour_ago = (timezone.now() - timedelta(hours=1)).timestamp() * 1000
    samples = Sample.objects.filter(series=series)
    samples.filter(at__lt=an_hour_ago).update(value=40_000)
    samples.filter(at__gte=an_hour_ago).update(value=40_000 + by)


@pytest.mark.req("E-30")
@pytest.mark.req("E-31")
def test_the_page_shows_donut_hours_jobs_and_a_card_for_each_printer(
    owner: Client, seeded: SeedIds
) -> None:
    Site.objects.update(time_zone=noon_zone(timezone.now()))
    _grown_in_the_last_hour("copier", "jobs", 1_203)
    _grown_in_the_last_hour("label-printer", "area", 56_250)
    text = _text(owner, "/operation/")
    assert "Printers (2 of 2 available)" in text
    assert re.search(r"Printing 1 Ready 1 Error 0 Other 0", text)
    assert "Printed area Today by hour" in text
    assert "Jobs processed Today by hour" in text
    cards = text[text.index("3F copier Printing · Copier C450") :]
    copier, label = cards.split("Label printer Ready · LX-900")
    assert " Jobs today 1,203 jobs " in copier
    assert " Printed area today 5.6250 m² " in label
    assert "Impressions printed Today by hour" in _text(owner, "/operation/?of=impressions")
    assert "Printed area Today by hour" in _text(owner, "/operation/?of=steam")
    front = _text(owner, "/")
    assert "Report Operation status" in front
    assert "Printed area Last 30 days" in front
    assert 'href="/operation/"' in owner.get("/").content.decode()


@pytest.fixture
def plotter(site: int) -> Device:
    """The only printer, since three hours ago; where it stands it is between 12 and 13 o'clock."""
    now = timezone.now()
    Site.objects.filter(pk=site).update(time_zone=noon_zone(now))
    device = meter(site, "Plotter")
    Device.objects.filter(pk=device.pk).update(maker="Example", model="LF-44", state="ready")
    times = [int(now.timestamp()) * 1000 - minutes * 60_000 for minutes in range(180, -1, -5)]
    area = [(at, 100_000 + 125 * step) for step, at in enumerate(times)]
    counted(device, area, quantity="area", resolution=-4)
    counted(device, [(at, 700 + step) for step, at in enumerate(times)], quantity="jobs")
    for kind, colour, level in (("ink", "cyan", 64), ("ink", "black", 12),
                                ("maintenance_tank", "", 41)):  # fmt: skip
        device.supplies.create(kind=kind, colour=colour, level=level, state="ok")
    return device


@pytest.mark.req("E-30")
def test_the_first_page_has_the_donut_and_the_report_of_area_jobs_and_each_day(
    owner: Client, plotter: Device
) -> None:
    page = owner.get("/").content.decode()
    donut = page[page.index('id="operation-printer"') :]
    assert re.search(r">Available</text>\s*<text[^>]*>1/1</text>", donut)
    text = _text(owner, "/")
    assert "Printing 0 Ready 1 Error 0 Other 0" in text
    report = text[text.index("Report Operation status") :]
    assert re.search(r"Printed area Last 30 days Total[^.]* 0\.4500 m²", report)
    assert re.search(r"Jobs processed Last 30 days Total[^.]* 36 jobs", report)
    charts = page[page.index('aria-labelledby="report-title"') :].split('class="bar-chart"')[1:]
    assert [chart.count('class="column"') for chart in charts[:2]] == [30, 30]
    assert [chart.count('class="value"') for chart in charts[:2]] == [0, 0]  # a line, not bars
    assert [chart.count('class="point') for chart in charts[:2]] == [1, 1]


@pytest.mark.req("E-31")
def test_the_operation_status_says_todays_area_by_the_hour_the_jobs_and_a_card_each(
    owner: Client, plotter: Device
) -> None:
    page = owner.get("/operation/").content.decode()
    windows = page[page.index('class="printing"') : page.index('class="cards"')]
    assert re.search(r">Available</text>\s*<text[^>]*>1/1</text>", windows)
    area, jobs = windows.split('class="bar-chart"')[1:]
    assert (area.count('class="value"'), jobs.count('class="value"')) == (24, 24)
    assert 'class="axis">m²</text>' in area
    text = _text(owner, "/operation/")
    assert re.search(r"Printed area Today by hour Total[^.]* 0\.4500 m²", text)
    assert re.search(r"Jobs processed Today by hour Total[^.]* 36 jobs", text)
    assert [f"{hour:02}:00–{hour + 1:02}:00" in text for hour in range(12)] == [True] * 12
    card = page[page.index(f'id="printer-{plotter.pk}"') :]
    said = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", card[: card.index("</li>")]))
    assert "Plotter Ready · LF-44" in said
    assert "Jobs today 36 jobs Printed area today 0.4500 m²" in said
    assert re.search(r'<span class="dot tone-ready"><svg[^>]*><use href="[^"]*#ready">', card)
    Device.objects.filter(pk=plotter.pk).update(state="error")
    card = owner.get("/operation/live/").content.decode()
    assert re.search(r'<span class="dot tone-error"><svg[^>]*><use href="[^"]*#error">', card)


@pytest.mark.req("E-32")
@pytest.mark.parametrize("start", ["/", "/operation/"])
def test_a_card_leads_to_the_printers_status_area_inks_and_tank(
    owner: Client, plotter: Device, start: str
) -> None:
    link = re.search(
        r'<a class="device-link"[^>]* href="([^"]+)">Plotter<', owner.get(start).content.decode()
    )
    assert link
    text = _text(owner, link.group(1))
    assert "Plotter Ready · last received" in text
    assert "Usage Today Total to date Printed area 0.4500 m² 10.4500 m² " in text
    assert "Jobs processed 36 jobs 736 jobs" in text
    assert "Black ink 12% Cyan ink 64%" in text
    assert "Maintenance tank 41% free" in text


@pytest.mark.req("E-30")
def test_without_a_printer_there_is_no_report(owner: Client, site: int) -> None:
    assert "Last 30 days" not in _text(owner, "/")
    assert "No printers yet" in _text(owner, "/operation/")


def test_only_own_printers_are_counted(stranger: Client, seeded: SeedIds) -> None:
    assert "No printers yet" in _text(stranger, "/operation/")


def test_the_page_is_polled_and_asks_no_more_often_for_more_printers(
    owner: Client, seeded: SeedIds, site: int
) -> None:
    def queries(address: str) -> int:
        with CaptureQueriesContext(connection) as asked:
            assert owner.get(address).status_code == 200
        return len(asked)

    prints(meter(site, "printer"), "impressions", 70)
    prints(Device.objects.get(name="printer"), "jobs", 2)
    before = {address: queries(address) for address in ("/", "/operation/")}
    for number in range(3):
        more = meter(site, f"more-{number}")
        prints(more, "impressions", 70)
        prints(more, "jobs", 2)
    assert {address: queries(address) for address in before} == before
    assert max(before.values()) <= 48
    for _attempt in range(3):  # the tag holds for a minute, which may just end
        tags = {part: owner.get(part).headers["ETag"] for part in LIVING}
        again = {
            owner.get(part, headers={"If-None-Match": tag}).status_code
            for part, tag in tags.items()
        }
        if again == {304}:
            break
    assert again == {304}


@pytest.mark.req("E-32")
def test_a_printers_page_says_what_it_printed_today_and_ever(
    owner: Client, seeded: SeedIds
) -> None:
    device = Device.objects.get(name="label-printer")
    text = _text(owner, f"/devices/{device.pk}/")
    assert re.search(r"Usage Today Total to date Printed area [\d.,–]+( m²)? 1,234\.5678 m²", text)
    assert re.search(r"1,234\.5678 m² Jobs processed \S+( jobs)? 8,114 jobs", text)
    assert "Maintenance tank" in text
    assert "Usage by hour, day and month" in text


@pytest.mark.req("C-20")
def test_what_a_part_does_not_say_is_no_total(site: int) -> None:
    device = meter(site, "copier")
    for part, value in (("colour=colour", 40), ("colour=mono", 60)):
        counted(device, [(ms("2026-05-14 09:00"), value)], quantity="impressions", part=part)
    (amount,) = print_totals(device, NOON)
    assert (amount.today.text, amount.total.text) == ("–", "100")
    Latest.objects.filter(series__part="colour=mono").update(value=None)
    (amount,) = print_totals(device, NOON)
    assert amount.total.text == "–"
    Series.objects.all().delete()
    assert print_totals(device, NOON) == []


def test_colours_are_added_up_only_where_there_is_no_whole() -> None:
    def parts(*said: str) -> list[str]:
        rows = [
            SeriesFact(pk=pk, quantity="impressions", part=part, resolution=0)
            for pk, part in enumerate(said)
        ]
        found = counter_of(rows, Measure.IMPRESSIONS)
        return [part[0].part for part in found.parts] if found else []

    assert parts("", "colour=mono") == [""]
    assert parts("colour=mono", "colour=colour") == ["colour=colour", "colour=mono"]
    assert parts("colour=mono,size=A4") == []


def test_usage_of_a_printer_is_called_so_and_needs_no_ticks(
    owner: Client, site: int, seeded: SeedIds
) -> None:
    for name in ("plotter-1", "plotter-2"):
        prints(meter(site, name), "area", 12_500, resolution=-4)
    device = Device.objects.get(name="plotter-1")
    text = _text(owner, f"/devices/{device.pk}/usage/?on=2026-05-04")
    assert "Usage, plotter-1" in text
    assert "3.7500 m²" in text
    assert "30-minute demand" not in text
    text = _text(owner, f"/sites/{site}/usage/?of=area&by=day&on=2026-05")
    assert "Usage, Kawasaki plant" in text
    assert "Only the selected devices" not in text
    assert "7.5000 m² peak" in text or "7.5000 m² complete" in text
    sent = owner.get(f"/devices/{device.pk}/usage/?of=area&by=day&on=2026-05&format=csv")
    file = b"".join(sent)
    assert "Printed area [m²]" in file.decode("utf-8-sig")
    assert "Energy, Kawasaki plant" in _text(owner, f"/sites/{site}/usage/")


def test_windows_end_with_the_day() -> None:
    day = timezone.now().date()
    assert last_days(day).stop == today(day).stop == day + timedelta(days=1)
    assert (last_days(day).stop - last_days(day).first).days == 30
