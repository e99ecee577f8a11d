from __future__ import annotations

import json
import time
from fractions import Fraction
from typing import Any, get_args

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic_core import ErrorDetails
from pydantic_core.core_schema import ErrorType

from config.constraint import ValidationIssue, choices_at
from config.finding import ConfigError, Finding, fold
from config.model import Configuration, canonical, digest
from config.reading import VALIDATOR, migrate, read
from config.setting_faults import describe
from config.yaml_source import NODE_LIMIT, SIZE_LIMIT, CoreLoader
from console.templates import config as messages
from console.templates import value as values
from console.text import verbatim
from drivers.modbus.profile import Profile
from drivers.report import Severity, State
from tests.config.readings import GOOD, findings

TOKYO = "'Asia/Tokio' is not a time zone. Did you mean Asia/Tokyo?"
HEARTBEAT = "Did you mean heartbeat_s?"
UNSIGNED = (
    "Write it without the sign, and set 'reversed: true' for a meter that is wired in reverse."
)
MQTT = "'4' is not one of the possible values. Write one of these values: 5 and 3.1.1."
TWICE = "the setting 'name' occurs twice; it first occurs on line 7. Remove one of the two."
OWN_NAME = "Give each device a name of its own."
EVERY = "Did you mean every_s?"


def test_a_plain_file_is_read_with_its_defaults() -> None:
    configuration = read(GOOD.encode(), "gateway.yaml")
    assert configuration.gateway.heartbeat_s == 300
    assert configuration.devices[0].current_ratio == Fraction("0.1")
    assert configuration.site.zone.key == "Asia/Tokyo"


def test_every_error_is_told_at_once_in_file_order_with_place_and_suggestion() -> None:
    text = """\
version: 1
site: {time_zone: Asia/Tokio}
gateway: {label: No, heartbeat: 300}
cloud: {broker: "mqtt://127.0.0.1:1883", mqtt: 4}
devices:
  - {name: main, url: "modbus-tcp://h/?unit=1&profile=x", evry_s: 1, current_ratio: -1}
  - name: main
    name: Main
    label: 5
"""
    assert [str(finding).removeprefix("gateway.yaml:") for finding in findings(text)] == [
        "2:19: site.time_zone: " + TOKYO,
        "3:22: gateway.heartbeat: the setting 'heartbeat' is unknown. " + HEARTBEAT,
        "4:48: cloud.mqtt: " + MQTT,
        "6:59: devices[0].evry_s: the setting 'evry_s' is unknown. " + EVERY,
        "6:85: devices[0].current_ratio: the ratio -1 is not greater than 0. " + UNSIGNED,
        "7:5: devices[1].url: the setting 'url' is missing. Add 'url:' and its value.",
        "7:11: devices[1].name: another device is already named 'main'. " + OWN_NAME,
        "8:5: devices[1].name: " + TWICE,
        "9:12: devices[1].label: text is expected here, not 5. Put it in quotation marks.",
    ]


def test_plain_words_follow_yaml_1_2() -> None:
    text = GOOD + "gateway: {label: No}\n"
    assert read(text.encode(), "f").gateway.label == "No"
    assert "a whole number is expected here, not '12:30'" in str(
        findings(GOOD + "gateway: {heartbeat_s: 12:30}\n")[0]
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the file is empty"),
        ("# nothing\n", "the file is empty"),
        ("- a\n", "the file contains no settings"),
        ("NULL", "the file contains no settings"),
        ("version: 1\n  site: 2\n", "'site' is indented by 2 spaces"),
        ("a: 1\n---\nb: 2\n", "more than one YAML document"),
        ("site: {}\n", "the version of the file is missing"),
        ("version: 2\n", "version 2 is newer than this software"),
        ("version: one\n", "'one' is not a version"),
        ("version: true\n", "true is not a version"),
        ("version: 1\nsite: !!python/object:os.system {}\n", "is not supported"),
        ("a: &a [*a]\n", "nested more than"),
        ("? {a: 1}\n: 2\n", "the name of a setting must be a single word"),
        ("[" * 20_000, "nested too deeply"),
        (f"version: 1{'0' * 5_000}\n", "more than 400 digits"),
        ("a: \x00\n", "U+0000 is not allowed in YAML"),
        (b"version: 1\nsite: \xff\n", "not encoded in UTF-8"),
        ("#" * (SIZE_LIMIT + 1), "more than"),
    ],
)
def test_texts_that_are_no_configuration(text: str | bytes, words: str) -> None:
    assert any(words in str(finding) for finding in findings(text))


