"""The public JSON form: exact numbers, both times, errors that say where."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from console.templates import condition, evidence
from console.text import Duration, verbatim
from drivers import report_schema
from drivers.report import (
    Clock,
    Code,
    Condition,
    Evidence,
    EvidenceKind,
    Identity,
    Kind,
    Quality,
    Quantity,
    Reachability,
    Reading,
    Report,
    Severity,
    State,
    Supply,
    SupplyState,
)
from drivers.report_json import dumps, to_json, utc_text
from drivers.report_reader import ReportJsonError, from_json, loads

SCHEMA_FILE = Path(__file__).parents[2] / "docs" / "reference" / "report.schema.json"
VALIDATOR = Draft202012Validator(report_schema.schema())
BOOT = "0f" * 16


@st.composite
def readings(draw: st.DrawFn) -> Reading:
    quantity = draw(st.sampled_from(Quantity))
    parts = ["", *sorted(quantity.tokens), *(["tariff=2"] if "tariff" in quantity.keys else [])]
    quality = draw(st.sampled_from(Quality))
    value: int | str | None = None
    if quality is Quality.GOOD:
        text = quantity.kind is Kind.TEXT
        value = draw(st.text()) if text else draw(st.integers(-(2**63), 2**64))
    return Reading(
        quantity=quantity,
        value=value,
        at=draw(st.integers(0, 2**45)),
        resolution=draw(st.integers(-9, 6)),
        part=draw(st.sampled_from(parts)),
        quality=quality,
    )


TEXTS = st.text(max_size=12)
MESSAGES = st.one_of(
    TEXTS.map(verbatim),
    TEXTS.map(lambda text: condition.ALERT(name=text)),
    st.integers(0, 2**40).map(lambda n: evidence.LEFT_OUT(n=n)),
    st.floats(0, 1e9).map(lambda s: condition.ALERT(name=(Duration(s), condition.MEDIA_JAM(), s))),
)
CONDITIONS = st.builds(
    Condition,
    code=st.sampled_from(Code),
    severity=st.sampled_from(Severity),
    component=TEXTS,
    message=MESSAGES,
    evidence=st.lists(
        st.builds(
            Evidence,
            kind=st.sampled_from(EvidenceKind),
            address=TEXTS,
            label=TEXTS,
            value=TEXTS,
            meaning=MESSAGES,
            profile=TEXTS,
        ),
        max_size=3,
    ).map(tuple),
    next_step=MESSAGES,
    since=st.none() | st.integers(0, 2**45),
)
SUPPLIES = st.builds(
    Supply,
    kind=TEXTS,
    colour=TEXTS,
    name=TEXTS,
    level=st.none() | st.integers(0, 100),
    capacity=st.none() | st.integers(0, 2**40),
    unit=TEXTS,
    state=st.sampled_from(SupplyState),
)
REPORTS = st.builds(
    Report,
    device=TEXTS,
    at=st.integers(0, 2**45),
    clock=st.builds(
        Clock,
        boot=st.binary(min_size=16, max_size=16).map(bytes.hex),
        offset=st.none() | st.integers(-(2**45), 2**50),
    ),
    reachability=st.sampled_from(Reachability),
    state=st.sampled_from(State),
    identity=st.builds(Identity, maker=TEXTS, model=TEXTS, serial=TEXTS, firmware=TEXTS, mac=TEXTS),
    readings=st.lists(readings(), max_size=4).map(tuple),
    conditions=st.lists(CONDITIONS, max_size=3).map(tuple),
    supplies=st.lists(SUPPLIES, max_size=3).map(tuple),
)


@given(REPORTS, st.sampled_from([None, 0, 2]))
def test_a_report_comes_back_from_its_text_unchanged(report: Report, indent: int | None) -> None:
    text = dumps(to_json(report), indent=indent)
    assert from_json(loads(text)) == report


@given(REPORTS)
def test_every_report_fits_the_published_schema(report: Report) -> None:
    plain = json.loads(dumps(to_json(report)))
    assert [error.message for error in VALIDATOR.iter_errors(plain)] == []


@given(REPORTS)
def test_indented_text_is_what_json_itself_would_write(report: Report) -> None:
    document = to_json(report) | {"readings": []}
    assert dumps(document, indent=2) == json.dumps(document, indent=2, ensure_ascii=False)
    assert dumps(document) == json.dumps(document, ensure_ascii=False)


def test_the_schema_file_is_the_vocabularys() -> None:
    Draft202012Validator.check_schema(report_schema.schema())
    assert SCHEMA_FILE.read_text("utf-8") == report_schema.as_text(), (
        "run python -m drivers.report_schema > docs/reference/report.schema.json"
    )


def sample(**changes: Any) -> Report:
    reading: dict[str, Any] = {
        "quantity": Quantity.VOLTAGE,
        "part": "l1",
        "value": 2301,
        "resolution": -1,
        "at": 5_000,
    }
    return Report(
        device="main-incomer",
        at=5_250,
        clock=Clock(boot=BOOT, offset=1_795_224_794_000),
        reachability=Reachability.ONLINE,
        readings=(Reading(**(reading | changes)),),
    )


@pytest.mark.parametrize(
    ("value", "resolution", "written"),
    [
        (2301, -1, "230.1"),
        (23010, -2, "230.10"),
        (-5, -3, "-0.005"),
        (7, 3, "7000"),
        (0, -1, "0.0"),
        (2**64 - 1, -2, "184467440737095516.15"),
    ],
)
def test_numbers_are_written_digit_for_digit(value: int, resolution: int, written: str) -> None:
    text = dumps(to_json(sample(value=value, resolution=resolution)))
    assert f'"value": {written},' in text


def test_times_are_utc_and_boot_time() -> None:
    document = to_json(sample())
    assert (document["at"], document["at_boot_ms"]) == ("2026-11-21T01:33:19.250Z", 5_250)
    assert document["clock"] == {"boot": BOOT, "offset_ms": 1_795_224_794_000}


def test_while_the_clock_is_unknown_times_are_null_and_boot_times_stay() -> None:
    report = Report(
        device="d", at=9, clock=Clock(boot=BOOT, offset=None), reachability=Reachability.NEVER
    )
    document = to_json(report)
    assert (document["at"], document["at_boot_ms"]) == (None, 9)
    assert from_json(document) == report


def test_a_moment_that_rfc_3339_cannot_say_is_null() -> None:
    assert utc_text(10**18) is None
    assert utc_text(-1) == "1969-12-31T23:59:59.999Z"


@pytest.mark.req("C-20")
def test_a_value_that_could_not_be_had_is_null_with_its_reason() -> None:
    document = to_json(sample(value=None, quality=Quality.NOT_SUPPORTED))
    (reading,) = document["readings"]
    assert (reading["value"], reading["quality"]) == (None, "not_supported")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"quantity": "voltge"}, r"readings\[0\].quantity: 'voltge' .* did you mean 'voltage'"),
        ({"part": "l9"}, r"readings\[0\].part: voltage has no part 'l9'. Use one of l1"),
        ({"value": 230.1}, r"readings\[0\].value: .*float.*report_reader.loads"),
        ({"value": "230"}, r"readings\[0\].value: a number is expected, not str '230'"),
        ({"value": True}, r"readings\[0\].value: a number is expected, not bool"),
        ({"value": Decimal("230.15")}, r"more decimals than resolution -1"),
        ({"value": Decimal("NaN")}, r"readings\[0\].value: NaN is not a number"),
        ({"value": Decimal("1e99999999")}, r"readings\[0\].value: its exponent does not fit"),
        ({"value": Decimal("1e-99999999")}, r"readings\[0\].value: its exponent does not fit"),
        ({"resolution": -99_999_999}, r"readings\[0\].value: its exponent does not fit"),
        ({"value": None}, r"readings\[0\].value: None with quality 'good'"),
        ({"at": None}, r"readings\[0\].at: None contradicts at_boot_ms"),
        ({"at_boot_ms": None, "at": None}, r"readings\[0\].at_boot_ms: null is not allowed"),
        ({"valeu": 1}, r"readings\[0\].valeu: is not a name of this format"),
        ({"resolution": "0"}, r"readings\[0\].resolution: an integer is expected"),
    ],
)
def test_what_is_wrong_in_a_reading_is_said_with_its_place(
    change: dict[str, Any], message: str
) -> None:
    document = to_json(sample())
    document["readings"][0] |= change
    with pytest.raises(ReportJsonError, match=message):
        from_json(document)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"clock": {"boot": "xyz", "offset_ms": 0}}, "clock.boot: 'xyz' is not 32 hex"),
        ({"clock": []}, "clock: an object is expected, not list"),
        ({"readings": {}}, "readings: a list is expected"),
        ({"device": None}, "device: a string is expected, not null"),
        ({"state": "???"}, "state: '\\?\\?\\?' is not a valid state; it may be running"),
        ({"note": 1}, "note: is not a name of this format"),
    ],
)
def test_what_is_wrong_in_a_report_is_said_with_its_place(
    change: dict[str, Any], message: str
) -> None:
    with pytest.raises(ReportJsonError, match=message):
        from_json(to_json(sample()) | change)


def test_what_is_missing_is_named() -> None:
    document = to_json(sample())
    del document["identity"]
    with pytest.raises(ReportJsonError, match="identity: is missing"):
        from_json(document)


def test_text_that_is_no_json_is_refused_as_such() -> None:
    with pytest.raises(ReportJsonError, match="not JSON"):
        loads("{")


def test_arguments_without_end_are_refused_with_their_place() -> None:
    deep: Any = "x"
    for _ in range(5_000):
        deep = [deep]
    jam = Condition(code=Code.MEDIA_JAM, severity=Severity.ERROR, message=condition.MEDIA_JAM())
    document = to_json(replace(sample(), conditions=(jam,)))
    document["conditions"][0]["message_args"] = {"a": deep}
    with pytest.raises(ReportJsonError, match=r"message_args: is nested too deep"):
        from_json(document)
