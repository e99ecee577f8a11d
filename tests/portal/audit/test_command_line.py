from __future__ import annotations

import getpass
import json
import sqlite3
from contextlib import closing
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest

from tests.portal.program import Portal

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def portal(tmp_path: Path) -> Portal:
    """A portal with an organization, a gateway and a user, all made at the command line."""
    portal = Portal(tmp_path / "state")
    portal.migrate()
    portal.done(
        "gateway", "add", "--organization", "Aoyama Foods", "--site", "Plant",
        "--gateway", "Plant room", "--box", "b-aaaaaaaaaa",
    )  # fmt: skip
    portal.done(
        "user", "add", "--email", "hana@example.com", "--family-name", "鈴木",
        "--given-name", "花子", "--organization", "Aoyama Foods", "--role", "administrator",
        "--no-password",
    )  # fmt: skip
    return portal


def _sql(portal: Portal, *statements: str) -> None:
    """Write to the database as whoever owns it can: without its triggers."""
    with closing(sqlite3.connect(portal.state / "db.sqlite3")) as database:
        found = database.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        triggers = found.fetchall()
        for name, _sql in triggers:
            database.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            database.execute(statement)
        for _name, sql in triggers:
            database.execute(sql)
        database.commit()


def _exported(portal: Portal, *words: str) -> list[dict[str, Any]]:
    text = portal.done("audit", "export", *words)
    return [json.loads(line) for line in text.splitlines()]


def test_the_command_line_is_on_record_with_its_account(portal: Portal) -> None:
    *entries, _head = _exported(portal, "--organization", "Aoyama Foods")
    actions = [one["action"] for one in entries]
    assert actions == [
        "audit.organization_create",
        "audit.site_create",
        "audit.gateway_add",
        "audit.person_add",
        "audit.export",
    ]
    assert {one["actor_kind"] for one in entries} == {"account"}
    assert {one["details"]["actor"]["text"] for one in entries} == {getpass.getuser()}


def test_an_export_is_verified_with_the_documented_form_alone(portal: Portal) -> None:
    *entries, last = _exported(portal, "--organization", "Aoyama Foods")
    names = [
        "chain", "sequence", "previous", "at_ms", "hour", "action", "actor_kind", "actor_id",
        "acting_for_kind", "acting_for_id", "subject_kind", "subject_id", "actor_detail",
        "acting_for_detail", "subject_detail", "change_detail",
    ]  # fmt: skip
    previous = "0" * 64
    for number, entry in enumerate(entries, 1):
        assert (entry["sequence"], entry["previous"]) == (number, previous)
        text = json.dumps([1, *(entry[name] for name in names)], separators=(",", ":"))
        previous = entry["hash"]
        assert sha256(text.encode("ascii")).hexdigest() == previous
        for part, detail in entry["details"].items():
            parts = [detail[name] for name in ("role", "kind", "id", "salt", "text")]
            text = json.dumps(parts, separators=(",", ":"))
            assert sha256(text.encode("ascii")).hexdigest() == entry[f"{part}_detail"]
    assert last["head"]["hash"] == previous


def test_a_whole_log_exits_0_and_one_that_was_changed_exits_2(portal: Portal) -> None:
    assert "whole" in portal.done("audit", "verify")
    _sql(portal, "UPDATE audit_entry SET at_ms = 1 WHERE sequence = 2")
    done = portal("audit", "verify")
    assert done.returncode == 2
    assert "Aoyama Foods: Entry 2 was changed." in done.stdout
    told = json.loads(portal("audit", "verify", "--json").stdout)
    assert told["whole"] is False
    assert told["chains"][0]["findings"] == [
        {"entry": 2, "code": "audit_finding.changed", "text": "entry 2 was changed"}
    ]
    japanese = portal("--lang", "ja", "audit", "verify")
    assert "記録2は変更されています。" in japanese.stdout
    other = portal("audit", "verify", "--portal")
    assert other.returncode == 0


def test_a_removed_end_is_found_and_its_loss_can_be_accepted(portal: Portal) -> None:
    before = portal.done("audit", "export", "--organization", "Aoyama Foods")
    (portal.state.parent / "kept.jsonl").write_text(before)
    with closing(sqlite3.connect(portal.state / "db.sqlite3")) as database:
        database.execute("VACUUM INTO ?", [str(portal.state.parent / "backup.sqlite3")])
    portal.done("audit", "export", "--organization", "Aoyama Foods")
    for file in portal.state.glob("db.sqlite3*"):
        file.unlink()
    (portal.state.parent / "backup.sqlite3").replace(portal.state / "db.sqlite3")
    done = portal("audit", "verify")
    assert done.returncode == 2
    assert "Entry 6 was removed." in done.stdout
    assert portal("audit", "accept-loss", "--portal").returncode == 2
    portal.done("audit", "accept-loss", "--organization", "Aoyama Foods")
    kept = str(portal.state.parent / "kept.jsonl")
    assert "whole" in portal.done("audit", "verify", "--heads", kept)
    *_, lost, _export, _head = _exported(portal, "--organization", "Aoyama Foods")
    assert lost["action"] == "audit.loss_accept"


def test_heads_kept_elsewhere_show_what_state_folder_and_database_no_longer_do(
    portal: Portal,
) -> None:
    text = portal.done("audit", "export", "--organization", "Aoyama Foods")
    kept = portal.state.parent / "kept.jsonl"
    kept.write_text(text)
    head = json.loads(text.splitlines()[-1])["head"]
    logged = portal.state.parent / "portal.log"
    logged.write_text(
        "2026-12-01 INFO portal.audit.anchors: audit_head "
        + " ".join(f'{name}="{head[name]}"' for name in head)
    )
    (portal.state / "audit" / f"{head['chain']}.json").unlink()
    _sql(portal, *(f"DELETE FROM audit_{one}" for one in ("entry", "detail", "head")))
    assert portal("audit", "verify").returncode == 0  # there is no trace
    for file in (kept, logged):
        done = portal("audit", "verify", "--heads", str(file))
        assert done.returncode == 2
        assert "Entries 1 to 5 were removed (5)." in done.stdout
    logged.write_text("no heads here\n")
    none = portal("audit", "verify", "--heads", str(logged))
    assert none.returncode == 2
    assert "no head" in none.stderr


def test_a_persons_names_are_erased(portal: Portal) -> None:
    assert "花子" in json.dumps(
        _exported(portal, "--organization", "Aoyama Foods"), ensure_ascii=False
    )
    erased = portal.done("audit", "erase", "hana@example.com")
    assert erased == "2 texts were erased.\n"
    assert "whole" in portal.done("audit", "verify")
    entries = json.dumps(_exported(portal, "--organization", "Aoyama Foods"), ensure_ascii=False)
    assert "花子" not in entries
    assert "hana@example.com" not in entries
    assert portal("audit", "erase", "nobody@example.com").returncode == 2


WRONG = {
    ("export",): 3,
    ("export", "--portal", "--organization", "Aoyama Foods"): 3,
    ("export", "--organization", "No such"): 2,
    ("accept-loss",): 3,
    ("verify", "--heads", "/no/such/file"): 3,
}


def test_wrong_usage_is_said(portal: Portal) -> None:
    for words, code in WRONG.items():
        done = portal("audit", *words)
        assert done.returncode == code, (words, done.stderr)
        assert "Traceback" not in done.stderr
