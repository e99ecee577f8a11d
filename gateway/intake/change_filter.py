"""Selects what of a report is worth sending: reports in, spool entries out. Pure.

The rules, all of them:

* A value is sent when it differs from the one last sent, and in any case once a heartbeat. That
  holds for gauges and counters alike; no quantity has a deadband.
* A device's state, identity, conditions and supplies travel together, whole, when any of them
  changed, and once a heartbeat. A condition changed when it came, went or changed its severity;
  its words may change unsaid until the next heartbeat.
* Counters read within a heartbeat of the site's midnight travel in their own lane, which the
  spool gives up last, and all of them are sent when that span begins and at the first poll
  of another day: what billing rests on. That first poll may be hours after midnight, because the
  device was silent or the clock was set, and it may be of the day before, which the clock then
  leaves again.
* "Last sent" changes in `ChangeFilter.commit`, that is after the spool's commit;
  `ChangeFilter.reset` takes it all back, at any gap or new epoch.

Per reading, only loops that run in C are used (comprehensions, ``map``, list comparison): at a
poll of 400 changing values a Python call each would cost more than everything else together.

Source: design sections 4 and 5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress
from operator import ne
from typing import Final
from zoneinfo import ZoneInfo

from cloud_link.columns import QUALITIES, pack_columns, table_for
from cloud_link.limits import COLUMNS_LIMIT, INT64_LEAST, INT64_MOST, SENT_TEXT_BYTES
from cloud_link.records import Column, Table, table_id
from cloud_link.spool.model import Entry
from cloud_link.validation import column_flaw, sendable
from cloud_link.wire import Lane
from drivers.report import Condition, Kind, Quality, Reading, Report
from gateway.intake.event_size import event_body
from gateway.intake.midnight import MidnightWatch, Side

LAYOUTS_LIMIT: Final = 64
"""Sets of columns remembered of one device; a device has one per combination of poll groups."""
_MISSING: Final = {quality: (quality,) for quality in Quality}
"""What represents a missing value when values are compared: unlike any number or text."""

Mark = int | str | tuple[Quality] | None


@dataclass(slots=True, kw_only=True)
class _Layout:
    """One set of columns, in the order they are read, and what was last sent of each."""

    quantities: list[object]
    parts: list[str]
    resolutions: list[int]
    table: Table
    id: bytes
    counters: list[bool]
    slots: list[int]
    run: slice | None
    full_at: int | None = None
    side: Side = Side.FAR
    day: int | None = None


class _DeviceState:
    """What was last sent of one device."""

    def __init__(self, device: str) -> None:
        self._device = device
        self.layouts: list[_Layout] = []
        self.slots: dict[tuple[str, str, int], int] = {}
        self.marks: list[Mark] = []
        self.event: Report | None = None
        self.unusable: set[Column] = set()

    def usable(self, readings: Sequence[Reading]) -> Sequence[Reading]:
        """Those of the readings whose columns a portal accepts, as far as that is known."""
        if not self.unusable:
            return readings
        return [r for r in readings if _column(r) not in self.unusable]

    def layout(self, readings: Sequence[Reading]) -> _Layout:
        """Return the layout of these readings, known or new; the last used one comes first."""
        quantities: list[object] = [r.quantity for r in readings]
        parts = [r.part for r in readings]
        resolutions = [r.resolution for r in readings]
        for index, known in enumerate(self.layouts):
            if (
                known.quantities == quantities
                and known.parts == parts
                and known.resolutions == resolutions
            ):
                if index:
                    self.layouts.insert(0, self.layouts.pop(index))
                return known
        return self._learn(readings, quantities, parts, resolutions)

    def _learn(
        self,
        readings: Sequence[Reading],
        quantities: list[object],
        parts: list[str],
        resolutions: list[int],
    ) -> _Layout:
        table = table_for(self._device, readings)
        unusable = {column for column in table.columns if column_flaw(column) is not None}
        if unusable:
            self.unusable |= unusable
            raise _UnusableColumnsError
        slots = []
        for column in table.columns:
            key = (column.quantity, column.part, column.resolution)
            slots.append(self.slots.setdefault(key, len(self.marks)))
            if slots[-1] == len(self.marks):
                self.marks.append(None)
        layout = _Layout(
            quantities=quantities,
            parts=parts,
            resolutions=resolutions,
            table=table,
            id=table_id(table),
            counters=[r.quantity.kind is Kind.COUNTER for r in readings],
            slots=slots,
            run=_run(slots),
        )
        self.layouts.insert(0, layout)
        del self.layouts[LAYOUTS_LIMIT:]
        return layout


class _UnusableColumnsError(Exception):
    """Readings have columns that a portal refuses; `_DeviceState.unusable` now has them."""


def _column(reading: Reading) -> Column:
    return Column(reading.quantity.value, reading.part, reading.resolution)


def _run(slots: list[int]) -> slice | None:
    """Return the slots as a slice, when they follow each other: it is copied and set in one go."""
    run = range(slots[0], slots[0] + len(slots))
    return slice(run.start, run.stop) if slots == list(run) else None


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in the site's days a report lies.

    Attributes:
        side: Its side of the nearest midnight.
        day: When its day began, Unix milliseconds; ``None`` while the time is not known.
    """

    side: Side = Side.FAR
    day: int | None = None


