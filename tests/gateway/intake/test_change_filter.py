from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_link.columns import cells
from cloud_link.limits import COLUMNS_LIMIT
from cloud_link.records import DataRecord, decode_record
from cloud_link.wire import Lane
from console.text import verbatim
from drivers.report import (
    Code,
    Condition,
    Evidence,
    EvidenceKind,
    Identity,
    Kind,
    PartError,
    Quality,
    Quantity,
    Reachability,
    Severity,
    State,
    Supply,
    check_part,
)
from gateway.intake.change_filter import ChangeFilter
from tests.gateway.intake.reports import (
    HEARTBEAT,
    NOON,
    UTC,
    Value,
    events,
    keep,
    parts_of,
    reading,
    report,
    told,
    volts,
)


def has_part(quantity: Quantity, part: str) -> bool:
    try:
        check_part(quantity, part)
    except PartError:
        return False
    return True


def test_only_what_changed_is_sent_and_everything_once_a_heartbeat() -> None:
    change_filter = ChangeFilter(UTC, HEARTBEAT)
    assert parts_of(keep(change_filter, volts(NOON, 1, 2, 3))) == ["l1", "l2", "l3"]
    assert keep(change_filter, volts(NOON + 1_000, 1, 2, 3)) == ()
    assert told(keep(change_filter, volts(NOON + 2_000, 1, 9, 3))) == [("voltage", "l2", 9, "good")]
    assert parts_of(keep(change_filter, volts(NOON + HEARTBEAT - 1, 1, 9, 3))) == []
    assert parts_of(keep(change_filter, volts(NOON + HEARTBEAT, 1, 9, 3))) == ["l1", "l2", "l3"]


@pytest.mark.req("C-20")
def test_a_missing_value_travels_as_such_and_its_reason_is_a_change() -> None:
    change_filter = ChangeFilter(UTC, HEARTBEAT)
    keep(change_filter, volts(NOON, 0, 2, 3))
    gone = volts(NOON + 1, None, 2, 3)
    assert told(keep(change_filter, gone)) == [("voltage", "l1", None, "not_available")]
    assert keep(change_filter, volts(NOON + 2, None, 2, 3)) == ()
    other = replace(gone.readings[0], quality=Quality.OUT_OF_RANGE, at=NOON + 3)
    changed = replace(
        volts(NOON + 3, 1, 2, 3), readings=(other, *volts(NOON + 3, 0, 2, 3).readings[1:])
    )
    assert told(keep(change_filter, changed)) == [("voltage", "l1", None, "out_of_range")]
    assert told(keep(change_filter, volts(NOON + 4, 0, 2, 3))) == [("voltage", "l1", 0, "good")]


def test_what_is_not_accepted_is_offered_again() -> None:
    change_filter = ChangeFilter(UTC, HEARTBEAT)
    keep(change_filter, volts(NOON, 1, 2, 3))
    change_filter.select(volts(NOON + 1, 5, 2, 3))  # and the spool refused
    assert parts_of(keep(change_filter, volts(NOON + 2, 5, 2, 3))) == ["l1"]


def test_after_a_gap_everything_is_sent_again_and_an_offer_from_before_it_counts_for_nothing() -> (
    None
):
    change_filter = ChangeFilter(UTC, HEARTBEAT)
    keep(change_filter, volts(NOON, 1, 2, 3))
    late = change_filter.select(volts(NOON + 1, 5, 2, 3))
    change_filter.reset()
    change_filter.commit(late)
    entries = keep(change_filter, volts(NOON + 2, 5, 2, 3))
    assert parts_of(entries) == ["l1", "l2", "l3"]
    assert len(events(entries)) == 1


def test_a_series_read_by_two_groups_is_compared_with_itself() -> None:
    change_filter = ChangeFilter(UTC, HEARTBEAT)
    hertz = reading(Quantity.FREQUENCY, 50, NOON)
    fast, both = volts(NOON, 1, 2, 3), volts(NOON, 1, 2, 3)
    both = replace(both, readings=(hertz, *both.readings))
    keep(change_filter, both)
    keep(change_filter, fast)
    keep(change_filter, volts(NOON + 1, 7, 2, 3))
    entries = keep(change_filter, replace(both, at=NOON + 2))
    assert told(entries) == [("voltage", "l1", 1, "good")]


def test_values_that_cannot_travel_are_out_of_range() -> None:
    change_filter = ChangeFilter(UTC, HEARTBEAT)
    entries = keep(change_filter, volts(NOON, 2**63, -(2**63), 2**63 - 1))
    assert [(value, quality) for _, _, value, quality in told(entries)] == [
        (None, "out_of_range"),
        (-(2**63), "good"),
        (2**63 - 1, "good"),
    ]
    note = reading(Quantity.NOTE, "x" * 5_000, NOON)
    ((_, _, text, _),) = told(keep(change_filter, report(NOON + 1, note)))
    assert isinstance(text, str)
    assert len(text) == 100


def test_a_wide_device_is_split_into_several_records() -> None:
    change_filter = ChangeFilter(UTC, HEARTBEAT)
    columns = [
        (quantity, f"{key}={n}")
        for quantity in Quantity
        for key in ("channel", "string")
        for n in range(1, 100)
        if quantity.kind is not Kind.TEXT and has_part(quantity, f"{key}={n}")
    ][: 2 * COLUMNS_LIMIT + 7]
    wide = report(
        NOON,
        *(reading(quantity, 2**62 + n, NOON, part) for n, (quantity, part) in enumerate(columns)),
    )
    entries = keep(change_filter, wide)
    data = [entry for entry in entries if entry.lane is Lane.DATA]
    assert [entry.readings for entry in data] == [COLUMNS_LIMIT, COLUMNS_LIMIT, 7]


