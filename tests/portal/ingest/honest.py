"""A box with a real spool beside the ingest, and what a forger sends in its name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from cloud_link import topics
from cloud_link.records import ClockRecord, encode_record
from cloud_link.spool.model import Entry, SpoolLimits
from cloud_link.spool.spool import Spool
from cloud_link.topics import Up
from cloud_link.uplink.model import BoxInfo
from cloud_link.uplink.start import SessionStart
from cloud_link.wire import VERSION, Batch, Lane, encode
from portal.ingest.messages import IncomingMessage
from portal.ingest.store import ingest
from tests.portal.ingest.sender import METER, OFFSET, Sender, configuration, event, meter

if TYPE_CHECKING:
    from cloud_link.records import Record
    from cloud_link.spool.model import SpoolRecord
    from portal.fleet.models import Box

BOOT: Final = b"12345678"


class Honest:
    """A box with a real spool: it says all again in every new epoch, as the gateway does."""

    def __init__(self, box: Box, folder: Path) -> None:
        self.box, self.folder = box, folder
        self.session, self.at = 0, 0
        self.refused: list[object] = []
        self.open()

    def open(self) -> None:
        self.spool = Spool.open(self.folder, boot=BOOT, limits=SpoolLimits(reserve_file_bytes=0))
        self._generation = -1

    def restart(self) -> None:
        self.spool.close()
        self.open()

    def forger(self, *, ordinal: int = 1, own_epoch: bool = False) -> Sender:
        """A forger with this box's name, in an epoch of its own or the box's present one."""
        if own_epoch:
            return Sender(self.box.box_id, self.spool.epoch, self.spool.ordinal, BOOT)
        return Sender(self.box.box_id, ordinal=ordinal, boot=BOOT)

    def exchange(self) -> int:
        """A session: online, tables, then all that is pending; returns the time of its reading."""
        self.session += 1
        self.at += 1000
        if self.spool.generation != self._generation:
            self.append(Lane.EVENT, ClockRecord(0, OFFSET, synchronised=True))
            self.append(Lane.EVENT, configuration(self.at, {"devices": [{"name": "meter"}]}))
            self.append(Lane.EVENT, event(self.at, state="running"))
            self._generation = self.spool.generation
        self.append(Lane.DATA, meter(self.at, 1, 2, 3))
        self._send(self.online(self.session))
        self._send(Sender(self.box.box_id).tables(METER))
        self.spool.seal_gaps()
        for lane in Lane:
            for record in self.spool.pending(lane, after=0, limit_bytes=1 << 20):
                self._send(self.batch(record))
        return self.at

    def batch(self, record: SpoolRecord) -> IncomingMessage:
        """The message that carries a record."""
        lane = record.lane
        items = ((record.seq, record.body),)
        batch = Batch(VERSION, record.epoch, record.ordinal, lane, record.boot, items)
        channel = Up.DATA if lane in {Lane.DATA, Lane.BOUNDARY} else Up.EVENT
        return IncomingMessage(topic=topics.up(self.box.box_id, channel), body=encode(batch))

    def append(self, lane: Lane, record: Record) -> None:
        table = METER if lane is Lane.DATA else None
        body = encode_record(record)
        self.spool.append([Entry(lane=lane, body=body, at=self.at, readings=0, table=table)])

    def online(self, session: int) -> IncomingMessage:
        """What the box says of a session."""
        info = BoxInfo(boot=BOOT, software="1.0", now=lambda: 0, offset=lambda: OFFSET)
        body = SessionStart.of(self.spool, session).online(info, alive=True)
        return IncomingMessage(topic=topics.up(self.box.box_id, Up.ONLINE), body=body)

    def _send(self, message: IncomingMessage) -> None:
        outcome = ingest([message])
        self.refused += outcome.unusable.values()
        for answer in outcome.answers:
            self.spool.settle(answer.ack)
