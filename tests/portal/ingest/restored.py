"""A real spool beside the ingest, and a portal's database that comes back from a backup."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.db import connection, transaction

from cloud_link import topics
from cloud_link.records import encode_record
from cloud_link.spool.model import Entry, SettleResult, SpoolLimits
from cloud_link.spool.spool import Spool
from cloud_link.topics import Up
from cloud_link.uplink.model import BoxInfo
from cloud_link.uplink.session import LANE_CHANNELS
from cloud_link.uplink.start import SessionStart
from cloud_link.wire import VERSION, Batch, Lane, Tables, encode
from portal.ingest.messages import IncomingMessage
from portal.ingest.models import Epoch, Gap, Receipt, Watermark
from portal.ingest.store import ingest
from tests.portal.audit.triggers import without_triggers
from tests.portal.ingest.sender import METER, OFFSET, event, meter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cloud_link.records import Record
    from cloud_link.spool.model import SpoolRecord

BOOT = b"boot-001"
LIMITS = SpoolLimits(reserve_file_bytes=0)
FEW_KEPT = SpoolLimits(reserve_file_bytes=0, retained_bytes=30_000)
_BATCH = 50

Name = tuple[bytes, int, int]
"""Epoch, lane and number of a record."""


@dataclass(slots=True)
class Gateway:
    """A box with a real spool, whose messages go straight to the ingest.

    Attributes:
        accepted: Every record that its spool ever accepted, gap records left out.
    """

    box: str
    folder: Path
    limits: SpoolLimits = LIMITS
    accepted: set[Name] = field(default_factory=set)
    spool: Spool = field(init=False)
    _polls: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        self.spool = Spool.open(self.folder, boot=BOOT, limits=self.limits)

    def restart(self) -> None:
        """Open the spool again, which begins an epoch."""
        self.spool.close()
        self.spool = Spool.open(self.folder, boot=BOOT, limits=self.limits)

    def crash(self) -> None:
        """Open the spool as after a kill -9: from a copy of the files as they are."""
        files = {path.name: path.read_bytes() for path in self.folder.iterdir()}
        self.spool.close()
        for name, content in files.items():
            (self.folder / name).write_bytes(content)
        self.spool = Spool.open(self.folder, boot=BOOT, limits=self.limits)

    def work(self, polls: int) -> None:
        """Accept so many polls, with an event and a counter near midnight now and then."""
        for start in range(0, polls, _BATCH):
            batch: list[tuple[Lane, Record, int]] = []
            for _ in range(min(_BATCH, polls - start)):
                n = next(self._polls)
                at = n * 1_000
                batch.append((Lane.DATA, meter(at, n, n, n), at))
                if n % 7 == 0:
                    state = "running" if n % 2 else "ready"
                    batch.append((Lane.EVENT, event(at, state=state), at))
                if n % 13 == 0:
                    batch.append((Lane.BOUNDARY, meter(at + 500, n, n, n), at))
            self._accept(batch)

    def _accept(self, batch: list[tuple[Lane, Record, int]]) -> None:
        entries = [
            Entry(
                lane=lane,
                body=encode_record(record),
                at=at,
                readings=3,
                table=METER if lane in {Lane.DATA, Lane.BOUNDARY} else None,
            )
            for lane, record, at in batch
        ]
        for entry, seq in zip(entries, self.spool.append(entries), strict=True):
            self.accepted.add((self.spool.epoch, int(entry.lane), seq))

    # Towards the portal

    def connect(self) -> list[SettleResult]:
        """Begin a session and apply what the portal answers to it."""
        start = SessionStart.begin(self.spool)
        info = BoxInfo(boot=BOOT, software="1", now=lambda: 0, offset=lambda: OFFSET)
        return self.hear(
            [
                IncomingMessage(
                    topic=topics.up(self.box, Up.ONLINE), body=start.online(info, alive=True)
                )
            ]
        )

    def hear(self, messages: list[IncomingMessage]) -> list[SettleResult]:
        """Give messages to the ingest, and its answers to the spool."""
        acks = [one.ack for one in ingest(messages).answers if one.box == self.box]
        return self.spool.settle_all(acks)

    def deliver(self, most: int = 1 << 30) -> int:
        """Send up to ``most`` batches of what is pending; returns how many records went."""
        self.spool.seal_gaps()
        sent = 0
        for lane in Lane:
            after = 0
            while records := self.spool.pending(lane, after=after, limit_bytes=4_000):
                after = records[-1].id
                for batch in _batches(records):
                    if not (most := most - 1) + 1:
                        return sent
                    sent += len(batch)
                    self._send(batch)
        return sent

    def deliver_unheard(self, batches: int) -> set[Name]:
        """Send the first batches of lane ``DATA``, whose acknowledgements never come."""
        records = self.spool.pending(Lane.DATA, after=0, limit_bytes=1 << 20)
        sent = list(itertools.islice(_batches(records), batches))
        for batch in sent:
            ingest(self._messages(batch))
        return {(one.epoch, int(one.lane), one.seq) for batch in sent for one in batch}

    def _send(self, batch: list[SpoolRecord]) -> None:
        self.hear(self._messages(batch))

    def _messages(self, batch: list[SpoolRecord]) -> list[IncomingMessage]:
        first = batch[0]
        items = tuple((one.seq, one.body) for one in batch)
        body = encode(Batch(VERSION, first.epoch, first.ordinal, first.lane, first.boot, items))
        tables = self.spool.tables({one.table for one in batch if one.table})
        told = encode(Tables(VERSION, tuple(tables)))
        return [
            IncomingMessage(topic=topics.up(self.box, Up.TABLE), body=told),
            IncomingMessage(topic=topics.up(self.box, LANE_CHANNELS[first.lane]), body=body),
        ]

    def catch_up(self, rounds: int = 20) -> int:
        """Sessions and deliveries until the portal asks for nothing more; returns how many."""
        for turn in range(1, rounds + 1):
            asked = any(one.resent or one.gone for one in self.connect())
            self.deliver()
            if not asked:
                return turn
        raise AssertionError("the portal asks without end")

    # What became of the records

    def missing(self) -> set[Name]:
        """Accepted records that are neither pending, nor stored, nor named by a gap."""
        pending = {
            (one.epoch, int(lane), one.seq)
            for lane in Lane
            for one in self.spool.pending(lane, after=0, limit_bytes=1 << 30)
        }
        return self.accepted - pending - stored(self.box) - self.gapped()

    def gapped(self, reason: str | None = None) -> set[Name]:
        """Accepted records that a gap at the portal names."""
        gaps = Gap.objects.filter(box__box_id=self.box).select_related("epoch")
        named = [
            (bytes(gap.epoch.epoch), gap.lane, first, last)
            for gap in gaps
            if reason in {None, gap.reason}
            for first, last in gap.ranges
        ]
        return {
            name
            for name in self.accepted
            if any(name[:2] == one[:2] and one[2] <= name[2] <= one[3] for one in named)
        }


def _batches(records: list[SpoolRecord]) -> Iterator[list[SpoolRecord]]:
    for _, same in itertools.groupby(records, key=lambda one: (one.epoch, one.boot)):
        group = list(same)
        for start in range(0, len(group), _BATCH):
            yield group[start : start + _BATCH]


def stored(box: str) -> set[Name]:
    """The records of a box that the portal has a receipt for, or a watermark above."""
    names = {row.pk: bytes(row.epoch) for row in Epoch.objects.filter(box__box_id=box)}
    receipts = Receipt.objects.filter(epoch__box__box_id=box).values_list("epoch", "lane", "seq")
    found = {(names[epoch], lane, seq) for epoch, lane, seq in receipts}
    for epoch, lane, top in Watermark.objects.filter(epoch__box__box_id=box).values_list(
        "epoch", "lane", "seq"
    ):
        found |= {(names[epoch], lane, seq) for seq in range(top + 1)}
    return found


class Backup:
    """The portal's whole database as it is now."""

    def __init__(self) -> None:
        with connection.cursor() as cursor:
            self._tables = {
                name: _rows(cursor, name)
                for name in connection.introspection.django_table_names(only_existing=True)
            }

    def restore(self) -> None:
        """Make the database what it was."""
        quote = connection.ops.quote_name
        with transaction.atomic(), without_triggers(), connection.cursor() as cursor:
            cursor.execute(
                "PRAGMA defer_foreign_keys=ON"
                if connection.vendor == "sqlite"
                else "SET CONSTRAINTS ALL DEFERRED"
            )
            for name in self._tables:
                cursor.execute(f"DELETE FROM {quote(name)}")
            for name, rows in self._tables.items():
                marks = ", ".join(["%s"] * len(rows[0])) if rows else ""
                for row in rows:
                    cursor.execute(f"INSERT INTO {quote(name)} VALUES ({marks})", row)


def _rows(cursor: Any, name: str) -> list[tuple[Any, ...]]:
    cursor.execute(f"SELECT * FROM {connection.ops.quote_name(name)}")
    return list(cursor.fetchall())
