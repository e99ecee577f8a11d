"""Conversion of readings to data records and back, and of a report's state to an event. Pure.

Source: design section 5.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final, NamedTuple

from cloud_link.records import (
    Column,
    DataRecord,
    EventRecord,
    Table,
    WireCondition,
    WireError,
    WireEvidence,
    WireIdentity,
    WireSupply,
)
from drivers.report import Quality

if TYPE_CHECKING:
    from collections.abc import Sequence

    from drivers.report import Condition, Evidence, Reading, Report

QUALITIES: Final = tuple(Quality)
"""The quality that each position in `cloud_link.records.DataRecord.qualities` stands for."""


def table_for(device: str, readings: Sequence[Reading]) -> Table:
    """The table whose columns are these readings', in their order."""
    return Table(device, tuple(Column(r.quantity.value, r.part, r.resolution) for r in readings))


def data_record(
    table: bytes, readings: Sequence[Reading], columns: Sequence[int] | None = None
) -> DataRecord:
    """A data record of ``readings``.

    Args:
        table: The id of the table that has a column for each reading.
        readings: At least one, in the table's order.
        columns: The column of each reading, ascending; ``None`` when every column is present.
    """
    qualities = tuple(
        (index, QUALITIES.index(reading.quality))
        for index, reading in enumerate(readings)
        if reading.value is None
    )
    values, times = [r.value for r in readings], [r.at for r in readings]
    return pack_columns(table, values, times, qualities, columns)


def pack_columns(
    table: bytes,
    values: list[int | str | None],
    times: Sequence[int],
    qualities: tuple[tuple[int, int], ...] = (),
    columns: Sequence[int] | None = None,
) -> DataRecord:
    """A data record of values and times that are separate already; the fast path, without a loop.

    Args:
        table: The id of the table that has a column for each value.
        values: At least one, in the table's order.
        times: When each was read, milliseconds since boot.
        qualities: As in `cloud_link.records.DataRecord`.
        columns: The column of each value, ascending; ``None`` when every column is present.
    """
    at = times[0]
    time_runs: tuple[tuple[int, int], ...] = ()
    if any(map(at.__ne__, times)):
        time_runs = tuple((len(list(run)), time - at) for time, run in groupby(times))
    bitmap = None if columns is None else _bitmap(columns)
    return DataRecord(table, at, values, bitmap, time_runs, qualities)


class Cell(NamedTuple):
    """One value of a data record: its column's index, time, value and quality."""

    column: int
    at: int
    value: int | str | None
    quality: Quality


def cells(table: Table, record: DataRecord) -> list[Cell]:
    """The values of a record with their columns and times.

    Raises:
        WireError: Values, bitmap, time runs or qualities do not fit each other or the table.
    """
    width, values = len(table.columns), record.values
    columns = range(width) if record.column_bitmap is None else columns_in(record.column_bitmap)
    if len(columns) != len(values) or (columns and columns[-1] >= width):
        raise WireError(f"{len(values)} values do not fit the table's {width} columns")
    times = _times(record)
    result = [
        Cell(column, at, value, Quality.GOOD)
        for column, at, value in zip(columns, times, values, strict=True)
    ]
    for index, position in record.qualities:
        if not (0 <= index < len(result) and 0 < position < len(QUALITIES)):
            raise WireError(
                f"quality ({index}, {position}) is outside the record or the vocabulary"
            )
        result[index] = result[index]._replace(quality=QUALITIES[position])
    if any(cell.value is None and cell.quality is Quality.GOOD for cell in result):
        raise WireError("a value is missing without a reason")
    return result


def columns_in(bitmap: bytes) -> list[int]:
    """The columns that a ``column_bitmap`` names, ascending."""
    return [
        base * 8 + bit
        for base, byte in enumerate(bitmap)
        if byte
        for bit in range(8)
        if byte >> bit & 1
    ]


def _bitmap(columns: Sequence[int]) -> bytes:
    bits = bytearray(columns[-1] // 8 + 1)
    for column in columns:
        bits[column >> 3] |= 1 << (column & 7)
    return bytes(bits)


def _times(record: DataRecord) -> list[int]:
    if not record.time_runs:
        return [record.at] * len(record.values)
    times: list[int] = []
    for count, delta in record.time_runs:
        if not 0 <= count <= len(record.values):
            raise WireError(f"a time run of {count} readings in a record of {len(record.values)}")
        times.extend([record.at + delta] * count)
    if len(times) != len(record.values):
        raise WireError(f"time runs cover {len(times)} of {len(record.values)} values")
    return times


def event_record(report: Report) -> EventRecord:
    """The event that carries a report's state, identity, conditions and supplies."""
    identity = report.identity
    return EventRecord(
        report.device,
        report.at,
        report.reachability.value,
        report.state.value,
        WireIdentity(
            identity.maker, identity.model, identity.serial, identity.firmware, identity.mac
        ),
        tuple(map(wire_condition, report.conditions)),
        tuple(
            WireSupply(s.kind, s.colour, s.name, s.level, s.capacity, s.unit, s.state.value)
            for s in report.supplies
        ),
    )


def wire_condition(condition: Condition) -> WireCondition:
    """A condition as it travels, with its texts in English."""
    message, step = condition.message, condition.next_step
    return WireCondition(
        code=condition.code.value,
        severity=condition.severity.value,
        component=condition.component,
        message=str(message),
        source=condition.source,
        since=condition.since,
        message_id=message.id,
        message_args=message.args_json(),
        evidence=list(map(_evidence, condition.evidence)),
        next=str(step),
        next_id=step.id,
        next_args=step.args_json(),
    )


def _evidence(entry: Evidence) -> WireEvidence:
    return WireEvidence(
        kind=entry.kind.value,
        address=entry.address,
        label=entry.label,
        value=entry.value,
        meaning=str(entry.meaning),
        meaning_id=entry.meaning.id,
        meaning_args=entry.meaning.args_json(),
        profile=entry.profile,
    )
