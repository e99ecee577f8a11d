"""`mqtt.connect` against a real Mosquitto: every property that design section 9 names."""

from __future__ import annotations

import asyncio
import statistics
import time
from typing import TYPE_CHECKING

import pytest

from cloud_link.mqtt.broker import (
    NO_SUBSCRIBERS,
    NOT_AUTHORIZED,
    PACKET_TOO_LARGE,
    Broker,
    DisconnectedError,
    PublishRefusedError,
    UnreachableError,
)
from cloud_link.mqtt.connect import connect
from cloud_link.mqtt.receive_window import ReceiveWindow
from tests import peers
from tests.cloud_link.relay import relay
from tests.cloud_link.waiting import SOON_S, failing, take, until

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Literal

pytestmark = pytest.mark.peer("mosquitto")


@pytest.mark.parametrize("version", [5, 4])
async def test_a_message_arrives_and_is_answered(
    broker: peers.Mosquitto, version: Literal[4, 5]
) -> None:
    address = Broker.parse(broker.url, version=version)
    async with connect(address, "reader") as reader, connect(address, "writer") as writer:
        await reader.subscribe("a/#")
        await writer.publish("a/b", b"\x00\xff", qos=1)
        await writer.publish("a/c", b"", qos=0)
        messages = await take(reader, 2)
        assert [(m.topic, m.payload) for m in messages] == [("a/b", b"\x00\xff"), ("a/c", b"")]
        for message in messages:
            message.ack()
            message.ack()


async def test_nobody_subscribes_is_a_refusal(broker: peers.Mosquitto) -> None:
    async with connect(Broker.parse(broker.url), "writer") as session:
        error = await failing(session.publish("nobody/listens", b"x"))
        assert isinstance(error, PublishRefusedError)
        assert error.code == NO_SUBSCRIBERS
        assert "0x10" in str(error)
        assert "ingest" in str(error)
        await session.subscribe("somebody/listens")
        await session.publish("somebody/listens", b"x")  # the connection went on


async def test_an_access_list_is_a_refusal_to_publish_and_silence_to_subscribe(
    tmp_path: Path,
) -> None:
    (tmp_path / "acl").write_text("topic write open/#\ntopic read open/#\n")
    with peers.mosquitto(f"acl_file {tmp_path}/acl") as broker:
        address = Broker.parse(broker.url)
        async with connect(address, "reader") as reader, connect(address, "writer") as writer:
            await reader.subscribe("open/#")
            await reader.subscribe("closed/#")  # granted; filtered at delivery
            await writer.publish("open/door", b"in")
            error = await failing(writer.publish("closed/door", b"out"))
            assert isinstance(error, PublishRefusedError)
            assert error.code == NOT_AUTHORIZED
            assert "access list" in str(error)
            assert [m.topic for m in await take(reader, 1)] == ["open/door"]


@pytest.mark.parametrize("version", [5, 4])
async def test_a_killed_broker_fails_everything_in_flight_at_once(
    broker: peers.Mosquitto, version: Literal[4, 5]
) -> None:
    address = Broker.parse(broker.url, version=version)
    async with connect(address, "reader") as session:
        await session.subscribe("a")
        broker.pause()
        work = [asyncio.ensure_future(failing(session.publish("a", b"x"))) for _ in range(50)]
        work.append(asyncio.ensure_future(failing(session.subscribe("b"))))
        listening = asyncio.ensure_future(take(session, 1))
        await until(lambda: session.unanswered >= 20, "publishes are in flight")
        broker.kill()
        async with asyncio.timeout(SOON_S):
            errors = await asyncio.gather(*work)
        assert {type(error) for error in errors} == {DisconnectedError}
        assert session.unanswered == 0
        with pytest.raises(DisconnectedError):
            await listening
        with pytest.raises(DisconnectedError):
            await session.publish("a", b"after")
        assert isinstance(await session.wait_closed(), DisconnectedError)


