"""`cloud_link.mqtt.loop`: a socket that is lost before it is watched."""

from __future__ import annotations

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from cloud_link.mqtt.loop import SocketLoop
from console.templates import system


async def test_a_connection_lost_before_it_is_watched_has_the_systems_reason() -> None:
    loop = SocketLoop(Client(CallbackAPIVersion.VERSION2), lambda _: None)
    with pytest.raises(ConnectionResetError) as caught:
        loop.attach(60)
    assert system.reason(caught.value) == system.RESET()
    assert not loop.attached