def test_an_alias_bomb_is_defused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    (finding,) = findings("\n".join(lines))
    assert str(NODE_LIMIT) in str(finding.what)


def test_a_file_of_too_many_values_without_an_alias_is_told_to_have_fewer() -> None:
    (finding,) = findings("-\n" * (NODE_LIMIT + 1))
    assert str(NODE_LIMIT) in str(finding.what)
    assert str(finding.next) == "remove values, or use fewer aliases"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("  - {name: gateway, url: 'modbus-tcp://h'}", "reserved for the gateway itself"),
        ("  - {name: Bad Name, url: 'modbus-tcp://h'}", "letters a to z, digits"),
        ("  - {name: b, url: 'meter'}", "does not name a protocol"),
        ("  - {name: b, url: 'modbus-tcp://h:99999'}", "the URL has an invalid port"),
        ("  - {name: b, url: 'modbus-tcp://u:hunter2@h'}", "write secret:NAME"),
        ("  - {name: b, url: 'modbus-tcp://h', every_s: .inf}", "a number is expected here"),
        ("  - {name: b, url: 'modbus-tcp://h', every_s: 0.01}", "Write 0.1 or more"),
    ],
)
def test_devices_that_cannot_be(line: str, words: str) -> None:
    text = "\n".join(str(finding) for finding in findings(GOOD + line + "\n"))
    assert words in text
    assert "hunter2" not in text


def test_a_cause_at_tens_of_thousands_of_places_is_found_in_seconds() -> None:
    began_s = time.process_time()
    places = [Finding(what=verbatim("x"), path=str(number)) for number in range(50_000)]
    (finding,) = fold(places)
    assert [place.path for place in finding.places] == [one.path for one in places]
    assert time.process_time() - began_s < 10


def test_one_cause_is_one_finding_with_all_its_places() -> None:
    lines = "".join(f"  - {{name: d{n}, url: 'modbus-tcp://h', interval: 5}}\n" for n in range(12))
    (finding,) = findings(GOOD + lines)
    assert finding.what == values.UNKNOWN_SETTING(name="interval")
    assert [place.path for place in finding.places] == [
        f"devices[{n}].interval" for n in range(1, 13)
    ]
    assert str(finding).startswith("gateway.yaml:6:39: devices[1].interval and 11 other places: ")
    told = finding.to_json()
    assert [place["location"]["line"] for place in told["places"]] == list(range(6, 18))
    assert Finding.from_wire(json.loads(json.dumps(finding.to_wire()))) == finding


@pytest.mark.parametrize(("line", "name"), [('"":', ""), ('" ":', " "), ("? ", "")])
def test_a_setting_without_a_name_is_unknown(line: str, name: str) -> None:
    (finding,) = findings(f"{GOOD}{line}\n")
    assert finding.what == values.UNKNOWN_SETTING(name=name)
    assert finding.next.id == messages.KNOWN_SETTINGS.id


def test_of_a_long_number_the_length_is_shown() -> None:
    (finding,) = findings(GOOD + f"gateway: {{heartbeat_s: {'7' * 61}}}\n")
    assert finding.what == values.TOO_LARGE(given=messages.LONG_VALUE(n=61))


def test_a_wrong_value_behind_an_alias_is_one_finding() -> None:
    text = GOOD.replace("version: 1", "version: 1\n").replace("devices:", "devices: &all")
    text = text.replace("{name: main,", "&one {name: main, every_s: soon,")
    (finding,) = (one for one in findings(text + "  - *one\n  - *one\n") if "every_s" in one.path)
    assert finding.what == values.NOT_A_NUMBER(given=messages.QUOTED(text="soon"))
    assert [place.path for place in finding.places] == [f"devices[{n}].every_s" for n in range(3)]
    assert len({place.location for place in finding.places}) == 1


def test_a_secret_is_never_repeated_whatever_its_type() -> None:
    text = "version: 1\nsite: {time_zone: UTC}\ncloud: {broker: 'mqtt://h', password: 12345}\n"
    (finding,) = findings(text)
    assert finding.what.id == "config.not_a_reference"
    assert "12345" not in json.dumps(finding.to_json())


def test_no_word_of_the_validator_reaches_a_person() -> None:
    """Every kind of error that pydantic has, also one that this software does not know yet."""
    for kind in get_args(ErrorType):
        if kind in {"unexpected_keyword_argument", "missing"}:
            continue
        context = {"ge": 1, "gt": 1, "le": 1, "max_length": 1, "expected": "'5' or '3.1.1'"}
        detail = ErrorDetails(
            type=kind, loc=("devices", 0, "every_s"), msg="PYDANTIC", input="x", ctx=context
        )
        fault = describe(detail, ValidationIssue.of(detail), Configuration)
        assert "PYDANTIC" not in f"{fault.what} {fault.why} {fault.next}"
        assert fault.next


