"""Recovery of records from a quarantined database, and gaps for those that are lost.

Every record carries a checksum over its number, time and body, so each row that can still be read
either proves itself or is not believed. Those that do are carried over under their old numbers;
the numbers that remain become gaps of reason "damaged". The work is done in several transactions,
since a spool may be large; the fact `PENDING` names the file until all is announced, so that a
power cut in between only means doing it again.

Lane `Lane.GAP` is a lane like the others: where one of its records, or an open gap, is lost, what
it had named is not known any more, and all numbers that are not here are announced.

What is announced may name more numbers than were lost (those the portal already has can no longer
be told apart, and it leaves them out); ``records`` is the true number where the old counters were
readable, else 0.
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Mapping
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Final

import msgspec

from cloud_link.ranges import Range, clamp, complement, size
from cloud_link.records import GapRecord, WireError, decode_record
from cloud_link.spool.damaged import DamagedDatabase, Number
from cloud_link.spool.database import Database
from cloud_link.spool.folder import EpochMarker
from cloud_link.spool.gaps import MOST_RANGES, UNKNOWN_TIME, GapReason, OpenGap, unpack_ranges
from cloud_link.spool.model import SpoolFullError
from cloud_link.spool.neighbours import bounds_of
from cloud_link.spool.records import Row
from cloud_link.wire import Lane

PENDING: Final = "recovering"
_UNBOUNDED: Final = "unbounded"
_UNBOUNDED_KEPT: Final = 4_096
_decode_numbers: msgspec.msgpack.Decoder[tuple[Number, ...]] = msgspec.msgpack.Decoder(
    tuple[Number, ...]
)
_CHUNK: Final = 500


class Recovery:
    """Carries the undamaged records of ``quarantined`` into ``database`` and announces the rest.

    `prepare` belongs in the transaction that begins the new epoch, after it has begun; `finish`
    makes transactions of its own. ``names`` are those of epochs that the folder's marker knows.
    """

    def __init__(self, database: Database, quarantined: Path, names: Mapping[int, bytes]) -> None:
        self._database = database
        self._quarantined = quarantined
        self._damaged = DamagedDatabase(quarantined, names)
        self._carried: dict[Number, list[Range]] = defaultdict(list)
        self._named: dict[Number, list[Range]] = defaultdict(list)
        self._count: dict[int, int] = defaultdict(int)

    @property
    def greatest_ordinal(self) -> int:
        """The greatest ordinal the damaged spool is known to have used."""
        return max(self._damaged.epochs, default=0)

    def prepare(self, marker: EpochMarker | None) -> None:
        """Take over epochs, counters and facts; inside a transaction."""
        db = self._database.db
        epochs = dict(self._damaged.epochs)
        if marker is not None:
            epochs.setdefault(marker.ordinal, marker.epoch)
        db.executemany("INSERT OR IGNORE INTO epoch VALUES (?, ?)", epochs.items())
        for (ordinal, lane), (base, following) in self._damaged.counters.items():
            db.execute(
                "INSERT OR IGNORE INTO counter VALUES (?, ?, ?, ?)",
                (ordinal, lane, base, following),
            )
            db.execute(
                "UPDATE lane SET newest = max(newest, ?) WHERE lane = ?",
                (base + following - 1, lane),
            )
        self._database.records.settled.insert(self._damaged.settled)
        db.executemany("INSERT OR IGNORE INTO fact VALUES (?, ?)", self._damaged.facts())
        db.executemany(
            "INSERT OR IGNORE INTO gap VALUES (?,?,?,?,?,?,?,?,?,?,?)", self._damaged.gaps
        )
        self._database.set_fact(PENDING, self._quarantined.name.encode())

    def finish(self, marker: EpochMarker | None) -> int:
        """Carry the records over and announce the missing ones; returns how many were carried."""
        commit = self._database.commit
        commit(self._remove_partial)
        with contextlib.suppress(SpoolFullError):
            for number in self._damaged.counters:
                rows = self._damaged.rows(number)
                while chunk := list(islice(rows, _CHUNK)):
                    commit(partial(self._carry, number, chunk))
        commit(lambda: self._announce(marker))
        self._damaged.close()
        return sum(self._count.values())

    def _remove_partial(self) -> None:
        """Remove what an earlier attempt carried before the power went."""
        records = self._database.records
        for (_, lane), (base, following) in self._damaged.counters.items():
            last = base + following - 1
            for span in list(records.settled.pending_spans(base, last)):
                records.remove(Lane(lane), *span)
            for span in records.settled.within(base, last):
                records.forget(Lane(lane), *span)

    def _carry(self, number: Number, rows: list[Row]) -> None:
        tables = {
            row.table: self._damaged.table(row.table) for row in rows if row.table is not None
        }
        whole = [row for row in rows if row.table is None or tables[row.table] is not None]
        self._database.records.restore(
            Lane(number[1]), whole, {name: body for name, body in tables.items() if body}
        )
        self._carried[number].extend((row.seq, row.seq) for row in whole)
        settled = self._database.records.settled
        self._count[number[1]] += sum(not settled.holds(row.id) for row in whole)
        if number[1] == Lane.GAP:
            for row in whole:
                self._name(row.body)

    def _name(self, body: bytes) -> None:
        """Note which numbers a carried gap record names: they are announced."""
        with contextlib.suppress(WireError):
            record = decode_record(body)
            if isinstance(record, GapRecord):
                self._named[record.ordinal, record.lane].extend(record.ranges)

    def _announce(self, marker: EpochMarker | None) -> None:
        for _, ordinal, lane, _, ranges, *_rest in self._damaged.gaps:
            self._named[ordinal, lane].extend(unpack_ranges(ranges))
        # What a lost gap had named is not known: then all that is not here is announced.
        everything = not self._damaged.gaps_whole or self._lost(Lane.GAP) != 0
        for lane in Lane:
            lost = self._lost(lane)
            if not everything and lost == 0:
                continue
            left = lost or 0
            for number in sorted(one for one in self._damaged.counters if one[1] == lane):
                delivered = [] if everything else self._delivered(number)
                left -= self._announce_lane(number, left, delivered)
        unknown = set(self._damaged.unbounded)
        if not self._damaged.counters and marker is not None:
            unknown |= {(marker.ordinal, int(lane)) for lane in Lane}
        self._note_unbounded(unknown)
        for ordinal, lane in sorted(unknown):
            self._announce_gap(ordinal, Lane(lane), (), 0)
        self._database.db.execute("DELETE FROM fact WHERE key = ?", (PENDING,))

    def _note_unbounded(self, unknown: set[Number]) -> None:
        """Remember of which lanes it is not known how many numbers were given out."""
        known, counters = self._damaged.epochs, self._damaged.counters
        lanes = () if self._damaged.counters_whole else tuple(Lane)
        without = {(ordinal, int(lane)) for ordinal in known for lane in lanes} - counters.keys()
        found = sorted(unbounded_lanes(self._database) | unknown | without)[-_UNBOUNDED_KEPT:]
        self._database.set_fact(_UNBOUNDED, msgspec.msgpack.encode(found))

    def _lost(self, lane: Lane) -> int | None:
        """How many records of a lane are lost; ``None`` where the old count is."""
        known = self._damaged.pending.get(lane)
        return None if known is None else max(0, known - self._count[lane])

    def _delivered(self, number: Number) -> list[Range]:
        """The numbers that were settled: a portal that needs one of them again asks for it."""
        base, following = self._damaged.counters[number]
        runs = self._database.records.settled.within(base, base + following - 1)
        return [(first - base, last - base) for first, last in runs]

    def _announce_lane(self, number: Number, lost: int, delivered: list[Range]) -> int:
        """Announce the numbers that are neither here nor named; returns how many were pending."""
        limit = self._damaged.counters[number][1]
        here = [*self._carried[number], *self._named[number], *delivered]
        ranges = complement(clamp(here, limit), limit)
        records = min(lost, size(ranges))
        for start in range(0, len(ranges), MOST_RANGES):
            some = tuple(ranges[start : start + MOST_RANGES])
            self._announce_gap(number[0], Lane(number[1]), some, records if start == 0 else 0)
        return records

    def _announce_gap(
        self, ordinal: int, lane: Lane, ranges: tuple[Range, ...], records: int
    ) -> None:
        before, after = None, None
        if ranges:
            base = self._damaged.counters[ordinal, int(lane)][0]
            first, last = base + ranges[0][0], base + ranges[-1][1]
            before, after = bounds_of(self._database.db, lane, first, last)
        gap = OpenGap(
            ordinal=ordinal,
            lane=lane,
            reason=GapReason.DAMAGED,
            ranges=ranges,
            records=records,
            readings=0,
            first=before or UNKNOWN_TIME,
            last=after or UNKNOWN_TIME,
        )
        self._database.losses.add_gap(gap)
        self._database.losses.count(lane, records)


def unbounded_lanes(database: Database) -> frozenset[Number]:
    """The (ordinal, lane) of which damage left unknown how many numbers were given out."""
    with contextlib.suppress(msgspec.MsgspecError):
        return frozenset(_decode_numbers.decode(database.fact(_UNBOUNDED) or b"\x90"))
    return frozenset()


def unfinished_recovery(
    database: Database, folder: Path, marker: EpochMarker | None
) -> Path | None:
    """The quarantined database whose recovery did not finish; ``None`` where there is none.

    A database that vanished counts as one from which nothing can be read.

    Args:
        database: The database in use.
        folder: The spool's folder.
        marker: The folder's epoch marker.
    """
    name = database.read(lambda: database.fact(PENDING))
    if name:
        return folder / name.decode()
    fresh = not database.read(database.records.epoch_names)
    return folder / "vanished.db" if fresh and marker else None