async def test_receive_maximum_is_kept_and_waiting_is_safe_to_cancel() -> None:
    with peers.mosquitto("max_inflight_messages 3") as broker:
        async with (
            relay(broker.port) as between,
            connect(Broker.parse(between.url), "writer") as session,
        ):
            await session.subscribe("a")
            broker.pause()
            work = [asyncio.ensure_future(session.publish("a", b"%d" % n)) for n in range(200)]
            await until(lambda: len(between.published) == 3, "three are sent")
            for task in (work[1], work[5], work[6]):  # one sent, two waiting
                task.cancel()
            await asyncio.gather(work[1], work[5], work[6], return_exceptions=True)
            assert session.unanswered == 3, "the broker still counts what was sent"
            broker.resume()
            rest = [task for task in work if not task.cancelled()]
            async with asyncio.timeout(SOON_S):
                await asyncio.gather(*rest)
            assert len(rest) == 197
            received = [int(message.payload) for message in await take(session, 198, ack=True)]
            assert received == [n for n in range(200) if n not in (5, 6)]
            assert between.most == 3
            assert session.unanswered == 0
            assert session._window.free == 3
            assert not session._client._out_messages, "paho keeps nothing either"


async def test_cancelled_publishes_leave_nothing(broker: peers.Mosquitto) -> None:
    async with connect(Broker.parse(broker.url), "writer") as session:
        await session.subscribe("a")
        free = session._window.free
        for _ in range(20):
            work = [asyncio.ensure_future(session.publish("a", b"x")) for _ in range(30)]
            await asyncio.sleep(0)
            for task in work:
                task.cancel()
            await asyncio.gather(*work, return_exceptions=True)
        await session.publish("a", b"last")
        await until(lambda: session.unanswered == 0, "all were answered")
        assert session._window.free == free


async def test_a_place_given_while_its_taker_is_cancelled_is_passed_on() -> None:
    window = ReceiveWindow()
    first = asyncio.ensure_future(window.acquire())
    second = asyncio.ensure_future(window.acquire())
    await asyncio.sleep(0)
    window.release()
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    async with asyncio.timeout(SOON_S):
        await second
    assert first.cancelled()
    assert window.free == 0


@pytest.mark.parametrize("version", [5, 4])
async def test_what_is_not_acknowledged_comes_again(
    broker: peers.Mosquitto, version: Literal[4, 5]
) -> None:
    address = Broker.parse(broker.url, version=version)
    async with connect(address, "writer") as writer:
        async with connect(address, "keeper", session_expiry=300) as keeper:
            assert not keeper.session_present
            await keeper.subscribe("a")
            for body in (b"0", b"1", b"2"):
                await writer.publish("a", body)
            (await take(keeper, 3))[0].ack()
        async with connect(address, "keeper", session_expiry=300) as keeper:
            assert keeper.session_present
            again = await take(keeper, 2)
            assert [message.payload for message in again] == [b"1", b"2"]
            for message in reversed(again):
                message.ack()
        async with connect(address, "keeper", session_expiry=300) as keeper:
            await writer.publish("a", b"3")
            assert [message.payload for message in await take(keeper, 1)] == [b"3"]


async def test_acknowledgements_go_out_in_order_of_arrival(broker: peers.Mosquitto) -> None:
    address = Broker.parse(broker.url)
    async with connect(address, "writer") as writer:
        async with connect(address, "keeper", session_expiry=300) as keeper:
            await keeper.subscribe("a")
            for body in (b"0", b"1"):
                await writer.publish("a", body)
            (await take(keeper, 2))[1].ack()  # MQTT-4.6.0-2: it waits for the first
        async with connect(address, "keeper", session_expiry=300) as keeper:
            assert [message.payload for message in await take(keeper, 2)] == [b"0", b"1"]


async def test_a_message_beyond_the_brokers_packet_size_is_refused_here() -> None:
    with peers.mosquitto("max_packet_size 1000") as broker:
        async with connect(Broker.parse(broker.url), "writer") as session:
            assert session.maximum_packet_size == 1000
            await session.subscribe("a")
            error = await failing(session.publish("a", b"x" * 1000))
            assert isinstance(error, PublishRefusedError)
            assert error.code == PACKET_TOO_LARGE
            await session.publish("a", b"x" * 900)


