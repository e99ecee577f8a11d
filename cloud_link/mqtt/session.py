"""One MQTT connection: publish, subscribe, receive; it ends once and says why.

What is promised, beside MQTT itself:

* `Session.publish` returns when the broker has answered and raises its refusal by code. It is
  not durability: a broker may lose what it has acknowledged.
* When the connection ends, everything that waits fails at once with `Disconnected`.
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
    ConnectRefused,
    Disconnected,
    MqttError,
    PublishRefused,
    SubscribeRefused,
    Unreachable,
)
from cloud_link.mqtt.loop import Drive

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
    from paho.mqtt.properties import Properties
    from paho.mqtt.reasoncodes import ReasonCode

    from cloud_link.mqtt.paho_client import TlsAwareClient

WINDOW: Final = 20
"""Unanswered publishes where the broker names no Receive Maximum of its own (MQTT 3.1.1)."""
WINDOW_LIMIT: Final = 1_000
"""Unanswered publishes at most, whatever the broker allows: each holds its payload in memory."""
GOODBYE_S: Final = 2.0
PUBLISH_OVERHEAD: Final = 16
"""Bytes of a PUBLISH packet beside topic and payload, at most."""
_SILENT_END: Final = (
    "the connection closed without a reason: the broker stopped, the link was cut, or another "
    "client came with the same client id"  # Mosquitto 2.0.11 gives no 0x8E even in MQTT 5
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message that arrived.

    Attributes:
        ack: Call it when the message need not come again; without effect for QoS 0, when called
            twice, and after the connection's end (then it comes again, if the session persists).
    """

    topic: str
    payload: bytes
    retain: bool
    ack: Callable[[], None] = field(repr=False, compare=False)