def test_a_column_that_a_portal_refuses_is_left_out_and_counted() -> None:
    change_filter = ChangeFilter(UTC, HEARTBEAT)
    long = f"size={'x' * 100}"
    for poll in range(2):
        sheets = [
            reading(Quantity.SHEETS, poll, NOON + poll, part)
            for part in ("", long, "size=A4", "size=\u202eA4")
        ]
        changes = change_filter.select(report(NOON + poll, *sheets))
        change_filter.commit(changes)
        assert change_filter.corrections["d"].left_out == 2
        assert [(part, value) for _, part, value, _ in told(changes.entries)] == [
            ("", poll),
            ("size=A4", poll),
        ]


def test_times_of_several_transactions_are_kept() -> None:
    change_filter = ChangeFilter(UTC, HEARTBEAT)
    readings = [
        reading(Quantity.VOLTAGE, n, NOON + 10 * (n // 2), f"string={n + 1}") for n in range(6)
    ]
    (entry,) = (e for e in keep(change_filter, report(NOON, *readings)) if e.lane is Lane.DATA)
    record = decode_record(entry.body)
    assert isinstance(record, DataRecord)
    assert entry.table is not None
    assert [cell.at - NOON for cell in cells(entry.table, record)] == [0, 0, 10, 10, 20, 20]


JAM = Condition(code=Code.MEDIA_JAM, severity=Severity.ERROR, component="tray 1", since=1)


@pytest.mark.parametrize(
    ("change", "edge"),
    [
        ({"conditions": (JAM,)}, True),
        ({"state": State.ERROR}, True),
        ({"identity": Identity(serial="7")}, True),
        ({"supplies": (Supply(kind="toner", level=9),)}, True),
        ({"reachability": Reachability.UNREACHABLE}, True),
        ({}, False),
    ],
)
def test_an_edge_sends_the_devices_whole_state(change: dict[str, Any], edge: bool) -> None:
    change_filter = ChangeFilter(UTC, HEARTBEAT)
    assert len(events(keep(change_filter, report(NOON)))) == 1
    found = events(keep(change_filter, report(NOON + 1, change=change)))
    assert len(found) == edge
    assert events(keep(change_filter, report(NOON + 2, change=change))) == []
    assert len(events(keep(change_filter, report(NOON + HEARTBEAT + 1, change=change)))) == 1


def test_severity_is_an_edge_and_words_are_not() -> None:
    change_filter = ChangeFilter(UTC, HEARTBEAT)
    keep(change_filter, report(NOON, change={"conditions": (JAM,)}))
    seen = Evidence(kind=EvidenceKind.OID, address="1.3.6", value="8")
    words = replace(JAM, message=verbatim("sheet 4711"), evidence=(seen,))
    assert events(keep(change_filter, report(NOON + 1, change={"conditions": (words,)}))) == []
    graver = replace(JAM, severity=Severity.SERVICE_CALL)
    (event,) = events(keep(change_filter, report(NOON + 2, change={"conditions": (graver,)})))
    assert event.conditions[0].severity == "service_call"
    assert event.conditions[0].since == 1
    assert events(keep(change_filter, report(NOON + 3)))[0].conditions == ()


def test_hundreds_of_conditions_are_cut_to_the_gravest() -> None:
    change_filter = ChangeFilter(UTC, HEARTBEAT)
    many = tuple(
        Condition(
            code=Code.ATTENTION,
            severity=Severity.ERROR if n == 499 else Severity.INFO,
            component=f"c{n}",
            message=verbatim("m" * 300),
        )
        for n in range(500)
    )
    (event,) = events(keep(change_filter, report(NOON, change={"conditions": many})))
    assert len(event.conditions) == 100
    assert event.conditions[0].component == "c499"


values = st.lists(
    st.tuples(*[st.one_of(st.none(), st.integers(0, 2), st.integers(2**62, 2**64))] * 3),
    min_size=1,
    max_size=30,
)


@given(values, st.data())
def test_whoever_applies_what_was_sent_knows_what_was_read(
    rows: list[tuple[int | None, ...]], data: st.DataObject
) -> None:
    change_filter = ChangeFilter(UTC, HEARTBEAT)
    known: dict[str, tuple[Value, str]] = {}
    at = NOON
    for row in rows:
        at += data.draw(st.integers(1, HEARTBEAT))
        now = volts(at, *row)
        changes = change_filter.select(now)
        match data.draw(st.sampled_from(["sent", "sent", "sent", "refused", "gap"])):
            case "sent":
                change_filter.commit(changes)
            case "refused":
                continue
            case "gap":
                change_filter.commit(changes)
                change_filter.reset()
                known.clear()
                continue
        known.update((part, (value, quality)) for _, part, value, quality in told(changes.entries))
        for r in now.readings:
            fits = r.value is None or (isinstance(r.value, int) and r.value < 2**63)
            expected = (r.value, r.quality.value) if fits else (None, "out_of_range")
            assert known[r.part] == expected
