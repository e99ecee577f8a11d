"""MQTT for asyncio, over paho: what gateway and portal both speak through.

    async with connect(Broker.parse("mqtt://127.0.0.1"), "b-k3v9q2m7xa") as session:
        await session.subscribe(topics.down(box, Down.ACK))
        await session.publish(topics.up(box, Up.DATA), body)     # answered, or an error
        async for message in session.messages():
            ...
            message.ack()

paho is the codec; the loop drives its socket (`cloud_link.mqtt.loop`), and a `Session`
(`cloud_link.mqtt.session`) turns its callbacks into awaitables. Each connection has a client of
its own and there is no automatic reconnection: a caller that wants one loops, and knows then that
everything of the old connection is over.

Source: design section 9.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from cloud_link.mqtt.broker import UnreachableError
from cloud_link.mqtt.paho_client import TlsAwareClient, tls_alert_text, tls_ended
from cloud_link.mqtt.session import Session
from console.templates import mqtt, system
from console.text import Duration

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from paho.mqtt.client import Client

    from cloud_link.mqtt.broker import Broker, Will

RECEIVE_MAXIMUM: Final = 100
CONNECT_S: Final = 10.0


@asynccontextmanager
async def connect(
    broker: Broker,
    client_id: str,
    *,
    will: Will | None = None,
    receive_maximum: int = RECEIVE_MAXIMUM,
    session_expiry: int = 0,
    keepalive: int = 60,
) -> AsyncIterator[Session]:
    """Open a session with ``broker``; left by an error, it ends so that the will is published.

    Args:
        broker: Address, credentials and MQTT version.
        client_id: Unique at the broker: a second connection with it ends the first.
        will: What the broker publishes when this connection ends without DISCONNECT.
        receive_maximum: Messages received and not yet acknowledged, at most; what more arrives
            waits at the broker (MQTT 5) or in the socket (3.1.1).
        session_expiry: Seconds for which the broker keeps subscriptions and unacknowledged
            messages after the connection's end; 0 for none and to begin anew. Over 3.1.1
            anything but 0 means as long as the broker likes.
        keepalive: Seconds; a silent link is found dead within two of them.

    Raises:
        UnreachableError: Nothing answered there, or nothing that speaks this MQTT version.
        ConnectRefusedError: The broker refused the connection; with its reason code.

    Cancelled while connecting it leaves nothing behind but a worker thread that ends by itself
    within `CONNECT_S` seconds.
    """
    client = _client(broker, client_id, will, session_expiry)
    session = Session(client, broker.name, inbox=receive_maximum)
    options: dict[str, Any] = {}
    if broker.version == 5:
        options["clean_start"] = session_expiry == 0
        options["properties"] = _properties(receive_maximum, session_expiry)
    try:
        await _open(client, session, broker, keepalive, options)
        yield session
    except BaseException:
        session.abort()
        raise
    await session.close()


async def _open(
    client: TlsAwareClient,
    session: Session,
    broker: Broker,
    keepalive: int,
    options: dict[str, Any],
) -> None:
    """Dial, and wait until the broker has accepted the session."""
    try:
        await _dial(client, broker, keepalive, options)
        async with asyncio.timeout(CONNECT_S):
            await session.open(keepalive)
    except TimeoutError:
        what = mqtt.SILENT(time=Duration(CONNECT_S))
        raise UnreachableError(broker.name, what, mqtt.CHECK_PROTOCOL()) from None
    except OSError as error:  # lost between dialling and CONNACK
        if client.alert:
            raise tls_ended(broker.name, client.alert) from error
        what, why = mqtt.LOST_BEFORE_ANSWER(), system.reason(error)
        raise UnreachableError(broker.name, what, client.next_step, why=why) from error


def _client(
    broker: Broker, client_id: str, will: Will | None, session_expiry: int
) -> TlsAwareClient:
    client = TlsAwareClient(
        CallbackAPIVersion.VERSION2,
        client_id,
        clean_session=None if broker.version == 5 else session_expiry == 0,
        protocol=MQTTProtocolVersion(broker.version),
        reconnect_on_failure=False,
        manual_ack=True,
    )
    # paho's own window and queue are off: it does not know the broker's Receive Maximum, and
    # `cloud_link.mqtt.receive_window` does.
    client.max_inflight_messages = 0
    client.max_queued_messages = 0
    client.connect_timeout = CONNECT_S
    if broker.username is not None:
        client.username_pw_set(broker.username, broker.password)
    if broker.tls is not None:
        client.tls_set_context(broker.tls)
    if will is not None:
        client.will_set(will.topic, will.payload, will.qos)
    return client


def _properties(receive_maximum: int, session_expiry: int) -> Properties:
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call] # paho leaves it so
    properties.ReceiveMaximum = receive_maximum
    if session_expiry:
        properties.SessionExpiryInterval = session_expiry
    return properties


async def _dial(client: Client, broker: Broker, keepalive: int, options: dict[str, Any]) -> None:
    """Resolve, connect, shake hands and send CONNECT, in a worker thread: all of it blocks."""
    dialling = asyncio.ensure_future(
        asyncio.to_thread(client.connect, broker.host, broker.port, keepalive, **options)
    )
    try:
        await asyncio.shield(dialling)
    except asyncio.CancelledError:
        dialling.add_done_callback(lambda done: _hang_up(client, done))
        raise
    except (OSError, UnicodeError) as error:
        raise _unreachable(broker.name, error) from error


def _unreachable(where: str, error: OSError | UnicodeError) -> UnreachableError:
    """The error that `paho.mqtt.client.Client.connect` failed with, as ours."""
    match error:
        case ssl.SSLCertVerificationError():
            why = system.TLS_REASON(reason=error.verify_message)
            return UnreachableError(where, mqtt.NOT_TRUSTED(), mqtt.CHECK_TRUST(), why=why)
        case ssl.SSLError():
            return tls_ended(where, tls_alert_text(error))
        case socket.gaierror():
            why = system.RESOLVER_REASON(reason=error.strerror or str(error))
            return UnreachableError(where, mqtt.NAME_UNKNOWN(), mqtt.CHECK_NAME(), why=why)
        case ConnectionRefusedError():
            return UnreachableError(where, mqtt.NOTHING_LISTENS(), mqtt.CHECK_BROKER())
        case UnicodeError():  # a label that is empty or too long for any resolver
            return UnreachableError(where, mqtt.INVALID_HOST(), mqtt.CORRECT_HOST())
    why = system.reason(error)
    return UnreachableError(where, mqtt.NO_CONNECTION(), mqtt.CHECK_ROUTE(), why=why)


def _hang_up(client: Client, done: asyncio.Future[Any]) -> None:
    """Close what a cancelled `connect` opened after all."""
    if not done.cancelled():
        done.exception()  # asked, so that asyncio does not report it as forgotten
    sock: Any = client.socket()
    if sock is not None:
        sock.close()
