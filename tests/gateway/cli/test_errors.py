"""Every command with bad input: it says what is wrong, where, and what to do, and never more."""

from __future__ import annotations

import ast
import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.control.protocol import encode_result
from tests.console.calls import untranslated
from tests.gateway.box import Box
from tests.gateway.control.stub_daemon import stub_daemon

KEYS = {"code", "number", "message", "args", "what", "where", "why", "next"}

ROOT = Path(__file__).parents[3]
HOSTILE = "pump; hall 2. (a): 'b' no host is named"
GONE = "modbus-tcp://127.0.0.1:9/?unit=1&profile=eastron-sdm630"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A call, and what its error has to name."""

    call: tuple[str, ...]
    names: tuple[str, ...]
    code: int = 2


CASES = [
    Case(call=("status",), names=("control.sock", "kanmon run")),
    Case(call=("outbox",), names=("control.sock", "kanmon run")),
    Case(call=("bus", "stats"), names=("control.sock", "kanmon run")),
    Case(call=("device", "list"), names=("config.yaml", "kanmon config apply FILE")),
    Case(call=("device", "read", "nobody"), names=("config.yaml", "kanmon config apply FILE")),
    Case(call=("device", "why", "nobody"), names=("config.yaml", "kanmon config apply FILE")),
    Case(
        call=("device", "read", "http://x"), names=("no driver supports http://", "modbus-tcp://")
    ),
    Case(call=("device", "read", "modbus-tcp://[::1"), names=("modbus-tcp://[::1", "the host")),
    Case(call=("device", "read", GONE[:-1]), names=(GONE[:-1], "did you mean eastron-sdm630")),
    Case(call=("device", "write", GONE, "nothing", "1"), names=("'nothing'", "demand-period")),
    Case(call=("device", "write", GONE, "demand-period", "7"), names=("demand-period", "15")),
    Case(call=("device", "write", GONE, "demand-period", "15"), names=("tcp:127.0.0.1:9", "port")),
    Case(call=("config", "check", "nothing.yaml"), names=("nothing.yaml: the file", "path")),
    Case(call=("config", "check", "."), names=(".: the file cannot be read", "within that folder")),
    Case(call=("config", "check", "bytes"), names=("bytes:1:1", "not a text file")),
    Case(call=("config", "check", "latin"), names=("latin:2:", "UTF-8")),
    Case(call=("config", "check", "broken"), names=("broken:2:7", "not closed")),
    Case(call=("config", "check", "empty"), names=("empty:1:1", "version: 1")),
    Case(call=("config", "apply", "broken"), names=("broken:2:7", "correct the listed errors")),
    Case(call=("config", "apply", "nothing.yaml"), names=("where: nothing.yaml why", "path")),
    Case(
        call=("--state", "empty", "config", "apply", "good"),
        names=("cannot be saved", "empty/", "--state"),
    ),
    Case(call=("--state", "empty", "run"), names=("empty/", "--state")),
    Case(
        call=("--state", "/proc/x", "config", "apply", "good"),
        names=("cannot be saved", "/proc/x", "--state"),
    ),
    Case(call=("--state", "s" * 120, "status"), names=("too long", "at most")),
    Case(call=("run",), names=("config.yaml", "kanmon config apply FILE")),
    Case(call=("enroll", "K1-nonsense"), names=("2102", "K1")),
    Case(call=("secret", "remove", "nobody"), names=("nobody", "kanmon secret list")),
    Case(call=("frobnicate",), names=("frobnicate", "kanmon --help"), code=3),
    Case(call=("device", "reed", "x"), names=("reed", "did you mean read?"), code=3),
    Case(call=("status", "--frob"), names=("--frob", "kanmon status --help"), code=3),
    Case(call=("device", "watch", GONE, "--every", "x"), names=("--every", "--help"), code=3),
    Case(
        call=("device", "watch", GONE, "--every", "nan"),
        names=("--every", "must be a number"),
        code=3,
    ),
    Case(call=("bus", "stats", "--over", "nan"), names=("--over", "must be a number"), code=3),
    Case(call=("secret", "set", "X"), names=("'X' is not a valid name", "lower-case letters")),
    Case(call=("secret", "set", "x"), names=("value is empty", "one line")),
    Case(
        call=("service", "install", "--user", "A b"),
        names=("'A b'", "next: use at most 31 lower-case letters"),
        code=3,
    ),
    Case(call=("config", "check"), names=("FILE", "kanmon config check --help"), code=3),
    Case(call=("--state", "configured", "device", "read", HOSTILE), names=(HOSTILE, "URL")),
    Case(call=("--state", "configured", "device", "why", HOSTILE), names=(HOSTILE, "URL")),
    Case(call=("secret", "remove", HOSTILE), names=(f"the secret '{HOSTILE}' does not exist",)),
    Case(call=("device", "read", "modbus-tcp://h/?unit=x"), names=("unit=x", "profile", "correct")),
    Case(call=("device", "write", "snmp://h", "x", "1"), names=("no writable settings", "panel")),
    Case(call=("--state", "taken", "run"), names=("taken/control.sock", "move that file away")),
    Case(call=("service", "install", "--program", "x"), names=("'x'", "beginning with /"), code=3),
    Case(call=("service", "install", "--state", "/etc/k"), names=("/etc/k", "/data/kanmon")),
    Case(call=("service", "status", "--root", "root"), names=("not installed", "service install")),
    Case(call=("--lang", "de", "status"), names=("en and ja",), code=3),
]


@pytest.fixture
def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Box:
    (tmp_path / "bytes").write_bytes(bytes(range(256)))
    (tmp_path / "latin").write_bytes("version: 1\nsite: {time_zone: ä}\n".encode("latin-1"))
    (tmp_path / "broken").write_text("version: 1\nsite: {time_zone: UTC\n")
    (tmp_path / "good").write_text("version: 1\nsite: {time_zone: UTC}\n")
    (tmp_path / "empty").touch()
    (tmp_path / "root").mkdir()
    for state in ("configured", "taken"):
        (tmp_path / state).mkdir()
        (tmp_path / state / "config.yaml").write_text("version: 1\nsite: {time_zone: UTC}\n")
    (tmp_path / "taken" / "control.sock").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    return Box(tmp_path / "state")


@pytest.mark.parametrize("case", CASES, ids=lambda case: " ".join(case.call)[:60])
def test_an_error_says_what_where_and_what_next(box: Box, case: Case) -> None:
    done = box.kanmon(*case.call)
    told = " ".join((done.stderr + done.stdout).split())
    assert done.returncode == case.code, told
    assert "Traceback" not in told
    assert not [name for name in case.names if name not in told], told


@pytest.mark.parametrize(
    "call",
    [
        ("status",),
        ("outbox",),
        ("bus", "stats"),
        ("device", "list"),
        ("device", "read", "x"),
        ("device", "why", "x"),
        ("device", "watch", "x", "--count", "1"),
        ("device", "write", "x", "s", "1", "--yes"),
        ("config", "apply", "good"),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("result", [5, {"report": "{}", "url": "x"}], ids=["number", "object"])
def test_a_daemon_that_answers_nonsense_is_told(
    box: Box, call: tuple[str, ...], result: object
) -> None:
    with stub_daemon(box.state, encode_result(1, result)):
        done = box.kanmon(*call)
        as_json = json.loads(box.kanmon(*call, "--json").stdout)["error"]
    assert done.returncode == 2
    assert done.stderr.startswith("kanmon: the daemon sent an unexpected answer")
    assert as_json["where"].endswith("control.sock")
    assert as_json["next"] == "use the same version of `kanmon` as the daemon"


@pytest.mark.parametrize("case", CASES, ids=lambda case: " ".join(case.call)[:60])
def test_a_program_is_told_the_same_in_fields(box: Box, case: Case) -> None:
    done = box.kanmon(*case.call, "--json")
    assert done.returncode == case.code
    answer = json.loads(done.stdout)
    if "error" not in answer:  # a check's result is its findings
        assert answer["usable"] is False
        assert answer["findings"][0]["location"]
        return
    error = answer["error"]
    assert error.keys() - {"findings"} == KEYS
    assert error["what"]
    assert error["next"]


@pytest.mark.parametrize(
    "case",
    [one for one in CASES if "--lang" not in one.call],
    ids=lambda case: " ".join(case.call)[:60],
)
def test_a_person_is_told_the_same_in_japanese(box: Box, case: Case) -> None:
    done = box.kanmon("--lang", "ja", *case.call)
    assert done.returncode == case.code
    assert "Traceback" not in done.stderr
    said = [line for line in done.stderr.splitlines() if not line.startswith("{")]
    assert untranslated("\n".join(said)) == [], "all but the daemon's log"


@pytest.mark.parametrize("call", [("device", "read"), ("device", "why"), ("secret", "remove")])
@pytest.mark.parametrize("name", [HOSTILE, "x: y", "「a」。b", "{name} %s", "p" * 200])
def test_a_name_with_any_punctuation_is_shown_in_one_piece(
    box: Box, call: tuple[str, str], name: str
) -> None:
    state = ("--state", "configured")
    assert f"'{name}'" in box.kanmon(*state, *call, name).stderr
    assert f"「{name}」" in box.kanmon(*state, "--lang", "ja", *call, name).stderr
    error = json.loads(box.kanmon(*state, *call, name, "--json").stdout)["error"]
    assert error["code"] in {"control.unknown_device", "cli.unknown_secret"}
    assert error["args"] == {"name": name}


@pytest.mark.parametrize("lang", ["en", "ja"])
@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("modbus-tcp://h/?unit=1&profile=no%20host%20is%20named;%20x", "no host is named; x"),
        ("modbus-tcp://h/?unit=1&profile=a%3A%20b.%20c", "a: b. c"),
        ("carrier+no-host-is-named://x", "carrier+no-host-is-named"),
    ],
)
def test_a_check_never_changes_the_text_of_a_url(
    box: Box, tmp_path: Path, lang: str, url: str, shown: str
) -> None:
    (tmp_path / "named").write_text(
        f'version: 1\nsite: {{time_zone: UTC}}\ndevices:\n  - {{name: a, url: "{url}"}}\n'
    )
    done = box.kanmon("--lang", lang, "config", "check", "named")
    assert done.returncode == 2
    assert shown in done.stderr


@pytest.mark.parametrize("folder", ["gateway", "console"])
def test_every_refusal_has_a_next_step(folder: str) -> None:
    """Of the errors that are written out: what is made from another error has that one's."""
    lacking = []
    for path in sorted((ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "id", "")
            if name in {"ControlError", "NoDaemonError", "Failure"}:
                given = {keyword.arg for keyword in node.keywords}
                if "next_step" not in given:
                    lacking.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert [one for one in lacking if "console/failure.py" not in one] == []


def test_thousands_of_findings_are_counted_and_not_all_shown(box: Box, tmp_path: Path) -> None:
    file = tmp_path / "many.yaml"
    file.write_text("version: 1\n" + "".join(f"key{n}: 1\n" for n in range(250)))
    done = box.kanmon("config", "check", str(file))
    lines = done.stderr.splitlines()
    assert len(lines) == 101
    result = json.loads(box.kanmon("config", "check", str(file), "--json").stdout)
    assert len(result["findings"]) == 100
    more = result["count"] - 100
    assert more > 100
    assert lines[-1] == f"  {more} more findings are not shown."
