"""`cloud_link.mqtt` against a real Mosquitto: every property that design section 9 names."""

from __future__ import annotations

import asyncio
import gc
import socket
import ssl
import statistics
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from cloud_link.mqtt import (
    NO_SUBSCRIBERS,
    NOT_AUTHORIZED,
    PACKET_TOO_LARGE,
    SESSION_TAKEN_OVER,
    Broker,
    ConnectRefused,
    Disconnected,
    Message,
    PublishRefused,
    Session,
    Unreachable,
    Will,
    connect,
)
from cloud_link.mqtt_session import Slots
from tests import peers
from tests.cloud_link.relay import relay

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from pathlib import Path
    from typing import Any, Literal

pytestmark = pytest.mark.peer("mosquitto")
SOON_S = 15


async def take(session: Session, count: int, *, ack: bool = False) -> list[Message]:
    """The next ``count`` messages, within a deadline."""
    taken: list[Message] = []
    async with asyncio.timeout(SOON_S):
        async for message in session.messages():
            taken.append(message)
            if ack:
                message.ack()
            if len(taken) == count:
                break
    return taken


async def failing(work: Coroutine[Any, Any, None]) -> Exception:
    """The exception that ``work`` raises."""
    try:
        await work
    except Exception as error:  # noqa: BLE001 - it is what the test looks at
        return error
    raise AssertionError("nothing was raised")


async def until(true: Any, what: str) -> None:
    """Give the loop turns until ``true()``; fails at the deadline."""
    deadline = asyncio.get_running_loop().time() + SOON_S
    while not true():
        assert asyncio.get_running_loop().time() < deadline, what
        await asyncio.sleep(0.005)  # nothing offers an event for what a foreign program does


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
        assert isinstance(error, PublishRefused)
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
            assert isinstance(error, PublishRefused)
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
        assert {type(error) for error in errors} == {Disconnected}
        assert session.unanswered == 0
        with pytest.raises(Disconnected):
            await listening
        with pytest.raises(Disconnected):
            await session.publish("a", b"after")
        assert isinstance(await session.wait_closed(), Disconnected)


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
            assert session._slots.free == 3
            assert not session._client._out_messages, "paho keeps nothing either"


async def test_cancelled_publishes_leave_nothing(broker: peers.Mosquitto) -> None:
    async with connect(Broker.parse(broker.url), "writer") as session:
        await session.subscribe("a")
        free = session._slots.free
        for _ in range(20):
            work = [asyncio.ensure_future(session.publish("a", b"x")) for _ in range(30)]
            await asyncio.sleep(0)
            for task in work:
                task.cancel()
            await asyncio.gather(*work, return_exceptions=True)
        await session.publish("a", b"last")
        await until(lambda: session.unanswered == 0, "all were answered")
        assert session._slots.free == free


async def test_a_place_given_while_its_taker_is_cancelled_is_passed_on() -> None:
    slots = Slots()
    first = asyncio.ensure_future(slots.take())
    second = asyncio.ensure_future(slots.take())
    await asyncio.sleep(0)
    slots.give()
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    async with asyncio.timeout(SOON_S):
        await second
    assert first.cancelled()
    assert slots.free == 0


@pytest.mark.parametrize("version", [5, 4])
async def test_what_is_not_acknowledged_comes_again(
    broker: peers.Mosquitto, version: Literal[4, 5]
) -> None:
    address = Broker.parse(broker.url, version=version)
    async with connect(address, "writer") as writer:
        async with connect(address, "keeper", session_expiry=300) as keeper:
            assert not keeper.present
            await keeper.subscribe("a")
            for body in (b"0", b"1", b"2"):
                await writer.publish("a", body)
            (await take(keeper, 3))[0].ack()
        async with connect(address, "keeper", session_expiry=300) as keeper:
            assert keeper.present
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


@pytest.mark.parametrize("how", ["frozen", "swallowed"])
async def test_keepalive_finds_a_half_open_link(broker: peers.Mosquitto, how: str) -> None:
    async with relay(broker.port) as between:
        url = broker.url if how == "frozen" else between.url
        async with connect(Broker.parse(url), "writer", keepalive=1) as session:
            await session.subscribe("a")
            if how == "frozen":
                broker.pause()
            else:
                between.swallowing = True
            began = time.monotonic()
            async with asyncio.timeout(SOON_S):
                error = await failing(session.publish("a", b"x"))
            assert isinstance(error, Disconnected)
            assert "dead" in str(error)
            assert time.monotonic() - began < 5
        broker.resume()


@pytest.mark.parametrize("version", [5, 4])
async def test_takeover_by_the_same_client_id_ends_with_a_clear_error(
    broker: peers.Mosquitto, version: Literal[4, 5]
) -> None:
    address = Broker.parse(broker.url, version=version)
    async with connect(address, "twin") as first:
        ended = asyncio.ensure_future(failing(take_nothing(first)))
        async with connect(address, "twin") as second, asyncio.timeout(SOON_S):
            error = await ended
            assert isinstance(error, Disconnected)
            assert "same client id" in str(error)
            await second.subscribe("a")
            await second.publish("a", b"the second lives")


