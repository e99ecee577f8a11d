"""Samples: data records as rows, and the fastest way for rows into either database.

On PostgreSQL a packed binary COPY, on SQLite one prepared INSERT. Neither can say "unless it is
there", so where a moment of a series is taken, what is there is looked at and the rest written
again: the same content, dated alike, is the same sample; other content at the same millisecond,
which only a clock that was put right can bring, moves on by a millisecond. Nothing accepted is
lost.

Source: PostgreSQL manual, COPY, "Binary Format"; design section 5.
"""

from __future__ import annotations

import struct
from collections import Counter
from dataclasses import dataclass, field
from itertools import chain, repeat
from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING, Any, Final

from django.db import IntegrityError, connection, transaction
from django.db.models import F

from cloud_link.columns import QUALITIES, cells
from cloud_link.limits import SAMPLE_TEXT_LIMIT, SEQ_BITS, SEQ_LIMIT
from cloud_link.records import WireError
from cloud_link.validation import Flaw, plausible, storable_text
from cloud_link.wire import RejectCode
from drivers.report import Quality
from portal.fleet.models import UNHEARD
from portal.ingest import sql
from portal.ingest.messages import order
from portal.ingest.models import BootClock, Latest, Sample, TextSample
from portal.web.moments import AHEAD_MS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cloud_link.records import DataRecord
    from portal.ingest.models import Redating
    from portal.ingest.tables import Layout

    SampleTable = type[Sample | TextSample]

Row = tuple[int, int, Any, int, int]
"""(series, at, value, quality, clock): of `Sample` with an integer, of `TextSample` with words."""

Dating = tuple[int, bytes, int] | int
"""(box, boot, offset) of a clock: those of a boot that agree date a reading alike. Of a clock that
was deleted, its id."""
SampleContent = tuple[Any, int, Dating]
"""(value, quality, dating) of a sample."""

NUDGES: Final = 100
"""Milliseconds by which a sample may move before its record is refused."""
_GOOD: Final = QUALITIES.index(Quality.GOOD)
_FIELDS: Final = "hiqiqiqihiq"
_CHUNK: Final = 128
"""Rows packed in one call, while the server takes in those before."""
_NUMBER: Final = struct.Struct(">" + _FIELDS)
_NUMBERS: Final = struct.Struct(">" + _FIELDS * _CHUNK)
_HOLE: Final = struct.Struct(">hiqiqiihiq")
_COPY_HEAD: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_COPY_TAIL: Final = b"\xff\xff"
_LATER: Final = (
    "(excluded.speaker, excluded.rank) >= (ingest_latest.speaker, ingest_latest.rank) "
    "OR (excluded.speaker = ingest_latest.speaker "
    f"AND excluded.rank >> {SEQ_BITS} = ingest_latest.rank >> {SEQ_BITS} "
    "AND ingest_latest.received_ms > 0 AND excluded.at > ingest_latest.received_ms "
    f"AND excluded.at <= excluded.received_ms + {AHEAD_MS})"
)
"""Whether a sample was taken later than the latest one, as `Latest` says."""
_LATEST_TYPES: Final = ("bigint", "bigint", "bigint", "text", "smallint", *["bigint"] * 4)
_LATEST: Final = (
    "INSERT INTO ingest_latest "
    "(series_id, at, value, text, quality, clock_id, speaker, rank, received_ms) "
    "{rows} ON CONFLICT (series_id) DO UPDATE SET at = excluded.at, value = excluded.value, "
    "text = excluded.text, quality = excluded.quality, clock_id = excluded.clock_id, "
    "speaker = excluded.speaker, rank = excluded.rank, received_ms = excluded.received_ms "
    f"WHERE {_LATER}"
)
_INDEX: Final = {quality: index for index, quality in enumerate(QUALITIES)}


