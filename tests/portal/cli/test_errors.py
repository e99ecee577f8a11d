"""Every command of `kanmon-portal` with bad input: what is wrong, where, what next; never more."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from portal.environment.state_folder import PACKAGE
from tests import fork_server
from tests.console.calls import environment, untranslated
from tests.console.test_json import WITHOUT
from tests.portal.program import Portal

KEYS = {"code", "number", "message", "args", "what", "where", "why", "next"}

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

BYTES = os.fsdecode(b"\xff\xfe")
KEY = ("key", "issue", "--organization", "Aoyama Foods", "--site", "Plant")
ADD = ("gateway", "add", "--site", "Plant", "--gateway", "Room", "--box", "b-aaaaaaaaaa")
USER = ("user", "add", "--email", "hana@example.com", "--no-password")
OURS = ("--organization", "Aoyama Foods")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A call, what its error has to name, and its environment."""

    call: tuple[str, ...]
    names: tuple[str, ...]
    code: int = 2
    given: dict[str, str] = field(default_factory=dict)


def wrong(names: tuple[str, ...], **given: str) -> Case:
    return Case(call=("key", "list"), names=names, given=given)


CASES = [
    Case(call=("frobnicate",), names=("frobnicate", "kanmon-portal --help"), code=3),
    Case(call=("key", "isue"), names=("isue", "did you mean issue?"), code=3),
    Case(call=("key", "issue"), names=("--organization",), code=3),
    Case(call=(*KEY[:3], "", *KEY[4:]), names=("--organization", "is empty"), code=3),
    Case(call=(*KEY[:5], BYTES), names=("--site", "cannot be printed"), code=3),
    Case(call=(*KEY[:5], "a\x1b[2J"), names=("--site", r"\x1b"), code=3),
    Case(call=(*KEY[:5], "x" * 101), names=("--site", "101", "100"), code=3),
    Case(call=(*KEY[:5], "Moon", "--time-zone", "Mars/X"), names=("Mars/X", "Asia/Tokyo")),
    Case(call=(*KEY[:5], "Moon", "--time-zone", "Tokio"), names=("did you mean Asia/Tokyo?",)),
    Case(
        call=(*KEY, "--uses", "2", "--gateway", "Room"),
        names=("several", "omit the gateway's name"),
    ),
    Case(call=(*KEY, "--days", "91"), names=("--days", "90"), code=3),
    Case(call=(*KEY, "--svg", "/proc/no/x.svg"), names=("/proc/no/x.svg", "written")),
    Case(call=("key", "revoke", "none"), names=("'none'", "kanmon-portal key list")),
    Case(call=("key", "revoke", BYTES), names=("ID", "cannot be printed"), code=3),
    Case(
        call=(*ADD[:5], "Hall", "--box", "b 1", *OURS),
        names=("'b 1'", "hyphens", "kanmon status"),
    ),
    Case(call=(*USER[:3], "hana", "--no-password", *OURS), names=("'hana'", "name@example.com")),
    Case(call=(*USER, "--organization", "Nobody"), names=("'Nobody'", "gateway add")),
    Case(call=(*USER, *OURS, "--password-stdin"), names=("--no-password",), code=3),
    Case(call=(*USER[:4], *OURS), names=("--password-stdin",), code=3),
    Case(call=("user", "operator", "nobody@example.com"), names=("nobody@", "user add")),
    Case(call=("sign-in-link", BYTES), names=("EMAIL", "cannot be printed"), code=3),
    Case(call=("sign-in-link", "nobody@example.com"), names=("nobody@", "user add")),
    Case(call=("authority", "show", "--pem", "x"), names=("boxes", "--help"), code=3),
    Case(call=("authority", "issue-worker", "a b"), names=("'a b'", "lower-case letters")),
    Case(call=("authority", "issue-server", "a b"), names=("'a b'", "broker.example.com")),
    Case(call=("authority", "issue-worker", "w", "--out", "/dev/null"), names=("null", "--out")),
    Case(call=("authority", "revoke", "none"), names=("'none'", "kanmon status")),
    Case(call=("authority", "revoke", "none", "--root", "workers"), names=("'none'", "give")),
    Case(call=("authority", "revoke", "none", "--but-newest"), names=("--but-newest",), code=3),
    Case(call=("broker", "write", "mosquitto"), names=("--host NAME",), code=3),
    Case(call=("broker", "write", BYTES, "--host", "a"), names=("cannot be printed",), code=3),
    Case(call=("broker", "write", "m", "--host", "a", "--boxes", "x"), names=("'x'", "such as")),
    Case(call=("broker", "write", "m", "--host", "a", "--user", "?"), names=("'?'", "--user")),
    Case(call=("broker", "write", "/proc/x", "--host", "a"), names=("/proc/x", "folder")),
    Case(call=("broker", "check", "none"), names=("none", "broker write")),
    Case(call=("broker", "reload", "none"), names=("none", "broker write")),
    Case(call=("broker", "maintain", "none"), names=("none", "broker write")),
    Case(call=("serve", "--bind", "x"), names=("'x'", "HOST:PORT"), code=3),
    Case(call=("serve", "--bind", "127.0.0.1:65536"), names=("65536", "HOST:PORT"), code=3),
    Case(call=("claims", "--bind", "127.0.0.1:0"), names=("127.0.0.1:0", "HOST:PORT"), code=3),
    Case(call=("completion", "tcsh"), names=("bash, zsh and fish",), code=3),
    wrong(("no database", "kanmon-portal migrate"), KANMON_PORTAL_STATE="/nonexistent/state"),
    wrong(("db.sqlite3", "check the disk"), KANMON_PORTAL_STATE="/dev/null"),
    wrong(("invalid URL", "5432"), KANMON_DATABASE_URL="postgres://u:hunter2@h:99999/x"),
    wrong(("invalid URL", "5432"), KANMON_DATABASE_URL="postgres://u:hunter2@[::1/x"),
    wrong(("remove these characters",), KANMON_DATABASE_URL=f"postgres://u:hunter2{BYTES}@h/x"),
    wrong(("no scheme", "remove the variable"), KANMON_DATABASE_URL="x"),
    wrong(
        ("127.0.0.1", "start the database"),
        KANMON_DATABASE_URL="postgres://u:hunter2@127.0.0.1:9/x",
    ),
    wrong(("invalid URL", "https://"), KANMON_PORTAL_URL="http://[::1"),
    wrong(("invalid URL", "https://"), KANMON_PORTAL_URL="http://x:99999"),
    wrong(("KANMON_CLAIM_URL", "https://"), KANMON_CLAIM_URL="x"),
    wrong(("KANMON_BOX_BROKER", "mqtts://"), KANMON_BOX_BROKER="mqtts://[::1"),
    wrong(("KANMON_MQTT", "3.1.1"), KANMON_MQTT="4"),
    wrong(("KANMON_METRICS_TOKEN", "openssl"), KANMON_METRICS_TOKEN="hunter2"),
    wrong(("KANMON_INGEST_METRICS", "127.0.0.1:9465"), KANMON_INGEST_METRICS="0.0.0.0:1"),
    wrong(("KANMON_PORTAL_DEBUG", "1 or 0"), KANMON_PORTAL_DEBUG="x"),
    wrong(
        ("KANMON_MQTT, KANMON_PORTAL_DEBUG", "3.1.1", "write 1 or 0", "correct each"),
        KANMON_MQTT="4",
        KANMON_PORTAL_DEBUG="x",
    ),
    Case(
        call=("claims",),
        names=("loopback address", "KANMON_BOX_BROKER", "mqtts://"),
        given={
            "KANMON_CLAIM_URL": "https://portal.example.com",
            "KANMON_BROKER": "mqtts://u:hunter2@localhost",
        },
    ),
    Case(call=(*USER, *OURS), names=("already a member", "Aoyama Foods", "name another")),
    Case(
        call=("gateway", "add", *ADD[2:4], "--gateway", "Hall", *ADD[6:], *OURS),
        names=("b-aaaaaaaaaa", "already assigned", "kanmon status"),
    ),
    Case(
        call=("broker", "write", "m", "--host", "a", "--boxes", "127.0.0.1:8884"),
        names=("8884", "a different port"),
    ),
    Case(
        call=("broker", "write", "m", "--host", "a", "--takeover", "192.0.2.1:8886"),
        names=("192.0.2.1", "end every session", "127.0.0.1:8886"),
    ),
    Case(
        call=("ingest",),
        names=("KANMON_BROKER", "'broker.example.com'", "write mqtt://"),
        given={"KANMON_BROKER": "u:hunter2@broker.example.com"},
    ),
    Case(
        call=("ingest",),
        names=("/none/certificate.pem", "no such file", "account that connects"),
        given={"KANMON_BROKER": "mqtts://u:hunter2@h", "KANMON_BROKER_ID": "/none"},
    ),
    Case(
        call=("claims",),
        names=("http://127.0.0.1:8000", "without TLS", "KANMON_CLAIM_URL=https://"),
        given={"KANMON_CLAIM_URL": "http://127.0.0.1:8000"},
    ),
    wrong(("inside the program", "/var/lib"), KANMON_PORTAL_STATE=str(PACKAGE / "state")),
    wrong(("without a path", "'https://x/y'"), KANMON_PORTAL_URL="https://x/y"),
    wrong(("requires TLS", "begin KANMON_BROKER with mqtts://"), KANMON_BROKER_ID="/none"),
    wrong(("not the address of a broker", "mqtts://"), KANMON_BOX_BROKER="http://h"),
    wrong(
        ("https://x", "this machine only", "remove the variable"),
        KANMON_SIMULATION="/run/s",
        KANMON_PORTAL_URL="https://x",
    ),
    wrong(("mysql://", "postgres://"), KANMON_DATABASE_URL="mysql://u:hunter2@h/x"),
    wrong(("names no database", "5432"), KANMON_DATABASE_URL="postgres://u:hunter2@h/"),
    wrong(("'sslmod'", "sslmode"), KANMON_DATABASE_URL="postgres://u:hunter2@h/x?sslmod=a"),
    wrong(("'options'", "once"), KANMON_DATABASE_URL="postgres://h/x?options=a&options=b"),
    wrong(("@ as %40", "# as %23"), KANMON_DATABASE_URL="postgres:///u:hunter2@h/x"),
    wrong(("no.such", "remove the variable"), DJANGO_SETTINGS_MODULE="no.such"),
]


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Portal:
    portal = Portal(tmp_path_factory.mktemp("portal") / "state")
    portal.migrate()
    portal.done("authority", "init")
    portal.done("gateway", *ADD[1:], *OURS)
    portal.done(*USER, *OURS)
    return portal


