from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from portal import environment
from portal.environment import SettingsError


def test_a_postgresql_url_becomes_a_database_with_its_percent_signs_undone() -> None:
    entry = environment.database(
        "postgres://kan%40mon:s%2Fcret@db.example:6432/fleet?sslmode=require", Path("/x")
    )
    assert entry["ENGINE"].endswith("postgresql")
    assert (entry["USER"], entry["PASSWORD"]) == ("kan@mon", "s/cret")
    assert (entry["HOST"], entry["PORT"], entry["NAME"]) == ("db.example", "6432", "fleet")
    assert entry["OPTIONS"] == {"sslmode": "require"}


def test_a_socket_folder_may_stand_in_the_query() -> None:
    assert (
        environment.database("postgresql:///kanmon?host=/run/pg", Path("/x"))["HOST"] == "/run/pg"
    )


def test_sqlite_is_durable_and_takes_its_lock_at_the_start_of_a_transaction() -> None:
    entry = environment.database("", Path("/somewhere"))
    assert entry["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert "journal_mode=WAL" in entry["OPTIONS"]["init_command"]
    assert "synchronous=FULL" in entry["OPTIONS"]["init_command"]


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("KANMON_DATABASE_URL", "mysql://h/x", "postgres://"),
        ("KANMON_DATABASE_URL", "postgres://h/", "no database"),
        ("KANMON_DATABASE_URL", "postgres://h/x?sslmod=require", "sslmod"),
        ("KANMON_PORTAL_URL", "portal.example.com", "https://"),
        ("KANMON_PORTAL_URL", "https://example.com/portal", "without a path"),
        ("KANMON_PORTAL_DEBUG", "maybe", "write 1 or 0"),
        ("KANMON_BOX_BROKER", "broker.example.com:8883", "mqtts://"),
        ("KANMON_BROKER_ID", "/some/folder", "write mqtts://"),
        ("KANMON_CLAIM_URL", "http://portal.example.com", "over TLS"),
        ("KANMON_CLAIM_URL", "https://portal.example.com/claim/", "such as https://"),
        ("KANMON_PORTAL_STATE", str(environment.PACKAGE / "state"), "inside the program"),
    ],
)
def test_what_cannot_be_used_is_refused_with_what_to_write_instead(
    name: str, value: str, says: str
) -> None:
    with pytest.raises(SettingsError, match=says):
        environment.read({name: value})


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
    assert environment.read({"KANMON_PORTAL_URL": url}).claim_url == claim_url


def test_boxes_may_reach_the_broker_by_another_name() -> None:
    assert environment.read({"KANMON_BROKER": "mqtt://inside"}).box_broker == "mqtt://inside"
    both = {"KANMON_BROKER": "mqtt://inside", "KANMON_BOX_BROKER": "mqtts://outside:8883"}
    assert environment.read(both).box_broker == "mqtts://outside:8883"


def test_the_key_is_made_once_even_by_many_at_a_time_and_only_its_owner_reads_it(
    tmp_path: Path,
) -> None:
    state = tmp_path / "new" / "state"
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(environment.secret_key, [state] * 32))
    assert len(keys) == 1
    assert (state / "secret.key").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in state.iterdir()] == ["secret.key"]


@pytest.mark.parametrize("content", [b"", b"short", b"\xff" * 60, "é".encode() * 60])
def test_a_damaged_key_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "secret.key").write_bytes(content)
    with pytest.raises(SettingsError, match=r"secret\.key is too short to be one, or damaged"):
        environment.secret_key(tmp_path)


def test_importing_the_settings_touches_no_disk(tmp_path: Path) -> None:
    state = tmp_path / "state"
    subprocess.run(
        [sys.executable, "-c", "import portal.settings"],
        env={"KANMON_PORTAL_STATE": str(state), "PATH": "/usr/bin"},
        check=True,
        cwd=environment.PACKAGE.parent,
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
        cwd=environment.PACKAGE.parent,
    )
    assert done.stdout.strip() == secure
