"""`kanmon enroll` before a portal as it is installed: own process, own TLS, own root."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from portal.serving.connection import SECONDS, Phase
from provisioning import enrolment_store
from provisioning.agent_key import parse, rows
from tests import fork_server
from tests.gateway.box import Box, wait_for
from tests.peers import free_port
from tests.portal.program import Portal

PLACE = ["--organization", "Aoyama Foods", "--site", "Plant", "--time-zone", "Asia/Tokyo"]


@dataclass
class Office:
    """A portal with its claim service."""

    portal: Portal
    port: int

    def run(self, *words: str) -> str:
        return self.portal.done(*words, **self.variables)

    def key(self, *words: str) -> str:
        """A new agent key."""
        return str(json.loads(self.run("key", "issue", *PLACE, *words, "--json"))["key"])

    @property
    def variables(self) -> dict[str, str]:
        return {
            "KANMON_CLAIM_URL": f"https://127.0.0.1:{self.port}",
            "KANMON_BOX_BROKER": "mqtts://broker.example.com:8883",
        }

    @cached_property
    def trust(self) -> str:
        """The root that boxes believe."""
        return self.run("authority", "show", "--pem", "boxes")

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Run ``kanmon-portal claims``."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("KANMON", "DJANGO"))}
        log = self.portal.state.parent / "claims.log"
        with log.open("ab") as stream:
            process = fork_server.start(
                *("portal.cli", "claims", "--bind", f"127.0.0.1:{self.port}"),
                env=kept | self.variables | {"KANMON_PORTAL_STATE": str(self.portal.state)},
                output=stream,
            )
        try:
            wait_for("the claim service", lambda: self._answers(process, log))
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)

    def _answers(self, process: fork_server.Process, log: Path) -> bool:
        assert process.poll() is None, log.read_text()
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            return True
        return False


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    office = Office(Portal(tmp_path_factory.mktemp("portal") / "state"), free_port())
    office.portal.migrate()
    office.run("authority", "init")
    with office.serving():
        yield office


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path / "state")


def refused(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """The error of a call with ``--json`` that failed."""
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    error: dict[str, Any] = json.loads(done.stdout)["error"]
    assert error["what"]
    assert error["next"]
    return error


def test_from_a_key_to_a_name_and_again(office: Office, box: Box) -> None:
    key = office.key("--gateway", "Plant room")
    done = box.kanmon("enroll", key, "--consent")
    assert done.returncode == 0, done.stderr
    kept = enrolment_store.load(box.state)
    assert kept is not None
    assert done.stdout.startswith(
        f"Enrolment complete: box {kept.box} is Plant room at Plant, Aoyama Foods.\n"
    )
    again = box.kanmon_json("enroll", key, "--consent")
    assert again == {
        "box": kept.box,
        "gateway": "Plant room",
        "site": "Plant",
        "organization": "Aoyama Foods",
        "broker": "mqtts://broker.example.com:8883",
        "expires_at": kept.expires_at,
    }
    assert enrolment_store.load(box.state) == kept
    listed = json.loads(office.run("key", "list", "--json"))["keys"]
    assert {row["id"]: row["state"] for row in listed}[parse(key).id] == "used"


def test_a_revoked_box_is_told_and_stands_in_the_list(office: Office, box: Box) -> None:
    key = office.key()
    name = box.kanmon_json("enroll", key, "--consent")["box"]
    answer = json.loads(office.run("authority", "revoke", name, "--reason", "stolen", "--json"))
    assert answer["revoked"] == 1
    listed = x509.load_pem_x509_crl(Path(answer["list"]).read_bytes())
    kept = enrolment_store.load(box.state)
    assert kept is not None
    pem = (enrolment_store.folder(box.state) / kept.certificate).read_bytes()
    serial = x509.load_pem_x509_certificate(pem).serial_number
    assert listed.get_revoked_certificate_by_serial_number(serial) is not None
    assert refused(box.kanmon("enroll", key, "--consent", "--json"))["number"] == 2305


def test_a_used_key_and_a_withdrawn_one_are_told(office: Office, tmp_path: Path) -> None:
    key = office.key()
    Box(tmp_path / "one").kanmon_json("enroll", key, "--consent")
    second = Box(tmp_path / "two")
    assert refused(second.kanmon("enroll", key, "--consent", "--json"))["number"] == 2106
    done = second.kanmon("enroll", key, "--consent")
    assert done.returncode == 2
    assert done.stderr.splitlines()[0] == (
        "kanmon: the agent key has been used for as many boxes as it was issued for (2106)"
    )
    assert "  next:  request a new key;" in done.stderr


def test_a_slip_is_found_before_anything_is_asked(office: Office, box: Box) -> None:
    key = office.key()
    wrong = f"{key[:5]}U{key[6:]}"
    error = refused(box.kanmon("enroll", wrong, "--consent", "--json"))
    assert (error["number"], error["where"]) == (2101, "")
    assert error["why"] == "character 3 of group 1 is not used in keys"
    assert wrong[3:8] not in json.dumps(error)
    assert not box.state.exists()


def test_consent_is_asked_for(office: Office, box: Box) -> None:
    key = office.key()
    assert refused(box.kanmon("enroll", key, "--json"))["number"] == 2108
    done = box.kanmon("enroll", key)
    assert done.returncode == 2
    assert "(2108)" in done.stderr


def test_a_key_may_come_in_rows_or_by_standard_input(office: Office, tmp_path: Path) -> None:
    key = office.key("--uses", "2")
    spread = [word for row in rows(key) for word in row.split()]
    Box(tmp_path / "one").kanmon_json("enroll", *spread, "--consent")
    done = Box(tmp_path / "two").kanmon("enroll", "-", "--consent", "--json", given=key + "\n")
    assert done.returncode == 0, done.stdout


def test_the_claim_service_has_no_pages_and_replaces_its_certificate_when_it_must(
    office: Office,
) -> None:
    context = ssl.create_default_context(cadata=office.trust)
    link = http.client.HTTPSConnection("127.0.0.1", office.port, context=context)
    link.request("GET", "/")
    assert link.getresponse().status == 404
    link.close()
    there = (office.portal.state / "authority" / "claim.pem").read_bytes()
    other = Office(office.portal, free_port())
    with other.serving():
        pass
    assert (office.portal.state / "authority" / "claim.pem").read_bytes() == there


def handshaken(office: Office) -> ssl.SSLSocket:
    """A connection over which nothing was asked yet."""
    context = ssl.create_default_context(cadata=office.trust)
    plain = socket.create_connection(("127.0.0.1", office.port), timeout=30)
    return context.wrap_socket(plain, server_hostname="127.0.0.1")


HALF_HELLO = b"\x16\x03\x01\x02\x00\x01\x00"
HALF_HEAD = b"POST /claim/ HTTP/1.1\r\nHost: 127.0"
HALF_BODY = b"POST /claim/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\n{"
MANY = 75
"""Of each kind: some times as many as a service of threads could have threads."""


def hold(office: Office, held: ExitStack) -> None:
    """Connections of every kind that says nothing, or half of something."""
    for said in (b"", HALF_HELLO):
        for _ in range(MANY):
            link = socket.create_connection(("127.0.0.1", office.port), timeout=30)
            held.enter_context(link).sendall(said)
    for said in (b"", HALF_HEAD, HALF_BODY):
        for _ in range(MANY):
            held.enter_context(handshaken(office)).sendall(said)


def test_who_says_nothing_or_half_does_not_keep_boxes_out(office: Office, box: Box) -> None:
    with ExitStack() as held:
        hold(office, held)
        box.kanmon_json("enroll", office.key(), "--consent")


def test_a_stop_does_not_wait_for_who_says_nothing_or_half(office: Office) -> None:
    other = Office(office.portal, free_port())
    with ExitStack() as held, other.serving():
        hold(other, held)


@pytest.mark.slow
def test_who_asks_too_slowly_is_cut_off(office: Office) -> None:
    with handshaken(office) as slow:
        slow.sendall(HALF_BODY)
        began = time.monotonic()
        answer = b""
        with suppress(ConnectionError, ssl.SSLError):
            answer = slow.recv(1000)
        assert b" 200 " not in answer
        limit = SECONDS[Phase.BODY]
        assert limit - 2 < time.monotonic() - began < limit + 5


def test_a_portal_that_is_away_is_told(office: Office, box: Box) -> None:
    away = Office(office.portal, free_port())
    assert refused(box.kanmon("enroll", away.key(), "--consent", "--json"))["number"] == 1102


def test_claims_without_tls_are_not_served_here(office: Office) -> None:
    done = office.portal("claims", "--bind", "127.0.0.1:1")
    assert done.returncode == 2
    assert "KANMON_CLAIM_URL" in done.stderr
