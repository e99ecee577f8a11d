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

from cloud_link.limits import COLUMNS_LIMIT
from cloud_link.spool.model import Entry
from cloud_link.wire import Lane
from drivers.report import Condition, Reading, Report
from gateway.intake.corrections import Corrections, UnsendableColumnsError
from gateway.intake.entries import MadeEntry, data_entry, event_entry, refused_entry, values_of
from gateway.intake.layouts import Layout, Mark, SentState
from gateway.intake.midnight import MidnightWatch, Side


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

    layout: Layout
    marks: list[Mark]
    at: int
    full: bool
    place: _Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What is worth sending of one report, and what `ChangeFilter.commit` then remembers.

    Attributes:
        report: The report, with the condition that says what of it is not sent.
        entries: Entries for the spool, in the order to append; empty when nothing changed.
        refusals: Why records were refused, and are announced as lost.
    """

    report: Report
    entries: tuple[Entry, ...]
    refusals: tuple[str, ...] = ()
    era: int
    updates: tuple[_Update, ...] = ()
    event: Report | None = None

    @property
    def device(self) -> str:
        """The device that was reported."""
        return self.report.device


class ChangeFilter:
    """Report by exception, for every device of the gateway.

    Args:
        zone: The site's time zone, for its midnights.
        heartbeat_ms: Milliseconds after which an unchanged value is sent again.

    Attributes:
        corrections: By device, what was not sent as it was read; kept over `reset`.
    """

    def __init__(self, zone: ZoneInfo, heartbeat_ms: int) -> None:
        self._heartbeat = heartbeat_ms
        self._midnight = MidnightWatch(zone, heartbeat_ms)
        self._devices: dict[str, SentState] = {}
        self._era = 0
        self.corrections: dict[str, Corrections] = {}

    def configure(self, zone: ZoneInfo, heartbeat_ms: int) -> None:
        """Set time zone and heartbeat; what was sent stays known."""
        self._heartbeat = heartbeat_ms
        self._midnight = MidnightWatch(zone, heartbeat_ms)

    def select(self, report: Report) -> Changes:
        """Return what of ``report`` is worth sending.

        Select from a device's next report only after `commit` or `reset`: else both are compared
        with the same past, and a value that went and came back in between is not sent.
        """
        corrections = self.corrections.setdefault(report.device, Corrections())
        known = self._devices.get(report.device)
        if known is None:
            known = self._devices[report.device] = SentState(report.device, corrections)
        utc = report.clock.utc_ms(report.at)
        watch = self._midnight
        place = _NOWHERE if utc is None else _Place(watch.side(utc), watch.day(utc))
        made, updates = self._readings(known, report, place)
        marked = self.mark(report)  # what is left out of the readings is known now
        event = marked if self._event_due(known.event, marked) else None
        if event:
            made.insert(0, event_entry(event))
        refusals = tuple(one.refusal for one in made if one.refusal)
        corrections.replaced += sum(one.replaced for one in made)
        if refusals:
            corrections.refuse(len(refusals), report.at)
        return Changes(
            report=self.mark(report) if refusals else marked,
            entries=tuple(one.entry for one in made),
            refusals=refusals,
            era=self._era,
            updates=tuple(updates),
            event=event,
        )

    def refuse(self, report: Report, reason: str) -> Changes:
        """Return the announcement that a report was lost as a whole: it could not be read."""
        entries = [refused_entry(Lane.EVENT, report.at)]
        if report.readings:
            entries.append(refused_entry(Lane.DATA, report.at, len(report.readings)))
        self.refused(report.device, len(entries), report.at)
        return Changes(
            report=self.mark(report), entries=tuple(entries), refusals=(reason,), era=self._era
        )

    def refused(self, device: str, records: int, at: int) -> None:
        """Count records of a device that are announced as lost."""
        self.corrections.setdefault(device, Corrections()).refuse(records, at)

    def mark(self, report: Report) -> Report:
        """Return the report with the condition that says what of it is not sent, if anything is."""
        known = self.corrections.get(report.device)
        return known.mark(report) if known else report

    def _readings(
        self, known: SentState, report: Report, place: _Place
    ) -> tuple[list[MadeEntry], list[_Update]]:
        made: list[MadeEntry] = []
        updates = []
        usable = self.corrections[report.device].sendable(report.readings, report.at)
        try:
            for start in range(0, len(usable), COLUMNS_LIMIT):
                part = usable[start : start + COLUMNS_LIMIT]
                update = self._columns(known, part, place, made)
                if update:
                    updates.append(update)
        except UnsendableColumnsError:  # known now, so that this ends
            return self._readings(known, report, place)
        return made, updates

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
        self.corrections.pop(device, None)

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
        self, known: SentState, readings: Sequence[Reading], place: _Place, made: list[MadeEntry]
    ) -> _Update | None:
        layout = known.layout(readings)
        values = values_of(readings)
        marks = values.marks
        at = readings[0].at
        full = layout.full_at is None or at - layout.full_at >= self._heartbeat
        past = known.marks
        last = past[layout.run] if layout.run else [past[slot] for slot in layout.slots]
        side = place.side
        # The first known day counts as another one: what came before may be of the day before.
        another_day = place.day not in {None, layout.day} and layout.full_at is not None
        turned = another_day or (side is not layout.side and side is not Side.FAR)
        if full:
            picks: Sequence[int] = range(len(marks))
        elif marks == last and not turned:
            return None
        else:
            changed = list(map(ne, marks, last))
            if turned:  # all counters, changed or not
                changed = [a or b for a, b in zip(changed, layout.counters, strict=True)]
            picks = list(compress(range(len(marks)), changed))
        for lane, columns in _lanes(picks, layout, boundary=turned or side is not Side.FAR):
            if columns:
                made.append(data_entry(lane, layout, readings, values, columns))
        return _Update(layout=layout, marks=marks, at=at, full=full, place=place)


def _lanes(
    picks: Sequence[int], layout: Layout, *, boundary: bool
) -> tuple[tuple[Lane, Sequence[int]], ...]:
    if not boundary:
        return ((Lane.DATA, picks),)
    counters = layout.counters
    return (
        (Lane.BOUNDARY, [i for i in picks if counters[i]]),
        (Lane.DATA, [i for i in picks if not counters[i]]),
    )


def _condition_keys(conditions: tuple[Condition, ...]) -> frozenset[tuple[object, ...]]:
    return frozenset((c.code, c.component, c.severity) for c in conditions)
