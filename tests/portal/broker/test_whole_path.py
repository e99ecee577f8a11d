"""From an agent key to a revocation, as people run it: every part in a process of its own."""

from __future__ import annotations

import json
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.gateway.box import Box, wait_for
from tests.portal.broker.company import BARE, Company, enrolled_name, link
from tests.portal.program import Portal

pytestmark = [pytest.mark.peer("mosquitto"), pytest.mark.first]


def test_enrolled_delivering_revoked_and_replaced(company: Company, box: Box) -> None:
    worker = company.portal.state / "authority" / "issued" / "workers" / "ingest-1"
    company.run("authority", "issue-worker", "ingest-1")
    configuration = box.state.parent / "kanmon.yaml"
    configuration.write_text(BARE)
    assert box.kanmon("config", "apply", str(configuration)).returncode == 0
    box.start()
    wait_for("a word of what to do", lambda: "kanmon enroll" in str(link(box)))
    with ExitStack() as running:
        running.enter_context(company.program("ingest", "ingest", KANMON_BROKER_ID=str(worker)))
        name = enrolled_name(company, box)
        # The running daemon finds its name by itself.
        wait_for("the link", lambda: bool(link(box)["connected"]))
        wait_for("an acknowledgement", lambda: link(box).get("last_ack_s") is not None)
        assert link(box)["enrolled"] is True
        maintenance = running.enter_context(
            company.program("maintain", "broker", "maintain", str(company.broker_folder))
        )
        wait_for("the maintenance", lambda: "broker_reloaded" in maintenance.read_text())
        assert "ERROR" not in maintenance.read_text()
        company.run("authority", "revoke", name, "--reason", "stolen")
        began = time.monotonic()
        wait_for("the end of the link", lambda: not link(box)["connected"])
        took = time.monotonic() - began
        assert took < 60
        print(f"disconnected {took:.1f} s after the revocation, by the maintenance alone")
        wait_for("its reason", lambda: "certificate revoked" in str(link(box)["error"]))
        record = f"session_disconnected client={name}"
        wait_for("the record of it", lambda: record in maintenance.read_text())
        assert box.end() == 0
        replace_by_new_state(company, box)
    checked = company.portal("broker", "check", str(company.broker_folder))
    assert (checked.returncode, checked.stdout) == (0, "No problems were found.\n")


def replace_by_new_state(company: Company, box: Box) -> None:
    """As docs/how-to/revoke-and-reissue.md says: the hardware begins as a new box."""
    old = box.state.rename(box.state.with_name("box.old"))
    configuration = box.state.parent / "kanmon.yaml"
    assert box.kanmon("config", "apply", str(configuration)).returncode == 0
    name = enrolled_name(company, box)
    assert name not in (old / "box.json").read_text()
    box.start()
    wait_for("the new link", lambda: bool(link(box)["connected"]))
    wait_for("an acknowledgement", lambda: link(box).get("last_ack_s") is not None)
    assert box.end() == 0


def test_a_worker_is_changed_over_and_the_old_one_shut_out(company: Company) -> None:
    folders = {name: company.folder / name for name in ("old", "new")}
    company.run("authority", "issue-worker", "ingest-1", "--out", str(folders["old"]))
    with company.program("ingest", "ingest", KANMON_BROKER_ID=str(folders["old"])) as log:
        wait_for("the worker", lambda: "broker_connected" in log.read_text())
        company.run("authority", "issue-worker", "ingest-1", "--out", str(folders["new"]))
        company.run("authority", "revoke", "ingest-1", "--root", "workers", "--but-newest")
        told = json.loads(company.run("broker", "reload", str(company.broker_folder), "--json"))
        assert "worker.ingest-1" in told["disconnected"]
        wait_for("the no", lambda: "certificate revoked" in log.read_text())
    with company.program("ingest-new", "ingest", KANMON_BROKER_ID=str(folders["new"])) as log:
        wait_for("the worker", lambda: "broker_connected" in log.read_text())


def test_what_a_worker_cannot_use_is_told(company: Company, tmp_path: Path) -> None:
    done = company.portal("ingest", **company.variables, KANMON_BROKER_ID=str(tmp_path / "none"))
    assert done.returncode == 2
    what, where, why, _step = (line.strip() for line in done.stderr.splitlines())
    assert what == "kanmon-portal: the file cannot be read"
    assert where.endswith("none/certificate.pem")
    assert why == "why:   no such file or folder"
    assert "Traceback" not in done.stderr


def test_orders_that_cannot_be_followed_are_told(tmp_path: Path) -> None:
    portal = Portal(tmp_path / "portal")
    portal.migrate()
    assert portal("broker", "write", str(tmp_path / "b")).returncode == 3  # no host
    done = portal("broker", "write", str(tmp_path / "b"), "--host", "localhost")
    assert "authority init" in done.stderr
    portal.done("authority", "init")
    done = portal("broker", "check", str(tmp_path / "b"))
    assert "broker write" in done.stderr
    done = portal("broker", "write", str(tmp_path / "b"), "--host", "h", "--user", "nobody-here")
    assert "the account 'nobody-here' for Mosquitto does not exist" in done.stderr
    done = portal("broker", "write", str(tmp_path / "b"), "--host", "h", "--boxes", "8883")
    assert "is not a valid address of the form HOST:PORT" in done.stderr
    portal.done("broker", "write", str(tmp_path / "b"), "--host", "localhost")
    done = portal("broker", "reload", str(tmp_path / "b"))
    assert done.returncode == 2
    assert "no broker is running with this configuration" in done.stderr
    done = portal("broker", "check", str(tmp_path / "b"))
    assert done.returncode == 2
    assert portal("broker", "check", str(tmp_path / "b"), "--files").returncode == 0
