"""What was used as files: what they add up to, what they say of it, and what no cell can do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from portal.fleet.models import Device
from portal.simulation.actions import mark_simulated
from portal.web.spreadsheet import escape_formula
from tests.portal.usage.files import csv_file, page_of
from tests.portal.usage.meters import counted, ms, steady

if TYPE_CHECKING:
    from django.test import Client


pytestmark = pytest.mark.django_db
DAY = "2026-05-04"


def test_a_file_adds_up_to_the_total_and_says_what_is_incomplete(
    owner: Client, device: Device
) -> None:
    samples = [
        (at, value)
        for at, value in steady("2026-05-03 12:00", "2026-05-05 12:00", 1200)
        if not ms("2026-05-04 09:30") < at < ms("2026-05-04 12:15")
    ]
    counted(device, samples)
    Device.objects.filter(pk=device.pk).update(label="=HYPERLINK(1)")
    rows, response = csv_file(owner, page_of(device, f"?on={DAY}&format=csv"))
    assert rows[0] == ["Start", "End", "Device", "Consumption [kWh]", "State"]
    assert rows[1][:2] == ["2026-05-04T00:00:00+09:00", "2026-05-04T01:00:00+09:00"]
    assert rows[1][2:] == ["'=HYPERLINK(1)", "1.200", "complete"]
    assert rows[11][3:] == ["", "no readings"]
    assert rows[-1][3:] == ["3.300", "not attributable"]
    assert sum(float(row[3]) for row in rows[1:] if row[3]) == pytest.approx(28.8)
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert (
        'filename="HYPERLINK-1-import-hour-2026-05-04.csv"'
        in response.headers["Content-Disposition"]
    )
    assert "no-store" in response.headers["Cache-Control"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Main incomer", "Main incomer"),
        ("Roof PV 9.9 kW - east", "Roof PV 9.9 kW - east"),
        ("O'Hara, 3F; west", "O'Hara, 3F; west"),
        ("=cmd()", "'=cmd()"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("  =1", "'  =1"),
        ("\N{FULLWIDTH EQUALS SIGN}1", "'\N{FULLWIDTH EQUALS SIGN}1"),
        ("\N{FULLWIDTH COMMERCIAL AT}x", "'\N{FULLWIDTH COMMERCIAL AT}x"),
        ("a;=1", "a;'=1"),
        ("\t=1", "\t'=1"),
        ('a,"=1', "a,'\"=1"),
        ("a\t=1\n-2", "a\t'=1\n'-2"),
        ("", ""),
    ],
)
def test_no_name_is_run_as_a_formula(name: str, said: str) -> None:
    assert escape_formula(name) == said


def test_a_month_of_half_hours_is_one_file(owner: Client, device: Device) -> None:
    counted(device, steady("2026-04-30 12:00", "2026-06-01 12:00", 1200))
    rows, _response = csv_file(owner, page_of(device, "?by=demand&on=2026-05&format=csv"))
    assert len(rows) == 1 + 31 * 48
    assert rows[0][4] == "Demand [kW]"
    assert {tuple(row[3:]) for row in rows[1:]} == {("0.600", "1.200", "complete")}


@pytest.mark.database
def test_a_sites_file_has_a_row_for_each_device(owner: Client, device: Device, site: int) -> None:
    Device.objects.filter(pk=device.pk).update(label="電灯盤")
    counted(device, steady("2026-05-03 12:00", "2026-05-05 12:00", 1200))
    rows, response = csv_file(owner, f"/sites/{site}/usage/?on={DAY}&format=csv")
    assert len([row for row in rows if row[2] == "電灯盤"]) == 24
    assert "filename" in response.headers["Content-Disposition"]


def test_what_was_made_up_says_so_in_a_file_too(owner: Client, device: Device) -> None:
    counted(device, steady("2026-05-03 12:00", "2026-05-05 12:00", 1200))
    mark_simulated(device.gateway, 0, ms("2026-05-04 12:00"))
    rows, _response = csv_file(owner, page_of(device, f"?on={DAY}&format=csv"))
    assert [row[-1] for row in rows[1:]] == ["complete, demo data"] * 12 + ["complete"] * 12