_NOWHERE: Final = _Place()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Update:
    """What was last sent of one layout, once its records are accepted."""

    layout: _Layout
    marks: list[Mark]
    at: int
    full: bool
    place: _Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What is worth sending of one report, and what `ChangeFilter.commit` then remembers.

    Attributes:
        device: The device that was reported.
        entries: Entries for the spool, in the order to append; empty when nothing changed.
        left_out: Columns of this device that are not sent, because a portal would refuse them.
    """

    device: str
    entries: tuple[Entry, ...]
    left_out: int
    era: int
    updates: tuple[_Update, ...]
    event: Report | None


class ChangeFilter:
    """Report by exception, for every device of the gateway.

    Args:
        zone: The site's time zone, for its midnights.
        heartbeat_ms: Milliseconds after which an unchanged value is sent again.
    """

    def __init__(self, zone: ZoneInfo, heartbeat_ms: int) -> None:
        self._heartbeat = heartbeat_ms
        self._midnight = MidnightWatch(zone, heartbeat_ms)
        self._devices: dict[str, _DeviceState] = {}
        self._era = 0

    def configure(self, zone: ZoneInfo, heartbeat_ms: int) -> None:
        """Set time zone and heartbeat; what was sent stays known."""
        self._heartbeat = heartbeat_ms
        self._midnight = MidnightWatch(zone, heartbeat_ms)

    def select(self, report: Report) -> Changes:
        """Return what of ``report`` is worth sending.

        Select from a device's next report only after `commit` or `reset`: else both are compared
        with the same past, and a value that went and came back in between is not sent.
        """
        known = self._devices.get(report.device)
        if known is None:
            known = self._devices[report.device] = _DeviceState(report.device)
        entries: list[Entry] = []
        event = report if self._event_due(known.event, report) else None
        if event:
            entries.append(_event_entry(report))
        utc = report.clock.utc_ms(report.at)
        watch = self._midnight
        place = _NOWHERE if utc is None else _Place(watch.side(utc), watch.day(utc))
        data, updates = self._readings(known, report.readings, place)
        return Changes(
            device=report.device,
            entries=(*entries, *data),
            left_out=len(known.unusable),
            era=self._era,
            updates=tuple(updates),
            event=event,
        )

    def _readings(
        self, known: _DeviceState, readings: Sequence[Reading], place: _Place
    ) -> tuple[list[Entry], list[_Update]]:
        entries: list[Entry] = []
        updates = []
        usable = known.usable(readings)
        try:
            for start in range(0, len(usable), COLUMNS_LIMIT):
                part = usable[start : start + COLUMNS_LIMIT]
                update = self._columns(known, part, place, entries)
                if update:
                    updates.append(update)
        except _UnusableColumnsError:  # known now, so that this ends
            return self._readings(known, readings, place)
        return entries, updates

    def commit(self, changes: Changes) -> None:
        """Remember as sent what the spool has accepted: every entry of ``changes``."""
        known = self._devices.get(changes.device)
        if known is None or changes.era != self._era:
            return
        if changes.event:
            known.event = changes.event
        for update in changes.updates:
            layout, marks = update.layout, known.marks
            if layout.run:
                marks[layout.run] = update.marks
            else:
                for slot, mark in zip(layout.slots, update.marks, strict=True):
                    marks[slot] = mark
            layout.side = update.place.side
            if update.place.day is not None:
                layout.day = update.place.day
            if update.full:
                layout.full_at = update.at

    def reset(self) -> None:
        """Forget what was sent: something that the spool accepted may never reach the portal."""
        self._era += 1
        self._devices.clear()

    def remove(self, device: str) -> None:
        """Forget a device that is no longer configured, or is another one now."""
        self._devices.pop(device, None)

    def _event_due(self, last: Report | None, now: Report) -> bool:
        if last is None or now.at - last.at >= self._heartbeat:
            return True
        if (
            now.reachability is not last.reachability
            or now.state is not last.state
            or now.identity != last.identity
            or now.supplies != last.supplies
        ):
            return True
        return now.conditions is not last.conditions and _condition_keys(
            now.conditions
        ) != _condition_keys(last.conditions)

    def _columns(
        self, known: _DeviceState, readings: Sequence[Reading], place: _Place, entries: list[Entry]
    ) -> _Update | None:
        layout = known.layout(readings)
        values, marks = _values(readings)
        at = readings[0].at
        full = layout.full_at is None or at - layout.full_at >= self._heartbeat
        past = known.marks
        last = past[layout.run] if layout.run else [past[slot] for slot in layout.slots]
        side = place.side
        # The first known day counts as another one: what came before may be of the day before.
        another_day = place.day not in {None, layout.day} and layout.full_at is not None
        turned = another_day or (side is not layout.side and side is not Side.FAR)
        if full:
            picks: Sequence[int] = range(len(values))
        elif marks == last and not turned:
            return None
        else:
            changed = list(map(ne, marks, last))
            if turned:  # all counters, changed or not
                changed = [a or b for a, b in zip(changed, layout.counters, strict=True)]
            picks = list(compress(range(len(values)), changed))
        for lane, columns in _lanes(picks, layout, boundary=turned or side is not Side.FAR):
            if columns:
                entries.append(_data_entry(lane, layout, readings, values, columns))
        return _Update(layout=layout, marks=marks, at=at, full=full, place=place)


def _lanes(
    picks: Sequence[int], layout: _Layout, *, boundary: bool
) -> tuple[tuple[Lane, Sequence[int]], ...]:
    if not boundary:
        return ((Lane.DATA, picks),)
    counters = layout.counters
    return (
        (Lane.BOUNDARY, [i for i in picks if counters[i]]),
        (Lane.DATA, [i for i in picks if not counters[i]]),
    )


def _values(readings: Sequence[Reading]) -> tuple[list[int | str | None], list[Mark]]:
    """Return the values to send, and those to compare: a missing one differs by its reason."""
    values = [r.value for r in readings]
    try:
        if min(values) >= INT64_LEAST and max(values) <= INT64_MOST:  # type: ignore[type-var,operator] # text and None raise, and take the slow way
            return values, values  # type: ignore[return-value] # lists are invariant
    except TypeError:
        pass
    values = [_bounded(value) for value in values]
    marks: list[Mark] = [
        _MISSING[_missing_reason(r)] if value is None else value
        for r, value in zip(readings, values, strict=True)
    ]
    return values, marks


def _bounded(value: int | str | None) -> int | str | None:
    """Return a value that can be encoded: 64-bit integers, and texts of `SENT_TEXT_BYTES` bytes."""
    if isinstance(value, str):
        return _truncate(value)
    return value if value is None or INT64_LEAST <= value <= INT64_MOST else None


def _truncate(text: str) -> str:
    """Return the first `SENT_TEXT_BYTES` bytes of a text, in whole characters."""
    return text.encode(errors="replace")[:SENT_TEXT_BYTES].decode(errors="ignore")


def _missing_reason(reading: Reading) -> Quality:
    """Return why a reading has no value; a value that cannot be encoded is out of range."""
    return Quality.OUT_OF_RANGE if reading.quality is Quality.GOOD else reading.quality


def _data_entry(
    lane: Lane,
    layout: _Layout,
    readings: Sequence[Reading],
    values: list[int | str | None],
    columns: Sequence[int],
) -> Entry:
    times = [r.at for r in readings]
    picks = None
    if len(columns) < len(values):
        picks = columns
        readings = [readings[i] for i in columns]
        values = [values[i] for i in columns]
        times = [times[i] for i in columns]
    qualities: tuple[tuple[int, int], ...] = ()
    if None in values:
        qualities = tuple(
            (index, QUALITIES.index(_missing_reason(readings[index])))
            for index, value in enumerate(values)
            if value is None
        )
    body = sendable(pack_columns(layout.id, values, times, qualities, picks))
    return Entry(lane=lane, body=body, at=times[0], readings=len(values), table=layout.table)


def _condition_keys(conditions: tuple[Condition, ...]) -> frozenset[tuple[object, ...]]:
    return frozenset((c.code, c.component, c.severity) for c in conditions)


def _event_entry(report: Report) -> Entry:
    return Entry(lane=Lane.EVENT, body=event_body(report), at=report.at, readings=0)
