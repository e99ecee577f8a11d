"""The ingest worker: MQTT in, database, acknowledgements out.

::

    broker --messages--> inbox --a turn a box--> storage (a thread of its own)
       ^                                               | committed
       '------ PUBACK <------ down/ack published <-----'

Several workers share the messages (MQTT 5); over 3.1.1 there is one. A message is acknowledged to
the broker only when its records are committed and answered, so that a worker that dies loses
nothing: the box asks again. While the database is away, nothing is acknowledged and the broker
and the boxes keep what they have. What is over a box's budget (`portal.ingest.budget`) is
acknowledged to the broker and not answered; the box is asked for a pause, and sends it again.

Source: design section 5.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import secrets
import signal
import sys
import time
from collections import deque
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.utils import timezone
from tenacity import AsyncRetrying, retry_if_exception_type, wait_chain, wait_fixed

from cloud_link import topics
from cloud_link.mqtt.broker import Broker, BrokerUrlError, Identity, MqttError, PublishRefusedError
from cloud_link.mqtt.connect import connect
from cloud_link.topics import Down
from cloud_link.wire import encode
from portal.authority.expiry import expiring
from portal.authority.files import CERTIFICATE_FILE, KEY_FILE, TRUST_FILE
from portal.ingest import sql
from portal.ingest.budget import Budgets
from portal.ingest.fault_log import FaultLog, ThrottleLog
from portal.ingest.inbox import Inbox, pause_requests
from portal.ingest.isolation import SharedTurnError
from portal.ingest.pacing import Paces
from portal.ingest.preemption import PreemptedError, never
from portal.ingest.storage import PAUSE_S, Storage, TurnControl, ignore
from portal.logs import event_log, log_suppressed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence
    from pathlib import Path

    from cloud_link.mqtt.session import Message, Session
    from portal.ingest.answers import Answer
    from portal.ingest.inbox import Turn
    from portal.ingest.storage import OutcomeListener
    from portal.ingest.store import IngestResult

log = event_log(__name__)

RECEIVE_MAXIMUM: Final = 400
KEEPALIVE_S: Final = 15
"""The broker gives a worker that hangs its share of the messages for one and a half of these."""
_EXPIRY_EVERY_S: Final = 3600.0
_SWITCH_S: Final = 0.0005
"""For how long the database's thread may keep the event loop from its turn."""
_NESTED: Final = 8
"""How many turns at most give way at once: each is stored within the one before."""
_READS: Final = 4
"""Passes of the event loop that bring a message from the socket into the inbox."""


def run() -> None:
    """Work until SIGTERM or SIGINT.

    Raises:
        MqttError: The broker's address, or the worker's certificate, cannot be used.
    """
    broker = _broker()
    gc.collect()
    gc.freeze()  # a full collection takes 0.1 s with what was imported, and all boxes wait for it
    sys.setswitchinterval(_SWITCH_S)
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
        await _run_worker(Worker(broker, metrics.count, metrics.count_turn))


async def _run_worker(worker: Worker) -> None:
    try:
        await worker.run()
    finally:
        worker.close()


def _ignore_turn(turn: Turn) -> None:
    """Ignore a turn."""


