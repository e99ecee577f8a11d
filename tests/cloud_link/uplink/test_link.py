"""The uplink on links that end: brokers that die, boxes that vanish, and the other MQTT version."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from cloud_link.mqtt.broker import Broker
from cloud_link.uplink.model import BoxInfo, UplinkLimits
from cloud_link.uplink.uplink import Uplink
from tests import peers
from tests.cloud_link.scripted_portal import portal
from tests.cloud_link.uplink.harness import (
    BOOT,
    BOX,
    LINK,
    QUICK,
    SOON_S,
    data,
    event,
    now,
    spool,
    until,
    until_empty,
    uplink,
)

pytestmark = pytest.mark.peer("mosquitto")

AMQTT = Path(__file__).parents[3] / "scripts" / "demonstration" / "amqtt_broker.py"


async def test_a_killed_broker_during_the_drain_loses_nothing(
    broker: peers.Mosquitto, tmp_path: Path
) -> None:
    async with spool(tmp_path) as writer, portal(broker.url, BOX) as far:
        accepted: dict[int, bytes] = {}
        await writer.append([data(n) for n in range(1_000)])
        async with uplink(
            writer, broker.url, limits=UplinkLimits(ack_timeout_ms=500, batch_bytes=2_000)
        ) as link:
            kills = 0
            for value in range(1_000, 1_600):
                await writer.append([data(value)])
                link.appended()
                if value % 150 == 50:
                    kills += 1
                    await asyncio.to_thread(broker.kill)
                    await asyncio.to_thread(broker.start)
            assert kills == 4
            await until_empty(writer)
        await until(lambda: len(far.stored) == 1_600, lambda: len(far.stored))
        accepted = {n: data(n).body for n in range(1_600)}
        assert sorted(far.stored.values()) == sorted(accepted.values())
        # Which of the sessions in between were announced depends on how fast the broker came back.
        assert len({online.session for online in far.online}) > 1


async def test_a_dead_box_is_announced_by_its_will(broker: peers.Mosquitto, tmp_path: Path) -> None:
    async with spool(tmp_path) as writer, portal(broker.url, BOX) as far:
        info = BoxInfo(boot=BOOT, software="1.2.3", now=now, offset=lambda: None)
        link = Uplink(writer, Broker.parse(broker.url), BOX, info, QUICK, LINK)
        task = asyncio.ensure_future(link.run())
        await until(lambda: len(far.online) == 1, lambda: far.online)
        session = link._session
        assert session is not None
        session._mqtt.abort()  # as a power cut ends it
        await until(lambda: len(far.online) >= 3, lambda: far.online)
        seen = {(online.session, online.alive) for online in far.online}
        assert seen >= {(1, True), (1, False), (2, True)}
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_mqtt_3_1_1_on_mosquitto(broker: peers.Mosquitto, tmp_path: Path) -> None:
    async with spool(tmp_path) as writer, portal(broker.url, BOX, 4) as far:
        await writer.append([data(n) for n in range(500)])
        async with uplink(writer, broker.url, version=4):
            await until_empty(writer)
        assert len(far.stored) == 500


@pytest.mark.parametrize("turns", range(4))
async def test_cancelled_in_the_moment_the_link_ends_it_stops(
    broker: peers.Mosquitto, tmp_path: Path, turns: int
) -> None:
    async with spool(tmp_path) as writer:
        info = BoxInfo(boot=BOOT, software="1.2.3", now=now, offset=lambda: 42)
        made = Uplink(writer, Broker.parse(broker.url), BOX, info, QUICK, LINK)
        task = asyncio.ensure_future(made.run())
        await until(lambda: made.state.connected_since is not None, lambda: "a connection")
        session = made._session
        assert session is not None
        ended = asyncio.ensure_future(session._mqtt.wait_closed())
        await asyncio.to_thread(broker.kill)
        await ended
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        async with asyncio.timeout(SOON_S):
            (done,) = await asyncio.gather(task, return_exceptions=True)
        assert isinstance(done, asyncio.CancelledError)
        await asyncio.to_thread(broker.start)


async def test_mqtt_3_1_1_on_the_demonstrations_fallback_broker(tmp_path: Path) -> None:
    port = peers.free_port()
    command = [sys.executable, str(AMQTT), str(port)]
    amqtt = peers.Daemon(command=command, port=port, log=tmp_path / "amqtt.log")
    await asyncio.to_thread(amqtt.start)
    try:
        url = f"mqtt://127.0.0.1:{port}"
        async with spool(tmp_path) as writer, portal(url, BOX, 4) as far:
            await writer.append([data(n) for n in range(300)] + [event(1)])
            async with uplink(writer, url, version=4) as link:
                await until_empty(writer)
                for n in range(300, 340):
                    await writer.append([data(n)])
                    link.appended()
                await until_empty(writer)
            assert len(far.stored) == 341
    finally:
        await asyncio.to_thread(amqtt.kill)
