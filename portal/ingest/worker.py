"""The ingest worker: MQTT in, database, acknowledgements out.

::

    broker --messages--> inbox --what is there--> store.ingest (a thread of its own)
       ^                                               | committed
       '------ PUBACK <------ down/ack published <-----'

Several workers share the messages (MQTT 5); over 3.1.1 there is one. A message is acknowledged to
the broker only when its records are committed and answered, so that a worker that dies loses
nothing: the box asks again. While the database is away, nothing is acknowledged and the broker
and the boxes keep what they have.

Source: design section 5.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import signal
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, Protocol

from django.conf import settings
from django.db import close_old_connections, connection, connections
from django.utils import timezone

from cloud_link import topics
from cloud_link.mqtt.broker import Broker, Identity, MqttError, PublishRefusedError
from cloud_link.mqtt.connect import connect
from cloud_link.topics import Down
from cloud_link.wire import encode
from portal import readiness
from portal.authority.expiry import expiring
from portal.authority.files import CERTIFICATE_FILE, KEY_FILE, TRUST_FILE
from portal.ingest import receipts, sql
from portal.ingest.arrivals import Arrival
from portal.ingest.store import Outcome, ingest_or_isolate
from portal.readiness import Readiness

if TYPE_CHECKING:
    from pathlib import Path

    from cloud_link.mqtt.session import Message, Session
    from portal.ingest.answers import Answer

log = logging.getLogger(__name__)

AT_ONCE: Final = 200
"""Messages of one transaction at most."""
BYTES_AT_ONCE: Final = 1 << 20
"""Bytes after which no further message is taken into a transaction."""
COMPLAINTS: Final = 1_000
RECEIVE_MAXIMUM: Final = 400
RECEIPT_HOURS: Final = 48
"""How long receipts keep their content's hash, by which a live clone is told."""
_COMPACT_EVERY_S: Final = 3600.0
_EXPIRY_EVERY_S: Final = 3600.0
_ATTEMPTS: Final = 3
"""So often a database that answers may refuse a batch before the batch is looked at."""
_PAUSE_S: Final = (0.2, 0.5, 1.0, 2.0, 5.0)


class CannotStartError(Exception):
    """The worker's settings will not do; the message says which, and what next."""


