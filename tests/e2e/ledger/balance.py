"""The balance: accepted records against the portal's contents, record by record.

For every accepted record exactly one of: stored (each reading once, at its true time, with its
value), quarantined (poison only), or covered by a gap. And nothing in the portal that was never
read. `compare_fleet` holds the portal's own ledger against the same.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cloud_link.records import content_hash
from tests.e2e.ledger.expected_values import (
    SamplePoint,
    Value,
    expected,
    poll_of,
    state,
    true_time,
)
from tests.e2e.ledger.journal import lane_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tests.e2e.ledger.database import Database
    from tests.e2e.ledger.journal import Line

Name = tuple[str, int, int]
"""(epoch in hexadecimal, lane, seq)."""

_PLACES = (
    "SELECT d.name, s.quantity, s.part, s.resolution, x.at, x.value, x.quality "
    "FROM {} x JOIN ingest_series s ON s.id = x.series_id JOIN fleet_device d ON d.id = s.device_id"
)


@dataclass(kw_only=True)
class Balance:
    """The result of a comparison; ``wrong`` describes the first few errors."""

    accepted: int = 0
    stored: int = 0
    gapped: int = 0
    quarantined: int = 0
    lost: int = 0
    doubled: int = 0
    unexplained: int = 0
    misdated: int = 0
    holes: int = 0
    readings: int = 0
    gap_records: int = 0
    wrong: list[str] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Whether every entry is accounted for exactly once."""
        wrong = self.lost or self.doubled or self.unexplained or self.misdated or self.holes
        return not (wrong or self.wrong)

    def note(self, what: str) -> None:
        """Add the description of an error; the first few are enough to find the cause."""
        if len(self.wrong) < 8:
            self.wrong.append(what)

    def __str__(self) -> str:
        figures = (
            f"accepted {self.accepted}, stored {self.stored}, gapped {self.gapped}, "
            f"quarantined {self.quarantined}, lost {self.lost}, doubled {self.doubled}, "
            f"unexplained {self.unexplained}, misdated {self.misdated}, "
            f"missing numbers {self.holes}; readings stored {self.readings}, "
            f"records announced as dropped {self.gap_records}"
        )
        return "\n  ".join([figures, *self.wrong])


class Holdings:
    """The portal's contents, read once, straight from its tables."""

    def __init__(self, database: Database) -> None:
        rows = database.rows
        self._epochs: dict[int, str] = {}
        self.announced: dict[tuple[str, int], int] = {}
        for pk, name, said in rows("SELECT id, epoch, announced FROM ingest_epoch"):
            self._epochs[pk] = bytes(name).hex()
            lanes = json.loads(said) if isinstance(said, str) else said
            self.announced |= {(bytes(name).hex(), int(lane)): lanes[lane] for lane in lanes}
        self.receipts: dict[Name, tuple[int, str]] = {}
        self.by_content: dict[tuple[int, int], list[Name]] = defaultdict(list)
        for epoch, lane, seq, content, rejected in rows(
            "SELECT epoch_id, lane, seq, hash, rejected FROM ingest_receipt"
        ):
            name = (self._epochs[epoch], lane, seq)
            self.receipts[name] = (content, rejected)
            self.by_content[lane, content].append(name)
        self.quarantine = self._raw(rows, "ingest_quarantine")
        self.pending = self._raw(rows, "ingest_pendingclock")
        self.gaps: dict[tuple[str, int], list[tuple[int, int]]] = defaultdict(list)
        self.gap_records = 0
        for epoch, lane, ranges, records in rows(
            "SELECT epoch_id, lane, ranges, records FROM ingest_gap"
        ):
            runs = json.loads(ranges) if isinstance(ranges, str) else ranges
            self.gaps[self._epochs[epoch], lane] += [(first, last) for first, last in runs]
            self.gap_records += records
        self.samples: dict[SamplePoint, Value] = {}
        self.twice: Counter[SamplePoint] = Counter()
        for table in ("ingest_sample", "ingest_textsample"):
            for *place, value, quality in rows(_PLACES.format(table)):
                self.twice[SamplePoint(*place)] += 1
                self.samples[SamplePoint(*place)] = (value, quality)
        self.devices = rows("SELECT name, state, reported_at FROM fleet_device")

    def _raw(self, rows: Any, table: str) -> dict[Name, int]:
        return {
            (self._epochs[epoch], lane, seq): content_hash(bytes(boot), bytes(raw))
            for epoch, lane, seq, boot, raw in rows(
                f"SELECT epoch_id, lane, seq, boot, raw FROM {table}"
            )
        }

    def gapped(self, name: Name) -> bool:
        """Whether the box said that it dropped this one."""
        epoch, lane, seq = name
        return any(first <= seq <= last for first, last in self.gaps[epoch, lane])


