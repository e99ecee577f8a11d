from __future__ import annotations

import ssl

import pytest

from cloud_link.mqtt.broker import Broker, BrokerUrlError


@pytest.mark.parametrize(
    "url",
    [
        "anna:hunter2@broker",
        "http://anna:hunter2@broker",
        "mqtt:anna:hunter2@broker",
        "mqtt://anna:hunter2/x@broker",
        "mqtt://anna:hun@hunter2@broker:0",
        "mqtt://anna:hunter2@broker:port",
        "mqtt://anna:hunter2@[broker",
        "mqtt://anna:hunter2@broker/path",
        "mqtt://anna:hunter2\n@broker:x",
    ],
)
def test_an_address_that_cannot_be_used_is_shown_without_its_password(url: str) -> None:
    with pytest.raises(BrokerUrlError, match="broker") as caught:
        Broker.parse(url)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__context__ is None or caught.value.__suppress_context__


def test_a_certificate_over_plain_mqtt_is_refused_without_the_password() -> None:
    with pytest.raises(BrokerUrlError, match=r"'mqtt://broker:1883' does not use TLS") as caught:
        Broker.parse("mqtt://anna:hunter2@broker:1883", tls=ssl.create_default_context())
    assert "hunter2" not in str(caught.value)
