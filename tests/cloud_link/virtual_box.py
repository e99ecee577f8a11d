"""A spool in memory with the window that drains it, in virtual time."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from cloud_link.spool.model import SpoolRecord
from cloud_link.uplink.model import Pace
from cloud_link.uplink.window import Sending, Window
from cloud_link.wire import VERSION, Ack, Lane

EPOCH, BOOT, TABLE = b"epoch-01", b"boot-001", b"table-01"
PACE = Pace(flight=2_000, batch=500, read=1_000, fresh_run=1_000, lag=50)


@dataclass
class Box:
    """A spool in memory with the window that drains it."""

    pace: Pace = PACE
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
        window = Window(self.pace, {lane: self.newest_id(lane) for lane in Lane}, lambda: 0.0)
        window.greeting = False
        return window

    def read(self, window: Window) -> None:
        while hungry := window.hungry():
            for stream in hungry:
                found, room = [], self.pace.read
                for key in sorted(self.rows[stream.lane]):
                    if key > stream.after and room > 0:
                        found.append(self.rows[stream.lane][key])
                        room -= len(found[-1].body)
                window.feed(stream, found, self.newest_id(stream.lane))

    def send(self, window: Window) -> list[Sending]:
        """Everything that may go now."""
        sent = []
        window.expire(self.now)
        self.read(window)
        while (sending := window.next(self.now)) is not None:
            sent.append(sending)
            self.read(window)
        return sent

    def ack(self, window: Window, sending: Sending, **but: object) -> list[bytes]:
        seqs = [record.seq for record in sending.records.values()]
        ack = Ack(VERSION, EPOCH, sending.lane, **{"ok": runs(seqs), **but})  # type: ignore[arg-type]
        for seq in seqs:
            if any(first <= seq <= last for first, last in ack.ok):
                self.rows[sending.lane].pop(seq + (int(sending.lane) << 40), None)
        return window.acknowledged(ack, [TABLE], self.now)


def runs(seqs: list[int]) -> tuple[tuple[int, int], ...]:
    return tuple((seq, seq) for seq in seqs)


def named(sendings: list[Sending]) -> list[int]:
    return [record.seq for sending in sendings for record in sending.records.values()]
