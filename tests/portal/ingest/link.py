"""A box's connection to the broker, and what it hears there."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from cloud_link import topics
from cloud_link.mqtt.broker import Broker, PublishRefusedError
from cloud_link.mqtt.connect import connect
from cloud_link.topics import Down
from cloud_link.wire import Ack, decode

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from cloud_link.mqtt.session import Session
    from cloud_link.wire import Lane
    from portal.ingest.messages import IncomingMessage
    from tests import peers
    from tests.portal.ingest.sender import Sender

SOON_S: Final = 30.0


@asynccontextmanager
async def link(broker: peers.Mosquitto, sender: Sender) -> AsyncIterator[Session]:
    """A box's connection, listening for acknowledgements."""
    async with connect(Broker.parse(broker.url), sender.box) as session:
        await session.subscribe(topics.down(sender.box, Down.ACK))
        yield session


async def publish(session: Session, *messages: IncomingMessage) -> None:
    """Publish, again for as long as no worker listens."""
    for message in messages:
        while True:
            try:
                await session.publish(message.topic, message.body)
                break
            except PublishRefusedError:
                await asyncio.sleep(0.05)  # a poll: the broker offers no event for a subscriber


async def hear(session: Session, lane: Lane, last: int) -> list[Ack]:
    """Acknowledgements up to the one that settles ``last`` of a lane."""
    heard: list[Ack] = []
    async with asyncio.timeout(SOON_S):
        async for message in session.messages():
            message.ack()
            ack = decode(Ack, message.payload)
            heard.append(ack)
            if ack.lane is lane and any(first <= last <= end for first, end in ack.ok):
                return heard
    raise AssertionError("the connection ended")


async def hear_all(session: Session, count: int) -> None:
    """Acknowledgements of so many numbers of one lane, in any order."""
    heard: set[int] = set()
    async with asyncio.timeout(SOON_S):
        async for message in session.messages():
            message.ack()
            for first, last in decode(Ack, message.payload).ok:
                heard |= set(range(first, last + 1))
            if len(heard) == count:
                return
    raise AssertionError("the connection ended")
