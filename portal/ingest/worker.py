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
import os
import secrets
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, Protocol

from django.conf import settings
from django.db import close_old_connections, connection, connections
from django.utils import timezone
from tenacity import AsyncRetrying, retry_if_exception_type, wait_chain, wait_fixed

from cloud_link import topics
from cloud_link.mqtt.broker import Broker, BrokerUrlError, Identity, MqttError, PublishRefusedError
from cloud_link.mqtt.connect import connect
from cloud_link.topics import Down
from cloud_link.wire import encode
from portal import readiness
from portal.authority.expiry import expiring
from portal.authority.files import CERTIFICATE_FILE, KEY_FILE, TRUST_FILE
from portal.ingest import receipts, sql
from portal.ingest.fault_log import FaultLog
from portal.ingest.messages import IncomingMessage
from portal.ingest.store import IngestResult, ingest_or_isolate
from portal.logs import event_log
from portal.readiness import Readiness

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from tenacity import RetryCallState

    from cloud_link.mqtt.session import Message, Session
    from portal.ingest.answers import Answer

log = event_log(__name__)

AT_ONCE: Final = 200
"""How many messages one transaction stores at most."""
BYTES_AT_ONCE: Final = 1 << 20
"""Bytes after which no further message is taken into a transaction."""
RECEIVE_MAXIMUM: Final = 400
RECEIPT_HOURS: Final = 48
"""Hours for which receipts keep their content's hash, by which a live clone is recognised."""
_COMPACT_EVERY_S: Final = 3600.0
_EXPIRY_EVERY_S: Final = 3600.0
_ATTEMPTS: Final = 3
"""How often a database that answers may refuse a batch before the batch is taken apart."""
_PAUSE_S: Final = (0.2, 0.5, 1.0, 2.0, 5.0)
"""Seconds before each further attempt at broker or database; after the last, always the last."""


class DatabaseOutageError(Exception):
    """The database did not store a batch; the message is for the log, in English.

    Attributes:
        answers: Whether it answers, and refuses this batch.
    """

    def __init__(self, reason: str, *, answers: bool) -> None:
        super().__init__(reason)
        self.answers = answers


def run() -> None:
    """Work until SIGTERM or SIGINT.

    Raises:
        MqttError: The broker's address, or the worker's certificate, cannot be used.
    """
    broker = _broker()
    with contextlib.suppress(asyncio.CancelledError):
        asyncio.run(_main(broker))


def _broker() -> Broker:
    """The broker in the settings, with the worker's own certificate where it has one."""
    folder = settings.BROKER_ID
    tls = identity_in(folder).context() if folder else None
    try:
        return Broker.parse(settings.BROKER, version=5 if settings.MQTT == "5" else 4, tls=tls)
    except BrokerUrlError as error:
        raise BrokerUrlError(
            error.what, where="KANMON_BROKER", next_step=error.next_step
        ) from error


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
        await _run_worker(Worker(broker))
        return
    from portal.ingest.metrics import IngestMetrics
    from portal.metrics.server import serve_registry

    metrics = IngestMetrics()
    with serve_registry(settings.INGEST_METRICS, metrics.registry, settings.METRICS_TOKEN):
        await _run_worker(Worker(broker, metrics.count))


async def _run_worker(worker: Worker) -> None:
    try:
        await worker.run()
    finally:
        worker.close()


class OutcomeListener(Protocol):
    """Called for every batch that was committed."""

    def __call__(self, result: IngestResult, messages: int, seconds: float) -> None:
        """Count ``messages`` messages that were stored in ``seconds`` with this result."""


def _ignore(result: IngestResult, messages: int, seconds: float) -> None:
    """Ignore a committed batch."""


