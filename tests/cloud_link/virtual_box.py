"""A spool in memory with the window that drains it, in virtual time."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from cloud_link.spool.model import SpoolRecord
from cloud_link.uplink.model import UplinkLimits
from cloud_link.uplink.window import InFlightBatch, Window
from cloud_link.wire import VERSION, Ack, Lane

EPOCH, BOOT, TABLE = b"epoch-01", b"boot-001", b"table-01"
LIMITS = UplinkLimits(
    window_bytes=2_000, batch_bytes=500, read_bytes=1_000, fresh_run_bytes=1_000, lag_records=50
)


@dataclass
class Box:
    """A spool in memory with the window that drains it."""

    limits: UplinkLimits = LIMITS
    rows: dict[Lane, dict[int, SpoolRecord]] = field(default_factory=lambda: defaultdict(dict))
    newest: dict[Lane, int] = field(default_factory=lambda: dict.fromkeys(Lane, 0))
    now: int = 0

    def add(
        self,
        lane: Lane,
        size: int = 100,
        *,
        boot: bytes = BOOT,
        table: bytes | None = None,
        epoch: bytes = EPOCH,
    ) -> SpoolRecord:
        self.newest[lane] += 1
        number = self.newest[lane]
        stored = SpoolRecord(
            id=number + (int(lane) << 40),
            epoch=epoch,
            ordinal=1,
            lane=lane,
            seq=number,
            boot=boot,
            body=bytes(size),
            table=table,
        )
        self.rows[lane][stored.id] = stored
        return stored

    def newest_id(self, lane: Lane) -> int:
        return self.newest[lane] + (int(lane) << 40)

    def connect(self) -> Window:
        window = Window(self.limits, {lane: self.newest_id(lane) for lane in Lane}, lambda: 0.0)
        window.needs_online = False
        return window

    def read(self, window: Window) -> None:
        while cursors := window.cursors_to_read():
            for cursor in cursors:
                found, room = [], self.limits.read_bytes
                for key in sorted(self.rows[cursor.lane]):
                    if key > cursor.after and room > 0:
                        found.append(self.rows[cursor.lane][key])
                        room -= len(found[-1].body)
                window.feed(cursor, found, self.newest_id(cursor.lane))

    def send(self, window: Window) -> list[InFlightBatch]:
        """Everything that may go now."""
        sent = []
        window.expire(self.now)
        self.read(window)
        while (batch := window.next(self.now)) is not None:
            sent.append(batch)
            self.read(window)
        return sent

    def ack(self, window: Window, batch: InFlightBatch, **but: object) -> list[bytes]:
        seqs = [record.seq for record in batch.records.values()]
        ack = Ack(VERSION, EPOCH, batch.lane, **{"ok": runs(seqs), **but})  # type: ignore[arg-type]
        for seq in seqs:
            if any(first <= seq <= last for first, last in ack.ok):
                self.rows[batch.lane].pop(seq + (int(batch.lane) << 40), None)
        return window.on_ack(ack, [TABLE], self.now)


def runs(seqs: list[int]) -> tuple[tuple[int, int], ...]:
    return tuple((seq, seq) for seq in seqs)


def named(batches: list[InFlightBatch]) -> list[int]:
    return [record.seq for batch in batches for record in batch.records.values()]
