from __future__ import annotations

import pytest

from console.templates import condition, evidence
from console.text import NO_MESSAGE, Message, verbatim
from drivers.report import (
    Clock,
    Code,
    Condition,
    Evidence,
    EvidenceKind,
    Identity,
    Observation,
    Reachability,
    Severity,
    State,
    Supply,
)
from gateway.polling.device_state import (
    ERROR_LIMIT,
    IDENTITY_CLEARS_AFTER_MS,
    LATE_CLEARS_AFTER_MS,
    DeviceView,
)
from protocols.errors import (
    ErrorResponse,
    InvalidResponse,
    ProtocolError,
    Timeout,
    Unreachable,
)

CLOCK = Clock(boot="0" * 32, offset=None)
JAM = Condition(code=Code.MEDIA_JAM, severity=Severity.ERROR, component="tray 2")
SILENT = Timeout(
    verbatim("no answer"), where="tcp host:502 unit 3", next_step=verbatim("check the wiring")
)


def test_what_a_read_did_not_ask_for_stays_as_it_was() -> None:
    view = DeviceView("d")
    identity = Identity(maker="Acme", serial="1")
    supplies = (Supply(kind="toner", level=50),)
    view.observed(
        Observation(state=State.RUNNING, identity=identity, conditions=(JAM,), supplies=supplies),
        10,
        CLOCK,
    )
    report = view.observed(Observation(), 20, CLOCK)
    assert report.state is State.RUNNING
    assert report.identity == identity
    assert report.supplies == supplies
    assert [c.key for c in report.conditions] == [JAM.key]


def test_since_is_kept_while_the_condition_lasts_whatever_its_severity() -> None:
    view = DeviceView("d")
    view.observed(Observation(conditions=(JAM,)), 10, CLOCK)
    graver = Condition(
        code=Code.MEDIA_JAM,
        severity=Severity.SERVICE_CALL,
        component="tray 2",
        message=verbatim("again"),
    )
    (found,) = view.observed(Observation(conditions=(graver,)), 20, CLOCK).conditions
    assert (found.since, found.severity) == (10, Severity.SERVICE_CALL)
    assert view.observed(Observation(conditions=()), 30, CLOCK).conditions == ()
    (found,) = view.observed(Observation(conditions=(JAM,)), 40, CLOCK).conditions
    assert found.since == 40


def test_what_is_wrong_with_another_device_began_with_it() -> None:
    view = DeviceView("d")
    view.observed(Observation(identity=Identity(serial="1"), conditions=(JAM,)), 10, CLOCK)

    report = view.observed(Observation(identity=Identity(serial="2"), conditions=(JAM,)), 20, CLOCK)

    assert {c.code: c.since for c in report.conditions} == {
        Code.MEDIA_JAM: 20,
        Code.IDENTITY_CHANGED: 20,
    }


@pytest.mark.req("C-17")
def test_conditions_are_frozen_while_the_device_is_silent() -> None:
    view = DeviceView("d")
    view.observed(Observation(conditions=(JAM,)), 10, CLOCK)
    report = view.failed(SILENT, 20, CLOCK)
    assert report.reachability is Reachability.UNREACHABLE
    assert [(c.code, c.since) for c in report.conditions] == [
        (Code.MEDIA_JAM, 10),
        (Code.COMM_TIMEOUT, 20),
    ]
    (seen,) = report.conditions[1].evidence
    assert (seen.kind, seen.address) == (EvidenceKind.EXCHANGE, "tcp host:502 unit 3")
    assert report.conditions[1].message == verbatim("no answer")
    assert report.conditions[1].next_step == verbatim("check the wiring")
    later = view.failed(SILENT, 30, CLOCK)
    assert later.conditions is report.conditions
    back = view.observed(Observation(), 40, CLOCK)
    assert [c.code for c in back.conditions] == [Code.MEDIA_JAM]


@pytest.mark.req("C-17")
def test_a_device_that_never_answered_is_told_from_one_that_fell_silent() -> None:
    view = DeviceView("d")
    assert view.failed(SILENT, 1, CLOCK).reachability is Reachability.NEVER
    view.observed(Observation(), 2, CLOCK)
    assert view.failed(SILENT, 3, CLOCK).reachability is Reachability.UNREACHABLE


