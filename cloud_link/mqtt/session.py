"""One MQTT connection: publishes, subscribes and receives until it ends, once, with a reason.

Guarantees beside those of MQTT:

* `Session.publish` returns when the broker has answered and raises its refusal by code. It is
  not durability: a broker may lose a message that it has acknowledged.
* When the connection ends, every pending call fails at once with `DisconnectedError`.
* Never more publishes are unanswered than the broker's Receive Maximum allows; the next ones
  wait their turn, in order. A cancelled publish that has been sent keeps its place until the
  broker answers, because the broker counts it.
* A received message is acknowledged by `Message.ack` only, and in order of arrival
  (MQTT-4.6.0-2): an acknowledgement waits for those before it.
* Access lists are no part of a subscription's answer: Mosquitto grants every filter and
  withholds the messages.

Source: MQTT 5.0 sections 3.1.2.11.3, 3.2.2.3.3, 4.6, 4.9.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from paho.mqtt.enums import MQTTErrorCode

from cloud_link.mqtt.broker import (
    PACKET_TOO_LARGE,
    ConnectRefusedError,
    DisconnectedError,
    PublishRefusedError,
    SubscribeRefusedError,
    UnreachableError,
    broker_reason,
)
from cloud_link.mqtt.loop import SocketLoop
from cloud_link.mqtt.paho_client import tls_ended
from cloud_link.mqtt.receive_window import ReceiveWindow
from console.templates import mqtt

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
    from paho.mqtt.properties import Properties
    from paho.mqtt.reasoncodes import ReasonCode

    from cloud_link.mqtt.paho_client import TlsAwareClient
    from console import text

DEFAULT_RECEIVE_MAXIMUM: Final = 20
"""Unanswered publishes where the broker names no Receive Maximum of its own (MQTT 3.1.1)."""
RECEIVE_MAXIMUM_LIMIT: Final = 1_000
"""Unanswered publishes at most, whatever the broker allows: each holds its payload in memory."""
CLOSE_S: Final = 2.0
PUBLISH_OVERHEAD: Final = 16
"""Bytes of a PUBLISH packet beside topic and payload, at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message that was received.

    Attributes:
        ack: Call it when the message need not come again; without effect for QoS 0, when called
            twice, and after the connection's end (then it comes again, if the session persists).
    """

    topic: str
    payload: bytes
    retain: bool
    ack: Callable[[], None] = field(repr=False, compare=False)


@dataclass(slots=True)
class _PendingAck:
    """A received message that the broker wants acknowledged; ``ready``: `ack` was called."""

    mid: int
    qos: int
    ready: bool = False


class Session:
    """A connection from CONNACK to its end; made by `cloud_link.mqtt.connect.connect`.

    Attributes:
        session_present: Whether the broker still had this client id's session.
        maximum_packet_size: Bytes of the largest packet that the broker takes; ``None``: no limit.
    """

    def __init__(self, client: TlsAwareClient, where: str, *, inbox: int) -> None:
        self.session_present = False
        self.maximum_packet_size: int | None = None
        self._client, self._where, self._limit = client, where, inbox
        loop = asyncio.get_running_loop()
        self._socket_loop = SocketLoop(client, self._on_invalid_bytes)
        self._window = ReceiveWindow()
        self._publishes: dict[int, asyncio.Future[ReasonCode]] = {}
        self._qos0: set[int] = set()
        self._subscribes: dict[int, asyncio.Future[list[ReasonCode]]] = {}
        self._inbox: deque[Message] = deque()
        self._pending_acks: deque[_PendingAck] = deque()
        self._arrived = asyncio.Event()
        self._opened: asyncio.Future[None] = loop.create_future()
        self._closed = asyncio.Event()
        self._end: tuple[text.Message, int | None] | None = None

    # --- for callers ------------------------------------------------------------------------

    async def publish(
        self, topic: str, payload: bytes, *, qos: Literal[0, 1] = 1, retain: bool = False
    ) -> None:
        """Publish and wait for the broker's answer; at QoS 0 until it is written.

        Raises:
            PublishRefusedError: With the broker's reason code; over MQTT 3.1.1 there is none, and a
                refusal looks like success.
            DisconnectedError: The connection has ended: whether the broker has it is unknown.

        Cancelled before its turn, nothing is sent; after it, the message is on its way.
        """
        self._check_open()
        size = len(payload) + len(topic.encode()) + PUBLISH_OVERHEAD
        if self.maximum_packet_size is not None and size > self.maximum_packet_size:
            raise PublishRefusedError(
                f"{self._where} {topic}",
                PACKET_TOO_LARGE,
                mqtt.TOO_LARGE(size=size, limit=self.maximum_packet_size),
            )
        if qos:
            await self._window.acquire()
        # No await from here to the registration: the answer cannot come in between.
        info = self._client.publish(topic, payload, qos, retain)
        if info.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            if qos:
                self._window.release()
            raise self._disconnected()
        answer = asyncio.get_running_loop().create_future()
        self._publishes[info.mid] = answer
        if not qos:
            self._qos0.add(info.mid)
        self._keep_reading()
        reason = await answer
        if reason.value != 0:
            where = f"{self._where} {topic}"
            raise PublishRefusedError(where, reason.value, _why(reason))

    async def subscribe(self, topic_filter: str, qos: Literal[0, 1] = 1) -> None:
        """Subscribe and wait for the broker's grant, which does not consider access lists.

        Raises:
            SubscribeRefusedError: With the broker's reason code.
            DisconnectedError: The connection has ended.
        """
        self._check_open()
        rc, mid = self._client.subscribe(topic_filter, qos)
        if rc != MQTTErrorCode.MQTT_ERR_SUCCESS or mid is None:
            raise self._disconnected()
        grant = asyncio.get_running_loop().create_future()
        self._subscribes[mid] = grant
        self._keep_reading()
        for reason in await grant:
            if reason.is_failure:
                where = f"{self._where} {topic_filter}"
                raise SubscribeRefusedError(where, reason.value, _why(reason))

    async def messages(self) -> AsyncIterator[Message]:
        """Received messages in order, until `DisconnectedError`; several consumers may share them.

        A consumer that falls behind stops the reading, so that memory stays bounded; where its
        own publishes wait for answers, reading goes on, so that it cannot lock itself up.
        """
        while True:
            while not self._inbox:
                self._check_open()
                self._arrived.clear()
                await self._arrived.wait()
            self._check_open()
            message = self._inbox.popleft()
            self._keep_reading()
            yield message

    async def wait_closed(self) -> DisconnectedError:
        """Wait for the connection's end and return why; never raises it."""
        await self._closed.wait()
        return self._disconnected()

    async def close(self) -> None:
        """Send DISCONNECT, so that the will is not published, and end; never raises `MqttError`."""
        if self._end is not None:
            return
        self._client.disconnect()
        try:
            async with asyncio.timeout(CLOSE_S):
                await self._closed.wait()
        except TimeoutError:
            self.abort()

    def abort(self) -> None:
        """End without DISCONNECT: the broker publishes the will."""
        self._socket_loop.abort()
        self._connection_lost(mqtt.CLOSED_HERE(), None)

    @property
    def unanswered(self) -> int:
        """Publishes and subscriptions that the broker has not answered yet."""
        return len(self._publishes) + len(self._subscribes)

    # --- opening ----------------------------------------------------------------------------

    async def open(self, keepalive: int) -> None:
        """Watch the client's socket and wait for CONNACK; for `cloud_link.mqtt.connect` only.

        Raises:
            ConnectRefusedError: With the broker's reason code.
            UnreachableError: The connection ended before the broker answered.
        """
        # Not before: paho calls back from the thread that dials, too.
        client = self._client
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        self._socket_loop.attach(keepalive)
        await self._opened

    def _on_connect(
        self,
        _client: Client,
        _userdata: object,
        flags: ConnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        if self._opened.done():
            return
        if reason.is_failure:
            refusal = ConnectRefusedError(self._where, reason.value, _why(reason))
            self._opened.set_exception(refusal)
            return
        self.session_present = flags.session_present
        # paho sets an attribute for each property that came.
        self.maximum_packet_size = getattr(properties, "MaximumPacketSize", None)
        allowed: int | None = getattr(properties, "ReceiveMaximum", None)
        if allowed is None:  # MQTT 5: 65,535 then; 3.1.1 knows no such limit
            five = int(self._client.protocol) == 5
            allowed = RECEIVE_MAXIMUM_LIMIT if five else DEFAULT_RECEIVE_MAXIMUM
        self._window.release(min(allowed, RECEIVE_MAXIMUM_LIMIT))
        self._opened.set_result(None)

    # --- callbacks of paho ------------------------------------------------------------------

    def _on_publish(
        self, _client: Client, _userdata: object, mid: int, reason: ReasonCode, _props: object
    ) -> None:
        answer = self._publishes.pop(mid, None)
        if answer is None:
            return
        if mid in self._qos0:
            self._qos0.discard(mid)
        else:
            self._window.release()
        if not answer.done():
            answer.set_result(reason)
        self._keep_reading()

    def _on_subscribe(
        self,
        _client: Client,
        _userdata: object,
        mid: int,
        reasons: list[ReasonCode],
        _props: object,
    ) -> None:
        grant = self._subscribes.pop(mid, None)
        if grant is not None and not grant.done():
            grant.set_result(reasons)
        self._keep_reading()

    def _on_message(self, _client: Client, _userdata: object, arrived: MQTTMessage) -> None:
        pending = _PendingAck(arrived.mid, arrived.qos)
        if arrived.qos:
            self._pending_acks.append(pending)

        def ack() -> None:
            pending.ready = True
            self._flush_acks()

        self._inbox.append(
            Message(
                topic=arrived.topic,
                payload=bytes(arrived.payload),
                retain=arrived.retain,
                ack=ack,
            )
        )
        self._arrived.set()
        self._keep_reading()

    def _on_disconnect(
        self,
        _client: Client,
        _userdata: object,
        flags: DisconnectFlags,
        reason: ReasonCode,
        _props: object,
    ) -> None:
        if flags.is_disconnect_packet_from_server:
            self._connection_lost(_why(reason), reason.value)
        elif reason.getName() == "Keep alive timeout":
            self._connection_lost(mqtt.KEEPALIVE(), None)
        elif self._client.alert:
            self._connection_lost(mqtt.TLS_ALERT(alert=self._client.alert), None)
        else:
            self._connection_lost(mqtt.NO_REASON(), None)

    # --- the rest ---------------------------------------------------------------------------

    def _flush_acks(self) -> None:
        """Send every acknowledgement that is ready and has none before it that is not."""
        while self._pending_acks and self._pending_acks[0].ready and self._end is None:
            pending = self._pending_acks.popleft()
            self._client.ack(pending.mid, pending.qos)

    def _keep_reading(self) -> None:
        if len(self._inbox) >= self._limit and not self.unanswered:
            self._socket_loop.pause_reading()
        else:
            self._socket_loop.resume_reading()

    def _on_invalid_bytes(self, error: Exception) -> None:
        self._connection_lost(mqtt.INVALID_DATA(problem=type(error).__name__), None)

    def _connection_lost(self, why: text.Message, code: int | None) -> None:
        """End, once: everything that waits fails now."""
        if self._end is not None:
            return
        self._end = (why, code)
        self._socket_loop.detach()
        if not self._opened.done():
            self._opened.set_exception(self._unopened(why))
            self._opened.exception()  # a cancelled `open` never asks
        self._window.fail(self._disconnected)
        waiting: list[asyncio.Future[Any]] = [*self._publishes.values(), *self._subscribes.values()]
        self._publishes.clear()
        self._subscribes.clear()
        for answer in waiting:
            if not answer.done():
                answer.set_exception(self._disconnected())
        self._pending_acks.clear()
        self._inbox.clear()
        self._arrived.set()
        self._closed.set()

    def _disconnected(self) -> DisconnectedError:
        why, code = self._end or (mqtt.NO_REASON(), None)
        return DisconnectedError(self._where, why, code)

    def _unopened(self, why: text.Message) -> UnreachableError:
        if self._client.alert:
            return tls_ended(self._where, self._client.alert)
        what, step = mqtt.LOST_BEFORE_ANSWER(), self._client.next_step
        return UnreachableError(self._where, what, step, why=why)

    def _check_open(self) -> None:
        if self._end is not None:
            raise self._disconnected()


def _why(reason: ReasonCode) -> text.Message:
    return broker_reason(reason.getName(), reason.value)
