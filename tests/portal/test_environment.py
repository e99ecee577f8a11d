from __future__ import annotations

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.environment import names
from portal.environment.database_url import postgresql, sqlite
from portal.environment.errors import SettingsError
from portal.environment.model import NAMES
from portal.environment.state_folder import PACKAGE, secret_key
from tests.console.calls import ROOT
from tests.portal.program import Portal
from tests.portal.variables import read_settings


def test_a_postgresql_url_becomes_a_database_with_its_percent_signs_undone() -> None:
    entry = postgresql(
        "postgres://kan%40mon:s%2Fcret@db.example:6432/fleet?sslmode=require&connect_timeout=5"
    )
    assert entry["ENGINE"].endswith("postgresql")
    assert (entry["USER"], entry["PASSWORD"]) == ("kan@mon", "s/cret")
    assert (entry["HOST"], entry["PORT"], entry["NAME"]) == ("db.example", 6432, "fleet")
    assert entry["OPTIONS"] == {"sslmode": "require", "connect_timeout": 5}
    assert (entry["CONN_MAX_AGE"], entry["CONN_HEALTH_CHECKS"]) == (60, True)


def test_a_socket_folder_may_stand_in_the_query() -> None:
    entry = postgresql("postgresql:///kanmon?host=/run/pg")
    assert (entry["HOST"], entry["OPTIONS"]) == ("/run/pg", {})


def test_sqlite_is_durable_and_takes_its_lock_at_the_start_of_a_transaction() -> None:
    entry = sqlite(Path("/somewhere"))
    assert entry["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert "journal_mode=WAL" in entry["OPTIONS"]["init_command"]
    assert "synchronous=FULL" in entry["OPTIONS"]["init_command"]


@pytest.mark.parametrize(
    "url",
    [
        "user:hunter2@host/name",
        "postgres:/user:hunter2@host/name",
        "postgres:///user:hunter2@host/name",
        "postgres://user:12/hunter2@host/name",
        "postgres://user:12#hunter2@host/name",
        "postgres://user:12?hunter2=x@host/name",
        "postgres://user:12/name?hunter2=x@host/name",
        "postgres://user:hunter2@host:port/name",
        "postgres://user:hunter2@[host/name",
        "postgres://user:hunter2@host/name\n",
        "mysql://user:hunter2@host/name",
        "postgres://user:hunter2@%ff%fe/name",
        "postgres://user:hunter2@a..b/name",
        f"postgres://user:hunter2@{'a' * 64}/name",
        "postgres://user:hunter2@host%00/name",
        "postgres://user%00:hunter2@host/name",
        "postgres://user:hunter2%00@host/name",
        "postgres://user:hunter2@host/name%00",
        "postgres://user:hunter2@host/name?sslcert=%00",
        "postgres://user:hunter2\udcff@host/name",
        "postgres://user:hunter2@/name?host=a..b",
    ],
)
def test_no_error_repeats_a_password_wherever_it_ended_up(url: str) -> None:
    with pytest.raises(SettingsError, match="KANMON_DATABASE_URL") as caught:
        read_settings({"KANMON_DATABASE_URL": url})
    shown: BaseException | None = caught.value
    while shown is not None:
        assert "hunter2" not in f"{shown}{shown!r}"
        shown = shown.__cause__ or (None if shown.__suppress_context__ else shown.__context__)


@pytest.mark.parametrize(
    "host",
    ["10", "true", "db", "db.example.com.", "datenbank-m\u00fcnchen.example", "[::1]", "127.0.0.1"],
)
def test_a_host_that_the_name_service_can_carry_is_taken(host: str) -> None:
    found = read_settings({"KANMON_DATABASE_URL": f"postgres://user:pass@{host}/name"})
    assert found.database["HOST"] == host.strip("[]")
    asked = {"KANMON_DATABASE_URL": f"postgres:///name?host={host.strip('[]')}"}
    assert read_settings(asked).database["HOST"].lower() == host.strip("[]")


def test_the_folder_of_a_socket_is_taken() -> None:
    url = "postgres://user:pass@/name?host=/run/a..b"
    assert read_settings({"KANMON_DATABASE_URL": url}).database["HOST"] == "/run/a..b"


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("KANMON_PORTAL_URL", "https://admin:hunter2@portal.example.com/portal"),
        ("KANMON_PORTAL_URL", "https://admin:hun/t@hunter2@portal.example.com"),
        ("KANMON_PORTAL_URL", "admin:hunter2@portal.example.com"),
        ("KANMON_CLAIM_URL", "https://admin:hunter2@portal.example.com"),
        ("KANMON_CLAIM_URL", "http://hunter2@portal.example.com"),
        ("KANMON_INGEST_METRICS", "admin:hunter2@127.0.0.1:9465"),
    ],
)
def test_no_error_repeats_what_stands_before_the_host_of_an_address(name: str, url: str) -> None:
    with pytest.raises(SettingsError, match=name) as caught:
        read_settings({name: url})
    assert "hunter2" not in str(caught.value)


