"""`kanmon-portal authority` and `key` as an operator runs them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from provisioning import agent_key
from tests.portal.program import Portal

if TYPE_CHECKING:
    from pathlib import Path

PLACE = ["--organization", "Aoyama Foods", "--site", "Plant", "--time-zone", "Asia/Tokyo"]


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Portal:
    portal = Portal(tmp_path_factory.mktemp("portal") / "state")
    portal.migrate()
    portal.done("authority", "init")
    return portal


def test_the_roots_are_shown(portal: Portal) -> None:
    again = json.loads(portal.done("authority", "init", "--json"))
    shown = json.loads(portal.done("authority", "show", "--json"))
    assert shown == again
    assert set(shown) == {"boxes", "workers", "publisher"}
    assert shown["boxes"]["list_expires_at"]
    assert shown["boxes"]["fingerprint"] in portal.done("authority", "show")
    assert portal.done("authority", "show", "--pem", "boxes").startswith("-----BEGIN CERT")


def test_workers_publisher_and_servers_get_folders(portal: Portal, tmp_path: Path) -> None:
    words = portal.done("authority", "issue-worker", "ingest-1")
    assert str(portal.state / "authority" / "issued" / "workers" / "ingest-1") in words
    out = tmp_path / "out"
    portal.done("authority", "issue-publisher", "config", "--out", str(out))
    assert {path.name for path in out.iterdir()} == {"key.pem", "certificate.pem", "trust.pem"}
    done = json.loads(portal.done("authority", "issue-server", "127.0.0.1", "localhost", "--json"))
    assert done["folder"].endswith("127.0.0.1")
    refused = portal("authority", "issue-worker", "ingest-1")
    assert refused.returncode == 2
    assert "already exists" in refused.stderr


def test_lists_are_written(portal: Portal) -> None:
    paths = json.loads(portal.done("authority", "crl", "--days", "2", "--json"))
    assert set(paths) == {"boxes", "workers", "publisher"}
    assert portal("authority", "crl", "--days", "0").returncode == 3


def test_a_box_that_is_not_known_cannot_be_revoked(portal: Portal) -> None:
    refused = portal("authority", "revoke", "b-aaaaaaaaaa")
    assert refused.returncode == 2
    assert "`kanmon status`" in refused.stderr


def test_a_key_is_issued_drawn_listed_and_withdrawn(portal: Portal, tmp_path: Path) -> None:
    svg = tmp_path / "key.svg"
    issued = json.loads(portal.done("key", "issue", *PLACE, "--svg", str(svg), "--json"))
    key = agent_key.parse(issued["key"])
    assert key.address == "http://127.0.0.1:8000"
    assert svg.exists()
    drawn = portal.done("key", "issue", *PLACE, "--uses", "3", "--qr")
    assert "█" in drawn
    assert "3 boxes at Plant" in drawn
    listed = json.loads(portal.done("key", "list", "--json"))["keys"]
    assert [(row["state"], row["uses"]) for row in listed] == [("open", 1), ("open", 3)]
    assert "revoked" in portal.done("key", "revoke", key.id)
    assert "was revoked already" in portal.done("key", "revoke", key.id)
    assert f"{key.id}  revoked" in portal.done("key", "list")


@pytest.mark.parametrize("words", [["--uses", "0"], ["--days", "91"], ["--site", ""]])
def test_a_wrong_wish_is_told(portal: Portal, words: list[str]) -> None:
    done = portal("key", "issue", *PLACE, *words)
    assert done.returncode in {2, 3}
    assert "Traceback" not in done.stderr
