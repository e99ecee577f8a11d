"""One set of conditions out of what several sources say, and what the printer is doing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.printer.conditions import Status, conditions, state
from drivers.printer.fault import PrinterFault
from drivers.printer.severity.detected_errors import DETECTED_ERRORS
from drivers.report import Code, Evidence, EvidenceKind, Severity, State

CALM = Status(device=2, printer=3, errors=b"\0")


def fault(
    code: Code,
    severity: Severity,
    component: str = "",
    *,
    tentative: bool = False,
    low_priority: bool = False,
) -> PrinterFault:
    return PrinterFault(
        code=code,
        severity=severity,
        component=component,
        evidence=(Evidence(kind=EvidenceKind.OID, label=f"{code} {component}"),),
        tentative=tentative,
        low_priority=low_priority,
    )


@given(st.binary(max_size=3), st.sampled_from([None, 1, 2, 3, 4, 5]))
def test_every_bit_is_told_and_what_tells_it_is_kept(octets: bytes, device: int | None) -> None:
    found = conditions([], Status(device=device, printer=3, errors=octets))

    sources = " ".join(condition.source for condition in found)
    for error in DETECTED_ERRORS:
        place, bit = divmod(error.bit, 8)
        is_set = place < len(octets) and bool(octets[place] & 0x80 >> bit)
        assert is_set == (f"bit {error.bit}, {error.name}," in sources)


def test_two_sources_of_one_fact_are_one_condition_with_both_as_evidence() -> None:
    jam = fault(Code.MEDIA_JAM, Severity.WARNING, "path 1")

    (found,) = conditions([jam], replace(CALM, errors=b"\x04"))

    assert (found.severity, found.component) == (Severity.ERROR, "path 1")
    assert "media.jam path 1" in found.source
    assert "bit 5, jammed" in found.source


def test_a_bit_joins_the_likeliest_part_not_the_slot_for_single_sheets() -> None:
    slot = fault(Code.MEDIA_EMPTY, Severity.INFO, "input 1", tentative=True, low_priority=True)
    cassette = fault(Code.MEDIA_EMPTY, Severity.INFO, "input 2")

    (found,) = conditions([slot, cassette], replace(CALM, errors=b"\x40"))

    assert (found.component, found.severity) == ("input 2", Severity.ERROR)


def test_service_requested_is_told_by_what_is_broken() -> None:
    broken = fault(Code.HARDWARE_FAILURE, Severity.ERROR, "marker 1", tentative=True)

    (found,) = conditions([broken], Status(device=5, printer=1, errors=b"\x01"))

    assert (found.code, found.severity) == (Code.HARDWARE_FAILURE, Severity.SERVICE_CALL)


def test_a_warning_that_nothing_explains_is_told_as_such() -> None:
    (found,) = conditions([], Status(device=3, printer=3, errors=b""))

    assert (found.code, found.severity) == (Code.ATTENTION, Severity.WARNING)
    assert conditions([], Status(device=5, printer=1))[0].severity is Severity.ERROR


def test_a_warning_promotes_what_was_too_quiet_to_be_told() -> None:
    low = fault(Code.SUPPLY_LOW, Severity.WARNING, "toner black", tentative=True)

    assert conditions([low], CALM) == ()
    (found,) = conditions([low], replace(CALM, device=3))
    assert (found.code, found.component) == (Code.SUPPLY_LOW, "toner black")
    assert "hrDeviceStatus" in found.source


@pytest.mark.req("E-30")
@pytest.mark.parametrize(
    ("device", "printer", "errors", "said"),
    [
        (2, 3, b"\0", State.READY),
        (2, 4, b"\0", State.RUNNING),
        (3, 4, b"\x20", State.RUNNING),
        (5, 4, b"\x04", State.ERROR),
        (5, 1, b"\x04", State.ERROR),
        (3, 3, b"\x20", State.READY),
        (3, 3, b"\x08", State.ERROR),
        (2, 1, b"\0", State.READY),
        (2, 5, b"\0", State.OTHER),
        (3, 1, b"\x02", State.OTHER),
        (4, 3, b"\0", State.OTHER),
        (2, None, None, State.READY),
        (None, None, None, State.OTHER),
        (1, 2, b"", State.OTHER),
    ],
)
def test_what_it_is_doing(
    device: int | None, printer: int | None, errors: bytes | None, said: State
) -> None:
    status = Status(device=device, printer=printer, errors=errors)

    assert state(status, conditions([], status)) is said
