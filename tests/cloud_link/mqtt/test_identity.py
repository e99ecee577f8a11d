"""Known by a certificate: `mqtt.connect` over TLS, against a Mosquitto that asks for one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from cloud_link.mqtt.broker import Broker, Identity, MqttError, UnreachableError
from cloud_link.mqtt.connect import connect
from tests import peers
from tests.cloud_link.waiting import SOON_S, take
from tests.named import Authority

pytestmark = pytest.mark.peer("mosquitto")

A_YEAR_AND_A_DAY = timedelta(days=366)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.make(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def broker(authority: Authority) -> Iterator[peers.Mosquitto]:
    server = authority.name("broker", "127.0.0.1")
    conf = f"""
cafile {authority.root}
certfile {server.certificate}
keyfile {server.key}
require_certificate true
use_identity_as_username true
"""
    with peers.mosquitto(conf) as running:
        yield running


def address(broker: peers.Mosquitto, identity: Identity) -> Broker:
    return Broker.parse(f"mqtts://127.0.0.1:{broker.port}", tls=identity.context())


async def test_a_certificate_lets_in(broker: peers.Mosquitto, authority: Authority) -> None:
    identity = authority.name("b-aaaaaaaaaa")
    async with connect(address(broker, identity), "b-aaaaaaaaaa") as session:
        await session.subscribe("a")
        await session.publish("a", b"x" * 60_000)
        (message,) = await take(session, 1)
        assert len(message.payload) == 60_000


async def test_who_has_none_or_one_by_another_root_is_told_what_the_broker_said(
    broker: peers.Mosquitto, authority: Authority
) -> None:
    other = Authority.make(authority.folder / "other").name("b-aaaaaaaaaa")
    for wrong in (
        replace(other, trust=authority.root),
        authority.name("ended", at=datetime.now(UTC) - A_YEAR_AND_A_DAY),
    ):
        with pytest.raises(MqttError) as caught:
            async with asyncio.timeout(SOON_S), connect(address(broker, wrong), "b"):
                pass
        assert isinstance(caught.value, UnreachableError)
        # What it said can be lost with the connection; what to do about it is told all the same.
        assert "issued again" in str(caught.value)


async def test_a_broker_of_another_root_is_not_believed(
    broker: peers.Mosquitto, authority: Authority
) -> None:
    other = Authority.make(authority.folder / "impostors")
    identity = replace(authority.name("b-bbbbbbbbbb"), trust=other.root)
    with pytest.raises(UnreachableError, match="certificate is not trusted"):
        async with connect(address(broker, identity), "b"):
            pass