def balance(
    lines: Iterable[Line], held: Holdings, following: Mapping[tuple[str, int], int]
) -> Balance:
    """Compare; ``following`` holds the next number of (epoch, lane), as the spools end."""
    books = Balance(readings=len(held.samples), gap_records=held.gap_records)
    tops: dict[tuple[str, int], int] = {}
    once: set[tuple[int, int]] = set()
    for line in lines:
        books.accepted += 1
        if line.kind != "clock":  # which says the same each time it is said
            once.add((line.lane, line.content))
        _enter(books, line, held)
        if len(line.epochs) == 1:
            key = (line.epochs[0], line.lane)
            tops[key] = max(tops.get(key, 0), line.seq + 1)
    for key, number in following.items():
        tops[key] = max(tops.get(key, 0), number)
    _check_samples(books, held)
    _check_records(books, held, once)
    _check_numbers(books, held, tops)
    _check_devices(books, held)
    if books.gapped > books.gap_records:
        books.note(f"{books.gapped} records dropped, {books.gap_records} announced")
    return books


def compare_fleet(said: Mapping[str, int], held: Holdings) -> list[str]:
    """How the portal's own ledger differs from the rows it is made of, number by number.

    ``said`` is the total that ``kanmon-portal ledger --json`` prints. No receipt may be compacted.
    """
    rejected = sum(1 for _, code in held.receipts.values() if code)
    announced = {
        (*key, seq) for key, following in held.announced.items() for seq in range(following)
    }
    dropped = {name for name in announced - held.receipts.keys() if held.gapped(name)}
    true = {
        "accepted": len(announced | held.receipts.keys()),
        "stored": len(held.receipts) - rejected,
        "quarantined": rejected,
        "gapped": len(dropped),
        "waiting": len(announced - held.receipts.keys() - dropped),
        "holes": 0,
        "undated": len(held.pending),
    }
    return [
        f"{name}: the portal says {said.get(name)}, and it is {count}"
        for name, count in true.items()
        if said.get(name) != count
    ]


def _enter(books: Balance, line: Line, held: Holdings) -> None:
    names = [(epoch, line.lane, line.seq) for epoch in line.epochs]
    known = [n for n in names if held.receipts.get(n, (None,))[0] == line.content]
    if not known and line.kind != "clock":  # it was given another number
        known = held.by_content.get((line.lane, line.content), [])
    if line.kind == "poison" and any(held.quarantine.get(n) == line.content for n in known):
        books.quarantined += 1
    elif any(_stored(line, name, held) for name in known):
        books.stored += 1
    elif not known and any(held.gapped(name) for name in names):
        books.gapped += 1
    else:
        books.lost += 1
        why = f"receipts {[held.receipts[name] for name in known]}" if known else "unheard of"
        if known and line.readings:
            absent = [place for place, value in line.readings if held.samples.get(place) != value]
            why += f", readings absent or other: {absent[:2]}"
        where = f"{line.epochs} {lane_name(line.lane)} {line.seq}"
        books.note(f"lost: {line.kind} {where}: {why}")


def _stored(line: Line, name: Name, held: Holdings) -> bool:
    if line.kind == "poison" or held.receipts[name][1]:
        return False
    if held.pending.get(name) == line.content:  # kept whole until its boot's clock is known
        return not any(place in held.samples for place, _ in line.readings)
    return all(held.samples.get(place) == value for place, value in line.readings)


def _check_samples(books: Balance, held: Holdings) -> None:
    for place, value in held.samples.items():
        true = true_time(place, value[0])
        if true not in {None, place.at}:
            books.misdated += 1
            books.note(f"misdated: {place} = {value}, read at {true}")
        elif held.twice[place] > 1 or expected(place) is None:
            books.doubled += 1
            books.note(f"doubled: {place} = {value}, where nothing was read")
        elif expected(place) != value:
            books.unexplained += 1
            books.note(f"unexplained: {place} = {value}, should be {expected(place)}")


def _check_records(books: Balance, held: Holdings, once: set[tuple[int, int]]) -> None:
    for (lane, content), names in held.by_content.items():
        if len(names) > 1 and (lane, content) in once:
            books.doubled += 1
            books.note(f"doubled: content {content} of lane {lane_name(lane)} under {names}")
    strange = [name for name in held.quarantine if not held.receipts.get(name, (0, ""))[1]]
    if strange:
        books.note(f"in quarantine without a receipt that says so: {strange[:3]}")


def _check_numbers(books: Balance, held: Holdings, tops: Mapping[tuple[str, int], int]) -> None:
    numbers: dict[tuple[str, int], set[int]] = defaultdict(set)
    for epoch, lane, seq in held.receipts:
        numbers[epoch, lane].add(seq)
    for key, runs in held.gaps.items():
        for first, last in runs:
            numbers[key].update(range(first, last + 1))
    for key in numbers.keys() | tops.keys():
        top = max(tops.get(key, 0), max(numbers[key], default=-1) + 1)
        absent = sorted(set(range(top)) - numbers[key])
        books.holes += len(absent)
        if absent:
            books.note(f"numbers never heard of: {key[0]} {lane_name(key[1])} {absent[:5]}")


def _check_devices(books: Balance, held: Holdings) -> None:
    from tests.e2e.ledger.database import unix_ms

    for name, said, reported_at in held.devices:
        if reported_at is None:
            continue
        n = poll_of(unix_ms(reported_at))
        if n is None or state(n).value != said:
            books.note(f"{name} is {said} as of {reported_at} (n = {n})")
