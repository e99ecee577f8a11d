"""Usage as a CSV file: RFC 4180, in UTF-8 with a byte order mark, which Excel needs.

One row for each bucket of each device, and one for each gap whose energy belongs to no single
bucket, so that the column adds up to the total. Times are ISO 8601 in the site's time with its
offset. A text cell that a spreadsheet would run as a formula is disarmed by an apostrophe.
"""

from __future__ import annotations

import csv
import re
from typing import TYPE_CHECKING, Final

from django.utils.translation import gettext as _

from portal.usage import words
from portal.usage.consumption import Status, unit_of
from portal.usage.periods import Bucket
from portal.web.spreadsheet import Line, escape_formula
from portal.web.words import duration_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from portal.ingest.time_quality import Stretch
    from portal.usage.consumption import Consumption
    from portal.usage.counting import Count
    from portal.usage.query import Query
    from portal.usage.result import FileEntry

_MINUTE_MS: Final = 60_000
_NOT_NAMED: Final = re.compile(r"[^\w.-]+")


def lines(
    devices: Iterable[FileEntry], query: Query, zone: ZoneInfo, now: datetime, *, peaks: bool
) -> Iterator[bytes]:
    """The file on ``devices`` in parts, one for each device, which are read as they are sent.

    Args:
        devices: Those in the file.
        query: What was asked for.
        zone: The site's.
        now: The moment at which it is made.
        peaks: Whether the peak of each month is in it.
    """
    line = Line()
    writer = csv.writer(line)
    demand = query.window.bucket is Bucket.DEMAND
    measure = f"{words.MEASURES[query.measure]} [{unit_of(query.measure)}]" if query.measure else ""
    writer.writerow(
        [
            _("Start"),
            _("End"),
            _("Device"),
            measure or " [–]",
            *([_("Demand [kW]")] if demand else []),
            *([_("Peak demand [kW]"), _("Peak from")] if peaks else []),
            _("State"),
        ]
    )
    yield line.text.encode("utf-8-sig")
    now_ms = int(now.timestamp() * 1000)
    for each in devices:
        written = []
        for row in _rows(each, zone, now_ms, demand=demand, peaks=peaks):
            start, end, *rest = row
            writer.writerow([start, end, escape_formula(each.name), *rest])
            written.append(line.text)
        yield "".join(written).encode()


def _rows(
    device: FileEntry, zone: ZoneInfo, now_ms: int, *, demand: bool, peaks: bool
) -> Iterator[list[str]]:
    consumption = device.consumption

    def state(said: str, start: int, end: int) -> str:
        notes = [
            *([_("demo data")] if start < device.simulated_ms else []),
            *_estimate(within(device.estimated, start, end)),
            *([_("unconfirmed times")] if within(device.unconfirmed, start, end) else []),
        ]
        return _(", ").join((said, *notes))

    def times(start: int, end: int) -> list[str]:
        return [words.local(at, zone).isoformat(timespec="seconds") for at in (start, end)]

    for each in consumption.counting.counts:
        status = consumption.status(each, now_ms)
        if status is not Status.AHEAD:
            kilowatts = consumption.demand(each)
            power = "" if kilowatts is None else f"{kilowatts:f}"
            yield [
                *times(each.start, each.end),
                consumption.plain(each.value),
                *([power] if demand else []),
                *(_peak_of(consumption, each, zone) if peaks else []),
                state(str(words.STATUSES[status]), each.start, each.end),
            ]
    for gap in consumption.counting.gaps:
        if gap.value != 0 and consumption.counting.encloses(gap):
            reason = _("counter restarted") if gap.value is None else _("not attributable")
            yield [
                *times(gap.start, gap.end),
                consumption.plain(gap.value),
                *([""] if demand else ["", ""] if peaks else []),
                state(reason, gap.start, gap.end),
            ]


def within(stretches: Iterable[Stretch], start: int, end: int) -> list[Stretch]:
    """Those stretches that touch ``start`` up to ``end``, Unix milliseconds."""
    return [one for one in stretches if one.start < end and one.end >= start]


def _estimate(stretches: Sequence[Stretch]) -> list[str]:
    """That times are estimated, and by how much the true ones may be earlier where it is known."""
    if not stretches:
        return []
    known = [one.earlier_ms for one in stretches if one.earlier_ms is not None]
    if len(known) < len(stretches) or max(known) < _MINUTE_MS:
        return [_("estimated times")]
    span = duration_words(max(known) // 1000)
    return [_("estimated times (up to %(span)s earlier)") % {"span": span}]


def _peak_of(consumption: Consumption, month: Count, zone: ZoneInfo) -> list[str]:
    half = consumption.greatest_half(month)
    kilowatts = consumption.demand(half) if half else None
    if half is None or kilowatts is None:
        return ["", ""]
    return [f"{kilowatts:f}", words.local(half.start, zone).isoformat(timespec="seconds")]


def file_name(place: str, query: Query) -> str:
    """The name of the file: ``Main-incomer-import-hour-2026-11-21.csv``."""
    asked = query.window
    last = "" if asked.first == asked.last else f"_{asked.last.isoformat()}"
    parts = [place, query.measure or "", asked.bucket.value, asked.first.isoformat() + last]
    return "-".join(_NOT_NAMED.sub("-", part).strip("-.") for part in parts if part) + ".csv"