@pytest.mark.parametrize(("version", "qos"), [(5, 0), (5, 1), (4, 1)])
async def test_a_slow_consumer_stops_the_reading_and_loses_nothing(
    broker: peers.Mosquitto, version: Literal[4, 5], qos: Literal[0, 1]
) -> None:
    # Mosquitto drops QoS 0 for a client whose socket is full: few enough to fit the buffers.
    count = 300
    address = Broker.parse(broker.url, version=version)
    async with (
        connect(address, "slow", receive_maximum=10) as slow,
        connect(address, "writer") as writer,
    ):
        await slow.subscribe("a")
        await asyncio.gather(*(writer.publish("a", b"%d" % n, qos=qos) for n in range(count)))
        await writer.subscribe("sync")
        assert len(slow._inbox) <= 10
        seen = []
        async with asyncio.timeout(SOON_S):
            async for message in slow.messages():
                seen.append(int(message.payload))
                assert len(slow._inbox) <= 10
                message.ack()
                if len(seen) == count:
                    break
        assert seen == list(range(count))


async def test_a_consumer_that_publishes_for_each_message_never_locks_up(
    broker: peers.Mosquitto,
) -> None:
    address = Broker.parse(broker.url, version=4)
    async with (
        connect(address, "echo", receive_maximum=1) as echo,
        connect(address, "writer") as writer,
    ):
        await echo.subscribe("ask")
        await writer.subscribe("answer")
        asking = asyncio.gather(*(writer.publish("ask", b"%d" % n) for n in range(200)))
        async with asyncio.timeout(SOON_S):
            async for message in echo.messages():
                await echo.publish("answer", message.payload)
                message.ack()
                if message.payload == b"199":
                    break
            await asking
        assert len(await take(writer, 200, ack=True)) == 200


@pytest.mark.slow
async def test_latency_at_200_messages_a_second(broker: peers.Mosquitto) -> None:
    """Prints the figure; asserts only what separates TCP_NODELAY from Nagle (2 ms from 28)."""
    address, loop = Broker.parse(broker.url), asyncio.get_running_loop()
    delays: list[float] = []
    async with connect(address, "reader") as reader, connect(address, "writer") as writer:
        await reader.subscribe("a")

        async def receive() -> None:
            async for message in reader.messages():
                delays.append(time.perf_counter() - float(message.payload))
                message.ack()

        receiving = asyncio.ensure_future(receive())
        begin, work = loop.time(), []
        for n in range(600):
            await asyncio.sleep(max(0.0, begin + n / 200 - loop.time()))
            work.append(
                asyncio.ensure_future(writer.publish("a", str(time.perf_counter()).encode()))
            )
        await asyncio.gather(*work)
        await until(lambda: len(delays) == 600, "all arrived")
        receiving.cancel()
        await asyncio.gather(receiving, return_exceptions=True)
    p50, p99 = statistics.median(delays), statistics.quantiles(delays, n=100)[98]
    print(f"200 messages/s: p50 {p50 * 1e3:.2f} ms, p99 {p99 * 1e3:.2f} ms")
    assert p50 < 0.015


@pytest.mark.parametrize("host", ["x..y", "a" * 64 + ".example"])
async def test_a_name_no_resolver_takes_is_unreachable(host: str) -> None:
    with pytest.raises(UnreachableError, match=r"host name is invalid\. Correct the broker's"):
        async with connect(Broker.parse(f"mqtt://{host}:1883"), "box"):
            pass


async def test_a_publish_without_an_answer_gives_no_place_it_never_took(
    broker: peers.Mosquitto,
) -> None:
    async with connect(Broker.parse(broker.url), "writer") as writer:
        await writer.subscribe("a")
        free = writer._window.free
        for _ in range(5):
            await writer.publish("a", b"x", qos=0)
        assert writer._window.free == free
        await writer.publish("a", b"x")
        assert writer._window.free == free