class Worker:
    """One ingest worker.

    Args:
        broker: The broker that the boxes publish to.
        on_commit: Called for every batch that was committed.
        on_turn: Called for every turn that is taken from the inbox.
        sleep: Waits for so many seconds before a further attempt.
    """

    def __init__(
        self,
        broker: Broker,
        on_commit: OutcomeListener = ignore,
        on_turn: Callable[[Turn], None] = _ignore_turn,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._broker = broker
        self._on_turn = on_turn
        self._sleep = sleep
        self._storage = Storage(on_commit, sleep)
        self._lost = ""
        self._client = f"ingest-{os.getpid()}-{secrets.token_hex(4)}"
        self._faults = FaultLog()
        self._throttles = ThrottleLog(self._faults)
        self._budgets = Budgets(settings.INGEST_BUDGET)
        self._paces = Paces()
        self._under_way = set[str]()
        self._nested = 0
        self._halves: deque[Turn] = deque()
        self._answering: asyncio.Task[None]

    async def run(self) -> None:
        """Connect, store what comes, and connect again; only cancellation ends it."""
        beside = [
            asyncio.create_task(self._watch_expiry()),
            asyncio.create_task(self._storage.maintain()),
            asyncio.create_task(self._storage.checkpoints.run()),
        ]
        try:
            await self._serve()
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)

    async def _watch_expiry(self) -> None:
        """Log hourly what expires soon: this process runs, whatever else does."""
        while self._broker.tls is not None:
            with contextlib.suppress(*sql.OUTAGES):  # told by the work itself
                for one in await self._storage.run(lambda: expiring(timezone.now())):
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
            wait=wait_chain(*map(wait_fixed, PAUSE_S)),
            sleep=self._sleep,
        )
        # tenacity knows attempts that fail, and its pauses grow with them. A session that had
        # lasted counts as a success when it ends: this loop begins the next with the first pause.
        while True:
            await retrying(self._connect_and_work)
            await self._sleep(PAUSE_S[0])

    async def _connect_and_work(self) -> None:
        """Run one session; raises its end, unless it had lasted longer than any pause."""
        began = time.monotonic()
        try:
            async with connect(
                self._broker,
                self._client,
                receive_maximum=RECEIVE_MAXIMUM,
                keepalive=KEEPALIVE_S,
            ) as session:
                await self._subscribe(session)
                log.info("broker_connected", broker=self._broker.name)
                self._lost = ""
                await self._work(session)
        except MqttError as error:
            if str(error) != self._lost:  # why it ended, and why it cannot connect, are two things
                self._lost = str(error)
                log.warning("broker_lost", broker=self._broker.name, error=self._lost)
            if time.monotonic() - began <= PAUSE_S[-1]:
                raise

    def close(self) -> None:
        """Close the database's connections, once the transaction under way has ended."""
        self._storage.close()

    async def _subscribe(self, session: Session) -> None:
        shared = self._broker.version == 5
        await session.subscribe(topics.SHARED_UP if shared else topics.ALL_UP)

    async def _work(self, session: Session) -> None:
        # Bounded: once it is full nothing more is read, and the broker and the boxes keep the rest.
        inbox = Inbox(self._budgets, RECEIVE_MAXIMUM, paces=self._paces)
        self._halves.clear()
        self._answering = asyncio.create_task(asyncio.sleep(0))
        listening = asyncio.create_task(_listen(session, inbox))
        try:
            while True:
                await _wait_filled(inbox, listening)
                await self._deliver(session, inbox, inbox.take())
        finally:
            listening.cancel()
            self._answering.cancel()
            await asyncio.gather(listening, self._answering, return_exceptions=True)

    async def _deliver(self, session: Session, inbox: Inbox, turn: Turn) -> None:
        """Store a turn, answer what is in it, and acknowledge it to the broker."""
        if not turn.parts:  # a message was opened: take in what came meanwhile
            for _ in range(_READS):
                await asyncio.sleep(0)
        self._on_turn(turn)
        self._log_turn(turn)
        await self._answer_all(session, pause_requests(turn))
        if not turn.parts:
            _acknowledge(turn.finished)
            return
        begun = {one.box for one in turn.parts} - self._under_way
        self._under_way |= begun
        try:
            result = await self._store(session, inbox, turn)
        except SharedTurnError:
            self._halves.extend(turn.halves())
            while self._halves:
                await self._deliver(session, inbox, self._halves.popleft())
            return
        finally:
            self._under_way -= begun
        inbox.charge(turn.parts, self._storage.spent, result.suspects)
        self._log_faults(result)
        await self._answering  # beside the next transaction, and no further
        self._answering = asyncio.create_task(self._conclude(session, result, turn.finished))

    async def _store(self, session: Session, inbox: Inbox, turn: Turn) -> IngestResult:
        """Store a turn; one of a single box gives way to messages of others: they are delivered.

        It does so between its steps, and within one where it is a box apart's, or where a record
        failed; see `portal.ingest.isolation`.

        Raises:
            SharedTurnError: It is of several boxes, and failed.
        """
        messages = [one.message for one in turn.parts]
        control = TurnControl(waits=inbox.small_came, shared=False)
        control.waits_between = lambda: bool(self._halves) or inbox.small_waits()
        boxes = {one.box for one in turn.parts}
        if len(boxes) > 1 or self._nested >= _NESTED:
            control.waits = control.waits_between = never
        steps = times = 0
        while True:
            allowed = self._storage.may_give_way(times)
            control.from_step = (0 if turn.apart else 1) if allowed else None
            try:
                return await self._storage.store(messages, control)
            except PreemptedError:
                done = len(control.progress.outcomes)
                steps, times = done, times + 1 if done == steps else 0
            if not turn.apart:  # the broker hands out no more than so many unacknowledged messages
                for box in boxes:
                    inbox.set_apart(box)
                _acknowledge(turn.finished)
            others = self._halves.popleft() if self._halves else inbox.take(beside=self._under_way)
            self._nested += 1
            try:
                await self._deliver(session, inbox, others)
            finally:
                self._nested -= 1

    async def _conclude(
        self, session: Session, result: IngestResult, finished: Sequence[Message]
    ) -> None:
        await self._answer_all(session, result.answers)
        _acknowledge(finished)

    async def _answer_all(self, session: Session, answers: Iterable[Answer]) -> None:
        await asyncio.gather(*(self._answer(session, one) for one in answers))

    async def _answer(self, session: Session, answer: Answer) -> None:
        try:
            await session.publish(topics.down(answer.box, Down.ACK), encode(answer.ack))
        except PublishRefusedError as error:
            # The box is away, or may not be told: it asks again, and hears it then.
            log.debug("answer_refused", box=answer.box, error=error)

    def _log_turn(self, turn: Turn) -> None:
        now = time.monotonic()
        for one in turn.throttled:
            self._throttles.paused(one.box, one.resource.value, now)
        for box in {part.box for part in turn.parts}:
            self._throttles.stored(box, now)
        log_suppressed()

    def _log_faults(self, result: IngestResult) -> None:
        """Log what could not be stored: once for a box and fault, and again when it is over."""
        for box in result.unknown:
            next_step = "add it with kanmon-portal gateway add"
            self._faults.begin(box, "unknown", next_step=next_step)
        for box in {one.box for one in result.answers}:
            self._faults.end(box, "unknown")
        for box, (_, error) in result.unusable.items():
            self._faults.begin(box, "unusable_message", error=error)


def _acknowledge(finished: Iterable[Message]) -> None:
    for message in finished:
        message.ack()


async def _listen(session: Session, inbox: Inbox) -> None:
    async for message in session.messages():
        await inbox.put(message)


async def _wait_filled(inbox: Inbox, listening: asyncio.Task[None]) -> None:
    """Wait for a message; raises how the session ended once nothing is left of it."""
    if len(inbox):
        return
    coming = asyncio.ensure_future(inbox.filled())
    try:
        await asyncio.wait({coming, listening}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        coming.cancel()
    if not len(inbox):
        await listening