@dataclass(slots=True, kw_only=True)
class Rows:
    """Rows of one data record: numbers for `Sample`, texts for `TextSample`.

    Attributes:
        speaker: The id of the box that took them.
        rank: When it took them, as `portal.ingest.models.Latest` says.
        received_ms: When they were received, Unix milliseconds of the portal's clock.
    """

    numbers: list[Row] = field(default_factory=list)
    texts: list[Row] = field(default_factory=list)
    speaker: int = 0
    rank: int = UNHEARD
    received_ms: int = 0


class PendingClockError(LookupError):
    """A reading lies before every clock of its boot that is known."""


def rows(layout: Layout, record: DataRecord, clocks: Sequence[BootClock]) -> Rows | Flaw:
    """The rows of a data record, or why it has none. Pure.

    Args:
        layout: The layout of the record's table.
        record: The record as it came; it may not fit its table.
        clocks: The clocks of its boot, in falling order.

    Raises:
        PendingClockError: No clock is known for one of its moments.
    """
    if layout.plain and not record.qualities and record.column_bitmap is None:
        plain = _plain_rows(layout, record, clocks)
        if plain is not None:
            return plain
    try:
        found = cells(layout.table, record)
    except WireError as error:
        return Flaw(code=RejectCode.MISFIT, detail=str(error))
    result = Rows()
    for cell in found:
        series = layout.series[cell.column]
        if series is None:
            column = layout.table.columns[cell.column]
            detail = f"no series for {column.quantity} {column.part} of {layout.table.device!r}"
            return Flaw(code=RejectCode.UNKNOWN_WORD, detail=detail)
        words = cell.column in layout.texts
        if not _fits(cell.value, words=words):
            return Flaw(code=RejectCode.MISFIT, detail=f"column {cell.column}: {cell.value!r:.80}")
        if cell.value is not None and cell.quality is not Quality.GOOD:
            detail = f"column {cell.column} has a value and yet is {cell.quality.value}"
            return Flaw(code=RejectCode.MISFIT, detail=detail)
        at, clock = _unix_time(cell.at, clocks)
        if not plausible(at):
            return Flaw(code=RejectCode.TIME, detail=f"a reading at {at} ms of Unix time")
        value = cell.value
        if isinstance(value, str):
            value = storable_text(value, SAMPLE_TEXT_LIMIT)
        into = result.texts if words else result.numbers
        into.append((series, at, value, _INDEX[cell.quality], clock))
    return result


def rank(ordinal: int, boot_ms: int, clock: BootClock | None, now_ms: int) -> int:
    """When a record was taken, as `portal.ingest.models.Latest` says.

    A time that is yet to come, although a source vouches for the clock, cannot be right: it stands
    before every other of its epoch.

    Args:
        ordinal: Of the record's epoch.
        boot_ms: The record's time since boot.
        clock: The one that dates it.
        now_ms: The portal's time, Unix milliseconds.
    """
    if clock is not None and clock.synchronised and boot_ms + clock.offset_ms > now_ms + AHEAD_MS:
        return order(ordinal, 0)
    return order(ordinal, min(max(boot_ms, 0), SEQ_LIMIT - 1))


def _plain_rows(layout: Layout, record: DataRecord, clocks: Sequence[BootClock]) -> Rows | None:
    """The common case without a step a value: every column there, and a number."""
    values = record.values
    if len(values) != len(layout.series) or set(map(type, values)) != {int}:
        return None
    numbers: list[Row] = []
    start = 0
    for count, delta in record.time_runs or ((len(values), 0),):
        at, clock = _unix_time(record.at + delta, clocks)
        end = start + count
        if count < 0 or not plausible(at):
            return None
        numbers += zip(
            layout.series[start:end],  # type: ignore[arg-type] # plain: no series is missing
            repeat(at),
            values[start:end],
            repeat(_GOOD),
            repeat(clock),
            strict=False,
        )
        start = end
    return Rows(numbers=numbers) if start == len(values) else None


def _fits(value: object, *, words: bool) -> bool:
    if value is None:
        return True
    return isinstance(value, str if words else int)


