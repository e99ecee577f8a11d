"""`kanmon-portal work` as a process: killed at the worst moment, in company, and stopped."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from portal.environment.state_folder import PACKAGE
from tests import fork_server
from tests.mail_server import mail_server
from tests.portal.program import Portal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.mail_server import MailPeer


@pytest.fixture
def portal(tmp_path: Path) -> Portal:
    portal = Portal(tmp_path / "state")
    portal.migrate()
    return portal


@pytest.fixture
def peer() -> Iterator[MailPeer]:
    with mail_server() as peer:
        yield peer


def variables(peer: MailPeer) -> dict[str, str]:
    return {
        "KANMON_MAIL_SERVER": f"smtp://127.0.0.1:{peer.port}",
        "KANMON_MAIL_FROM": "no-reply@example.com",
    }


def start(portal: Portal, peer: MailPeer, *words: str) -> fork_server.Process:
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("KANMON", "DJANGO"))}
    environ |= {"KANMON_PORTAL_STATE": str(portal.state)} | variables(peer)
    return fork_server.start("portal.cli", "work", *words, cwd=PACKAGE.parent, env=environ)


def let_leases_end(portal: Portal) -> None:
    """Let so much time pass that every waiting row is due again."""
    with closing(sqlite3.connect(portal.state / "db.sqlite3", timeout=20)) as database, database:
        database.execute("UPDATE notifications_mail SET next_attempt_at = created_at")


def mails(portal: Portal) -> list[dict[str, object]]:
    listed = portal.done("mail", "list", "--json", *_EVERY_STATE)
    found: list[dict[str, object]] = json.loads(listed)["mails"]
    return found


_EVERY_STATE = [word for s in ("waiting", "sent", "refused", "expired") for word in ("--state", s)]


def test_once_sends_what_waits_and_says_so(portal: Portal, peer: MailPeer) -> None:
    portal.done("mail", "test", "hana@example.com", "--mail-language", "ja")
    said = portal.done("work", "--once", **variables(peer))
    assert "1 mail sent" in said
    assert len(peer.received) == 1
    (row,) = mails(portal)
    assert (row["state"], row["subject"]) == ("sent", "Kanmonからのテストメール")


def test_once_without_a_mail_server_says_what_waits_and_what_to_set(portal: Portal) -> None:
    assert portal("work", "--once").returncode == 0  # nothing waits
    portal.done("mail", "test", "hana@example.com")
    done = portal("work", "--once")
    assert done.returncode == 2
    assert "no mail server is set, and 1 mail is waiting" in done.stderr.lower()
    assert "KANMON_MAIL_SERVER" in done.stderr


def test_once_tells_refusals_and_a_server_that_is_away(portal: Portal, peer: MailPeer) -> None:
    peer.replies["gone@example.com"] = "550 5.1.1 No such user"
    peer.replies["later@example.com"] = "451 4.7.1 Try again later"
    portal.done("mail", "test", "gone@example.com")
    portal.done("mail", "test", "later@example.com")
    done = portal("work", "--once", **variables(peer))
    assert done.returncode == 1
    assert "1 mail refused by the mail server" in done.stdout
    assert "1 mail to be tried again later" in done.stdout
    assert "550 5.1.1 No such user" in portal.done("mail", "list")
    let_leases_end(portal)
    away = {**variables(peer), "KANMON_MAIL_SERVER": "smtp://127.0.0.1:1"}
    done = portal("work", "--once", **away)
    assert done.returncode == 1
    assert "The mail server is not available" in done.stdout


def test_an_address_that_is_none_is_refused(portal: Portal) -> None:
    done = portal("mail", "test", "hana@example.com, ken@example.com")
    assert done.returncode == 2
    assert "is not an email address" in done.stderr


def test_a_worker_killed_before_its_commit_sends_again_with_the_same_message_id(
    portal: Portal, peer: MailPeer
) -> None:
    portal.done("mail", "test", "hana@example.com")
    running: list[fork_server.Process] = []

    def kill() -> None:
        while not running:  # the process may be faster than the line that stores it
            pass
        os.kill(running[0].pid, signal.SIGKILL)  # it never sees the server's answer

    peer.on_data = kill
    running.append(start(portal, peer, "--once"))
    assert running[0].wait(60) == -signal.SIGKILL
    peer.on_data = None
    (row,) = mails(portal)
    assert (row["state"], row["attempts"]) == ("waiting", 1)
    portal.done("work", "--once", **variables(peer))
    assert len(peer.received) == 1  # the lease has not ended
    let_leases_end(portal)
    portal.done("work", "--once", **variables(peer))
    assert len(peer.received) == 2
    first, second = (received.message for received in peer.received)
    assert first["Message-ID"] == second["Message-ID"]
    assert first["Date"] == second["Date"]
    (row,) = mails(portal)
    assert (row["state"], row["attempts"]) == ("sent", 2)


def test_a_worker_ends_at_sigterm_and_has_sent_what_was_due(portal: Portal, peer: MailPeer) -> None:
    portal.done("mail", "test", "hana@example.com")
    running: list[fork_server.Process] = []

    def stop() -> None:
        while not running:
            pass
        os.kill(running[0].pid, signal.SIGTERM)

    peer.on_data = stop
    running.append(start(portal, peer))
    assert running[0].wait(60) == 0
    (row,) = mails(portal)
    assert row["state"] == "sent"  # the mail under way was finished


def test_two_workers_send_each_mail_once(portal: Portal, peer: MailPeer) -> None:
    addresses = [f"user-{number}@example.com" for number in range(6)]
    for address in addresses:
        portal.done("mail", "test", address)
    workers = [start(portal, peer, "--once") for _ in range(2)]
    assert [worker.wait(60) for worker in workers] == [0, 0]
    assert sorted(one.recipient for one in peer.received) == sorted(addresses)
