"""Events of reports that are too large for a record: whole entries are left out."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_link.limits import RECORD_LIMIT
from cloud_link.records import (
    EventRecord,
    decode_record,
    readable_evidence,
)
from cloud_link.validation import record_flaw
from console.templates import condition as templates
from console.templates import evidence
from console.text import verbatim
from drivers.printer import alerts
from drivers.printer.conditions import Status, conditions
from drivers.printer.mib import Index, Row
from drivers.report import (
    Clock,
    Code,
    Condition,
    Evidence,
    EvidenceKind,
    Identity,
    Reachability,
    Report,
    Severity,
    Supply,
)
from gateway.intake.event_size import event_body

HOSTILE = "; ' \" 「」 \u202e {name} \x1b[31m\n"


def report(*found: Condition, supplies: int = 0) -> Report:
    return Report(
        device="copier",
        at=1,
        clock=Clock(boot="0" * 32, offset=None),
        reachability=Reachability.ONLINE,
        identity=Identity(maker="Acme"),
        conditions=found,
        supplies=(Supply(kind="toner", name="n" * 160),) * supplies,
    )


def sent(of: Report) -> EventRecord:
    body = event_body(of).body
    assert len(body) <= RECORD_LIMIT
    record = decode_record(body)
    assert isinstance(record, EventRecord)
    assert record_flaw(record) is None, "the portal applies it"
    return record


def entry(text: str) -> Evidence:
    return Evidence(kind=EvidenceKind.OID, address="1.3.6.1", value=text)


def test_what_fits_is_sent_whole() -> None:
    seen = tuple(entry(f"{n}{HOSTILE}") for n in range(20))
    jam = Condition(
        code=Code.MEDIA_JAM,
        severity=Severity.ERROR,
        message=templates.PLACED(what=templates.MEDIA_JAM(), place=HOSTILE),
        evidence=seen,
    )
    (told,) = sent(report(jam)).conditions
    assert (told.message_id, told.message) == ("condition.placed", f"paper jam: {HOSTILE}")
    assert told.message_args["place"] == HOSTILE
    assert [one.value for one in readable_evidence(told, 99)] == [one.value for one in seen]


def test_evidence_is_left_out_in_whole_entries_and_counted() -> None:
    seen = tuple(entry("v" * 5_000) for _ in range(19))
    more = Evidence(kind=EvidenceKind.OID, meaning=evidence.LEFT_OUT(n=100))
    jam = Condition(code=Code.MEDIA_JAM, severity=Severity.ERROR, evidence=(*seen, more))
    (told,) = sent(report(jam)).conditions
    *kept, last = readable_evidence(told, 99)
    assert [one.value for one in kept] == ["v" * 5_000] * 3
    assert (last.meaning_id, last.meaning_args) == ("evidence.left_out", {"n": 116})


def test_a_message_that_is_too_long_is_left_out_as_a_whole() -> None:
    long = Condition(code=Code.NOTICE, severity=Severity.INFO, message=verbatim("x" * 70_000))
    jam = Condition(code=Code.MEDIA_JAM, severity=Severity.ERROR, message=verbatim("jam"))
    first, second = sent(report(long, jam)).conditions
    assert (first.code, first.message) == ("media.jam", "jam")
    assert (second.message_id, second.message_args) == ("condition.long_message", {"n": 70_000})


def test_the_most_severe_of_thousands_are_kept() -> None:
    many = [
        Condition(
            code=Code.ATTENTION,
            severity=Severity.ERROR if n == 2_999 else Severity.INFO,
            component=f"cover {n}",
            message=verbatim("m" * 900),
            evidence=(entry("e" * 300),) * 9,
        )
        for n in range(3_000)
    ]
    record = sent(report(*many, supplies=500))
    assert record.conditions[0].component == "cover 2999"
    assert len(record.conditions) >= 30


def test_long_components_that_would_be_the_same_are_one() -> None:
    found = [
        Condition(code=Code.ATTENTION, severity=Severity.ERROR, component="c" * 30_000 + str(n))
        for n in range(3)
    ]
    assert len(sent(report(*found)).conditions) == 1


def test_what_the_portal_would_refuse_an_event_for_is_replaced() -> None:
    odd = Condition(code=Code.ATTENTION, severity=Severity.ERROR, component="tray\u202e1", since=-5)
    mute = Condition(code=Code.NOTICE, severity=Severity.INFO, message=verbatim("\ud800!"))
    assert [one.message for one in sent(report(mute)).conditions] == ["?!"]
    supplies = (
        Supply(kind="ink", level=900, capacity=2**70, name="a\0b"),
        Supply(kind="toner", level=40, capacity=1000),
    )
    record = sent(replace(report(odd), supplies=supplies))
    assert [(c.code, c.component, c.since) for c in record.conditions] == [("attention", "", None)]
    assert [(s.level, s.capacity) for s in record.supplies] == [(None, None), (40, 1000)]


def test_many_entries_of_evidence_are_counted_where_they_are_left_out() -> None:
    seen = tuple(entry(str(n)) for n in range(60))
    jam = Condition(code=Code.MEDIA_JAM, severity=Severity.ERROR, evidence=seen)
    (told,) = sent(report(jam)).conditions
    *kept, last = readable_evidence(told, 99)
    assert [one.value for one in kept] == [str(n) for n in range(49)]
    assert (last.meaning_id, last.meaning_args) == ("evidence.left_out", {"n": 11})


@pytest.mark.parametrize("code", [8, 808, 32_767])
def test_a_printer_with_thousands_of_alerts_and_long_texts_is_still_told(code: int) -> None:
    """Its table is as large as a walk may be (`protocols.snmp.model.ROWS_LIMIT`)."""
    text = (HOSTILE * 400).encode()
    table: dict[Index, Row] = {
        (1, number): Row({2: 3 if number == 2_499 else 5, 4: 6, 5: number % 50, 7: code, 8: text})
        for number in range(2_500)
    }
    printer = alerts.Printer(supplies={}, places={}, pjl=False)
    found = conditions(alerts.faults(table, printer), Status(device=5, errors=b"\xff\xfe"))
    record = sent(report(*found))
    assert "cover 49" in {one.component for one in record.conditions if one.severity == "error"}
    texts = [one.meaning_id for c in record.conditions for one in readable_evidence(c, 99)]
    assert "evidence.left_out" in texts


@settings(max_examples=30)
@given(
    st.lists(
        st.builds(
            Condition,
            code=st.sampled_from(Code),
            severity=st.sampled_from(Severity),
            component=st.integers(0, 10**6).map(lambda n: f"part {n}"),
            message=st.integers(0, 20_000).map(lambda n: verbatim("用" * n)),
            evidence=st.integers(0, 40).map(lambda n: (entry("値" * 300),) * n),
        ),
        max_size=300,
        unique_by=lambda one: one.key,
    )
)
def test_whatever_is_wrong_the_event_fits(found: list[Condition]) -> None:
    record = sent(report(*found))
    assert bool(record.conditions) == bool(found)