def _unix_time(boot_ms: int, clocks: Sequence[BootClock]) -> tuple[int, int]:
    """(Unix milliseconds, id of the clock that says so) of a moment of a boot."""
    for clock in clocks:
        if clock.since_boot_ms <= boot_ms:
            return boot_ms + clock.offset_ms, clock.pk
    raise PendingClockError(boot_ms)


def write_rows(*records: Rows) -> None:
    """Insert rows into their tables, and what was taken last of each series into `Latest`."""
    _insert_free(Sample, list(chain.from_iterable(one.numbers for one in records)))
    _insert_free(TextSample, list(chain.from_iterable(one.texts for one in records)))
    _latest(records)


def _insert_free(table: SampleTable, found: Sequence[Row]) -> None:
    if not found:
        return
    try:
        with transaction.atomic():
            _insert(table, found)
    except IntegrityError:
        _insert(table, _without_collisions(table, found))


def _insert(table: SampleTable, found: Sequence[Row]) -> None:
    name = table._meta.db_table
    with connection.cursor() as cursor:
        if not sql.postgres():
            cursor.executemany(
                f"INSERT INTO {name} (series_id, at, value, quality, clock_id) "  # noqa: S608 - a model's table
                "VALUES (%s, %s, %s, %s, %s)",
                found,
            )
            return
        pack = _pack_texts if table is TextSample else _pack_numbers
        # Django knows no COPY: it neither translates its errors nor gives it a type.
        with (
            connection.wrap_database_errors,
            cursor.copy(
                f"COPY {name} (series_id, at, value, quality, clock_id) FROM STDIN (FORMAT BINARY)"
            ) as copy,
        ):
            copy.write(_COPY_HEAD)
            for start in range(
                0, len(found), _CHUNK
            ):  # the server reads one while we pack the next
                copy.write(pack(found[start : start + _CHUNK]))
            copy.write(_COPY_TAIL)


def _pack_numbers(found: Sequence[Row]) -> bytes:
    """Rows as the binary COPY has them: a count of fields, then length and value of each."""
    series, at, values, quality, clock = zip(*found, strict=True)
    if None in values:
        pack, hole = _NUMBER.pack, _HOLE.pack
        return b"".join(
            [
                hole(5, 8, row[0], 8, row[1], -1, 2, row[3], 8, row[4])
                if row[2] is None
                else pack(5, 8, row[0], 8, row[1], 8, row[2], 2, row[3], 8, row[4])
                for row in found
            ]
        )
    five, eight, two = repeat(5), repeat(8), repeat(2)
    flat = zip(five, eight, series, eight, at, eight, values, two, quality, eight, clock)  # noqa: B905 - the constants have no end
    form = _NUMBERS if len(found) == _CHUNK else struct.Struct(">" + _FIELDS * len(found))
    return form.pack(*chain.from_iterable(flat))


def _pack_texts(found: Sequence[Row]) -> bytes:
    parts = []
    for series, at, value, quality, clock in found:
        text = None if value is None else value.encode()
        parts += [
            struct.pack(">hiqiq", 5, 8, series, 8, at),
            b"\xff\xff\xff\xff" if text is None else struct.pack(">i", len(text)) + text,
            struct.pack(">ihiq", 2, quality, 8, clock),
        ]
    return b"".join(parts)


def _without_collisions(table: SampleTable, found: Sequence[Row]) -> list[Row]:
    """Rows whose moments are free: what is there already is left out, the rest moves on.

    Raises:
        ValueError: `NUDGES` milliseconds on end are taken.
    """
    existing = _existing(table, found, 1)
    datings = _datings({row[4] for row in found})
    contents = [(row[2], row[3], datings.get(row[4], row[4])) for row in found]
    moments = Counter((row[0], row[1]) for row in found)
    moving = {
        row[0]
        for row, content in zip(found, contents, strict=True)
        if moments[row[0], row[1]] > 1 or existing.get((row[0], row[1]), content) != content
    }
    existing |= _existing(table, [row for row in found if row[0] in moving], NUDGES)
    result: list[Row] = []
    for (series, first, value, quality, clock), content in zip(found, contents, strict=True):
        for at in range(first, first + NUDGES):
            current = existing.get((series, at))
            if current is None:
                existing[series, at] = content
                result.append((series, at, value, quality, clock))
                break
            if current == content:
                break
        else:
            raise ValueError(f"series {series}: {NUDGES} ms from {first} on are taken")
    return result


