"""Ending sessions at the broker by takeover.

Whoever connects on the takeover listener in a client's name ends that client's session (MQTT 5.0,
3.1.4-3); its access list denies everything else. A client whose certificate is in the list that
the broker has read cannot come back.

Source: docs/adr/0009.
"""

from __future__ import annotations

import asyncio
import secrets
import ssl
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from cloud_link.mqtt.broker import Broker, MqttError
from cloud_link.mqtt.connect import connect
from portal.broker import configuration

if TYPE_CHECKING:
    from portal.broker.folder import BrokerFolder

_AT_ONCE: Final = 8


def takeover_broker(folder: BrokerFolder, password: str | None = None) -> Broker:
    """The takeover listener of a broker, with ``password`` or the one in its folder.

    Raises:
        AuthorityError: The password or the root of the broker's certificate cannot be read.
    """
    address = folder.plan.takeover
    url = f"mqtts://{replace(address, host=address.client_host)}"
    broker = Broker.parse(url, tls=ssl.create_default_context(cadata=folder.trust()))
    return replace(
        broker,
        username=configuration.TAKEOVER_USER,
        password=folder.takeover_password() if password is None else password,
    )


async def disconnect(broker: Broker, names: set[str]) -> dict[str, MqttError]:
    """End the sessions of the clients with these names.

    Args:
        broker: The takeover listener.
        names: Client ids; without any, it only waits until the broker has read its files.

    Returns:
        The names whose sessions may still be open, and why.

    Raises:
        MqttError: The broker did not answer at all; then no session was ended.
    """
    # A signal is seen to before the next turn of the broker's loop, and a handshake takes several:
    # once this one is answered, the new lists are in force, and who is disconnected stays out.
    await _take_over(broker, f"probe-{secrets.token_hex(8)}")
    turns = asyncio.Semaphore(_AT_ONCE)
    failures: dict[str, MqttError] = {}

    async def disconnect_one(name: str) -> None:
        async with turns:
            try:
                await _take_over(broker, name)
            except MqttError as error:  # must not keep the others connected
                failures[name] = error

    await asyncio.gather(*(disconnect_one(name) for name in names))
    return failures


async def _take_over(broker: Broker, name: str) -> None:
    async with connect(broker, name):
        pass  # a broker ends the other session before it answers (MQTT 5.0, 3.1.4-3)