def test_a_password_in_the_open_is_refused_and_not_repeated() -> None:
    for cloud in (
        "{broker: 'mqtt://u:hunter2@h'}",
        "{broker: 'mqtt://h', password: hunter2}",
    ):
        text = f"version: 1\nsite: {{time_zone: UTC}}\ncloud: {cloud}\n"
        told = "\n".join(str(finding) for finding in findings(text))
        assert "secret" in told or "credentials" in told
        assert "hunter2" not in told


def test_credentials_without_a_broker_are_refused() -> None:
    text = "version: 1\nsite: {time_zone: UTC}\ncloud: {username: me}\n"
    (finding,) = findings(text)
    assert "is set, but no broker" in str(finding.what)
    assert finding.path == "cloud"


def test_a_reserve_as_large_as_the_cap_is_refused() -> None:
    (finding,) = findings(GOOD + "spool: {cap_mb: 4, gap_reserve_mb: 4}\n")
    assert "is not less than cap_mb" in str(finding.what)
    assert finding.path == "spool"


def test_documents_are_lifted_version_by_version() -> None:
    steps = {
        1: lambda d: {**d, "a": d["old"]},
        2: lambda d: {k: v for k, v in d.items() if k != "old"},
    }
    lifted = migrate({"version": 1, "old": 7}, target=3, migrations=steps)
    assert lifted == {"version": 3, "a": 7}
    assert migrate({"version": 3, "b": 1}, target=3, migrations=steps) == {"version": 3, "b": 1}
    assert migrate({"b": 1}, target=3, migrations=steps) == {"b": 1}


names = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True).filter(
    lambda name: name != "gateway"
)
labels = st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=100)
ratios = st.decimals("0.001", "1000000", places=3).map(str) | st.builds(
    "{}/{}".format, st.integers(1, 100_000), st.integers(1, 1_000)
)
devices = st.fixed_dictionaries(
    {
        "name": names,
        "url": st.integers(1, 247).map(lambda n: f"modbus-tcp://h:502/?unit={n}&profile=p"),
    },
    optional={
        "label": labels,
        "every_s": st.floats(0.1, 86_400),
        "current_ratio": ratios,
        "reversed": st.booleans(),
    },
)
documents = st.fixed_dictionaries(
    {
        "version": st.just(1),
        "site": st.sampled_from(["UTC", "Asia/Tokyo", "Europe/Berlin"]).map(
            lambda zone: {"time_zone": zone}
        ),
        "cloud": st.sampled_from(["5", "3.1.1"]).map(
            lambda mqtt: {"broker": "mqtts://portal.example:8883", "mqtt": mqtt}
        ),
        "devices": st.lists(devices, max_size=5, unique_by=lambda device: device["name"]),
    },
    optional={
        "gateway": st.fixed_dictionaries(
            {}, optional={"label": labels, "heartbeat_s": st.integers(10, 86_400)}
        ),
        "spool": st.fixed_dictionaries({}, optional={"cap_mb": st.integers(5, 1_000)}),
    },
)


class CoreDumper(yaml.SafeDumper):
    """Quotes what the core schema would read as something else, such as the label 0E0."""

    yaml_implicit_resolvers = CoreLoader.yaml_implicit_resolvers


@settings(deadline=None)  # YAML in pure Python, on a busy machine
@given(documents)
def test_a_configuration_survives_yaml_and_json(document: dict[str, Any]) -> None:
    once = VALIDATOR.validate_python(document)
    text = yaml.dump(json.loads(canonical(once)), Dumper=CoreDumper, allow_unicode=True)
    again = read(text.encode(), "f")
    assert again == once
    assert digest(again) == digest(once)


@settings(deadline=None)
@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_no_text_whatever_raises_anything_else(text: bytes) -> None:
    with pytest.raises(ConfigError) as caught:
        read(text, "f")
    assert caught.value.findings
    assert all(finding.location for finding in caught.value.findings)


def test_the_choices_of_a_setting_come_from_its_type() -> None:
    assert choices_at(Configuration, ("cloud", "mqtt")) == ("5", "3.1.1")
    assert choices_at(Profile, ("points", 0, "bits", 3, "severity")) == tuple(Severity)
    assert choices_at(Profile, ("points", 0, "states", 7)) == tuple(State)
    assert choices_at(Configuration, ("site", "time_zone")) == ()