def run() -> None:
    """Work until SIGTERM or SIGINT.

    Raises:
        CannotStartError: The broker's address, or the worker's certificate, cannot be used.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        broker = _broker()
    except MqttError as error:
        raise CannotStartError(str(error)) from error
    with contextlib.suppress(asyncio.CancelledError):
        asyncio.run(_main(broker))


def _broker() -> Broker:
    """The broker of the settings; known there by the certificate that was issued."""
    folder = settings.BROKER_ID
    tls = identity_in(folder).context() if folder else None
    return Broker.parse(settings.BROKER, version=5 if settings.MQTT == "5" else 4, tls=tls)


def identity_in(folder: Path) -> Identity:
    """The identity in a folder that ``kanmon-portal authority issue-...`` made."""
    return Identity(
        certificate=folder / CERTIFICATE_FILE, key=folder / KEY_FILE, trust=folder / TRUST_FILE
    )


async def _main(broker: Broker) -> None:
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    if settings.INGEST_METRICS is None:
        await _working(Worker(broker))
        return
    from portal.ingest.metrics import IngestMetrics
    from portal.metrics.server import served

    metrics = IngestMetrics()
    with served(settings.INGEST_METRICS, metrics.registry, settings.METRICS_TOKEN):
        await _working(Worker(broker, metrics.count))


async def _working(worker: Worker) -> None:
    try:
        await worker.run()
    finally:
        worker.close()


class OutcomeListener(Protocol):
    """Whoever counts what was stored."""

    def __call__(self, outcome: Outcome, messages: int, seconds: float) -> None:
        """So many messages had this outcome, and took so long."""


def _uncounted(outcome: Outcome, messages: int, seconds: float) -> None:
    """Where nobody counts."""


class Worker:
    """One ingest worker.

    Args:
        broker: Where the boxes' messages come from.
        took: Hears of every batch that was committed.
    """

    def __init__(self, broker: Broker, took: OutcomeListener = _uncounted) -> None:
        self._broker = broker
        self._took = took
        self._client = f"ingest-{os.getpid()}-{secrets.token_hex(4)}"
        self._database = ThreadPoolExecutor(1, "database")
        self._compacted = time.monotonic()
        self._complaints = Complaints()

    async def run(self) -> None:
        """Connect, work, connect again; only cancellation ends it."""
        watching = asyncio.create_task(self._watch_expiry())
        try:
            await self._serve()
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    async def _watch_expiry(self) -> None:
        """Say hourly what would shut the broker's door: this process runs, whatever else does."""
        loop = asyncio.get_running_loop()
        while self._broker.tls is not None:
            with contextlib.suppress(*sql.OUTAGES):  # told by the work itself
                for one in await loop.run_in_executor(self._database, expiring, timezone.now()):
                    log.error("%s", one)
            await asyncio.sleep(_EXPIRY_EVERY_S)

    async def _serve(self) -> None:
        failures, said = 0, ""
        while True:
            began = time.monotonic()
            try:
                async with connect(
                    self._broker, self._client, receive_maximum=RECEIVE_MAXIMUM
                ) as session:
                    await self._subscribe(session)
                    log.info("takes messages from %s", self._broker.name)
                    said = ""
                    await self._work(session)
            except MqttError as error:
                failures = 0 if time.monotonic() - began > _PAUSE_S[-1] else failures + 1
                if str(error) != said:  # why it ended, and why it cannot come back, are two things
                    said = str(error)
                    log.warning("%s; it is tried again", said)
            await asyncio.sleep(_PAUSE_S[min(failures, len(_PAUSE_S) - 1)])

    def close(self) -> None:
        """Let the database go, once the transaction under way has ended."""
        self._database.submit(connections.close_all)
        self._database.shutdown(wait=True)

    async def _subscribe(self, session: Session) -> None:
        shared = self._broker.version == 5
        await session.subscribe(topics.SHARED_UP if shared else topics.ALL_UP)

    async def _work(self, session: Session) -> None:
        # Bounded: once it is full nothing more is read, and the broker and the boxes keep the rest.
        inbox: asyncio.Queue[Message] = asyncio.Queue(RECEIVE_MAXIMUM)
        listening = asyncio.create_task(_listen(session, inbox))
        try:
            while True:
                await self._deliver(session, _together(await _first(inbox, listening), inbox))
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    async def _deliver(self, session: Session, messages: list[Message]) -> None:
        outcome = await self._stored(
            [Arrival(topic=message.topic, body=message.payload) for message in messages]
        )
        self._tell(outcome)
        await asyncio.gather(*(self._answer(session, one) for one in outcome.answers))
        for message in messages:
            message.ack()

    async def _stored(self, arrivals: list[Arrival]) -> Outcome:
        """Store, however long the database is away."""
        loop = asyncio.get_running_loop()
        attempt = 0
        while True:
            began = time.monotonic()
            try:
                outcome = await loop.run_in_executor(self._database, self._store, arrivals)
            except sql.OUTAGES as error:
                found, words = await self._trouble(error)
                if attempt == 0:
                    log.warning("%s; it is tried again", words)
                if found is Readiness.READY and attempt >= _ATTEMPTS:
                    return await self._apart(arrivals, words)
                await asyncio.sleep(_PAUSE_S[min(attempt, len(_PAUSE_S) - 1)])
                attempt += 1
            else:
                if attempt:
                    log.info("the database answers again")
                self._took(outcome, len(arrivals), time.monotonic() - began)
                return outcome

    async def _apart(self, arrivals: list[Arrival], words: str) -> Outcome:
        """The database is there and does not take these: find whose message it is.

        The one is left unanswered, and its box sends it again; everybody else goes on.
        """
        if len(arrivals) == 1:
            log.error("%s is left unanswered: %s", arrivals[0].topic, words)
            return Outcome(answers=())
        half = len(arrivals) // 2
        return await self._stored(arrivals[:half]) + await self._stored(arrivals[half:])

    async def _trouble(self, error: Exception) -> tuple[Readiness, str]:
        loop = asyncio.get_running_loop()
        found, _ = await loop.run_in_executor(self._database, readiness.look)
        if found in {Readiness.EMPTY, Readiness.OLDER}:
            return found, f"{found.value} in {readiness.place()}: run 'kanmon-portal migrate'"
        words = readiness.first_line(error)
        return found, f"the database {readiness.place()} takes nothing: {words}"

    def _store(self, arrivals: list[Arrival]) -> Outcome:
        close_old_connections()
        try:
            outcome = ingest_or_isolate(arrivals)
        except sql.OUTAGES:
            connection.close()
            raise
        if time.monotonic() - self._compacted > _COMPACT_EVERY_S:
            self._compacted = time.monotonic()
            receipts.compact(round((time.time() - RECEIPT_HOURS * 3600) * 1000))
        return outcome

    async def _answer(self, session: Session, answer: Answer) -> None:
        try:
            await session.publish(topics.down(answer.box, Down.ACK), encode(answer.ack))
        except PublishRefusedError as error:
            # The box is away, or may not be told: it asks again, and hears it then.
            log.debug("box %s not told: %s", answer.box, error)

    def _tell(self, outcome: Outcome) -> None:
        """Log what could not be taken: once a box and cause, and again when it was mended."""
        for box in outcome.unknown:
            words = (
                "it belongs to no gateway and nothing of it is stored; add it with "
                "kanmon-portal gateway add"
            )
            self._complaints.make(box, "stranger", words)
        for box in {one.box for one in outcome.answers}:
            self._complaints.withdraw(box, "stranger")
        for box, (_, why) in outcome.unusable.items():
            self._complaints.make(box, "unusable", f"a message is nothing of ours: {why}")


