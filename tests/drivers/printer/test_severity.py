"""The tables of severities, against the standard's numbers and a second reading of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from drivers.printer.severity.alert_codes import ALERT_CODES, FINISHERS, UNLISTED, Group, meaning
from drivers.printer.severity.alert_severity import FIELD_SERVICE, Level, severity
from drivers.printer.severity.detected_errors import (
    DETECTED_ERRORS,
    DOWN,
    WARNING,
    detected,
    severity_of,
)
from drivers.printer.severity.pjl import pjl_status
from drivers.report import Code, Severity

SHARED = Path(__file__).parents[4] / "shared" / "normalization.json"
MISNAMED = range(3, 19)
"""There the generic codes bear the names of the finishers that stand in the registry after them."""
LEVELS = {
    "critical": Level.CRITICAL,
    "warningBinary": Level.WARNING_BINARY,
    "warningUnary": Level.WARNING_UNARY,
    "other": Level.OTHER,
}
TRAINED = 4


def test_there_are_as_many_codes_as_the_registry_has() -> None:
    assert len(ALERT_CODES) == 707
    assert sum(code in FINISHERS for code in ALERT_CODES) == 17 * 36


@pytest.mark.skipif(not SHARED.exists(), reason=f"NO SECOND READING of the codes at {SHARED}")
def test_codes_and_severities_are_those_of_the_second_reading() -> None:
    rows = json.loads(SHARED.read_text("utf-8"))["codes"]

    assert {row["code"] for row in rows} == set(ALERT_CODES)
    for row in rows:
        known = ALERT_CODES[row["code"]]
        assert known.kind == row["class"], row
        if row["code"] not in MISNAMED:
            assert known.name == row["name"]
        for name, level in LEVELS.items():
            assert severity(known.kind, level, TRAINED) == row[name], row
            assert severity(known.kind, level, FIELD_SERVICE) == row[f"{name}+fieldService"], row


def test_a_code_means_what_the_group_makes_of_it() -> None:
    empty = {group: meaning(13, group).code for group in Group}

    assert empty[Group.INPUT] is Code.MEDIA_EMPTY
    assert empty[Group.SUPPLIES] is Code.SUPPLY_EMPTY
    assert meaning(15, Group.SUPPLIES).code is Code.WASTE_FULL
    assert meaning(15, Group.OUTPUT).code is Code.OUTPUT_FULL
    assert meaning(9, Group.INPUT).code is Code.TRAY_MISSING
    assert meaning(32767, Group.INPUT) == UNLISTED


def test_a_finisher_s_codes_repeat_the_generic_ones() -> None:
    assert ALERT_CODES[30208].name == "staplerJam"
    assert meaning(30208, Group.FINISHER).code is Code.MEDIA_JAM
    assert ALERT_CODES[31838].name == "inserterThermistorFailure"
    assert meaning(30213, Group.FINISHER_SUPPLY).code is Code.SUPPLY_EMPTY


def test_a_jam_somebody_trained_can_clear_is_no_service_call() -> None:
    jam = meaning(8, Group.MEDIA_PATH).kind

    assert severity(jam, Level.CRITICAL, TRAINED) is Severity.ERROR
    assert severity(jam, Level.CRITICAL, FIELD_SERVICE) is Severity.SERVICE_CALL


def test_a_level_nobody_knows_is_as_light_as_other() -> None:
    assert severity(meaning(8, Group.MEDIA_PATH).kind, 77, 88) is Severity.INFO


@pytest.mark.parametrize(
    ("octets", "names"),
    [
        (b"", []),
        (b"\x00", []),
        (b" ", ["lowToner"]),
        (b"\x04", ["jammed"]),
        (b"\x80\x00", ["lowPaper"]),
        (b"\x00\x04", ["inputTrayEmpty"]),
        (b"\x00\x01", []),
        (b"\xff\xff\xff", [error.name for error in DETECTED_ERRORS]),
    ],
)
def test_detected_errors_are_bits_from_the_left_of_none_one_or_two_octets(
    octets: bytes, names: list[str]
) -> None:
    assert [error.name for error in detected(octets)] == names


def test_service_requested_is_as_grave_as_the_device_s_status() -> None:
    (service,) = detected(b"\x01")

    assert severity_of(service, DOWN) is Severity.SERVICE_CALL
    assert severity_of(service, WARNING) is Severity.ERROR
    assert severity_of(service, 2) is severity_of(service, None) is Severity.WARNING


@pytest.mark.parametrize(
    ("status", "code", "grave"),
    [
        (40000, Code.NOTICE, Severity.INFO),
        (40010, Code.SUPPLY_EMPTY, Severity.ERROR),
        (41213, Code.MEDIA_EMPTY, Severity.ERROR),
        (42001, Code.MEDIA_JAM, Severity.ERROR),
        (50123, Code.HARDWARE_FAILURE, Severity.SERVICE_CALL),
    ],
)
def test_pjl_codes_by_family_and_by_number(status: int, code: Code, grave: Severity) -> None:
    known = pjl_status(status)

    assert known is not None
    assert (known.code, known.severity) == (code, grave)


def test_a_place_is_no_pjl_code_nor_is_an_error_of_a_job() -> None:
    assert pjl_status(2) is None
    assert pjl_status(-2) is None
    assert pjl_status(20007) is None
