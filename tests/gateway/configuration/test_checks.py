"""What a configuration alone does not show: profiles, lines, secrets, the enrolment."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from config.finding import Finding, Level
from config.reading import read_document
from config.yaml_source import parse
from console.templates import check as messages
from console.templates import profile, secret
from console.text import Message, Template
from gateway.configuration import checks
from gateway.configuration.loader import profiles_in

HEAD = "version: 1\nsite: {time_zone: UTC}\n"
URL = "modbus-tcp://10.0.0.1/?unit={unit}&profile={profile}"
SERIAL = "modbus-rtu:///dev/ttyUSB0?baud={baud}&parity=N&unit={unit}&profile=eastron-sdm630"


def findings(text: str, state: Path) -> list[Finding]:
    document = read_document((HEAD + text).encode(), "f.yaml")
    profiles = profiles_in(state)
    lines = checks.by_line(document.configuration, profiles)
    return checks.check(document, state, profiles, lines)


def device(name: str, url: str, more: str = "") -> str:
    return f'  - {{name: {name}, url: "{url}"{more}}}\n'


def test_a_profile_that_twelve_devices_lack_is_one_finding(tmp_path: Path) -> None:
    lines = [device(f"d{n}", URL.format(unit=n, profile="eastron-sdm-630")) for n in range(12)]
    (found,) = findings("devices:\n" + "".join(lines), tmp_path)
    assert found.what == profile.UNKNOWN(name="eastron-sdm-630")
    assert "eastron-sdm630" in str(found.next)
    assert [place.path for place in found.places] == [f"devices[{n}].url" for n in range(12)]
    assert "devices[0].url and 11 other places: " in str(found)
    assert len(found.to_json()["places"]) == 12


def test_a_fault_of_a_profile_that_two_devices_share_is_shown_once_in_the_profile(
    tmp_path: Path,
) -> None:
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "own.yaml").write_text('version: 1\nmaker: "Acme\nmodel: x\n')
    urls = [device(f"d{n}", URL.format(unit=n, profile="own")) for n in (1, 2)]
    (found,) = findings("devices:\n" + "".join(urls), tmp_path)
    assert found.what.id == profile.INVALID.id
    assert "quotation mark" in str(found.what)
    assert found.location
    assert (Path(found.location.file).name, found.location.line) == ("own.yaml", 2)
    assert len(found.places) == 1
    assert "URL" not in str(found.next)


def test_devices_of_one_line_with_different_formats(tmp_path: Path) -> None:
    text = device("a", SERIAL.format(baud=9600, unit=1), ", every_s: 60")
    text += device("b", SERIAL.format(baud=19200, unit=2), ", every_s: 60")
    (found,) = findings("devices:\n" + text, tmp_path)
    assert found.what == messages.DIFFERENT_FORMATS(line="serial:/dev/ttyUSB0")
    assert "modbus-rtu at 9600 8N1 (a) and modbus-rtu at 19200 8N1 (b)" in str(found.why)
    assert found.next == messages.SAME_FORMAT()


def test_a_line_without_time(tmp_path: Path) -> None:
    lines = [device(f"d{n}", SERIAL.format(baud=9600, unit=n), ", every_s: 1") for n in range(1, 4)]
    (found,) = findings("devices:\n" + "".join(lines), tmp_path)
    assert found.what.id == messages.LINE_TOO_BUSY.id
    assert found.why.id == messages.OVERLOADED.id
    assert found.next == messages.RELIEVE()


def test_a_line_that_one_dead_device_would_block(tmp_path: Path) -> None:
    lines = [
        device(f"d{n}", SERIAL.format(baud=9600, unit=n) + "&timeout_s=5", ", every_s: 4")
        for n in (1, 2)
    ]
    (found,) = findings("devices:\n" + "".join(lines), tmp_path)
    assert found.why.id == messages.NO_RESERVE.id
    assert found.next == messages.SHORTEN_TIMEOUT()


def test_one_device_twice_and_values_slower_than_the_heartbeat(tmp_path: Path) -> None:
    url = URL.format(unit=1, profile="eastron-sdm630")
    text = "gateway: {heartbeat_s: 10}\ndevices:\n" + device("a", url)
    text += device("b", url.replace("10.0.0.1/", "10.0.0.1:502/"))
    found = findings(text, tmp_path)
    assert {one.level for one in found} == {Level.WARNING}
    assert messages.SAME_DEVICE(name="a") in [one.what for one in found]
    slow = [one for one in found if one.what.id == messages.SLOWER_THAN_HEARTBEAT.id]
    assert [len(one.places) for one in slow] == [2], "of both devices, told once"


@pytest.mark.parametrize(("mode", "what"), [(None, secret.NOT_STORED), (0o644, secret.EXPOSED)])
def test_a_secret_that_is_missing_or_open_is_told_once(
    mode: int | None, what: Template, tmp_path: Path
) -> None:
    if mode is not None:
        (tmp_path / "secrets").mkdir()
        (tmp_path / "secrets" / "key").write_text("x")
        (tmp_path / "secrets" / "key").chmod(mode)
    text = "devices:\n" + "".join(
        device(name, f"snmp://10.0.0.{n}/?community=secret:key")
        for n, name in enumerate(("a", "b"), 1)
    )
    (found,) = findings(text, tmp_path)
    assert found.what == what(name="key")
    assert [place.path for place in found.places] == ["devices[0].url", "devices[1].url"]
    assert found.next


def test_the_urls_of_a_file_that_is_refused_for_other_reasons(tmp_path: Path) -> None:
    url = URL.format(unit=1, profile="none-has-it")
    source = parse(f"devices:\n{device('a', url)}  - 5\n".encode(), "f.yaml")
    (found,) = checks.check_urls(source, profiles_in(tmp_path))
    assert found.path == "devices[0].url"
    assert found.what == profile.UNKNOWN(name="none-has-it")


def test_a_configuration_that_the_portal_could_not_be_given_is_refused(tmp_path: Path) -> None:
    """Its text is within the file's limit, and hardly becomes smaller when it is compressed."""
    rng = random.Random(3)
    lines = []
    for n in range(600):
        url, label = f"snmp://{rng.randbytes(60).hex()}:161", f"x{rng.randbytes(49).hex()}"
        lines.append(device(f"d{n}", url, f", label: {label}"))

    def errors(some: list[str]) -> list[Message]:
        found = findings("devices:\n" + "".join(some), tmp_path)
        return [one.what for one in found if one.level is Level.ERROR]

    assert errors(lines) == [messages.TOO_LARGE_TO_SEND()]
    assert errors(lines[:300]) == []
