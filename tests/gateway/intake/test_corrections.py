"""What cannot be sent as it was read is replaced, left out or announced, and never unseen."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterable, Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from cloud_link import limits
from cloud_link.records import ClockRecord, DataRecord, EventRecord, GapRecord, decode_record
from cloud_link.spool.model import Entry, SpoolLimits
from cloud_link.spool.spool import Spool
from cloud_link.spool.writer import SpoolWriter
from cloud_link.validation import Flaw, read_record, table_flaw
from cloud_link.wire import Lane
from config.model import Configuration
from config.reading import read
from console.text import verbatim
from drivers.report import (
    Clock,
    Code,
    Condition,
    Identity,
    Quality,
    Quantity,
    Reachability,
    Reading,
    Report,
    Severity,
    Supply,
)
from gateway.intake.change_filter import ChangeFilter
from gateway.intake.corrections import KEPT_MS
from gateway.intake.gateway_records import (
    baseline_records,
    clock_entry,
    is_sendable,
    record_configuration,
)
from gateway.intake.intake import Intake
from tests.config.readings import GOOD
from tests.gateway.intake.reports import HEARTBEAT, NOON, reading, report

BOOT = b"12345678"
LIMITS = SpoolLimits(reserve_file_bytes=0)


class OpenSpool:
    """A real spool, appended to without a thread."""

    def __init__(self, folder: Path) -> None:
        self.spool = Spool.open(folder, boot=BOOT, limits=LIMITS)

    @property
    def generation(self) -> int:
        return self.spool.generation

    async def append(self, entries: Iterable[Entry]) -> tuple[int, ...]:
        return self.spool.append(entries)

    def bodies(self, lane: Lane) -> list[bytes]:
        return [one.body for one in self.spool.pending(lane, after=0, limit_bytes=1 << 30)]

    def gaps(self) -> list[GapRecord]:
        """What was announced as lost."""
        self.spool.seal_gaps()
        records = [read_record(body, Lane.GAP) for body in self.bodies(Lane.GAP)]
        assert all(isinstance(record, GapRecord) for record in records)
        return records  # type: ignore[return-value] # just asserted


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[OpenSpool]:
    opened = OpenSpool(tmp_path / "spool")
    yield opened
    opened.spool.close()


def intake_for(sink: OpenSpool) -> Intake:
    return Intake(ChangeFilter(ZoneInfo("UTC"), HEARTBEAT), sink)


def found_codes(one: Report) -> dict[Code, Condition]:
    return {condition.code: condition for condition in one.conditions}


async def offer(intake: Intake, *reports: Report) -> None:
    for one in reports:
        await intake.put(one)
    await intake.drain()


async def test_readings_that_are_left_out_are_a_condition_with_evidence(sink: OpenSpool) -> None:
    intake = intake_for(sink)
    sheets = [
        reading(Quantity.SHEETS, 7, NOON, part) for part in ("size=A4", "size=\u202eA5", "size=\n")
    ]
    odd = replace(reading(Quantity.VOLTAGE, 1, NOON), resolution=40)
    with capture_logs() as logs:
        await offer(intake, report(NOON, *sheets, odd), report(NOON + 1, *sheets, odd))
    shown = found_codes(intake.latest["d"])[Code.DATA_NOT_SENT]
    assert shown.severity is Severity.WARNING
    assert shown.since == NOON
    assert [(entry.label, entry.value, entry.meaning.id) for entry in shown.evidence] == [
        ("sheets 'size=\\u202eA5'", "", "evidence.name_refused"),
        ("sheets 'size=\\n'", "", "evidence.name_refused"),
        ("voltage", "40", "evidence.resolution_refused"),
    ]
    assert intake.corrections["d"].to_json() == {"left_out": 3, "replaced": 0, "refused": 0}
    assert [line["event"] for line in logs] == ["readings_left_out"]
    (event,) = map(decode_record, sink.bodies(Lane.EVENT))
    assert isinstance(event, EventRecord)
    assert [one.code for one in event.conditions] == ["data.not_sent"], "the portal shows it, too"
    assert sink.gaps() == []


async def test_of_two_readings_of_the_same_the_first_is_sent(sink: OpenSpool) -> None:
    intake = intake_for(sink)
    same = [reading(Quantity.VOLTAGE, value, NOON, "l1") for value in (230, 231, 232)]
    same[2] = replace(same[2], resolution=-1)
    await offer(intake, report(NOON, *same), report(NOON + 1, *same))
    (record,) = map(decode_record, sink.bodies(Lane.DATA))
    assert isinstance(record, DataRecord)
    assert record.values == [230]
    shown = found_codes(intake.latest["d"])[Code.DATA_NOT_SENT]
    assert [(one.label, one.meaning.id) for one in shown.evidence] == [
        ("voltage 'l1'", "evidence.reading_repeated"),
        ("voltage 'l1'", "evidence.reading_repeated"),
    ]


async def test_the_condition_is_there_from_the_first_report_on_and_ends_with_its_cause(
    sink: OpenSpool,
) -> None:
    intake = intake_for(sink)
    bad = reading(Quantity.SHEETS, 7, NOON, "size=\t")
    await offer(intake, report(NOON, bad))
    good = report(NOON + KEPT_MS - 1)
    await intake.put(good)
    assert Code.DATA_NOT_SENT in found_codes(intake.latest["d"]), "before the round, too"
    await offer(intake, report(NOON + KEPT_MS))
    assert Code.DATA_NOT_SENT not in found_codes(intake.latest["d"])
    await offer(intake, report(NOON + KEPT_MS + 1, replace(bad, at=NOON + KEPT_MS + 1)))
    assert found_codes(intake.latest["d"])[Code.DATA_NOT_SENT].since == NOON + KEPT_MS + 1
    intake.remove(frozenset({"d"}))
    await offer(intake, report(NOON + KEPT_MS + 2))
    assert Code.DATA_NOT_SENT not in found_codes(intake.latest["d"])


async def test_no_device_fills_the_memory_with_names(sink: OpenSpool) -> None:
    intake = intake_for(sink)
    for poll in range(20):
        sheets = [
            reading(Quantity.SHEETS, 7, NOON + poll, f"size={poll}\n{n}")
            for n in range(limits.COLUMNS_LIMIT // 4)
        ]
        await offer(intake, report(NOON + poll, *sheets))
    assert intake.corrections["d"].left_out <= limits.COLUMNS_LIMIT
    (event,) = (one for one in map(decode_record, sink.bodies(Lane.EVENT)))
    assert isinstance(event, EventRecord)
    assert len(event.conditions[0].evidence) <= limits.EVIDENCE_LIMIT


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, True, 1.5, math.nan, Decimal(1), "用" * 99])
async def test_a_value_that_is_replaced_is_counted(sink: OpenSpool, value: Any) -> None:
    intake = intake_for(sink)
    quantity = Quantity.NOTE if isinstance(value, str) else Quantity.VOLTAGE
    mixed = (reading(quantity, value, NOON), reading(Quantity.FREQUENCY, 50, NOON))
    await offer(intake, report(NOON, *mixed), report(NOON + 1, *mixed))
    assert intake.corrections["d"].to_json() == {"left_out": 0, "replaced": 1, "refused": 0}
    (record,) = map(decode_record, sink.bodies(Lane.DATA))
    assert isinstance(record, DataRecord)
    assert record.values in ([None, 50], ["用" * 33, 50])


async def test_what_is_replaced_in_an_event_is_counted(sink: OpenSpool) -> None:
    intake = intake_for(sink)
    change = {
        "conditions": (
            Condition(code=Code.NOTICE, severity=Severity.INFO, component="a\u200bb"),
            Condition(code=Code.ATTENTION, severity=Severity.INFO, component="tray 1"),
        ),
        "supplies": (Supply(kind="ink", level=101), Supply(kind="ink", name="black\ud800")),
        "identity": Identity(maker="Acme", serial="S" * 200),
    }
    await offer(intake, report(NOON, change=change))
    (event,) = map(decode_record, sink.bodies(Lane.EVENT))
    assert isinstance(event, EventRecord)
    assert [one.component for one in event.conditions] == ["", "tray 1"]
    assert [(one.level, one.name) for one in event.supplies] == [(None, ""), (None, "black?")]
    assert (event.identity.maker, event.identity.serial) == ("Acme", "S" * 100)
    assert intake.corrections["d"].replaced == 4


@pytest.mark.parametrize("at", [-2, limits.BOOT_LIMIT_MS])
async def test_a_record_that_is_refused_as_a_whole_is_announced(sink: OpenSpool, at: int) -> None:
    intake = intake_for(sink)
    two = (reading(Quantity.VOLTAGE, 1, at), reading(Quantity.FREQUENCY, 50, at))
    generation = sink.generation
    with capture_logs() as logs:
        await offer(intake, report(at, *two), report(at + 1, *two))
    assert [line["event"] for line in logs] == ["records_refused"]
    gaps = {gap.lane: gap for gap in sink.gaps()}
    assert sink.generation == generation, "all is not sent again for what would be refused again"
    assert {(gap.reason, gap.lane, gap.records, gap.readings) for gap in gaps.values()} == {
        ("invalid", Lane.EVENT, 2, 0),  # the condition came with the second
        ("invalid", Lane.DATA, 1, 2),
    }
    assert sink.spool.stats().accepted[Lane.DATA] == 1
    assert sum(sink.spool.stats().dropped.values()) == 0, "the spool is not full"
    shown = found_codes(intake.latest["d"])[Code.DATA_NOT_SENT]
    assert [(one.value, one.meaning.id) for one in shown.evidence] == [
        ("3", "evidence.records_refused")
    ]


async def test_a_report_that_breaks_costs_its_device_only_and_is_announced(sink: OpenSpool) -> None:
    intake = intake_for(sink)
    broken = report(NOON, reading(Quantity.VOLTAGE, 1, NOON), change={"conditions": (None,)})
    with capture_logs() as logs:
        for n in range(3):
            await offer(intake, replace(broken, at=NOON + n), replace(report(NOON), device="e"))
    assert [line["event"] for line in logs] == ["report_not_readable"], "once"
    assert {(gap.lane, gap.records, gap.readings) for gap in sink.gaps()} == {
        (Lane.EVENT, 3, 0),
        (Lane.DATA, 3, 3),
    }
    (event,) = map(decode_record, sink.bodies(Lane.EVENT))
    assert isinstance(event, EventRecord)
    assert event.device == "e"


hostile_texts = st.sampled_from(
    ["", "a", "size=A4", "\0", "a\nb", "\x1b[2J", "\u202ee", "\ud800", "x" * 101, "用" * 5_000]
) | st.text(max_size=8)
hostile_integers = st.sampled_from(
    [0, -1, 2**31, 2**42 - 1, 2**42, 2**53, 2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 2**64]
) | st.integers(-100, 100)
hostile_values: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.floats() | hostile_integers | hostile_texts | st.decimals()
)
hostile_readings = st.builds(
    Reading,
    quantity=st.sampled_from(Quantity),
    value=hostile_values,
    resolution=hostile_integers,
    part=hostile_texts,
    at=st.integers(0, 10_000) | hostile_integers,
    quality=st.sampled_from(Quality),
)
hostile_reports = st.builds(
    Report,
    device=st.just("d"),
    at=st.integers(0, 10_000) | hostile_integers,
    clock=st.just(Clock(boot=BOOT.hex() * 2, offset=None)),
    reachability=st.sampled_from(Reachability),
    identity=st.builds(Identity, maker=hostile_texts, serial=hostile_texts),
    readings=st.lists(
        hostile_readings, max_size=12, unique_by=lambda r: (r.quantity, r.part, r.resolution)
    ).map(tuple),
    conditions=st.lists(
        st.builds(
            Condition,
            code=st.sampled_from(Code),
            severity=st.sampled_from(Severity),
            component=hostile_texts,
            message=hostile_texts.map(verbatim),
            since=st.none() | hostile_integers,
        ),
        max_size=4,
    ).map(tuple),
    supplies=st.lists(
        st.builds(
            Supply,
            kind=hostile_texts,
            name=hostile_texts,
            level=st.none() | hostile_integers,
            capacity=st.none() | hostile_integers,
        ),
        max_size=3,
    ).map(tuple),
)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(one=hostile_reports)
async def test_whatever_a_driver_reports_every_reading_is_sent_or_accounted_for(
    tmp_path_factory: pytest.TempPathFactory, one: Report
) -> None:
    sink = OpenSpool(tmp_path_factory.mktemp("spool"))
    intake = intake_for(sink)
    with capture_logs():
        await offer(intake, one)
    sent = 0
    for lane in (Lane.EVENT, Lane.DATA, Lane.BOUNDARY):
        for pending in sink.spool.pending(lane, after=0, limit_bytes=1 << 30):
            record = read_record(pending.body, lane)
            assert not isinstance(record, Flaw), record
            if isinstance(record, DataRecord):
                (table,) = sink.spool.tables([record.table])
                assert table_flaw(table) is None
                sent += len(record.values)
    gaps = sink.gaps()
    corrections = intake.corrections["d"]
    lost = sum(gap.readings for gap in gaps)
    assert sent + lost + corrections.left_out == len(one.readings)
    stats = sink.spool.stats()
    numbers = sum(stats.accepted[lane] for lane in (Lane.EVENT, Lane.DATA, Lane.BOUNDARY))
    pending_records = sum(n for lane, n in stats.records.items() if lane is not Lane.GAP)
    assert numbers == pending_records + sum(gap.records for gap in gaps)
    assert corrections.refused == sum(gap.records for gap in gaps)
    visible = corrections.left_out or corrections.refused
    found = Code.DATA_NOT_SENT in found_codes(intake.latest["d"])
    if any(each.code is Code.DATA_NOT_SENT for each in one.conditions):  # a driver says so itself
        assert found or not visible
    else:
        assert bool(visible) == found
    sink.spool.close()


# --- records of no device ---------------------------------------------------------------------


def large_configuration() -> Configuration:
    """A valid configuration whose text hardly becomes smaller when it is compressed."""
    rng = random.Random(3)
    document: dict[str, Any] = {
        "version": 1,
        "site": {"time_zone": "Asia/Tokyo"},
        "devices": [
            {
                "name": f"d{n}",
                "url": f"snmp://{rng.randbytes(60).hex()}:161",
                "label": rng.randbytes(50).hex(),
            }
            for n in range(600)
        ],
    }
    return read(json.dumps(document).encode(), "gateway.yaml")


def test_a_configuration_of_the_usual_size_is_sent() -> None:
    assert is_sendable(read(GOOD.encode(), "gateway.yaml"))


async def test_a_configuration_that_fits_no_record_is_announced(tmp_path: Path) -> None:
    configuration = large_configuration()
    assert not is_sendable(configuration)
    async with await SpoolWriter.open(tmp_path, boot=BOOT, limits=LIMITS) as writer:
        for at in (NOON, NOON + 1):
            with capture_logs() as logs:
                assert not await record_configuration(writer, configuration, at, "root")
            assert [line["event"] for line in logs] == ["record_refused"] * (at == NOON), "once"
        entries = baseline_records(configuration, [ClockRecord(0, 1_800_000_000_000, True)], 1, "")
        await writer.append(entries)
        await writer.call(lambda spool: spool.seal_gaps())
        pending = await writer.call(lambda s: s.pending(Lane.GAP, after=0, limit_bytes=1 << 20))
    (gap,) = (decode_record(one.body) for one in pending)
    assert isinstance(gap, GapRecord)
    assert (gap.lane, gap.reason, gap.records) == (Lane.EVENT, "invalid", 2)


def test_a_clock_that_a_portal_would_refuse_is_announced() -> None:
    assert not clock_entry(ClockRecord(0, 1_800_000_000_000, True), 5).refused
    with capture_logs() as logs:
        assert clock_entry(ClockRecord(0, 2**62, True), 5).refused
    assert [line["event"] for line in logs] == ["record_refused"]
