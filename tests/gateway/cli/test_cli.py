"""The command line without a daemon: exit codes, errors that say what to do, no traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from drivers.report import Quality, Quantity, Reading
from gateway.cli import words
from gateway.cli.device import _account
from gateway.cli.report_view import value_text
from tests.gateway.box import Box
from tests.gateway.meter import meter

GOOD = """\
version: 1
site: {time_zone: UTC}
cloud: {broker: "mqtt://h"}
devices:
  - {name: main, url: "modbus-tcp://127.0.0.1:9/?unit=1&profile=eastron-sdm630"}
"""


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path / "state")


def write(box: Box, text: str) -> str:
    path = box.state.parent / "gateway.yaml"
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize(
    "call",
    [
        ["frobnicate"],
        ["status", "--frobnicate"],
        ["status", "extra"],
        ["config", "check"],
        [],
        ["config"],
        ["device"],
    ],
)
def test_wrong_usage_is_3(box: Box, call: list[str]) -> None:
    done = box.kanmon(*call)
    assert done.returncode == 3
    assert "Usage: kanmon" in done.stderr


def test_help_and_version_are_0(box: Box) -> None:
    assert box.kanmon("--help").returncode == 0
    assert box.kanmon("config", "check", "-h").returncode == 0
    assert box.kanmon("--version").stdout.startswith("kanmon")


def test_without_a_daemon_the_next_step_is_told(box: Box) -> None:
    for call in (["status"], ["outbox"]):
        done = box.kanmon(*call)
        assert done.returncode == 2
        assert "the gateway is not running" in done.stderr
        assert "kanmon run" in done.stderr
        told = json.loads(box.kanmon(*call, "--json").stdout)
        assert told["error"]["what"] == "the gateway is not running"


def test_a_run_tells_its_error_as_json_when_asked(box: Box) -> None:
    told = json.loads(box.kanmon("run", "--json").stdout)
    error = told["error"]
    assert error["code"] == "config.nothing_applied"
    assert error["where"] == str(box.state / "config.yaml")
    assert "kanmon config apply FILE" in error["next"]
    assert "findings" not in error


def test_a_run_without_configuration_says_how_to_give_one(box: Box) -> None:
    done = box.kanmon("run")
    assert done.returncode == 2
    assert "kanmon config apply FILE" in done.stderr
    assert "Traceback" not in done.stderr
    assert ":1:1" not in done.stderr
    assert "correct the listed errors" not in done.stderr


def test_check_tells_everything_and_changes_nothing(box: Box) -> None:
    bad = GOOD.replace("UTC", "Mars").replace("unit=1", "unit=999").replace("name: main", "nam: x")
    file = write(box, bad)
    done = box.kanmon("config", "check", file)
    assert done.returncode == 2
    assert f"{file}:2:19: site.time_zone" in done.stderr
    assert "unit=999 is not a number" in done.stderr  # what only a driver knows, at the same time
    assert "did you mean name?" in done.stderr.lower()
    assert "cannot be used: 4 errors to correct" in done.stdout
    assert not box.state.exists()
    assert json.loads(box.kanmon("config", "check", file, "--json").stdout)["usable"] is False


def test_what_only_the_drivers_know_has_its_place_too(box: Box) -> None:
    file = write(box, GOOD.replace("sdm630", "sdm631"))
    done = box.kanmon("config", "check", file)
    assert done.returncode == 2
    assert f"{file}:5:23: devices[0].url" in done.stderr
    assert "Did you mean eastron-sdm630" in done.stderr


def test_two_polls_of_one_device_are_a_warning(box: Box) -> None:
    again = GOOD.splitlines()[-1].replace("name: main", "name: again")
    done = box.kanmon("config", "check", write(box, GOOD + again + "\n"))
    assert done.returncode == 0
    assert "'main' already polls this device" in done.stderr


def test_apply_keeps_what_can_run_and_1_says_that_a_device_cannot(box: Box) -> None:
    assert box.kanmon("config", "apply", write(box, GOOD)).returncode == 0
    assert (box.state / "config.yaml").read_text() == GOOD
    half = GOOD.replace("sdm630", "sdm631")
    assert box.kanmon("config", "apply", write(box, half)).returncode == 1
    assert (box.state / "config.previous.yaml").read_text() == GOOD
    assert box.kanmon("config", "apply", write(box, "nonsense: 1\n")).returncode == 2
    assert (box.state / "config.yaml").read_text() == half


def test_a_device_is_read_without_a_daemon(box: Box) -> None:
    with meter() as running:
        url = f"modbus-tcp://127.0.0.1:{running.port}/?unit=1&profile=eastron-sdm630"
        report = box.kanmon_json("device", "read", url)
        assert report["reachability"] == "online"
        assert "voltage" in box.kanmon("device", "read", url).stdout
        box.kanmon("config", "apply", write(box, GOOD.replace(":9/", f":{running.port}/")))
        assert box.kanmon_json("device", "read", "main")["device"] == "main"
        (line,) = box.kanmon_json("device", "list")
        assert line["problem"]["code"] == "control.not_running"


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("modbus-tcp://127.0.0.1:9/?unit=1&profile=eastron-sdm630", "never reached"),
        ("modbus-tcp://127.0.0.1/?unit=1&profile=nothing", "the profile 'nothing' does not exist"),
        ("carrier-pigeon://h", "no driver supports carrier-pigeon://"),
        ("main", "has no configuration|is not configured"),
    ],
)
def test_reads_that_fail_are_2_and_say_why(box: Box, target: str, words: str) -> None:
    done = box.kanmon("device", "read", target)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert any(word in done.stdout + done.stderr for word in words.split("|"))


def test_a_reader_that_goes_away_is_no_error(box: Box) -> None:
    write(box, GOOD)
    command = [sys.executable, "-m", "gateway.cli", "config", "check", str(box.state), "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        errors = process.stderr.read()
    assert process.returncode == 0
    assert errors == b""


@pytest.mark.req("C-20")
def test_a_missing_value_is_shown_with_its_reason_and_never_as_zero() -> None:
    gone = Reading(quantity=Quantity.VOLTAGE, value=None, at=0, quality=Quality.NOT_SUPPORTED)
    assert value_text(gone) == "- (not supported by the device)"
    tenths = Reading(quantity=Quantity.VOLTAGE, value=2300, at=0, resolution=-1)
    assert value_text(tenths) == "230.0"
    tens = Reading(quantity=Quantity.ENERGY_IMPORT, value=12, at=0, resolution=1)
    assert value_text(tens) == "120"


def test_spans_and_sizes_are_for_people() -> None:
    assert [words.age(s) for s in (None, 5, 119, 120, 7_200, 200_000)] == [
        "-",
        "5 s",
        "1 min 59 s",
        "2 min",
        "2 h",
        "2 days 7 h",
    ]
    assert [words.size(n) for n in (None, 5, 5_300, 7_100_000)] == ["-", "5 B", "5.3 kB", "7.1 MB"]


def test_a_silence_longer_than_a_neighbours_period_is_warned_of(box: Box) -> None:
    url = "modbus-tcp://127.0.0.1:9/?profile=eastron-sdm630"
    fast = f'  - {{name: other, url: "{url}&unit=2", every_s: 0.5}}\n'
    done = box.kanmon("config", "check", write(box, GOOD + fast))
    assert done.returncode == 0
    assert "it blocks tcp:127.0.0.1:9 for 1 s" in done.stderr
    assert "Set timeout_s in the URL to less than 0.5 s" in done.stderr
    calm = fast.replace("every_s: 0.5", "every_s: 5")
    assert "it blocks" not in box.kanmon("config", "check", write(box, GOOD + calm)).stderr


def test_a_serial_line_without_time_is_refused_and_nothing_changes(box: Box) -> None:
    url = "modbus-rtu:///dev/ttyUSB0?profile=eastron-sdm630"
    many = "".join(f'  - {{name: m{n}, url: "{url}&unit={n}", every_s: 1}}\n' for n in range(1, 6))
    text = GOOD[: GOOD.index("  - {")] + many
    for command in ("check", "apply"):
        done = box.kanmon("config", command, write(box, text))
        assert done.returncode == 2
        assert "on serial:/dev/ttyUSB0 (9600 8E1) need more time" in done.stderr
    assert not (box.state / "config.yaml").exists()
    slower = text.replace("every_s: 1", "every_s: 20")
    checked = box.kanmon("config", "check", write(box, slower))
    assert checked.returncode == 0
    assert "tolerates" in checked.stdout
    other = slower.replace("unit=5", "unit=5&baud=19200")
    assert "different formats" in box.kanmon("config", "check", write(box, other)).stderr


def test_an_account_without_a_name_is_told_by_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found: 1234")

    monkeypatch.setattr("getpass.getuser", nobody)
    monkeypatch.delenv("SUDO_USER", raising=False)
    assert _account() == f"uid {os.getuid()}"