class Slots:
    """The broker's Receive Maximum: places for unanswered publishes, given in order of asking."""

    def __init__(self) -> None:
        self.free = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def take(self) -> None:
        """Wait for a place. Cancelled, it leaves none taken; raises what `fail` was given."""
        if self.free > 0 and not self._waiting:
            self.free -= 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self.give()  # the place was given in the same moment: pass it on
            raise

    def give(self, places: int = 1) -> None:
        """Give places back, to the longest waiting first."""
        self.free += places
        while self.free > 0 and self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                self.free -= 1
                turn.set_result(None)

    def fail(self, make: Callable[[], MqttError]) -> None:
        """Raise an error in everyone who waits."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_exception(make())


@dataclass(slots=True)
class _Owed:
    """An acknowledgement that the broker waits for."""

    mid: int
    qos: int
    due: bool = False


class Session:
    """A connection from CONNACK to its end; made by `cloud_link.mqtt.connect.connect`.

    Attributes:
        present: Whether the broker still had this client id's session.
        maximum_packet: The largest packet that the broker takes, in bytes; ``None``: no limit.
    """

    def __init__(self, client: TlsAwareClient, where: str, *, inbox: int) -> None:
        self.present = False
        self.maximum_packet: int | None = None
        self._client, self._where, self._limit = client, where, inbox
        loop = asyncio.get_running_loop()
        self._drive = Drive(client, self._broken)
        self._slots = Slots()
        self._answers: dict[int, asyncio.Future[ReasonCode]] = {}
        self._placeless: set[int] = set()
        self._grants: dict[int, asyncio.Future[list[ReasonCode]]] = {}
        self._inbox: deque[Message] = deque()
        self._owed: deque[_Owed] = deque()
        self._arrived = asyncio.Event()
        self._greeted: asyncio.Future[None] = loop.create_future()
        self._over = asyncio.Event()
        self._end: tuple[str, int | None] | None = None

    # --- what callers do --------------------------------------------------------------------

    async def publish(
        self, topic: str, payload: bytes, *, qos: Literal[0, 1] = 1, retain: bool = False
    ) -> None:
        """Publish and wait for the broker's answer; at QoS 0 until it is written.

        Raises:
            PublishRefused: With the broker's reason code; over MQTT 3.1.1 there is none, and a
                refusal looks like success.
            Disconnected: The connection has ended: whether the broker has it is unknown.

        Cancelled before its turn, nothing is sent; after it, the message is on its way.
        """
        self._check_open()
        size = len(payload) + len(topic.encode()) + PUBLISH_OVERHEAD
        if self.maximum_packet is not None and size > self.maximum_packet:
            raise PublishRefused(
                f"{self._where} {topic}",
                PACKET_TOO_LARGE,
                f"{size} bytes exceed the broker's {self.maximum_packet}",
            )
        if qos:
            await self._slots.take()
        # No await from here to the registration: the answer cannot come in between.
        info = self._client.publish(topic, payload, qos, retain)
        if info.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            if qos:
                self._slots.give()
            raise self._disconnected()
        answer = asyncio.get_running_loop().create_future()
        self._answers[info.mid] = answer
        if not qos:
            self._placeless.add(info.mid)
        self._keep_reading()
        reason = await answer
        if reason.value != 0:
            raise PublishRefused(f"{self._where} {topic}", reason.value, reason.getName())

    async def subscribe(self, topic_filter: str, qos: Literal[0, 1] = 1) -> None:
        """Subscribe and wait until it is granted; granting says nothing about access lists.

        Raises:
            SubscribeRefused: With the broker's reason code.
            Disconnected: The connection has ended.
        """
        self._check_open()
        rc, mid = self._client.subscribe(topic_filter, qos)
        if rc != MQTTErrorCode.MQTT_ERR_SUCCESS or mid is None:
            raise self._disconnected()
        grant = asyncio.get_running_loop().create_future()
        self._grants[mid] = grant
        self._keep_reading()
        for reason in await grant:
            if reason.is_failure:
                where = f"{self._where} {topic_filter}"
                raise SubscribeRefused(where, reason.value, reason.getName())

    async def messages(self) -> AsyncIterator[Message]:
        """What arrives, in order, until `Disconnected` is raised; several may take from it.

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

    async def wait_closed(self) -> Disconnected:
        """Wait for the connection's end and return why; never raises it."""
        await self._over.wait()
        return self._disconnected()

    async def close(self) -> None:
        """Say goodbye, so that the will is not published, and end. Never raises `MqttError`."""
        if self._end is not None:
            return
        self._client.disconnect()
        try:
            async with asyncio.timeout(GOODBYE_S):
                await self._over.wait()
        except TimeoutError:
            self.abort()

    def abort(self) -> None:
        """End without a goodbye: the broker publishes the will."""
        self._drive.cut()
        self._lost("closed by this side", None)

    @property
    def unanswered(self) -> int:
        """Publishes and subscriptions that the broker has not answered yet."""
        return len(self._answers) + len(self._grants)

    # --- opening ----------------------------------------------------------------------------

    async def greet(self, keepalive: int) -> None:
        """Watch the client's socket and wait for CONNACK; raises `ConnectRefused`, `Unreachable`.

        For `cloud_link.mqtt.connect.connect` only.
        """
        # Not before: paho calls back from the thread that dials, too.
        client = self._client
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        self._drive.attach(keepalive)
        await self._greeted

    def _on_connect(
        self,
        _client: Client,
        _userdata: object,
        flags: ConnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        if self._greeted.done():
            return
        if reason.is_failure:
            refusal = ConnectRefused(self._where, reason.value, reason.getName())
            self._greeted.set_exception(refusal)
            return
        self.present = flags.session_present
        # paho sets an attribute for each property that came.
        self.maximum_packet = getattr(properties, "MaximumPacketSize", None)
        allowed: int | None = getattr(properties, "ReceiveMaximum", None)
        if allowed is None:  # MQTT 5: 65,535 then; 3.1.1 knows no such limit
            five = int(self._client.protocol) == 5
            allowed = WINDOW_LIMIT if five else WINDOW
        self._slots.give(min(allowed, WINDOW_LIMIT))
        self._greeted.set_result(None)

    # --- what paho calls --------------------------------------------------------------------

    def _on_publish(
        self, _client: Client, _userdata: object, mid: int, reason: ReasonCode, _props: object
    ) -> None:
        answer = self._answers.pop(mid, None)
        if answer is None:
            return
        if mid in self._placeless:
            self._placeless.discard(mid)
        else:
            self._slots.give()
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
        grant = self._grants.pop(mid, None)
        if grant is not None and not grant.done():
            grant.set_result(reasons)
        self._keep_reading()

    def _on_message(self, _client: Client, _userdata: object, arrived: MQTTMessage) -> None:
        owed = _Owed(arrived.mid, arrived.qos)
        if arrived.qos:
            self._owed.append(owed)

        def ack() -> None:
            owed.due = True
            self._pay()

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
            self._lost(f"the broker says: {reason.getName()} (0x{reason.value:02x})", reason.value)
        elif reason.getName() == "Keep alive timeout":
            self._lost("nothing heard for two keepalives: the link is dead", None)
        elif self._client.alert:
            self._lost(f"the broker ended TLS: {self._client.alert}", None)
        else:
            self._lost(_SILENT_END, None)

    # --- the rest ---------------------------------------------------------------------------

    def _pay(self) -> None:
        """Send the acknowledgements that are due and have none before them that is not."""
        while self._owed and self._owed[0].due and self._end is None:
            owed = self._owed.popleft()
            self._client.ack(owed.mid, owed.qos)

    def _keep_reading(self) -> None:
        self._drive.hold(len(self._inbox) >= self._limit and not self.unanswered)

    def _broken(self, error: Exception) -> None:
        self._lost(f"what came is not MQTT: {error!r}", None)

    def _lost(self, what: str, code: int | None) -> None:
        """End, once: everything that waits fails now."""
        if self._end is not None:
            return
        self._end = (what, code)
        self._drive.detach()
        if not self._greeted.done():
            step = self._client.ended_step
            self._greeted.set_exception(Unreachable(self._where, what, step))
            self._greeted.exception()  # a cancelled `greet` never asks
        self._slots.fail(self._disconnected)
        waiting: list[asyncio.Future[Any]] = [*self._answers.values(), *self._grants.values()]
        self._answers.clear()
        self._grants.clear()
        for answer in waiting:
            if not answer.done():
                answer.set_exception(self._disconnected())
        self._owed.clear()
        self._inbox.clear()
        self._arrived.set()
        self._over.set()

    def _disconnected(self) -> Disconnected:
        what, code = self._end or (_SILENT_END, None)
        return Disconnected(self._where, what, code)

    def _check_open(self) -> None:
        if self._end is not None:
            raise self._disconnected()
