"""The demonstration's fallback broker: what it keeps out, and what it cannot keep out."""

from __future__ import annotations

import asyncio
import ssl
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cloud_link import topics
from cloud_link.mqtt.broker import Broker, Identity, UnreachableError
from cloud_link.mqtt.connect import connect
from cloud_link.topics import Up
from tests.peers import Daemon

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.portal.broker.conftest import Door, Site

pytestmark = pytest.mark.django_db

A, B = "b-aaaaaaaaaa", "b-bbbbbbbbbb"
SOON_S = 20.0
ROOT = Path(__file__).parents[3]


@pytest.fixture
def fallback(unstarted: Site) -> Iterator[Site]:
    """The fallback in the place of Mosquitto; box B's certificate was revoked before it started."""
    command = [sys.executable, "-m", "scripts.demonstration.amqtt_broker"]
    broker = Daemon(
        command=["env", f"PYTHONPATH={ROOT}", *command, str(unstarted.folder.path)],
        port=unstarted.folder.plan.workers.port,
        log=unstarted.broker.log,
    )
    try:
        broker.start()
        yield unstarted
    finally:
        broker.stop()


async def enter(broker: Broker) -> None:
    async with asyncio.timeout(SOON_S), connect(broker, "x"):
        pass


def at(site: Site, door: Door, identity: Identity) -> Broker:
    return Broker.parse(site.url(door), version=4, tls=site.address(door, identity).tls)


def test_nobody_comes_in_without_a_certificate_by_that_doors_root(fallback: Site) -> None:
    box, worker = fallback.box(A), fallback.worker("ingest-1")
    root = fallback.folder.path / "roots" / "boxes.pem"
    doors: tuple[Door, Door] = ("boxes", "workers")
    context = ssl.create_default_context(cafile=root)
    for door in doors:
        url = fallback.url(door)
        unnamed = Broker.parse(url, version=4, tls=context)
        plain = Broker.parse(url.replace("mqtts", "mqtt"), version=4)
        for nobody in (unnamed, plain):
            with pytest.raises(UnreachableError):
                asyncio.run(enter(nobody))
    for door, identity in (("boxes", worker), ("workers", box)):
        with pytest.raises(UnreachableError):
            asyncio.run(enter(at(fallback, door, identity)))
    asyncio.run(enter(at(fallback, "boxes", box)))
    asyncio.run(enter(at(fallback, "workers", worker)))


def test_who_was_revoked_before_it_started_is_refused(fallback: Site) -> None:
    canary = fallback.folder.path / "canary"
    identity = Identity(
        certificate=canary / "identity.pem",
        key=canary / "identity.pem",
        trust=fallback.folder.path / "roots" / "boxes.pem",
    )
    with pytest.raises(UnreachableError):
        asyncio.run(enter(at(fallback, "boxes", identity)))


def test_it_confines_nobody_to_their_own_topics(fallback: Site) -> None:
    """Why it is for a demonstration only; if this fails one day, it has become better."""
    box, worker = fallback.box(A), fallback.worker("ingest-1")

    async def work() -> str:
        async with (
            asyncio.timeout(SOON_S),
            connect(at(fallback, "workers", worker), "w") as ingest,
            connect(at(fallback, "boxes", box), A) as session,
        ):
            await ingest.subscribe(topics.ALL_UP)
            await session.publish(topics.up(B, Up.DATA), b"in b's name")
            async for message in ingest.messages():
                return message.topic
        raise AssertionError

    assert asyncio.run(work()) == topics.up(B, Up.DATA)
