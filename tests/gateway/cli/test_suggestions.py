"""A misspelt name of a command, a device, a setting, a profile or a secret: which one is meant."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import fork_server
from tests.gateway.box import Box

URL = "modbus-tcp://127.0.0.1:9/?unit=1&profile=eastron-sdm630"
CONFIGURATION = f"""\
version: 1
site: {{time_zone: UTC}}
devices:
  - {{name: pump, url: "{URL}"}}
  - {{name: roof-meter, url: "{URL.replace("unit=1", "unit=2")}"}}
"""


def box_in(folder: Path) -> Box:
    state = folder / "state"
    (state / "secrets").mkdir(parents=True)
    (state / "config.yaml").write_text(CONFIGURATION)
    (state / "secrets" / "broker").write_text("x")
    return Box(state)


@pytest.fixture(scope="module")
def idle(tmp_path_factory: pytest.TempPathFactory) -> Box:
    return box_in(tmp_path_factory.mktemp("idle"))


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    box = box_in(tmp_path_factory.mktemp("running"))
    box.start()
    yield box
    box.end()


@pytest.fixture(params=["idle", "running"])
def box(request: pytest.FixtureRequest) -> Box:
    found: Box = request.getfixturevalue(request.param)
    return found


CALLS = [
    (("device", "read", "pumpp"), "pump"),
    (("device", "read", "PUMP"), "pump"),
    (("device", "why", "roofmeter"), "roof-meter"),
    (("device", "watch", "rof-meter", "--count", "1"), "roof-meter"),
    (("device", "write", "pumpp", "demand-period", "15"), "pump"),
    (("device", "write", "pump", "demand-perod", "15"), "demand-period"),
    (("secret", "remove", "brokr"), "broker"),
]


@pytest.mark.parametrize(("call", "meant"), CALLS, ids=lambda value: " ".join(value))
def test_the_next_step_names_what_is_meant(box: Box, call: tuple[str, ...], meant: str) -> None:
    done = box.kanmon(*call)
    assert done.returncode == 2
    assert f"did you mean {meant}?" in done.stderr
    japanese = box.kanmon("--lang", "ja", *call)
    assert meant in japanese.stderr
    assert "のことですか？" in japanese.stderr
    error = json.loads(box.kanmon(*call, "--json").stdout)["error"]
    assert error["next"] == f"did you mean {meant}?"


@pytest.mark.parametrize(
    ("url", "meant"),
    [
        (URL.replace("sdm630", "sdm63"), "eastron-sdm630"),
        (URL.replace("modbus-tcp", "modbus-tpc"), "modbus-tcp://"),
        (URL.replace("unit=", "unti="), "unit"),
    ],
    ids=["profile", "scheme", "key"],
)
def test_an_error_names_what_a_url_means(box: Box, url: str, meant: str) -> None:
    call = ("device", "read", url)
    assert f"did you mean {meant}?" in box.kanmon(*call).stderr
    japanese = box.kanmon("--lang", "ja", *call).stderr.replace("「", "").replace("」", "")
    assert f"{meant}のことですか？" in japanese
    error = json.loads(box.kanmon(*call, "--json").stdout)["error"]
    assert f"did you mean {meant}?" in error["why"] + error["next"]


@pytest.mark.parametrize("name", ["boiler", "", "p" * 500])
def test_a_name_like_none_has_the_list_as_next_step(box: Box, name: str) -> None:
    done = box.kanmon("device", "read", name)
    assert done.returncode == 2
    assert "kanmon device list" in done.stderr


@pytest.mark.parametrize(
    ("program", "call", "meant"),
    [
        ("gateway.cli", ("devcie", "read"), "device"),
        ("gateway.cli", ("device", "red"), "read"),
        ("gateway.cli", ("bus", "stat"), "stats"),
        ("gateway.cli", ("device", "read", "pump", "--jsno"), "--json"),
        ("gateway.cli", ("--lnag", "ja", "status"), "--lang"),
        ("portal.cli", ("brokr", "check"), "broker"),
        ("portal.cli", ("broker", "chek"), "check"),
        ("portal.cli", ("key", "issue", "--organisation", "x"), "--organization"),
    ],
)
@pytest.mark.parametrize(
    ("lang", "words"), [("en", "did you mean {}?"), ("ja", "「{}」のことですか？")]
)
def test_misspelt_commands_and_options_of_each_level(
    idle: Box, program: str, call: tuple[str, ...], meant: str, lang: str, words: str
) -> None:
    environment = {**idle._environment(), "KANMON_LANG": lang}
    done = fork_server.run_text(program, *call, env=environment, given="", timeout=60)
    assert done.returncode == 3
    assert words.format(meant) in done.stderr
    as_json = fork_server.run_text(program, *call, "--json", env=environment, given="", timeout=60)
    assert json.loads(as_json.stdout)["error"]["next"] == f"did you mean {meant}?"