def _existing(
    table: SampleTable, found: Sequence[Row], span: int
) -> dict[tuple[int, int], SampleContent]:
    """What is there at the moments of rows, and in the ``span`` milliseconds from each on.

    Nothing between them: a record may speak of the beginning and the end of a long boot.
    """
    if not found:
        return {}
    moments = sorted({(row[0], row[1]) for row in found})
    source, parameters = sql.source(("bigint", "bigint"), moments)
    name = table._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT series_id, at, value, quality, clock_id FROM {source} CROSS JOIN {name} "  # noqa: S608 - a model's table, our source
            "WHERE series_id = c0 AND at >= c1 AND at < c1 + %s",
            [*parameters, span],
        )
        rows_there = cursor.fetchall()
    datings = _datings({row[4] for row in rows_there})
    return {(row[0], row[1]): (row[2], row[3], datings.get(row[4], row[4])) for row in rows_there}


def _datings(clocks: set[int]) -> dict[int, Dating]:
    """What clocks say, by their ids; one that was deleted is left out."""
    if not clocks:
        return {}
    known = BootClock.objects.filter(pk__in=clocks)
    return {
        pk: (box, bytes(boot), offset)
        for pk, box, boot, offset in known.values_list("pk", "box_id", "boot", "offset_ms")
    }


def _latest(records: Iterable[Rows]) -> None:
    newest: dict[int, tuple[Row, Rows]] = {}
    for one in sorted(records, key=attrgetter("speaker", "rank")):
        for row in chain(sorted(one.numbers, key=itemgetter(1)), one.texts):
            newest[row[0]] = (row, one)
    if not newest:
        return
    rows = [_latest_row(*newest[series]) for series in sorted(newest)]
    with connection.cursor() as cursor:
        if sql.postgres():
            source, parameters = sql.source(_LATEST_TYPES, rows)
            cursor.execute(_LATEST.format(rows=f"SELECT * FROM {source} ORDER BY c0"), parameters)  # noqa: S608 - our source
        else:
            places = ", ".join(["%s"] * len(_LATEST_TYPES))
            cursor.executemany(_LATEST.format(rows=f"VALUES ({places})"), rows)


def _latest_row(row: Row, record: Rows) -> tuple[Any, ...]:
    series, at, value, quality, clock = row
    text = value if isinstance(value, str) else None
    number = None if isinstance(value, str) else value
    source = (record.speaker, record.rank, record.received_ms)
    return (series, at, number, text, quality, clock, *source)


def redate_latest(gateway: int, correction: Redating) -> None:
    """Date again the latest values that a correction is about."""
    Latest.objects.filter(
        series__device__gateway=gateway,
        clock=correction.old_clock,
        at__gte=correction.start_ms,
        at__lt=correction.end_ms,
    ).update(at=F("at") + correction.delta_ms, clock=correction.fresh_clock)


def move(
    table: SampleTable, found: Sequence[tuple[int, int, Any, int]], delta: int, clock: int
) -> None:
    """Move samples, (series, at, value, quality), by ``delta`` ms to another clock, by its id."""
    if found:
        _delete(table, [(row[0], row[1]) for row in found])
        _insert_free(table, [(row[0], row[1] + delta, row[2], row[3], clock) for row in found])


def _delete(table: SampleTable, keys: Sequence[tuple[int, int]]) -> None:
    source, parameters = sql.source(("bigint", "bigint"), keys)
    with connection.cursor() as cursor:
        cursor.execute(
            f"DELETE FROM {table._meta.db_table} "  # noqa: S608 - a model's table, our source
            f"WHERE (series_id, at) IN (SELECT c0, c1 FROM {source})",
            parameters,
        )