def test_no_error_repeats_the_user_in_the_address_of_another_variable() -> None:
    with pytest.raises(SettingsError, match="KANMON_SIMULATION") as caught:
        read_settings({"KANMON_PORTAL_URL": "https://a:hunter2@h", "KANMON_SIMULATION": "/run/x"})
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("name", ["KANMON_PORTAL_STATE", "KANMON_BROKER_ID"])
def test_a_home_that_no_account_has_is_an_error(name: str) -> None:
    with pytest.raises(SettingsError, match="an account that does not exist"):
        read_settings({"KANMON_BROKER": "mqtts://h", name: "~nobody-has-this-name/state"})


def test_links_in_a_circle_are_a_folder_like_any_other(tmp_path: Path) -> None:
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    found = read_settings({"KANMON_PORTAL_STATE": str(tmp_path / "circle")})
    assert found.state == tmp_path / "circle"


def test_settings_shown_in_a_log_hold_no_secret() -> None:
    found = read_settings(
        {
            "KANMON_DATABASE_URL": "postgres://user:hunter2@host/name",
            "KANMON_METRICS_TOKEN": "hunter2-hunter2-hunter2",
            "KANMON_BROKER": "mqtts://user:hunter2@host",
        }
    )
    assert found.database["PASSWORD"] == "hunter2"
    assert "hunter2" not in repr(found)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("KANMON_DATABASE_URL", "mysql://h/x", "postgres://"),
        ("KANMON_DATABASE_URL", "postgres://h/", "no database"),
        ("KANMON_DATABASE_URL", "postgres://h/x?sslmod=require", "sslmod"),
        ("KANMON_DATABASE_URL", "postgres://h/x?sslmode=require&sslmode=disable", "once"),
        ("KANMON_DATABASE_URL", "postgres://h/x?sslmode=required", "verify-ca and verify-full"),
        ("KANMON_DATABASE_URL", "postgres://h/x?connect_timeout=5s", "whole number of seconds"),
        ("KANMON_DATABASE_URL", "postgres://h/x?connect_timeout=true", "whole number of seconds"),
        ("KANMON_DATABASE_URL", "postgres:///x?host=/a&host=/b", "'host' is given more than once"),
        ("KANMON_DATABASE_URL", "postgres://h:0/x", "host or its port is wrong"),
        ("KANMON_BROKER", "mqtt://\x1b", "these characters"),
        ("KANMON_PORTAL_URL", "portal.example.com", "https://"),
        ("KANMON_PORTAL_URL", "https://example.com/portal", "without a path"),
        ("KANMON_PORTAL_URL", "https://example.com?x=1", "without a path"),
        ("KANMON_PORTAL_URL", "https://example.com/#top", "without a path"),
        ("KANMON_PORTAL_URL", "https://example.com:0", "host or its port is wrong"),
        ("KANMON_PORTAL_URL", "https://exa mple.com", "host or its port is wrong"),
        ("KANMON_BOX_BROKER", "mqtts://broker.example.com?x=1", "mqtts://"),
        ("KANMON_BOX_BROKER", "mqtts://broker.example.com:0", "host or its port is wrong"),
        ("KANMON_PORTAL_DEBUG", "maybe", "Write 1 or 0"),
        ("KANMON_BOX_BROKER", "broker.example.com:8883", "mqtts://"),
        ("KANMON_BROKER_ID", "/some/folder", "Begin KANMON_BROKER with mqtts://"),
        ("KANMON_CLAIM_URL", "http://portal.example.com", "Write the https:// address"),
        ("KANMON_CLAIM_URL", "https://portal.example.com/claim/", "such as https://"),
        ("KANMON_TRUSTED_PROXIES", "proxy.example.com", "'proxy.example.com' is not an IP"),
        ("KANMON_TRUSTED_PROXIES", "127.0.0.1,,10.0.0.0/8", "'' is not an IP address"),
        ("KANMON_TRUSTED_PROXIES", "127.0.0.1 10.0.0.1", "separated by commas"),
        ("KANMON_TRUSTED_PROXIES", "10.0.0.1/33", "not an IP address or a network"),
        ("KANMON_TRUSTED_PROXIES", "10.0.0.1/8", "10.0.0.0/8 for all of it, or 10.0.0.1"),
        ("KANMON_TRUSTED_PROXIES", "127.0.0.1,0.0.0.0/0", "contains every address"),
        ("KANMON_TRUSTED_PROXIES", "::/0", "contains every address"),
        ("KANMON_PORTAL_STATE", str(PACKAGE / "state"), "inside the program"),
    ],
)
def test_what_cannot_be_used_is_refused_with_what_to_write_instead(
    name: str, value: str, says: str
) -> None:
    with pytest.raises(SettingsError, match=says):
        read_settings({name: value})


