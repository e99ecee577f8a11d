"""The control: an uplink that takes the broker's PUBACK for the portal's acknowledgement."""

from __future__ import annotations

import asyncio
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING

from cloud_link.mqtt.broker import Broker, MqttError
from cloud_link.mqtt.connect import connect
from cloud_link.mqtt.session import Session
from cloud_link.topics import up
from cloud_link.uplink.model import BoxInfo
from cloud_link.uplink.session import LANE_CHANNELS
from cloud_link.uplink.start import SessionStart
from cloud_link.wire import (
    VERSION,
    Ack,
    Batch,
    Lane,
    Tables,
    encode,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloud_link.spool.model import SpoolRecord
    from cloud_link.spool.spool import Spool
    from cloud_link.spool.writer import SpoolWriter

_MESSAGE_BYTES = 8_000


class PubackUplink:
    """Deletes a record as soon as the broker has acknowledged it. Never do this."""

    def __init__(self, writer: SpoolWriter, broker: Broker, box: str, info: BoxInfo) -> None:
        self._writer, self._broker, self._box, self._info = writer, broker, box, info
        self.settled = 0

    async def run(self) -> None:
        """Send the spool's records and delete them on PUBACK, until cancelled."""
        while True:
            try:
                async with connect(self._broker, self._box) as session:
                    start = await self._writer.call(SessionStart.begin)
                    body = start.online(self._info, alive=True)
                    await session.publish(f"kanmon/1/{self._box}/up/online", body)
                    await self._drain(session)
            except MqttError:
                await asyncio.sleep(0.2)

    async def _drain(self, session: Session) -> None:
        while True:
            sent = 0
            for lane in Lane:
                look = partial(_pending, lane=lane)
                for _, group in groupby(await self._writer.call(look), _header):
                    sent += await self._send(session, lane, list(group))
            if not sent:
                await asyncio.sleep(0.05)

    async def _send(self, session: Session, lane: Lane, group: Sequence[SpoolRecord]) -> int:
        first = group[0]
        names = {one.table for one in group if one.table is not None}
        tables = await self._writer.call(lambda spool: spool.tables(names))
        if tables:
            topic = f"kanmon/1/{self._box}/up/table"
            await session.publish(topic, encode(Tables(VERSION, tuple(tables))))
        items = tuple((one.seq, one.body) for one in group)
        batch = Batch(VERSION, first.epoch, first.ordinal, lane, first.boot, items)
        await session.publish(up(self._box, LANE_CHANNELS[lane]), encode(batch))
        ack = Ack(VERSION, first.epoch, lane, ok=tuple((one.seq, one.seq) for one in group))
        settled = await self._writer.call(lambda spool: spool.settle(ack))
        self.settled += settled.ok
        return settled.ok


def _pending(spool: Spool, *, lane: Lane) -> list[SpoolRecord]:
    return spool.pending(lane, after=0, limit_bytes=_MESSAGE_BYTES)


def _header(one: SpoolRecord) -> tuple[bytes, bytes]:
    return one.epoch, one.boot
