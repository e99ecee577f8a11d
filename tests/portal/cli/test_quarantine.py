from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.portal.program import Portal

if TYPE_CHECKING:
    from pathlib import Path


_FILL = """
import django
django.setup()
from cloud_link.records import EventRecord, WireIdentity, encode_record
from portal.fleet.models import Box
from portal.ingest.models import Epoch, Quarantine, Receipt
epoch = Epoch.objects.create(box=Box.objects.get(), epoch=bytes(8), ordinal=1)
event = EventRecord("meter", 1, "online", "running", WireIdentity(), (), ())
for seq, raw in enumerate([encode_record(event), b"broken"]):
    kept = {"epoch": epoch, "lane": 1, "seq": seq, "at": 1000}
    Quarantine.objects.create(**kept, boot=bytes(8), code="unknown_word", detail="why", raw=raw)
    Receipt.objects.create(**kept, hash=1, rejected="unknown_word")
"""


@pytest.fixture
def portal(tmp_path: Path) -> Portal:
    """A portal with two records in quarantine: one that it understands, and one that is broken."""
    portal = Portal(tmp_path / "state")
    portal.migrate()
    portal.done(
        "gateway", "add", "--organization", "Aoyama Foods", "--site", "Plant",
        "--gateway", "Plant room", "--box", "b-aaaaaaaaaa",
    )  # fmt: skip
    variables = {
        "KANMON_PORTAL_STATE": str(portal.state),
        "DJANGO_SETTINGS_MODULE": "portal.settings",
    }
    subprocess.run([sys.executable, "-c", _FILL], check=True, env={**os.environ, **variables})
    return portal


def test_records_are_listed_for_people_and_programs(portal: Portal) -> None:
    text = portal.done("quarantine", "list")
    assert [line.split()[0] for line in text.splitlines()] == ["1", "2"]
    found = json.loads(portal.done("quarantine", "list", "--json", "--gateway", "Plant room"))
    assert found["count"] == 2
    assert [row["seq"] for row in found["records"]] == [0, 1]
    assert not json.loads(portal.done("quarantine", "list", "--json", "--hours", "1"))["records"]
    assert not json.loads(portal.done("quarantine", "list", "--json", "--code", "x"))["records"]
    assert portal.done("--lang", "ja", "quarantine", "list", "--code", "x") == (
        "隔離された記録はありません。\n"
    )


def test_an_open_alarm_comes_first(portal: Portal) -> None:
    with closing(sqlite3.connect(portal.state / "db.sqlite3")) as database, database:
        database.execute(
            "INSERT INTO ingest_alarm (cause, kind, detail, began_at, failed_at, held) "
            "VALUES ('canary: data', 'data', 'OperationalError: full', 0, 1000, '[]')"
        )
    first = portal.done("quarantine", "list").splitlines()[0]
    assert first == "Alarm since 1970-01-01T00:00:00+00:00: canary: data: OperationalError: full"


def test_a_time_beyond_every_calendar_is_none(portal: Portal) -> None:
    """Whatever the database holds, the command lists it."""
    with closing(sqlite3.connect(portal.state / "db.sqlite3")) as database, database:
        database.execute("UPDATE ingest_quarantine SET at = 9223372036854775807")
    found = json.loads(portal.done("quarantine", "list", "--json"))
    assert [row["at"] for row in found["records"]] == [None, None]
    assert [line.split()[1] for line in portal.done("quarantine", "list").splitlines()] == ["-"] * 2


def test_a_record_is_shown_with_what_it_says(portal: Portal) -> None:
    row = json.loads(portal.done("quarantine", "show", "1", "--json"))
    assert (row["code"], row["says"]["kind"], row["says"]["device"]) == (
        "unknown_word",
        "EventRecord",
        "meter",
    )
    assert b"broken".hex() in portal.done("quarantine", "show", "2")
    missing = portal("quarantine", "show", "3")
    assert missing.returncode == 2
    assert "quarantine list" in missing.stderr


def test_records_are_replayed_and_the_exit_code_tells(portal: Portal) -> None:
    assert portal("quarantine", "replay").returncode == 3
    partly = portal("quarantine", "replay", "--all", "--json")
    assert (partly.returncode, json.loads(partly.stdout)) == (1, {"stored": 1, "rejected": 1})
    failed = portal("quarantine", "replay", "2")
    assert (failed.returncode, failed.stderr) == (2, "")
    assert "1 record stays in quarantine." in failed.stdout
    assert portal("quarantine", "replay", "1").returncode == 2
    left = json.loads(portal.done("quarantine", "list", "--json"))["records"]
    assert [(row["number"], row["code"]) for row in left] == [(2, "unreadable")]
    assert portal("quarantine", "replay", "--code", "none").returncode == 0