def call(portal: Portal, case: Case, *words: str) -> subprocess.CompletedProcess[str]:
    claims = {} if case.call[0] == "serve" else {"KANMON_CLAIM_URL": "https://localhost:8443"}
    return fork_server.run_text(
        "portal.cli",
        *words,
        *case.call,
        cwd=portal.state.parent,
        env=environment(portal.state) | claims | case.given,
    )


def named(case: Case) -> str:
    told = " ".join((*case.call, *case.given.values()))
    return told.encode("ascii", "backslashreplace").decode()[:60]


@pytest.mark.parametrize("case", CASES, ids=named)
def test_an_error_says_what_and_what_next_in_both_languages(portal: Portal, case: Case) -> None:
    english = call(portal, case)
    told = " ".join(english.stderr.split())
    assert english.returncode == case.code, told
    assert "Traceback" not in told
    assert "fault" not in told
    assert "hunter2" not in told
    assert not [name for name in case.names if name not in told], told
    japanese = call(portal, case, "--lang", "ja")
    assert japanese.returncode == case.code
    assert untranslated(japanese.stderr) == []


def takes_json(case: Case) -> bool:
    """Whether the command has --json, which the case does not give itself."""
    if "--json" in case.call:
        return False
    command = case.call[:2] if case.call[0] == "broker" else case.call[:1]
    return " ".join(("kanmon-portal", *command)) not in WITHOUT


