"""A box as the portal's tests need one: it makes messages, honest ones and others.

And `state`: everything that the portal then knows of it, in a form that can be compared.
"""

from __future__ import annotations

import itertools
import json
import secrets
import zlib
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any

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
    WireIdentity,
    encode_record,
    table_id,
)
from cloud_link.topics import Up
from cloud_link.wire import (
    VERSION,
    Batch,
    Lane,
    Online,
    Tables,
    encode,
)
from portal.accounts.models import Organization
from portal.fleet.actions import add_gateway, create_site
from portal.fleet.models import GATEWAY_DEVICE
from portal.ingest import redating
from portal.ingest.ledger import SpoolReport, ledger
from portal.ingest.messages import IncomingMessage
from portal.ingest.models import (
    BootClock,
    Gap,
    Latest,
    PendingClock,
    Quarantine,
    Sample,
    TextSample,
)
from portal.ingest.store import ingest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cloud_link.records import Record
    from cloud_link.wire import Ack
    from portal.fleet.models import Box
    from portal.ingest.store import IngestResult

OFFSET = 1_780_000_000_000
"""Unix milliseconds at which the boxes here started: a day of May 2026."""

METER = Table(
    "meter",
    (Column("power.active", "l1", 0), Column("energy.import", "", 1), Column("voltage", "l1", -1)),
)
METER_ID = table_id(METER)
_names = itertools.count()


@dataclass(slots=True)
class Sender:
    """A spool's view: one epoch, one boot, a counter a lane."""

    box: str
    epoch: bytes = field(default_factory=lambda: secrets.token_bytes(8))
    ordinal: int = 1
    boot: bytes = field(default_factory=lambda: secrets.token_bytes(8))
    next: dict[Lane, int] = field(default_factory=lambda: dict.fromkeys(Lane, 0))

    def number(self, lane: Lane) -> int:
        seq = self.next[lane]
        self.next[lane] += 1
        return seq

    def batch(self, lane: Lane, items: Iterable[tuple[int, bytes]]) -> IncomingMessage:
        channel = Up.DATA if lane in {Lane.DATA, Lane.BOUNDARY} else Up.EVENT
        body = encode(Batch(VERSION, self.epoch, self.ordinal, lane, self.boot, tuple(items)))
        return IncomingMessage(topic=topics.up(self.box, channel), body=body)

    def send(self, lane: Lane, *records: Record) -> IncomingMessage:
        """These records under the next numbers, in one message."""
        return self.batch(lane, [(self.number(lane), encode_record(one)) for one in records])

    def tables(self, *tables: Table) -> IncomingMessage:
        body = encode(Tables(VERSION, tables))
        return IncomingMessage(topic=topics.up(self.box, Up.TABLE), body=body)

    def clock(
        self, offset: int = OFFSET, *, since: int = 0, synchronised: bool = True
    ) -> IncomingMessage:
        return self.send(Lane.EVENT, ClockRecord(since, offset, synchronised))

    def online(self, session: int = 1, *, alive: bool = True, **other: Any) -> IncomingMessage:
        fields: dict[str, Any] = {
            "version": VERSION,
            "session": session,
            "alive": alive,
            "boot": self.boot,
            "epoch": self.epoch,
            "ordinal": self.ordinal,
            "next": {int(lane): seq for lane, seq in self.next.items()},
            "software": "0.1.0",
            "offset": None,
        }
        body = encode(Online(**(fields | other)))
        return IncomingMessage(topic=topics.up(self.box, Up.ONLINE), body=body)

    def restarted(self) -> Sender:
        """The same box after an opening of its spool."""
        return Sender(box=self.box, ordinal=self.ordinal + 1, boot=self.boot)


def meter(
    at: int, *values: int | str | None, qualities: tuple[tuple[int, int], ...] = ()
) -> DataRecord:
    """A poll of the three columns of `METER`."""
    return DataRecord(METER_ID, at, list(values), None, (), qualities)


def condition(
    code: str, severity: str, component: str = "", since: int | None = None
) -> WireCondition:
    return WireCondition(code, severity, component, f"{code}!", "hr 1 = 2", since)


def event(
    at: int,
    *conditions: WireCondition,
    reachability: str = "online",
    device: str = "meter",
    identity: WireIdentity | None = None,
    state: str = "running",
) -> EventRecord:
    return EventRecord(device, at, reachability, state, identity or WireIdentity(), conditions, ())


