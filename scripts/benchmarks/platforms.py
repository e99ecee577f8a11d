"""What the two gateways of `scripts.benchmarks.other_gateway` talk to: it answers, and counts.

A platform sits on the broker in the place of each gateway's own: Kanmon's portal, which
acknowledges, and ThingsBoard, which tells a session its limits. Every reading that arrives is
counted once, however often it is sent.
"""

from __future__ import annotations

import json
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol, Self

from paho.mqtt.client import Client, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion

from cloud_link import records, topics, wire

if TYPE_CHECKING:
    from collections.abc import Iterable

LIMITS: Final = {
    "maxPayloadSize": 65_536,
    "maxInflightMessages": 100,
    "rateLimits": {},
    "gatewayRateLimits": {},
}
"""No limit of rate, and the sizes a ThingsBoard server grants by default."""
_REQUESTS: Final = "v1/devices/me/rpc/request/"
_RESPONSES: Final = "v1/devices/me/rpc/response/"
_TELEMETRY: Final = "v1/gateway/telemetry"


@dataclass(frozen=True, slots=True)
class Sample:
    """Readings of one device from one poll, as far as one message holds them.

    Attributes:
        at: Milliseconds, on the clock that its gateway dates with.
    """

    device: str
    at: int
    readings: int


@dataclass(frozen=True, slots=True)
class Post:
    """A message to publish."""

    topic: str
    body: bytes


class Platform(Protocol):
    """One gateway's other end, without the connection."""

    @property
    def topics(self) -> tuple[str, ...]:
        """What to subscribe to."""

    def now(self) -> int:
        """Milliseconds on the clock that the gateway dates with."""

    def take(self, topic: str, body: bytes) -> tuple[list[Sample], list[Post]]:
        """What arrived in a message for the first time, and what to answer."""


class KanmonPlatform:
    """Acknowledges every record, as the portal does once it is committed."""

    topics = (topics.ALL_UP,)

    def __init__(self) -> None:
        self._tables: dict[bytes, str] = {}
        self._seen: set[tuple[bytes, int, int]] = set()

    def now(self) -> int:
        """Milliseconds since boot."""
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000

    def take(self, topic: str, body: bytes) -> tuple[list[Sample], list[Post]]:
        """See `Platform`."""
        where = topics.parse_up(topic)
        if where.channel is topics.Up.TABLE:
            for table in wire.decode(wire.Tables, body).tables:
                self._tables[records.table_id(table)] = table.device
        if where.channel not in {topics.Up.DATA, topics.Up.EVENT}:
            return [], []
        batch = wire.decode(wire.Batch, body)
        samples = [
            found
            for seq, record in batch.items
            if self._first(batch, seq)
            for found in self._samples(records.decode_record(record))
        ]
        ok = tuple((seq, seq) for seq, _ in batch.items)
        ack = wire.encode(wire.Ack(wire.VERSION, batch.epoch, batch.lane, ok))
        return samples, [Post(topics.down(where.box, topics.Down.ACK), ack)]

    def _first(self, batch: wire.Batch, seq: int) -> bool:
        name = (batch.epoch, int(batch.lane), seq)
        known = name in self._seen
        self._seen.add(name)
        return not known

    def _samples(self, record: records.Record) -> Iterable[Sample]:
        if isinstance(record, records.DataRecord):
            readings = sum(value is not None for value in record.values)
            yield Sample(self._tables[record.table], record.at, readings)


class ThingsboardPlatform:
    """Answers ``getSessionLimits``, without which thingsboard-gateway publishes nothing."""

    topics = (f"{_REQUESTS}+", _TELEMETRY)

    def __init__(self) -> None:
        self._seen: dict[tuple[str, int], set[str]] = defaultdict(set)

    def now(self) -> int:
        """Milliseconds since 1970."""
        return time.time_ns() // 1_000_000

    def take(self, topic: str, body: bytes) -> tuple[list[Sample], list[Post]]:
        """See `Platform`."""
        content = json.loads(body)
        if topic != _TELEMETRY:
            if content.get("method") != "getSessionLimits":
                return [], []
            answer = Post(_RESPONSES + topic.removeprefix(_REQUESTS), json.dumps(LIMITS).encode())
            return [], [answer]
        return [
            Sample(device, part["ts"], self._new(device, part))
            for device, parts in content.items()
            for part in parts
        ], []

    def _new(self, device: str, part: dict[str, Any]) -> int:
        """How many of the values were not there yet."""
        seen = self._seen[device, part["ts"]]
        before = len(seen)
        seen.update(part["values"])
        return len(seen) - before


@dataclass(kw_only=True)
class Counter:
    """A platform, connected to a broker; paho's thread counts while ours measures."""

    platform: Platform
    port: int
    samples: list[Sample] = field(default_factory=list)
    trouble: Exception | None = None
    _client: Client = field(init=False)

    def __enter__(self) -> Self:
        subscribed = threading.Event()
        self._client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv5)
        self._client.on_connect = lambda client, *_: client.subscribe(
            [(each, 1) for each in self.platform.topics]
        )
        self._client.on_subscribe = lambda *_: subscribed.set()
        self._client.on_message = self._take
        self._client.connect("127.0.0.1", self.port)
        self._client.loop_start()
        if not subscribed.wait(10):
            self._client.loop_stop()
            raise TimeoutError(f"the broker on port {self.port} grants no subscription in 10 s")
        return self

    def __exit__(self, *exc: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def devices(self) -> set[str]:
        """Those heard of; raises what went wrong in the other thread, if anything did."""
        if self.trouble is not None:
            raise self.trouble
        return {sample.device for sample in self.samples[:]}

    def _take(self, client: Client, _userdata: object, message: MQTTMessage) -> None:
        try:
            samples, posts = self.platform.take(message.topic, bytes(message.payload))
        except Exception as error:  # noqa: BLE001 - paho's thread would end silently
            self.trouble = error
            return
        self.samples += samples
        for post in posts:
            client.publish(post.topic, post.body, qos=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A stretch of a gateway's life, cut into poll periods.

    Attributes:
        began: Its first millisecond, on the clock of the samples.
        periods: How many.
        period_ms: How long each.
    """

    began: int
    periods: int
    period_ms: int


def lost(samples: Iterable[Sample], window: Window, wanted: dict[str, int]) -> int:
    """Readings that should be in a window and are not.

    Each device's periods begin midway between its polls, so that a poll a little early or late
    is in the period it belongs to.

    Args:
        samples: Everything that arrived, in whatever order.
        window: Where to look.
        wanted: Readings of each healthy device in each period.
    """
    last: dict[str, int] = {}
    got: dict[tuple[str, int], int] = defaultdict(int)
    every = [sample for sample in samples if sample.device in wanted]
    for sample in every:
        if sample.at <= window.began:
            last[sample.device] = max(sample.at, last.get(sample.device, sample.at))
    for sample in every:
        phase = (last.get(sample.device, window.began) - window.began) % window.period_ms
        first = window.began + phase - window.period_ms // 2
        got[sample.device, (sample.at - first) // window.period_ms] += sample.readings
    return sum(
        max(0, count - got[device, period])
        for device, count in wanted.items()
        for period in range(window.periods)
    )
