"""Reports of a device, and what a change filter makes of them."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from cloud_link.columns import cells
from cloud_link.records import DataRecord, EventRecord, decode_record, table_id
from cloud_link.wire import Lane
from drivers.report import Clock, Quality, Quantity, Reachability, Reading, Report

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cloud_link.spool.model import Entry
    from gateway.intake.change_filter import ChangeFilter

UTC = ZoneInfo("UTC")
HEARTBEAT = 300_000
NOON = 43_200_000
MISSING = Quality.NOT_AVAILABLE
BOOT = "0" * 32

NOTHING: Mapping[str, Any] = MappingProxyType({})

Value = int | str | None


def reading(
    quantity: Quantity, value: Value, at: int, part: str = "", quality: Quality = Quality.GOOD
) -> Reading:
    return Reading(quantity=quantity, value=value, at=at, part=part, quality=quality)


def report(
    at: int, *readings: Reading, offset: int | None = 0, change: Mapping[str, Any] = NOTHING
) -> Report:
    base = Report(
        device="d",
        at=at,
        clock=Clock(boot=BOOT, offset=offset),
        reachability=Reachability.ONLINE,
        readings=readings,
    )
    return replace(base, **change)


def volts(at: int, *values: Value) -> Report:
    parts = ("l1", "l2", "l3")
    return report(
        at,
        *(
            reading(
                Quantity.VOLTAGE,
                v,
                at,
                parts[i],
                Quality.GOOD if v is not None else Quality.NOT_AVAILABLE,
            )
            for i, v in enumerate(values)
        ),
    )


def keep(change_filter: ChangeFilter, what: Report) -> tuple[Entry, ...]:
    changes = change_filter.select(what)
    change_filter.commit(changes)
    return changes.entries


def told(entries: Sequence[Entry], lane: Lane = Lane.DATA) -> list[tuple[str, str, Value, str]]:
    """(quantity, part, value, quality) of every reading in the entries."""
    result = []
    for entry in entries:
        if entry.lane is not lane:
            continue
        record = decode_record(entry.body)
        assert isinstance(record, DataRecord)
        assert entry.table is not None
        assert record.table == table_id(entry.table)
        found = cells(entry.table, record)
        assert entry.readings == len(found)
        assert entry.at == record.at
        for cell in found:
            column = entry.table.columns[cell.column]
            result.append((column.quantity, column.part, cell.value, cell.quality.value))
    return result


def events(entries: Sequence[Entry]) -> list[EventRecord]:
    records = [decode_record(entry.body) for entry in entries if entry.lane is Lane.EVENT]
    assert all(isinstance(record, EventRecord) for record in records)
    return records  # type: ignore[return-value] # just asserted


def parts_of(entries: Sequence[Entry]) -> list[str]:
    return [part for _, part, _, _ in told(entries)]
