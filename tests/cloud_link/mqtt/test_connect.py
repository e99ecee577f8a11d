"""`cloud_link.mqtt.connect`: how connections begin, end and fail, against a real Mosquitto."""

from __future__ import annotations

import asyncio
import gc
import socket
import ssl
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from cloud_link.mqtt.broker import (
    SESSION_TAKEN_OVER,
    Broker,
    ConnectRefusedError,
    DisconnectedError,
    UnreachableError,
    Will,
)
from cloud_link.mqtt.connect import connect
from console.templates import mqtt
from tests import peers
from tests.cloud_link.relay import relay
from tests.cloud_link.waiting import SOON_S, failing, take, take_nothing, until

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Literal

pytestmark = pytest.mark.peer("mosquitto")


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
            assert isinstance(error, DisconnectedError)
            assert error.why == mqtt.KEEPALIVE()
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
            assert isinstance(error, DisconnectedError)
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
    assert isinstance(error, DisconnectedError)
    assert error.code == SESSION_TAKEN_OVER
    assert "taken over" in str(error)
    assert error.next_step == mqtt.FIND_OTHER_CLIENT()


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
            with pytest.raises(ConnectRefusedError, match=r"password|access list") as refused:
                await connect(
                    Broker.parse(f"mqtt://anna:wrong@{host}", version=version),
                    "anna",
                ).__aenter__()
            assert "wrong" not in str(refused.value)


async def test_nobody_listening_says_what_to_check() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"mqtt://127.0.0.1:{closed.getsockname()[1]}"
        with pytest.raises(UnreachableError, match=r"nothing listens.*Check the port"):
            await connect(Broker.parse(url), "x").__aenter__()


async def test_an_unknown_name_says_what_to_check() -> None:
    with pytest.raises(UnreachableError, match="name cannot be resolved"):
        await connect(Broker.parse("mqtt://broker.invalid"), "x").__aenter__()


async def test_something_that_is_not_mqtt_says_so() -> None:
    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-OpenSSH_9.2\r\n" * 20)
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with server:
        url = f"mqtt://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        with pytest.raises(UnreachableError, match="speaks MQTT"):
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
        with pytest.raises(UnreachableError, match="not trusted"):
            await connect(Broker.parse(url), "tls").__aenter__()
