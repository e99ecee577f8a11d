"""The uplink: whatever happens, it comes back and drains the spool.

    uplink = Uplink(writer, Broker.parse("mqtt://127.0.0.1"), "b-k3v9q2m7xa", facts)
    group.create_task(uplink.run())
    ...
    await writer.append(entries); uplink.appended()

Connecting again waits longer each time, with jitter, until a session has delivered something.
What is sent and when is `cloud_link.uplink.window`; one connection is `cloud_link.uplink.session`.

Source: design section 5.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog
from tenacity import AsyncRetrying, retry_if_exception_type, wait_exponential, wait_random

from cloud_link.mqtt.broker import Broker, MqttError, Will
from cloud_link.mqtt.connect import connect
from cloud_link.spool.model import SpoolError
from cloud_link.topics import Down, Up, down, up
from cloud_link.uplink.model import Link, Pace, UplinkState
from cloud_link.uplink.session import Conversation, Start, Station
from cloud_link.uplink.window import Window
from cloud_link.wire import Lane

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tenacity import RetryCallState

    from cloud_link.spool.writer import SpoolWriter
    from cloud_link.uplink.model import Facts

log = structlog.get_logger(__name__)


class Uplink:
    """Carries one spool to one portal.

    Args:
        writer: The spool; the uplink only reads and settles.
        broker: Where.
        box: Who: the box id is the client id too.
        facts: What is said about the box at the begin of a session.
        pace: How much at once.
        link: How to hold the connection.
    """

    def __init__(
        self,
        writer: SpoolWriter,
        broker: Broker,
        box: str,
        facts: Facts,
        pace: Pace | None = None,
        link: Link | None = None,
    ) -> None:
        self._writer, self._broker, self._link = writer, broker, link or Link()
        self._station = Station(box=box, facts=facts, pace=pace or Pace())
        self._tally = self._station.tally
        self._conversation: Conversation | None = None

    async def run(self) -> None:
        """Run until cancelled; then say goodbye, for two seconds at most."""
        while True:
            retrying = AsyncRetrying(
                retry=retry_if_exception_type((MqttError, SpoolError)),
                wait=wait_exponential(self._link.first_wait, self._link.longest_wait)
                + wait_random(0, self._link.first_wait),
                before_sleep=self._note,
            )
            # Returns when a session that had delivered something ended: the waits begin anew.
            await retrying(self._attempt)
            await asyncio.sleep(self._link.first_wait)

    def appended(self, lanes: Iterable[Lane] = tuple(Lane)) -> None:
        """Say that something came into these lanes; without it, it is found in `Pace.look`."""
        if self._conversation is not None:
            self._conversation.appended(lanes)

    @property
    def state(self) -> UplinkState:
        """How it is now."""
        tally, conversation = self._tally, self._conversation
        window = conversation.window if conversation else None
        return UplinkState(
            session=tally.session,
            connected_since=tally.connected_since,
            last_ack_at=tally.last_ack_at,
            heard=conversation.heard if conversation else 0,
            in_flight_records=window.flying if window else 0,
            in_flight_bytes=window.flying_bytes if window else 0,
            pausing=window.breaker.until is not None if window else False,
            delivered=tally.delivered,
            rejected=tally.rejected,
            error=tally.error,
        )

    async def _attempt(self) -> None:
        """One session; raises how it ended, unless it had delivered something."""
        before = self._tally.delivered + self._tally.rejected
        try:
            await self._session()
        except (MqttError, SpoolError) as error:
            self._tally.error = str(error)
            if self._tally.delivered + self._tally.rejected == before:
                raise
            log.warning("uplink_lost", error=str(error))

    async def _session(self) -> None:
        box, facts, tally = self._station.box, self._station.facts, self._tally
        start = await self._writer.call(Start.take)
        will = Will(topic=up(box, Up.ONLINE), payload=start.online(facts, alive=False))
        keepalive = self._link.keepalive
        async with connect(self._broker, box, will=will, keepalive=keepalive) as session:
            await session.subscribe(down(box, Down.ACK))
            tally.session, tally.connected_since, tally.error = start.session, facts.now(), ""
            log.info("uplink_connected", broker=self._broker.name, session=start.session)
            window = Window(self._station.pace, start.newest)
            talk = Conversation(session, self._writer, self._station, start, window)
            self._conversation = talk
            try:
                await talk.run()
            except asyncio.CancelledError:
                await talk.goodbye()
                raise
            finally:
                self._conversation = None
                tally.connected_since = None

    def _note(self, state: RetryCallState) -> None:
        """Log the first failure of a row; the next ones say nothing new."""
        if state.attempt_number == 1:
            log.warning("uplink_down", error=self._tally.error)