def test_proxies_are_addresses_and_networks() -> None:
    found = read_settings({"KANMON_TRUSTED_PROXIES": "127.0.0.1, 10.0.0.0/8,2001:db8::/32"})
    assert [str(one) for one in found.trusted_proxies] == [
        "127.0.0.1/32",
        "10.0.0.0/8",
        "2001:db8::/32",
    ]
    assert read_settings({}).trusted_proxies == ()


def test_every_variable_that_cannot_be_used_is_named_at_once() -> None:
    wrong = {
        "KANMON_PORTAL_STATE": str(PACKAGE),
        "KANMON_BROKER": os.fsdecode(b"\xff"),
        "KANMON_BROKER_ID": "/right/where/the/broker/is",
        "KANMON_MQTT": "4",
        "KANMON_PORTAL_URL": "portal.example.com",
    }
    with pytest.raises(SettingsError) as caught:
        read_settings(wrong)
    problems = caught.value.problems
    assert {one.where for one in problems} == wrong.keys() - {"KANMON_BROKER_ID"}
    assert len(problems) == 4
    for one in problems:
        assert f"{one.where}: {one.what} ({one.next_step})" in str(caught.value)


@given(st.sampled_from(NAMES[1:]), st.text(max_size=40).filter(str.isprintable))
def test_any_text_is_a_setting_or_an_error_that_names_its_variable(name: str, text: str) -> None:
    named: tuple[str, ...] = (name,)
    try:
        read_settings({name: text})
    except SettingsError as error:
        named = tuple(one.where for one in error.problems)
    assert named == (name,)


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("KANMON_DATABSE_URL", "KANMON_DATABASE_URL"),
        ("KANMON_METRIC_TOKEN", "KANMON_METRICS_TOKEN"),
        ("KANMON_BROKERID", "KANMON_BROKER_ID"),
        ("kanmon_mqtt", "KANMON_MQTT"),
        ("KANMON_PORTAL_URI", "KANMON_PORTAL_URL"),
        ("KANMON_LANGUAGE", "KANMON_LANG"),
        ("KANMON_FROBNICATE", ""),
    ],
)
def test_a_variable_that_nothing_reads_is_found_with_the_nearest_name(
    name: str, nearest: str
) -> None:
    given = ["PATH", name, *NAMES, *names.OTHERS, "KANMON_LANG"]
    (found,) = names.unknown_variables(given)
    assert (found.name, found.nearest) == (name, nearest)