class Complaints:
    """Faults said once, however often they happen; a box that talks nonsense fills no disk."""

    def __init__(self) -> None:
        self._made: Counter[tuple[str, str]] = Counter()

    def make(self, box: str, cause: str, words: str) -> None:
        """Log it the first time, and count it."""
        if len(self._made) >= COMPLAINTS and (box, cause) not in self._made:
            self._made.clear()  # thousands of invented names: better said twice than kept for ever
        self._made[box, cause] += 1
        if self._made[box, cause] == 1:
            log.warning("box %s: %s", box or "without a name", words)

    def withdraw(self, box: str, cause: str) -> None:
        """Log that it is over, where it was said."""
        count = self._made.pop((box, cause), 0)
        if count:
            log.info("box %s: mended after %d messages", box, count)


async def _listen(session: Session, inbox: asyncio.Queue[Message]) -> None:
    async for message in session.messages():
        await inbox.put(message)


async def _first(inbox: asyncio.Queue[Message], listening: asyncio.Task[None]) -> Message:
    """The next message; raises how the session ended once nothing is left of it."""
    if inbox.empty():
        coming = asyncio.ensure_future(inbox.get())
        try:
            await asyncio.wait({coming, listening}, return_when=asyncio.FIRST_COMPLETED)
            if coming.done():
                return coming.result()
        finally:
            coming.cancel()
        await listening
    return inbox.get_nowait()


def _together(first: Message, inbox: asyncio.Queue[Message]) -> list[Message]:
    """``first`` and what is there already, up to `AT_ONCE`."""
    messages = [first]
    size = len(first.payload)
    while len(messages) < AT_ONCE and size < BYTES_AT_ONCE and not inbox.empty():
        message = inbox.get_nowait()
        messages.append(message)
        size += len(message.payload)
    return messages