def test_our_own_fault_does_not_speak_for_the_device() -> None:
    view = DeviceView("d")
    view.observed(Observation(state=State.READY), 1, CLOCK)
    report = view.faulted(KeyError("x" * 1000), 2, CLOCK)
    assert report.reachability is Reachability.ONLINE
    assert report.state is State.READY
    (found,) = report.conditions
    assert (found.code, found.message) == (Code.DRIVER_FAULT, condition.INTERNAL_ERROR())
    (seen,) = found.evidence
    assert seen == Evidence(
        kind=EvidenceKind.GATEWAY, meaning=evidence.LONG_EXCEPTION(name="KeyError", n=1002)
    )


def test_the_text_of_our_own_fault_is_shown_whole_or_not_at_all() -> None:
    for text in ("", "x", "x" * ERROR_LIMIT):
        report = DeviceView("d").faulted(ValueError(text), 1, CLOCK)
        ((seen,),) = (found.evidence for found in report.conditions)
        assert seen.meaning == evidence.EXCEPTION(name="ValueError", text=text)
    report = DeviceView("d").faulted(ValueError("x" * (ERROR_LIMIT + 1)), 1, CLOCK)
    ((seen,),) = (found.evidence for found in report.conditions)
    assert "xx" not in str(seen.meaning)
    assert str(ERROR_LIMIT + 1) in str(seen.meaning)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (Unreachable(verbatim("no route"), where="d"), evidence.CONNECTION_FAILED()),
        (Timeout(verbatim("no answer"), where="d"), evidence.NO_RESPONSE()),
        (
            ErrorResponse(
                code=2, reason=verbatim("a"), what=verbatim("b"), where="d", next_step=NO_MESSAGE
            ),
            evidence.REFUSED(),
        ),
        (
            InvalidResponse(expected=verbatim("a"), came=verbatim("b"), where="d"),
            evidence.GARBLED(),
        ),
    ],
)
def test_evidence_of_a_failed_poll_says_how_it_ended_in_words(
    error: ProtocolError, outcome: Message
) -> None:
    report = DeviceView("d").failed(error, 1, CLOCK)
    ((seen,),) = (found.evidence for found in report.conditions)
    assert (seen.label, seen.value, seen.meaning) == ("", "", outcome)


def test_evidence_of_late_polls_counts_them() -> None:
    view = DeviceView("d")
    view.late(3, 1)
    report = view.observed(Observation(), 2, CLOCK)
    ((seen,),) = (found.evidence for found in report.conditions)
    assert seen == Evidence(kind=EvidenceKind.GATEWAY, meaning=evidence.MISSED_POLLS(n=3))


def test_another_serial_at_the_same_address_is_told() -> None:
    view = DeviceView("d")
    view.observed(Observation(identity=Identity(serial="A1")), 1, CLOCK)
    report = view.observed(Observation(identity=Identity(serial="B2")), 2, CLOCK)
    (found,) = report.conditions
    assert found.code is Code.IDENTITY_CHANGED
    assert found.evidence == (
        Evidence(
            kind=EvidenceKind.GATEWAY,
            value="B2",
            meaning=evidence.SERIAL(previous="A1"),
        ),
    )
    assert found.source == "B2 (serial number, previously A1)"


def test_an_exchanged_meter_is_told_for_a_day() -> None:
    view = DeviceView("main")
    seen = Observation(identity=Identity(serial="B2"))
    view.observed(Observation(identity=Identity(serial="A1")), 1, CLOCK)
    view.observed(seen, 2, CLOCK)
    day = IDENTITY_CLEARS_AFTER_MS
    assert [c.code for c in view.observed(seen, day, CLOCK).conditions] == [Code.IDENTITY_CHANGED]
    assert view.observed(seen, day + 2, CLOCK).conditions == ()


def test_what_the_driver_says_itself_is_not_said_twice() -> None:
    view = DeviceView("d")
    view.observed(Observation(identity=Identity(serial="A1")), 1, CLOCK)
    own = Condition(
        code=Code.IDENTITY_CHANGED, severity=Severity.WARNING, message=verbatim("its words")
    )
    seen = Observation(identity=Identity(serial="B2"), conditions=(own,))
    (found,) = view.observed(seen, 2, CLOCK).conditions
    assert found.message == verbatim("its words")


def test_being_late_clears_after_a_while_on_time() -> None:
    view = DeviceView("d")
    assert view.late(1, 100)
    assert not view.late(1, 200)
    assert [c.code for c in view.observed(Observation(), 300, CLOCK).conditions] == [Code.POLL_LATE]
    later = view.observed(Observation(), 200 + LATE_CLEARS_AFTER_MS, CLOCK)
    assert later.conditions == ()
