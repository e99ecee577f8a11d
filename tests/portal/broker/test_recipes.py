"""`docs/how-to/revoke-and-reissue.md`, followed to the letter with real processes."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import sqlite3
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from cloud_link.mqtt.broker import Broker, Identity, UnreachableError
from cloud_link.mqtt.connect import connect
from config.disk import LocalDisk, replace_file
from gateway.configuration.loader import PROFILES
from gateway.control.client import call
from portal.environment.state_folder import PACKAGE
from provisioning import enrolment_store
from tests.gateway.box import Box, wait_for
from tests.portal.broker.company import BARE, Company, enrolled_name, link
from tests.portal.broker.recipe import Shell, commands

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.peer("mosquitto"), pytest.mark.first]

ANEW = "A root was copied, or lost"
AGAIN = "Use the hardware again, or put other hardware there"
ENDED = "A box's certificate expires, or has expired"
DATABASE = "db.sqlite3"
STOLEN = "A box is stolen, or its key may have been copied"

DEVICE = """\
devices:
  - {name: meter, url: "modbus-tcp://127.0.0.1:9/?unit=1&profile=of-its-own"}
"""


@dataclass
class Desk:
    """Who has the page in front of them."""

    company: Company
    box: Box
    shell: Shell

    @property
    def stand_ins(self) -> dict[str, str]:
        folder = self.company.folder
        return {
            "STATE": str(self.company.portal.state),
            "FOLDER": str(self.company.broker_folder),
            "/somewhere/safe": str(folder / "safe.pem"),
            "/srv/kanmon": str(folder),
            "/var/lib/kanmon": str(self.box.state),
        }

    def follow(self, heading: str, **names: str) -> str:
        """Do what stands there; what was printed. Keys are carried to the box by hand."""
        said, key = "", ""
        for line in commands(heading):
            if "systemctl stop kanmon" in line:
                assert self.box.end() == 0
                continue
            if "kanmon enroll" in line:
                self._enroll(line.replace("K1-...", key))
                continue
            said += self.shell.run(line, self.stand_ins | names)
            found = re.search(r"^K1-\S+$", said, re.M)
            key = found[0] if found else key
        return said

    def _enroll(self, line: str) -> None:
        # Nobody is there to be asked, which --consent is for.
        at = f"127.0.0.1:{self.company.ports['claims']}"
        with self.company.program("claims-again", "claims", "--bind", at) as log:
            wait_for("the claim service", lambda: "Listening at" in log.read_text())
            self.shell.run(f"{line} --consent", self.stand_ins)


@pytest.fixture
def desk(company: Company, box: Box, tmp_path: Path) -> Desk:
    state = {"KANMON_PORTAL_STATE": str(company.portal.state), "KANMON_STATE": str(box.state)}
    return Desk(company, box, Shell(tmp_path, company.variables | state))


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Box]:
    box = Box(tmp_path / "other" / "box")
    box.state.parent.mkdir()
    yield box
    box.kill()


def configured(box: Box) -> None:
    """With a secret, and a device of a profile of its own, that nobody may forget."""
    (box.state / "secrets").mkdir(mode=0o700, parents=True)
    own = box.state / PROFILES
    own.mkdir(mode=0o700)
    packaged = next(iter(sorted((PACKAGE.parent / "drivers" / "profiles").glob("*.yaml"))))
    shutil.copy(packaged, own / "of-its-own.yaml")
    configuration = box.state.parent / "kanmon.yaml"
    configuration.write_text(BARE + DEVICE)
    assert box.kanmon("config", "apply", str(configuration)).returncode == 0


def delivering(box: Box) -> None:
    wait_for("the link", lambda: bool(link(box)["connected"]))
    wait_for("an acknowledgement", lambda: link(box).get("last_ack_s") is not None)


def test_a_root_is_replaced(desk: Desk, other: Box) -> None:
    company, box = desk.company, desk.box
    company.run("authority", "issue-worker", "ingest-1", "--out", str(company.folder / "worker"))
    configured(box)
    with company.program("ingest", "ingest", KANMON_BROKER_ID=str(company.folder / "worker")):
        first = enrolled_name(company, box)
        box.start()
        delivering(box)
        desk.follow(ANEW)
        # As the page says: nobody has noticed so far.
        assert link(box)["connected"] is True
    company.running.stop()
    company.running.start()
    worker = str(company.folder / "ingest-1-anew")
    with ExitStack() as running:
        running.enter_context(company.program("ingest-2", "ingest", KANMON_BROKER_ID=worker))
        wait_for("the end of the old link", lambda: not link(box)["connected"])
        configured(other)
        second = enrolled_name(company, other, gateway="Another room")
        other.start()
        delivering(other)
        assert link(box)["connected"] is False
        old = enrolment_store.load(box.state)
        desk.follow(AGAIN)
        kept = enrolment_store.load(box.state)
        assert old is not None
        assert kept is not None
        assert len({first, second, kept.box}) == 3
        box.start()
        delivering(box)
        delivering(other)
        refuses_the_old_root(desk, first)
        assert box.end() == 0
        assert other.end() == 0
    done = company.portal("broker", "check", str(company.broker_folder))
    assert (done.returncode, done.stdout) == (0, "No problems were found.\n")


def refuses_the_old_root(desk: Desk, name: str) -> None:
    """Also from who has learnt the new root, so that it is the broker that refuses."""
    folder = desk.box.state.with_name(f"{desk.box.state.name}.old") / "identity"
    identity = Identity(
        certificate=next(folder.glob("certificate-*.pem")),
        key=folder / "key.pem",
        trust=desk.company.broker_folder / "roots" / "boxes.pem",
    )

    async def enter() -> None:
        url = desk.company.variables["KANMON_BOX_BROKER"]
        async with connect(Broker.parse(url, tls=identity.context()), name):
            pass

    with pytest.raises(UnreachableError, match=r"issued again|unknown ca"):
        asyncio.run(enter())


def test_a_stolen_box_is_revoked_and_other_hardware_put_there(desk: Desk) -> None:
    company, box = desk.company, desk.box
    company.run("authority", "issue-worker", "ingest-1", "--out", str(company.folder / "worker"))
    configured(box)
    with company.program("ingest", "ingest", KANMON_BROKER_ID=str(company.folder / "worker")):
        name = enrolled_name(company, box)
        box.start()
        delivering(box)
        said = desk.follow(STOLEN, **{"b-k5qx7t2ab4": name})
        assert f"The broker has reloaded its lists; disconnected: {name}" in said
        wait_for("the no", lambda: "certificate revoked" in str(link(box)["error"]))
        desk.follow(AGAIN)
        box.start()
        delivering(box)
        kept = enrolment_store.load(box.state)
        assert kept is not None
        assert kept.box != name
        assert box.end() == 0


@pytest.mark.parametrize("days", [10, -1])
def test_a_box_whose_certificate_ends_is_enrolled_again(desk: Desk, days: int) -> None:
    company, box = desk.company, desk.box
    company.run("authority", "issue-worker", "ingest-1", "--out", str(company.folder / "worker"))
    configured(box)
    with company.program("ingest", "ingest", KANMON_BROKER_ID=str(company.folder / "worker")):
        name = enrolled_name(company, box)
        box.start()
        delivering(box)
        assert "valid until" in box.kanmon("status").stdout
        end_in(desk, days)
        wait_for("its own word", lambda: call(box.state, "status")["certificate"]["soon"])
        words = "expires on" if days > 0 else "expired on"
        assert f"{words} " in box.kanmon("status").stdout
        told = company.portal("broker", "check", str(company.broker_folder))
        assert f"the certificate of the box {name} {words}" in told.stdout
        desk.follow(ENDED)
        wait_for("the new one", lambda: not call(box.state, "status")["certificate"]["soon"])
        delivering(box)
        kept = enrolment_store.load(box.state)
        assert kept is not None
        assert kept.box == name
        assert box.end() == 0
    done = company.portal("broker", "check", str(company.broker_folder))
    assert (done.returncode, done.stdout) == (0, "No problems were found.\n")


def end_in(desk: Desk, days: int) -> None:
    """Let the portal and the box believe it of the certificate: nobody here can turn the clock."""
    ends = datetime.now(UTC) + timedelta(days=days)
    with closing(sqlite3.connect(desk.company.portal.state / DATABASE)) as database, database:
        change = "UPDATE authority_issuedcertificate SET expires_at = ? WHERE box_id IS NOT NULL"
        database.execute(change, [f"{ends:%Y-%m-%d %H:%M:%S}"])
    path = enrolment_store.folder(desk.box.state) / enrolment_store.FILE
    content = json.loads(path.read_bytes())
    replace_file(LocalDisk(), path, json.dumps(content | {"expires_at": ends.isoformat()}).encode())


def test_a_worker_is_replaced_in_good_order_and_after_a_theft(desk: Desk) -> None:
    company = desk.company
    first, second, third = (company.folder / f"ingest-1-{name}" for name in ("2026", "2027", "new"))
    company.run("authority", "issue-worker", "ingest-1", "--out", str(first))
    issue, *rest = commands("A worker's certificate: replace it in good order")
    with company.program("first", "ingest", KANMON_BROKER_ID=str(first)) as log:
        wait_for("the worker", lambda: "broker_connected" in log.read_text())
        desk.shell.run(issue, desk.stand_ins)
    with company.program("second", "ingest", KANMON_BROKER_ID=str(second)) as log:
        wait_for("the worker", lambda: "broker_connected" in log.read_text())
        for line in rest:
            desk.shell.run(line, desk.stand_ins)
        assert not first.exists()
        told = desk.follow("A worker's or publisher's key may have been copied")
        assert "worker.ingest-1" in told
        wait_for("the no", lambda: "certificate revoked" in log.read_text())
    with company.program("third", "ingest", KANMON_BROKER_ID=str(third)) as log:
        wait_for("the worker", lambda: "broker_connected" in log.read_text())
