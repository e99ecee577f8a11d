from __future__ import annotations

import json
import os
import socket
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from portal.environment.state_folder import PACKAGE
from tests import fork_server
from tests.portal.program import Portal

if TYPE_CHECKING:
    from pathlib import Path

PLACE = [
    "gateway", "add", "--organization", "Aoyama Foods", "--site", "Plant",
    "--time-zone", "Asia/Tokyo", "--gateway", "Plant room",
]  # fmt: skip


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Portal:
    portal = Portal(tmp_path_factory.mktemp("portal") / "state")
    done = portal("migrate")
    assert done.returncode == 0, done.stderr
    return portal


def test_from_nothing_to_a_link_that_signs_in(portal: Portal) -> None:
    added = portal(*PLACE, "--box", "b-aaaaaaaaaa", "--json")
    assert added.returncode == 0, added.stderr
    assert json.loads(added.stdout)["box"] == "b-aaaaaaaaaa"
    user = portal(
        "user", "add", "--email", "hana@example.com", "--organization", "Aoyama Foods",
        "--role", "administrator", "--password-stdin", given="Kettle-orbit-paper-9\n",
    )  # fmt: skip
    assert user.returncode == 0, user.stderr
    link = portal("sign-in-link", "hana@example.com", "--json")
    assert link.returncode == 0, link.stderr
    answer = json.loads(link.stdout)
    assert answer["url"].startswith("http://127.0.0.1:8000/sign-in/link/")
    assert answer["minutes"] == 30
    assert (portal.state.stat().st_mode & 0o777) == 0o700


def test_a_refusal_is_one_line_that_says_what_next_and_exits_2(portal: Portal) -> None:
    place = (*PLACE, "--gateway", "Second room")
    for _ in range(2):  # the same again is no error
        assert portal(*place, "--box", "b-bbbbbbbbbb").returncode == 0
    again = portal(*place, "--box", "b-cccccccccc")
    assert again.returncode == 2
    assert again.stderr.startswith("kanmon-portal: ")
    assert "Traceback" not in again.stderr
    nobody = portal("sign-in-link", "nobody@example.com")
    assert nobody.returncode == 2
    assert "user add" in nobody.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["no-such-command"],
        ["serve", "--bind", "nowhere"],
        ["user", "add"],
        ["user", "add", "--email", "a@b.example", "--organization", "X"],
    ],
)
def test_wrong_usage_exits_3(portal: Portal, words: list[str]) -> None:
    done = portal(*words)
    assert done.returncode == 3, done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["sign-in-link", "hana@example.com"],
        ["ingest"],
        ["serve"],
        [*PLACE, "--box", "b-aaaaaaaaaa"],
    ],
)
def test_a_database_that_is_not_set_up_is_told_and_nothing_is_made(
    tmp_path: Path, words: list[str]
) -> None:
    state = tmp_path / "empty"
    done = Portal(state)(*words)
    assert done.returncode == 2
    place = state / "db.sqlite3"
    assert [line.strip() for line in done.stderr.splitlines()] == [
        "kanmon-portal: no database is set up",
        f"where: {place}",
        "next:  run `kanmon-portal migrate`",
    ]
    assert not state.exists()


def test_a_database_of_an_older_version_is_told(tmp_path: Path) -> None:
    portal = Portal(tmp_path / "state")
    assert portal("migrate").returncode == 0
    with closing(sqlite3.connect(portal.state / "db.sqlite3")) as database, database:
        database.execute("DELETE FROM django_migrations WHERE app = 'ingest'")
    done = portal("sign-in-link", "hana@example.com")
    assert done.returncode == 2
    assert "of an older version" in done.stderr
    assert "run `kanmon-portal migrate`" in done.stderr


def test_a_database_that_is_away_is_told_without_its_password(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    url = f"postgres://kanmon:very-secret@127.0.0.1:{port}/kanmon"
    done = Portal(tmp_path)("sign-in-link", "hana@example.com", KANMON_DATABASE_URL=url)
    assert done.returncode == 2
    what, where, why, step = (line.strip() for line in done.stderr.splitlines())
    assert what == "kanmon-portal: the database does not answer"
    assert where == "where: kanmon (127.0.0.1)"
    assert why.startswith("why:   ")
    assert step == "next:  start the database, or correct KANMON_DATABASE_URL"
    assert "very-secret" not in done.stderr


def test_a_damaged_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "db.sqlite3").write_bytes(b"no database" * 1000)
    done = Portal(tmp_path)("sign-in-link", "hana@example.com")
    assert done.returncode == 2
    assert str(tmp_path / "db.sqlite3") in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    done = Portal(blocked / "state")("migrate")
    assert done.returncode == 2
    assert str(blocked) in done.stderr
    assert "KANMON_PORTAL_STATE" in done.stderr


def test_the_ledger_names_every_box_and_their_sum(tmp_path: Path) -> None:
    portal = Portal(tmp_path / "state")
    assert portal("migrate").returncode == 0
    assert portal("ledger").stdout == "There are no gateways.\n"
    assert portal(*PLACE, "--box", "b-aaaaaaaaaa").returncode == 0
    counted = json.loads(portal("ledger", "--json").stdout)
    assert counted["total"]["accepted"] == 0
    assert [(one["box"], one["gateway"]) for one in counted["boxes"]] == [
        ("b-aaaaaaaaaa", "Plant room")
    ]
    header, line, total = portal("--lang", "ja", "ledger").stdout.splitlines()
    assert header.split() == [
        *("ゲートウェイ", "拠点", "ゲートウェイ本体"),
        *("受付", "保存", "隔離", "破棄通知", "未着", "欠落", "時刻未確定"),
    ]
    assert line.split() == ["Plant", "room", "Plant", "b-aaaaaaaaaa", *["0"] * 7]
    assert total.split() == ["合計", *["0"] * 7]


def test_the_ledger_counts_undated_readings_of_each_device(tmp_path: Path) -> None:
    portal = Portal(tmp_path / "state")
    assert portal("migrate").returncode == 0
    assert portal(*PLACE, "--box", "b-aaaaaaaaaa").returncode == 0
    code = (
        "from cloud_link.wire import Lane; from portal.ingest.store import ingest; "
        "from tests.portal.ingest.sender import METER, Sender, meter; "
        "s = Sender('b-aaaaaaaaaa'); ingest([s.online(), s.tables(METER), "
        "s.send(Lane.DATA, *[meter(1000 * n, n, n, n) for n in range(1, 501)])])"
    )
    settings = {"DJANGO_SETTINGS_MODULE": "portal.settings"}
    done = fork_server.run_text(
        "tests.portal.inside",
        code,
        cwd=PACKAGE.parent,
        env=os.environ | settings | {"KANMON_PORTAL_STATE": str(portal.state)},
    )
    assert done.returncode == 0, done.stderr
    (counted,) = json.loads(portal("ledger", "--json").stdout)["boxes"]
    assert counted["undated"] == 500
    assert counted["undated_devices"] == [{"device": "meter", "readings": 1500}]
    lines = portal("ledger").stdout.splitlines()
    assert [line.split() for line in lines[-3:]] == [
        [],
        ["gateway", "site", "box", "device", "undated", "readings"],
        ["Plant", "room", "Plant", "b-aaaaaaaaaa", "meter", "1,500"],
    ]
    assert "時刻未確定の計測値" in portal("--lang", "ja", "ledger").stdout