async def test_the_brokers_reason_for_ending_is_passed_on() -> None:
    """Mosquitto 2.0.11 closes without one at a takeover; newer brokers send it."""

    async def broker(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(bytes([0x20, 3, 0, 0, 0]))  # CONNACK, success
        await reader.read(1000)  # SUBSCRIBE
        writer.write(bytes([0xE0, 1, SESSION_TAKEN_OVER]))
        writer.close()

    server = await asyncio.start_server(broker, "127.0.0.1", 0)
    async with server:
        url = f"mqtt://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with connect(Broker.parse(url), "twin") as session:
            error = await failing(session.subscribe("a"))
    assert isinstance(error, Disconnected)
    assert error.code == SESSION_TAKEN_OVER
    assert "taken over" in str(error)
    assert "find the other client" in str(error)


async def take_nothing(session: Session) -> None:
    async for _ in session.messages():
        raise AssertionError("nothing was published")


@pytest.mark.peer("mosquitto-clients")
async def test_wrong_credentials_are_refused_with_the_next_step(tmp_path: Path) -> None:
    tool = ["mosquitto_passwd", "-c", "-b", str(tmp_path / "passwords"), "anna", "right"]
    subprocess.run(tool, check=True)  # noqa: ASYNC221 - a moment, in a test
    with peers.mosquitto(f"allow_anonymous false\npassword_file {tmp_path}/passwords") as broker:
        host = f"127.0.0.1:{broker.port}"
        async with connect(Broker.parse(f"mqtt://anna:right@{host}"), "anna"):
            pass
        versions: tuple[Literal[4, 5], ...] = (5, 4)
        for version in versions:
            with pytest.raises(ConnectRefused, match=r"password|access list") as refused:
                await connect(
                    Broker.parse(f"mqtt://anna:wrong@{host}", version=version),
                    "anna",
                ).__aenter__()
            assert "wrong" not in str(refused.value)


async def test_nobody_listening_says_what_to_check() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"mqtt://127.0.0.1:{closed.getsockname()[1]}"
        with pytest.raises(Unreachable, match=r"nothing listens.*check the port"):
            await connect(Broker.parse(url), "x").__aenter__()


async def test_an_unknown_name_says_what_to_check() -> None:
    with pytest.raises(Unreachable, match="name is not known"):
        await connect(Broker.parse("mqtt://broker.invalid"), "x").__aenter__()


async def test_something_that_is_not_mqtt_says_so() -> None:
    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-OpenSSH_9.2\r\n" * 20)
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with server:
        url = f"mqtt://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        with pytest.raises(Unreachable, match="speaks MQTT"):
            await connect(Broker.parse(url), "x").__aenter__()


async def test_cancelled_while_connecting_closes_the_socket() -> None:
    accepted: list[asyncio.StreamReader] = []
    ended = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted.append(reader)
        while await reader.read(1000):
            pass
        writer.close()
        ended.set()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    async with server:
        url = f"mqtt://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        opening = asyncio.ensure_future(connect(Broker.parse(url), "x").__aenter__())
        await until(lambda: accepted, "connected")
        opening.cancel()
        await asyncio.gather(opening, return_exceptions=True)
        assert opening.cancelled()
        async with asyncio.timeout(SOON_S):
            await ended.wait()
    gc.collect()  # an unclosed socket would be a ResourceWarning, hence a failure


async def test_the_will_is_sent_on_an_error_and_not_on_goodbye(broker: peers.Mosquitto) -> None:
    address = Broker.parse(broker.url)
    async with connect(address, "reader") as reader:
        await reader.subscribe("will/#")
        async with connect(address, "polite", will=Will(topic="will/polite", payload=b"")):
            pass
        with pytest.raises(RuntimeError, match="boom"):
            async with connect(address, "rude", will=Will(topic="will/rude", payload=b"late")):
                raise RuntimeError("boom")
        (message,) = await take(reader, 1)
        assert (message.topic, message.payload) == ("will/rude", b"late")


async def test_a_message_beyond_the_brokers_packet_size_is_refused_here() -> None:
    with peers.mosquitto("max_packet_size 1000") as broker:
        async with connect(Broker.parse(broker.url), "writer") as session:
            assert session.maximum_packet == 1000
            await session.subscribe("a")
            error = await failing(session.publish("a", b"x" * 1000))
            assert isinstance(error, PublishRefused)
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


async def test_tls_with_a_certificate_of_our_own(tmp_path: Path) -> None:
    make = [
        *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
        *("-nodes", "-days", "1", "-subj", "/CN=127.0.0.1"),
        *("-addext", "subjectAltName=IP:127.0.0.1"),
        *("-keyout", str(tmp_path / "key"), "-out", str(tmp_path / "cert")),
    ]
    subprocess.run(make, check=True, capture_output=True)  # noqa: ASYNC221 - a moment, in a test
    conf = f"certfile {tmp_path}/cert\nkeyfile {tmp_path}/key"
    with peers.mosquitto(conf) as broker:
        url = f"mqtts://127.0.0.1:{broker.port}"
        trusting = ssl.create_default_context(cafile=str(tmp_path / "cert"))
        async with connect(Broker.parse(url, tls=trusting), "tls") as session:
            await session.subscribe("a")
            body = bytes(range(256)) * 200  # more than one TLS record
            await asyncio.gather(*(session.publish("a", body) for _ in range(20)))
            assert all(message.payload == body for message in await take(session, 20, ack=True))
        with pytest.raises(Unreachable, match="not trusted"):
            await connect(Broker.parse(url), "tls").__aenter__()


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