@pytest.mark.parametrize("case", [one for one in CASES if takes_json(one)], ids=named)
def test_a_program_is_told_the_same_in_fields(portal: Portal, case: Case) -> None:
    with_json = Case(call=(*case.call, "--json"), names=case.names, given=case.given)
    done = call(portal, with_json)
    assert done.returncode == case.code, done.stderr
    error = json.loads(done.stdout)["error"]
    assert error.keys() == KEYS
    assert error["what"]
    assert error["next"]
    assert "hunter2" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("trigger", "what", "step"),
    [
        # What another command of the same moment does between this one's look and its insert.
        (
            "INSERT INTO fleet_gateway (site_id, name) VALUES (new.site_id, new.name);",
            "portal.conflict",
            "run the command again",
        ),
        ("SELECT zeroblob(2000000000);", "portal.value_not_stored", "correct the value"),
    ],
)
def test_what_the_database_refuses_is_told_with_what_to_do(
    tmp_path: Path, trigger: str, what: str, step: str
) -> None:
    portal = Portal(tmp_path / "state")
    portal.migrate()
    with closing(sqlite3.connect(portal.state / "db.sqlite3")) as database:
        database.execute(
            f"CREATE TRIGGER refusal BEFORE INSERT ON fleet_gateway BEGIN {trigger} END"
        )
    done = portal(*ADD, *OURS, "--json")
    assert done.returncode == 2
    error = json.loads(done.stdout)["error"]
    assert error["code"] == what
    assert error["where"] == str(portal.state / "db.sqlite3")
    assert "the database driver reports" in error["why"]
    assert step in error["next"]
    assert untranslated(portal("--lang", "ja", *ADD, *OURS).stderr) == []


def test_a_key_whose_drawing_cannot_be_kept_is_not_issued(portal: Portal) -> None:
    before = json.loads(portal.done("key", "list", "--json"))
    assert portal(*KEY, "--svg", "/proc/no/x.svg").returncode == 2
    assert json.loads(portal.done("key", "list", "--json")) == before