class Worker:
    """One ingest worker.

    Args:
        broker: The broker that the boxes publish to.
        on_commit: Called for every batch that was committed.
        sleep: Waits for so many seconds before a further attempt.
    """

    def __init__(
        self,
        broker: Broker,
        on_commit: OutcomeListener = _ignore,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._broker = broker
        self._on_commit = on_commit
        self._sleep = sleep
        self._lost = ""
        self._client = f"ingest-{os.getpid()}-{secrets.token_hex(4)}"
        self._database = ThreadPoolExecutor(1, "database")
        self._compacted = time.monotonic()
        self._faults = FaultLog()

    async def run(self) -> None:
        """Connect, store what comes, and connect again; only cancellation ends it."""
        watching = asyncio.create_task(self._watch_expiry())
        try:
            await self._serve()
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    async def _watch_expiry(self) -> None:
        """Log hourly what expires soon: this process runs, whatever else does."""
        loop = asyncio.get_running_loop()
        while self._broker.tls is not None:
            with contextlib.suppress(*sql.OUTAGES):  # told by the work itself
                for one in await loop.run_in_executor(self._database, expiring, timezone.now()):
                    log.error(
                        "credential_expiring",
                        kind=one.kind.value,
                        name=one.name,
                        count=one.count,
                        expires_at=one.expires_at.isoformat(),
                        remedy=one.remedy,
                    )
            await asyncio.sleep(_EXPIRY_EVERY_S)

    async def _serve(self) -> None:
        retrying = AsyncRetrying(
            retry=retry_if_exception_type(MqttError),
            wait=wait_chain(*map(wait_fixed, _PAUSE_S)),
            sleep=self._sleep,
        )
        # tenacity knows attempts that fail, and its pauses grow with them. A session that had
        # lasted counts as a success when it ends: this loop begins the next with the first pause.
        while True:
            await retrying(self._connect_and_work)
            await self._sleep(_PAUSE_S[0])

    async def _connect_and_work(self) -> None:
        """Run one session; raises its end, unless it had lasted longer than any pause."""
        began = time.monotonic()
        try:
            async with connect(
                self._broker, self._client, receive_maximum=RECEIVE_MAXIMUM
            ) as session:
                await self._subscribe(session)
                log.info("broker_connected", broker=self._broker.name)
                self._lost = ""
                await self._work(session)
        except MqttError as error:
            if str(error) != self._lost:  # why it ended, and why it cannot connect, are two things
                self._lost = str(error)
                log.warning("broker_lost", broker=self._broker.name, error=self._lost)
            if time.monotonic() - began <= _PAUSE_S[-1]:
                raise

    def close(self) -> None:
        """Close the database's connections, once the transaction under way has ended."""
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
                await self._deliver(session, _batch(await _next_message(inbox, listening), inbox))
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    async def _deliver(self, session: Session, messages: list[Message]) -> None:
        result = await self._store_with_retries(
            [IncomingMessage(topic=message.topic, body=message.payload) for message in messages]
        )
        self._log_faults(result)
        await asyncio.gather(*(self._answer(session, one) for one in result.answers))
        for message in messages:
            message.ack()

    async def _store_with_retries(self, messages: list[IncomingMessage]) -> IngestResult:
        """Store messages, however long the database is away."""
        retrying = AsyncRetrying(
            retry=retry_if_exception_type(DatabaseOutageError),
            stop=_is_refused,
            wait=wait_chain(*map(wait_fixed, _PAUSE_S)),
            before_sleep=_note_outage,
            sleep=self._sleep,
            reraise=True,
        )
        try:
            result: IngestResult = await retrying(self._store_once, messages)
        except DatabaseOutageError as error:
            return await self._isolate(messages, str(error))
        if retrying.statistics["attempt_number"] > 1:
            log.info("database_recovered")
        return result

    async def _store_once(self, messages: list[IncomingMessage]) -> IngestResult:
        loop = asyncio.get_running_loop()
        began = time.monotonic()
        try:
            result = await loop.run_in_executor(self._database, self._store, messages)
        except sql.OUTAGES as error:
            raise await self._diagnose(error) from error
        self._on_commit(result, len(messages), time.monotonic() - began)
        return result

    async def _isolate(self, messages: list[IncomingMessage], reason: str) -> IngestResult:
        """Store all but the message that a database refuses which answers otherwise.

        That message is left unanswered, and its box sends it again.
        """
        if len(messages) == 1:
            log.error("message_failed", topic=messages[0].topic, error=reason)
            return IngestResult(answers=())
        half = len(messages) // 2
        first = await self._store_with_retries(messages[:half])
        return first + await self._store_with_retries(messages[half:])

    async def _diagnose(self, error: Exception) -> DatabaseOutageError:
        loop = asyncio.get_running_loop()
        check = await loop.run_in_executor(self._database, readiness.check_database)
        found, name = check.readiness, readiness.database_name()
        reason = f"the database {name} refuses the batch: {readiness.first_line(error)}"
        if found in {Readiness.EMPTY, Readiness.OLDER}:
            reason = f"{readiness.WORDS[found]} in {name}: run 'kanmon-portal migrate'"
        return DatabaseOutageError(reason, answers=found is Readiness.READY)

    def _store(self, messages: list[IncomingMessage]) -> IngestResult:
        close_old_connections()
        try:
            result = ingest_or_isolate(messages)
        except sql.OUTAGES:
            connection.close()
            raise
        if time.monotonic() - self._compacted > _COMPACT_EVERY_S:
            self._compacted = time.monotonic()
            receipts.compact(round((time.time() - RECEIPT_HOURS * 3600) * 1000))
        return result

    async def _answer(self, session: Session, answer: Answer) -> None:
        try:
            await session.publish(topics.down(answer.box, Down.ACK), encode(answer.ack))
        except PublishRefusedError as error:
            # The box is away, or may not be told: it asks again, and hears it then.
            log.debug("answer_refused", box=answer.box, error=error)

    def _log_faults(self, result: IngestResult) -> None:
        """Log what could not be stored: once for a box and fault, and again when it is over."""
        for box in result.unknown:
            next_step = "add it with kanmon-portal gateway add"
            self._faults.begin(box, "unknown", next_step=next_step)
        for box in {one.box for one in result.answers}:
            self._faults.end(box, "unknown")
        for box, (_, error) in result.unusable.items():
            self._faults.begin(box, "unusable_message", error=error)


def _is_refused(state: RetryCallState) -> bool:
    """Whether a database that answers has refused a batch often enough."""
    error = state.outcome.exception() if state.outcome else None
    refused = isinstance(error, DatabaseOutageError) and error.answers
    return refused and state.attempt_number > _ATTEMPTS


def _note_outage(state: RetryCallState) -> None:
    """Log the first failure of a row only."""
    if state.attempt_number == 1 and state.outcome:
        log.warning("database_failed", error=str(state.outcome.exception()))


async def _listen(session: Session, inbox: asyncio.Queue[Message]) -> None:
    async for message in session.messages():
        await inbox.put(message)


async def _next_message(inbox: asyncio.Queue[Message], listening: asyncio.Task[None]) -> Message:
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


def _batch(first: Message, inbox: asyncio.Queue[Message]) -> list[Message]:
    """``first`` and the messages that are there already, up to `AT_ONCE`."""
    messages = [first]
    size = len(first.payload)
    while len(messages) < AT_ONCE and size < BYTES_AT_ONCE and not inbox.empty():
        message = inbox.get_nowait()
        messages.append(message)
        size += len(message.payload)
    return messages
