"""Canary records: whether the portal can store a record of a kind at all.

Where a record fails, a record of the same kind that is known to be good is stored by the same code,
for a box that exists for as long as that takes, and everything is rolled back. Only where that
succeeds, before and after, is the record that failed at fault.

No other transaction ever sees a canary: its organization, site, gateway and box are made in the
savepoint that is rolled back.
"""

from __future__ import annotations

import json
import secrets
import zlib
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from django.db import transaction

from cloud_link import topics
from cloud_link.records import (
    ClockRecord,
    Column,
    ConfigurationRecord,
    DataRecord,
    EventRecord,
    GapRecord,
    Table,
    WireCondition,
    WireEvidence,
    WireIdentity,
    WireSupply,
    encode_record,
    table_id,
)
from cloud_link.topics import TopicError, Up, parse_up
from cloud_link.wire import VERSION, Batch, Lane, Online, Tables, encode
from drivers.report import Code, Reachability, Severity, State, SupplyState
from portal.accounts.models import Organization
from portal.fleet.models import Box, Gateway, Site
from portal.ingest import sql
from portal.ingest.kinds import (
    CLOCK,
    CONFIGURATION,
    DATA,
    EVENT,
    GAP,
    KINDS,
    ONLINE,
    TABLES,
)
from portal.ingest.messages import IncomingMessage, decode_messages
from portal.ingest.transaction import Transaction

if TYPE_CHECKING:
    from datetime import datetime

    from cloud_link.records import Record
    from portal.ingest.suspects import Failures, Trial

PREFIX: Final = "canary-"
"""How the ids of the boxes begin that canaries are stored for; the rest is random."""

_KINDS_OF_CHANNEL: Final = {
    Up.TABLE: (TABLES,),
    Up.ONLINE: (ONLINE,),
    Up.DATA: (DATA,),
    Up.EVENT: (EVENT, CLOCK, GAP, CONFIGURATION),
}
_EPOCH: Final = b"canary-e"
_BOOT: Final = b"canary-b"
_TABLE: Final = Table("canary", (Column("power.active", "l1", 0), Column("note", "", 0)))


class CanaryError(Exception):
    """A canary could not be stored: the portal is at fault, and nothing is answered.

    Attributes:
        kind: Which of `portal.ingest.kinds.KINDS`.
        error: What storing it raised.
    """

    def __init__(self, kind: str, error: Exception) -> None:
        super().__init__(f"a canary record of kind {kind} cannot be stored: {error}")
        self.kind = kind
        self.error = error


def check(kind: str, now: datetime) -> None:
    """Store the canary of a kind, and roll it back.

    Raises:
        CanaryError: It could not be stored.
        DatabaseError: The database is unavailable.
    """
    try:
        with transaction.atomic():
            _store(kind, now)
            transaction.set_rollback(True)
    except Exception as error:
        if sql.is_outage(error):
            raise
        raise CanaryError(kind, error) from error


def trial(now: datetime) -> Trial:
    """A trial of `portal.ingest.suspects.Suspects` that stores canaries in its transaction."""
    return lambda kind, _error, _failures: check(kind, now)


def kinds_of(message: IncomingMessage) -> tuple[str, ...]:
    """The kinds that a message may hold, by its topic."""
    try:
        return _KINDS_OF_CHANNEL.get(parse_up(message.topic).channel, KINDS)
    except TopicError:
        return KINDS


def _store(kind: str, now: datetime) -> None:
    name = PREFIX + secrets.token_hex(8)
    organization = Organization.objects.create(name=name)
    site = Site.objects.create(organization=organization, name=name, time_zone="UTC")
    gateway = Gateway.objects.create(site=site, name=name)
    box = Box.objects.create(gateway=gateway, box_id=name)
    batch = decode_messages(_messages(kind, name, round(now.timestamp() * 1000)))
    if batch.unusable:
        raise ValueError(batch.errors)
    work = Transaction(now, _raise)
    sent = batch.boxes[name]
    answered = {
        seq
        for answer in work.store([(box, sent)])
        for first, last in answer.ack.ok
        for seq in range(first, last + 1)
    }
    if answered != {number.seq for number in sent.items}:
        raise ValueError("it was not answered as stored")


def _raise(_kind: str, error: Exception, _failures: Failures) -> None:
    raise error


def _messages(kind: str, box: str, now_ms: int) -> list[IncomingMessage]:
    """What the box sends: the record of a kind, after what it needs."""
    clock = ClockRecord(0, now_ms - 10_000, synchronised=True)
    later = ClockRecord(2_000, now_ms - 9_000, synchronised=True)
    data = DataRecord(table_id(_TABLE), 1_000, [1, "canary"])
    table = _message(box, Up.TABLE, encode(Tables(VERSION, (_TABLE,))))
    events: dict[str, tuple[Record, ...]] = {
        DATA: (clock,),
        CLOCK: (clock, later),
        EVENT: (clock, _event()),
        CONFIGURATION: (clock, _configuration()),
    }
    sent = [table] if kind in {DATA, CLOCK, TABLES} else []
    if kind in {ONLINE, GAP}:
        online = Online(
            VERSION, 1, True, _BOOT, _EPOCH, 1, {int(lane): 10 for lane in Lane}, "canary", None
        )
        sent += [_message(box, Up.ONLINE, encode(online))]
    if kind in events:
        sent += [_batch(box, Lane.EVENT, Up.EVENT, *events[kind])]
    if kind in {DATA, CLOCK}:
        sent += [_batch(box, Lane.DATA, Up.DATA, data)]
    if kind == GAP:
        first, last = (_BOOT, 0), (_BOOT, 1)
        gap = GapRecord(_EPOCH, 1, int(Lane.DATA), ((0, 1),), 2, 2, first, last, "cap")
        sent += [_batch(box, Lane.GAP, Up.EVENT, gap)]
    return sent


def _event() -> EventRecord:
    evidence = [WireEvidence("canary", "1", "canary", "1")]
    condition = WireCondition(
        Code.MEDIA_JAM.value, Severity.ERROR.value, "", "canary", "canary", 500, evidence=evidence
    )
    supply = WireSupply("toner", "black", "canary", 50, 100, "percent", SupplyState.OK.value)
    identity = WireIdentity("canary", "canary", "canary", "canary", "canary")
    online, running = Reachability.ONLINE.value, State.RUNNING.value
    return EventRecord("canary", 1_000, online, running, identity, (condition,), (supply,))


def _configuration() -> ConfigurationRecord:
    document = json.dumps({"devices": [{"name": "canary", "label": "canary"}]}).encode()
    return ConfigurationRecord(1_000, sha256(document).digest(), "canary", zlib.compress(document))


def _batch(box: str, lane: Lane, channel: Up, *records: Record) -> IncomingMessage:
    items = tuple((seq, encode_record(one)) for seq, one in enumerate(records))
    return _message(box, channel, encode(Batch(VERSION, _EPOCH, 1, lane, _BOOT, items)))


def _message(box: str, channel: Up, body: bytes) -> IncomingMessage:
    return IncomingMessage(topic=topics.up(box, channel), body=body)