@pytest.mark.parametrize("password", ["kettle-orbit-\0-nine", "kettle-orbit-\x1b-nine"])
def test_a_password_that_no_page_takes_is_refused(portal: Portal, password: str) -> None:
    words = (*USER[:4], "--password-stdin", "--organization", "Aoyama Foods")
    done = portal(*words, given=f"{password}\n")
    assert done.returncode == 2
    assert "characters that cannot be typed" in done.stderr
    assert "one line of UTF-8" in done.stderr


def test_a_password_that_is_too_simple_is_refused_with_its_reasons(portal: Portal) -> None:
    words = ("user", "add", "--email", "ken@example.com", "--password-stdin", *OURS)
    english = portal(*words, given="password\n")
    assert english.returncode == 2
    what, why, step = (line.strip() for line in english.stderr.splitlines())
    assert what == "kanmon-portal: the password was rejected"
    assert why == (
        "why:   it has fewer than 10 characters, it has no upper-case letter, no lower-case letter "
        "or no digit and it is a common password"
    )
    assert step == "next:  choose another password"
    japanese = portal("--lang", "ja", *words, given="password\n").stderr
    assert (
        "次の点が不適切です：10文字未満、英大文字・英小文字・数字のいずれかの不足、よく使われるパスワード"
        in japanese
    )
    assert untranslated(japanese) == []


@pytest.mark.parametrize(
    ("spoil", "what", "step"),
    [
        (lambda path: path.chmod(0o644), "other accounts can read", "chmod 600"),
        (lambda path: path.write_bytes(b"-"), "damaged", "from your backup"),
        (lambda path: path.unlink(), "does not exist", "authority init"),
    ],
)
def test_a_root_that_cannot_be_used_is_named(
    tmp_path: Path, spoil: Callable[[Path], object], what: str, step: str
) -> None:
    portal = Portal(tmp_path / "state")
    portal.migrate()
    portal.done("authority", "init")
    path = portal.state / "authority" / "workers.pem"
    spoil(path)
    error = json.loads(portal("authority", "show", "--json").stdout)["error"]
    assert what in error["what"]
    assert error["args"] == {"root": "workers"}
    assert error["where"] == str(path)
    assert step in error["next"]
    assert untranslated(portal("--lang", "ja", "authority", "show").stderr) == []


def test_pages_are_not_served_with_a_damaged_key(tmp_path: Path) -> None:
    portal = Portal(tmp_path / "state")
    portal.migrate()
    (portal.state / "secret.key").write_bytes(b"\xff" * 60)
    done = portal("serve", "--bind", "127.0.0.1:1")
    assert done.returncode == 2
    assert "secret.key" in done.stderr


def test_a_roots_certificate_is_json_where_that_was_asked_for(portal: Portal) -> None:
    shown = json.loads(portal.done("authority", "show", "--pem", "boxes", "--json"))
    assert shown == {"root": "boxes", "pem": portal.done("authority", "show", "--pem", "boxes")}


@pytest.mark.parametrize("command", ["serve", "claims"])
def test_an_address_that_cannot_be_had_is_told(portal: Portal, command: str) -> None:
    claims = {"KANMON_CLAIM_URL": "https://localhost:8443"} if command == "claims" else {}
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = portal(command, "--bind", f"127.0.0.1:{port}", **claims)
    assert done.returncode == 2
    assert f"127.0.0.1:{port}" in done.stderr
    assert "another port with --bind" in done.stderr
    done = portal(command, "--bind", "192.0.2.1:8000", **claims)
    assert done.returncode == 2
    assert "an address of this machine" in done.stderr
    assert "Traceback" not in done.stderr


def test_no_fault_is_a_traceback(portal: Portal, tmp_path: Path) -> None:
    (tmp_path / "breaks.py").write_text("1 / 0\n")
    variables = {"DJANGO_SETTINGS_MODULE": "breaks", "PYTHONPATH": str(tmp_path)}
    done = portal("key", "list", "--json", **variables)
    assert done.returncode == 2
    assert "ZeroDivisionError" in json.loads(done.stdout)["error"]["why"]
    assert "Traceback" not in done.stderr
    for switched_on in ("1", "True"):
        seen = portal("key", "list", KANMON_PORTAL_DEBUG=switched_on, **variables)
        assert "Traceback" in seen.stderr


def test_the_place_of_a_variable_that_cannot_be_used_is_its_name(portal: Portal) -> None:
    for given in ({"KANMON_MQTT": "4"}, {"KANMON_PORTAL_URL": "x", "KANMON_MQTT": "4"}):
        done = call(portal, Case(call=("key", "list", "--json"), names=(), given=given))
        assert json.loads(done.stdout)["error"]["where"] == ", ".join(given)
