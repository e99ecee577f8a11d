"""The uplink: connects again and again, and sends the spool's records to the portal.

    uplink = Uplink(writer, Broker.parse("mqtt://127.0.0.1"), "b-k3v9q2m7xa", info)
    group.create_task(uplink.run())
    ...
    await writer.append(entries); uplink.appended()

Connecting again waits longer each time, with jitter, until a session has delivered something.
`cloud_link.uplink.window` decides what is sent and when; `cloud_link.uplink.session` is one
session.

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
from cloud_link.uplink.model import ConnectionSettings, UplinkLimits, UplinkState
from cloud_link.uplink.session import UplinkContext, UplinkSession
from cloud_link.uplink.start import SessionStart
from cloud_link.uplink.window import Window
from cloud_link.wire import Lane

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tenacity import RetryCallState
    from tenacity.wait import wait_base

    from cloud_link.spool.writer import SpoolWriter
    from cloud_link.uplink.model import BoxInfo

log = structlog.get_logger(__name__)


def reconnect_wait(settings: ConnectionSettings) -> wait_base:
    """How long to wait after so many attempts in a row that failed, in seconds."""
    growing = wait_exponential(settings.first_wait_s, settings.max_wait_s)
    return growing + wait_random(0, settings.first_wait_s)


class Uplink:
    """Carries one spool to one portal.

    Args:
        writer: The spool; the uplink only reads and settles.
        broker: The broker to connect to.
        box: The box id, which is the client id too.
        info: What the ``online`` message says about the box.
        limits: Sizes and times of sending.
        connection: How the connection is kept and regained.
    """

    def __init__(
        self,
        writer: SpoolWriter,
        broker: Broker,
        box: str,
        info: BoxInfo,
        limits: UplinkLimits | None = None,
        connection: ConnectionSettings | None = None,
    ) -> None:
        self._writer, self._broker = writer, broker
        self._settings = connection or ConnectionSettings()
        self._context = UplinkContext(box=box, info=info, limits=limits or UplinkLimits())
        self._progress = self._context.progress
        self._session: UplinkSession | None = None

    async def run(self) -> None:
        """Run until cancelled; then end the session in an orderly way, within a few seconds."""
        # tenacity knows attempts that fail, and its waits grow with them. A session that delivered
        # something and then ended is a success; this loop begins the next one with short waits.
        while True:
            retrying = AsyncRetrying(
                retry=retry_if_exception_type((MqttError, SpoolError)),
                wait=reconnect_wait(self._settings),
                before_sleep=self._note,
            )
            await retrying(self._attempt)
            await asyncio.sleep(self._settings.first_wait_s)

    def appended(self, lanes: Iterable[Lane] = tuple(Lane)) -> None:
        """Report an append to these lanes; unreported ones are found after `poll_ms`."""
        if self._session is not None:
            self._session.appended(lanes)

    @property
    def state(self) -> UplinkState:
        """A snapshot of the uplink."""
        progress, session = self._progress, self._session
        window = session.window if session else None
        return UplinkState(
            session=progress.session,
            connected_since=progress.connected_since,
            last_ack_at=progress.last_ack_at,
            gathered_acks=session.gathered_acks if session else 0,
            in_flight_records=window.in_flight if window else 0,
            in_flight_bytes=window.in_flight_bytes if window else 0,
            pausing=window.pausing if window else False,
            delivered=progress.delivered,
            rejected=progress.rejected,
            error=progress.error,
        )

    async def _attempt(self) -> None:
        """Run one session; raises its end as an error, unless it had delivered something."""
        before = self._progress.delivered + self._progress.rejected
        try:
            await self._run_session()
        except (MqttError, SpoolError) as error:
            self._progress.error = error
            if self._progress.delivered + self._progress.rejected == before:
                raise
            log.warning("uplink_lost", error=str(error))

    async def _run_session(self) -> None:
        box, info, progress = self._context.box, self._context.info, self._progress
        start = await self._writer.call(SessionStart.begin)
        will = Will(topic=up(box, Up.ONLINE), payload=start.online(info, alive=False))
        keepalive = self._settings.keepalive_s
        async with connect(self._broker, box, will=will, keepalive=keepalive) as mqtt:
            await mqtt.subscribe(down(box, Down.ACK))
            progress.session, progress.connected_since = start.session, info.now()
            progress.error = None
            log.info("uplink_connected", broker=self._broker.name, session=start.session)
            window = Window(self._context.limits, start.newest)
            session = UplinkSession(mqtt, self._writer, self._context, start, window)
            self._session = session
            try:
                await session.run()
            except asyncio.CancelledError:
                await session.close()
                raise
            finally:
                self._session = None
                progress.connected_since = None

    def _note(self, state: RetryCallState) -> None:
        """Log the first failure of a row only."""
        if state.attempt_number == 1:
            log.warning("uplink_down", error=str(self._progress.error))