def test_the_variables_of_other_programs_are_those_that_they_read() -> None:
    folders = ("gateway", "console", "scripts", "tests", ".ci")
    paths = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file()]
    texts = [
        path.read_bytes().decode("utf-8", "replace") for path in paths if path != Path(__file__)
    ]
    assert (
        set(names.OTHERS)
        - {name for text in texts for name in re.findall(r"\bKANMON_[A-Z_]+", text)}
        == set()
    )
    read_there = re.compile(
        r"""(?:environ\[|\.get\(|getenv\(|envvar=)\s*"(KANMON_\w+)"|\$\{?(KANMON_[A-Z_]+)"""
    )
    found = {name for text in texts for pair in read_there.findall(text) for name in pair if name}
    assert found - {*NAMES, *names.OTHERS, "KANMON_LANG"} == set()


def test_a_command_names_what_nothing_reads_and_does_its_work(tmp_path: Path) -> None:
    portal = Portal(tmp_path / "state")
    portal.migrate()
    done = portal(
        "key", "list", "--json", KANMON_DATABSE_URL="postgres://u:hunter2@h/x", KANMON_X="1"
    )
    assert done.returncode == 0
    assert done.stderr == (
        "kanmon-portal: warning: no program reads the variable KANMON_DATABSE_URL; "
        "did you mean KANMON_DATABASE_URL?\n"
        "kanmon-portal: warning: no program reads the variable KANMON_X\n"
    )
    assert portal("--help", KANMON_X="1").stderr == ""


@pytest.mark.parametrize(
    ("url", "claim_url"),
    [
        ("", "http://127.0.0.1:8000"),
        ("https://portal.example.com", "https://portal.example.com:8443"),
        ("http://portal.example.com:8000", "https://portal.example.com:8443"),
        ("https://[fd00::1]", "https://[fd00::1]:8443"),
    ],
)
def test_boxes_claim_over_tls_except_on_this_machine(url: str, claim_url: str) -> None:
    assert read_settings({"KANMON_PORTAL_URL": url}).claim_url == claim_url


def test_boxes_may_reach_the_broker_by_another_name() -> None:
    assert read_settings({"KANMON_BROKER": "mqtt://inside"}).box_broker == "mqtt://inside"
    both = {"KANMON_BROKER": "mqtt://inside", "KANMON_BOX_BROKER": "mqtts://outside:8883"}
    assert read_settings(both).box_broker == "mqtts://outside:8883"


def test_the_key_is_made_once_even_by_many_at_a_time_and_only_its_owner_reads_it(
    tmp_path: Path,
) -> None:
    state = tmp_path / "new" / "state"
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(secret_key, [state] * 32))
    assert len(keys) == 1
    assert (state / "secret.key").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in state.iterdir()] == ["secret.key"]


@pytest.mark.parametrize("content", [b"", b"short", b"\xff" * 60, "é".encode() * 60])
def test_a_damaged_key_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "secret.key").write_bytes(content)
    with pytest.raises(SettingsError, match=r"secret\.key: the key .* is too short or damaged"):
        secret_key(tmp_path)


def test_importing_the_settings_touches_no_disk(tmp_path: Path) -> None:
    state = tmp_path / "state"
    subprocess.run(
        [sys.executable, "-c", "import portal.settings"],
        env={"KANMON_PORTAL_STATE": str(state), "PATH": "/usr/bin"},
        check=True,
        cwd=PACKAGE.parent,
    )
    assert not state.exists()


@pytest.mark.parametrize(
    ("url", "secure"),
    [
        ("http://127.0.0.1:8000", "False"),
        ("http://[::1]:8000", "False"),
        ("https://portal.example.com", "True"),
        ("http://192.168.1.2:8000", "True"),
    ],
)
def test_cookies_are_secure_except_on_this_very_machine(url: str, secure: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import portal.settings as s; print(s.SESSION_COOKIE_SECURE)"],
        env={"KANMON_PORTAL_URL": url, "PATH": "/usr/bin"},
        check=True,
        capture_output=True,
        text=True,
        cwd=PACKAGE.parent,
    )
    assert done.stdout.strip() == secure
