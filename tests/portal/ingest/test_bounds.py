"""What one gateway may name in all."""

from __future__ import annotations

import pytest

from cloud_link.records import Column, Table
from cloud_link.wire import Lane
from portal.fleet.models import Device
from portal.ingest import bounds, tables
from portal.ingest.models import Quarantine, RefusedTable, Sample, Series, WireTable
from portal.ingest.store import ingest
from tests.portal.ingest.sender import METER_ID, Sender, event, meter

pytestmark = [pytest.mark.database, pytest.mark.django_db(transaction=True)]

COLUMN = (Column("jobs", "", 0),)


def named(count: int, first: int = 0) -> list[Table]:
    return [Table(f"d{n}", COLUMN) for n in range(first, first + count)]


def test_devices_beyond_the_bound_are_refused_and_the_others_go_on(
    dated: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "DEVICES_MOST", 5)
    ingest([dated.tables(*named(20))])
    assert Device.objects.count() == 5  # the meter, and four of them
    assert WireTable.objects.count() == 5
    assert "the most that it may have" in RefusedTable.objects.first().detail  # type: ignore[union-attr]
    result = ingest(
        [
            dated.send(Lane.DATA, meter(1_000, 1, 2, 3)),
            dated.send(Lane.EVENT, event(1_000, device="new"), event(1_000)),
        ]
    )
    assert Sample.objects.count() == 3
    (row,) = Quarantine.objects.all()
    assert "devices, the most" in row.detail
    assert Device.objects.count() == 5
    assert {lane for a in result.answers for lane in [a.ack.lane] if a.ack.ok} == {
        Lane.DATA,
        Lane.EVENT,
    }


def test_series_and_tables_have_a_bound(dated: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "SERIES_MOST", Series.objects.count() + 2)
    ingest([dated.tables(*named(4))])
    assert Series.objects.filter(quantity="jobs").count() == 2
    monkeypatch.setattr(bounds, "SERIES_MOST", 1_000)
    monkeypatch.setattr(bounds, "TABLES_MOST", WireTable.objects.count() + 1)
    ingest([dated.tables(*named(4, first=10))])
    assert WireTable.objects.count() == bounds.TABLES_MOST


def test_refused_tables_are_kept_within_a_bound(
    dated: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "DEVICES_MOST", 1)
    monkeypatch.setattr(tables, "REFUSED_MOST", 3)
    ingest([dated.tables(*named(10))])
    assert RefusedTable.objects.count() == 3
    assert WireTable.objects.filter(table_id=METER_ID).exists()