def configuration(at: int, document: object) -> ConfigurationRecord:
    text = json.dumps(document).encode()
    return ConfigurationRecord(at, sha256(text).digest(), "root", zlib.compress(text))


def gap(sender: Sender, lane: Lane, *ranges: tuple[int, int], at: int = 0) -> GapRecord:
    records = sum(last - first + 1 for first, last in ranges)
    return GapRecord(
        sender.epoch, sender.ordinal, int(lane), ranges, records, records * 3,
        (sender.boot, at), (sender.boot, at + 1000), "cap",
    )  # fmt: skip


def new_box() -> Box:
    """A box that the portal knows, in an organization of its own."""
    name = f"{next(_names)}-{secrets.token_hex(3)}"
    organization = Organization.objects.create(name=f"Customer {name}")
    site = create_site(organization, name="Plant", time_zone="Asia/Tokyo")
    return add_gateway(site, name="Gateway", box_id=f"b-{name}").box


def acks(outcome: IngestResult, sender: Sender, lane: Lane = Lane.DATA) -> Ack:
    """The one acknowledgement for a lane of a sender."""
    found = [
        answer.ack
        for answer in outcome.answers
        if (answer.box, answer.ack.epoch, answer.ack.lane) == (sender.box, sender.epoch, lane)
        and not answer.ack.resend  # a request of its own, which depends on what came before
    ]
    assert len(found) == 1, outcome.answers
    return found[0]


def redate_all() -> int:
    """Move every sample whose clock was put right; returns in how many transactions."""
    count, after = 0, redating.go_on()
    while after is not None:
        count, after = count + 1, redating.go_on(after)
    return count


def samples(box: Box) -> list[tuple[str, str, int, int | None, int]]:
    """(quantity, part, at, value, quality) of every number, ascending."""
    rows = Sample.objects.filter(series__device__gateway=box.gateway_id).values_list(
        "series__quantity", "series__part", "at", "value", "quality"
    )
    return sorted(rows, key=repr)


def state(box: Box) -> dict[str, Sequence[Any]]:
    """All that can be known of a box's gateway, without ids and times of receipt."""
    gateway = box.gateway
    of_series = {"series__device__gateway": gateway}
    names = ("series__device__name", "series__quantity", "series__part", "series__resolution")
    devices = gateway.devices
    # Whether the portal had to say that the clock is unset depends on what came first.
    reported = devices.exclude(name=GATEWAY_DEVICE, reachability="never")
    open_ = "conditions"
    return {
        "samples": _rows(Sample.objects.filter(**of_series), *names, "at", "value", "quality"),
        "texts": _rows(TextSample.objects.filter(**of_series), *names, "at", "value", "quality"),
        "latest": _rows(
            Latest.objects.filter(**of_series), *names, "at", "value", "text", "quality"
        ),
        "devices": _rows(
            reported, "name", "label", "maker", "serial", "reachability", "state", "reported_at",
            "event_order", "own_order", "identity_order",
        ),
        "conditions": _rows(
            devices.filter(conditions__isnull=False, conditions__cleared_at__isnull=True),
            "name", f"{open_}__code", f"{open_}__component", f"{open_}__severity",
        ),
        "configurations": _rows(gateway.configurations, "digest", "at", "order"),
        "gaps": _rows(Gap.objects.filter(box=box), "lane", "records", "from_ms", "to_ms"),
        "clocks": _rows(BootClock.objects.filter(box=box), "since_boot_ms", "offset_ms", "order"),
        "waiting": _rows(PendingClock.objects.filter(epoch__box=box), "lane", "seq"),
        "quarantine": _rows(Quarantine.objects.filter(epoch__box=box), "lane", "seq", "code"),
    }  # fmt: skip


def _rows(rows: Any, *fields: str) -> list[tuple[Any, ...]]:
    return sorted(rows.values_list(*fields), key=repr)


def fleet_of(count: int) -> list[Sender]:
    """So many boxes, with their tables and clocks."""
    boxes = [Sender(new_box().box_id) for _ in range(count)]
    ingest([one for box in boxes for one in (box.tables(METER), box.clock())])
    return boxes


def counts(sender: Sender) -> tuple[int, int, int]:
    """How many records were stored, refused and lost, by the ledger."""
    lanes = {lane: sender.next[lane] for lane in Lane}
    found = ledger([SpoolReport(box=sender.box, epoch=sender.epoch, next=lanes, accepted=lanes)])
    return found.stored, found.refused, found.lost
