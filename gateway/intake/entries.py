"""Entries for the spool, made of a report: what cannot travel is replaced, and counted. Pure.

A record that is refused all the same becomes an entry that is announced as lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cloud_link.columns import QUALITIES, pack_columns
from cloud_link.limits import BOOT_LIMIT_MS, INT64_LEAST, INT64_MOST, SENT_TEXT_BYTES
from cloud_link.records import Record, WireError
from cloud_link.spool.model import Entry
from cloud_link.validation import sendable
from cloud_link.wire import Lane
from drivers.report import Quality, Reading, Report
from gateway.intake.event_size import event_body
from gateway.intake.layouts import Layout, Mark

_MISSING: Final = {quality: (quality,) for quality in Quality}
"""What represents a missing value when values are compared: unlike any number or text."""
_NONE: Final[frozenset[int]] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """The values of a set of readings, in their order.

    Attributes:
        sent: Those to send.
        marks: Those to compare: a missing one differs by its reason.
        replaced: The positions of those that are not sent as they were read.
    """

    sent: list[int | str | None]
    marks: list[Mark]
    replaced: frozenset[int] = _NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeEntry:
    """An entry, how many values of it were replaced, and why it was refused; else ``""``."""

    entry: Entry
    replaced: int = 0
    refusal: str = ""


def values_of(readings: Sequence[Reading]) -> Values:
    """The values of readings: integers of 64 bits, and texts of `SENT_TEXT_BYTES` bytes."""
    values = [r.value for r in readings]
    if set(map(type, values)) == {int} and (
        min(values) >= INT64_LEAST and max(values) <= INT64_MOST  # type: ignore[type-var,operator] # all are integers
    ):
        return Values(sent=values, marks=values)  # type: ignore[arg-type] # lists are invariant
    sent = [_bounded(value) for value in values]
    replaced = (index for index, value in enumerate(sent) if value != values[index])
    marks: list[Mark] = [
        _MISSING[_missing_reason(r)] if value is None else value
        for r, value in zip(readings, sent, strict=True)
    ]
    return Values(sent=sent, marks=marks, replaced=frozenset(replaced))


def data_entry(
    lane: Lane,
    layout: Layout,
    readings: Sequence[Reading],
    values: Values,
    columns: Sequence[int],
) -> MadeEntry:
    """The entry of some columns of a layout."""
    sent = values.sent
    times = [r.at for r in readings]
    picks = None
    if len(columns) < len(sent):
        picks = columns
        readings = [readings[i] for i in columns]
        sent = [sent[i] for i in columns]
        times = [times[i] for i in columns]
    qualities: tuple[tuple[int, int], ...] = ()
    if None in sent:
        qualities = tuple(
            (index, QUALITIES.index(_missing_reason(readings[index])))
            for index, value in enumerate(sent)
            if value is None
        )
    replaced = len(values.replaced.intersection(columns)) if values.replaced else 0
    record = pack_columns(layout.id, sent, times, qualities, picks)
    try:
        body = sendable(record)
    except WireError as error:
        entry = refused_entry(lane, times[0], len(sent))
        return MadeEntry(entry=entry, refusal=str(error))
    entry = Entry(lane=lane, body=body, at=times[0], readings=len(sent), table=layout.table)
    return MadeEntry(entry=entry, replaced=replaced)


def event_entry(report: Report) -> MadeEntry:
    """The entry of a report's event."""
    try:
        made = event_body(report)
    except WireError as error:
        return MadeEntry(entry=refused_entry(Lane.EVENT, report.at), refusal=str(error))
    entry = Entry(lane=Lane.EVENT, body=made.body, at=report.at, readings=0)
    return MadeEntry(entry=entry, replaced=made.replaced)


def record_entry(record: Record, at: int) -> MadeEntry:
    """The entry of a record of no device, in the lane of events."""
    try:
        body = sendable(record)
    except WireError as error:
        return MadeEntry(entry=refused_entry(Lane.EVENT, at), refusal=str(error))
    return MadeEntry(entry=Entry(lane=Lane.EVENT, body=body, at=at, readings=0))


def refused_entry(lane: Lane, at: int, readings: int = 0) -> Entry:
    """An entry that takes a number and is announced as lost."""
    when = at if 0 <= at < BOOT_LIMIT_MS else 0
    return Entry(lane=lane, body=b"", at=when, readings=readings, refused=True)


def _bounded(value: int | str | None) -> int | str | None:
    """The value if it can be encoded, else ``None``; a text is shortened."""
    if isinstance(value, str):
        return value.encode(errors="replace")[:SENT_TEXT_BYTES].decode(errors="ignore")
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return int(value) if INT64_LEAST <= value <= INT64_MOST else None


def _missing_reason(reading: Reading) -> Quality:
    """Return why a reading has no value; a value that cannot be encoded is out of range."""
    return Quality.OUT_OF_RANGE if reading.quality is Quality.GOOD else reading.quality
