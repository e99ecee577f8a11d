"""From an agent key to a name, and what is left on the disk by every way it can end."""

from __future__ import annotations

import errno
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from config.disk import LocalDisk
from console.templates import system
from portal.authority import certificates
from portal.authority.certificates import CertificateSpec
from provisioning import enrol as enrolling
from provisioning import enrolment_store
from provisioning.claim import ClaimRequest, Inventory, decode, encode
from provisioning.codes import Code, CodedError
from provisioning.enrol import EnrolRequest, enrol
from provisioning.enrolment_store import Enrolment
from provisioning.identity import box_id
from tests.provisioning.claim_server import ClaimServer, Reply, answer, now, root, serving

ROOT = Path(__file__).parents[2]


def enrol_request(endpoint: ClaimServer, state: Path) -> EnrolRequest:
    return EnrolRequest(
        state=state, key=endpoint.key, consent=True, inventory=Inventory(software="1.0")
    )


def code_of(wanted: EnrolRequest) -> Code:
    with pytest.raises(CodedError) as caught:
        enrol(wanted)
    return caught.value.code


def certificate(state: Path, kept: Enrolment) -> bytes:
    return (enrolment_store.folder(state) / kept.certificate).read_bytes()


@pytest.mark.req("E-27")
@pytest.mark.parametrize("tls", [True, False])
def test_a_box_has_its_name(tmp_path: Path, tls: bool) -> None:
    state = tmp_path / "new" / "state"
    with serving(ClaimServer(tls=tls)) as endpoint:
        kept = enrol(enrol_request(endpoint, state))
    assert enrolment_store.load(state) == kept
    assert kept.box == box_id(state)
    assert (kept.gateway, kept.broker) == ("Plant room", "mqtts://broker.example.com:8883")
    path = enrolment_store.key_path(state)
    key = load_pem_private_key(path.read_bytes(), None)
    leaf, issuer = x509.load_pem_x509_certificates(certificate(state, kept))
    leaf.verify_directly_issued_by(issuer)
    assert leaf.public_key() == key.public_key()
    for file in enrolment_store.folder(state).iterdir():
        assert file.stat().st_mode & 0o777 == 0o600
    assert enrolment_store.folder(state).stat().st_mode & 0o777 == 0o700


def test_the_key_never_leaves_the_box(tmp_path: Path) -> None:
    with serving(ClaimServer()) as endpoint:
        enrol(enrol_request(endpoint, tmp_path))
    (body,) = endpoint.claims
    asked = decode(ClaimRequest, body, wrong=Code.BAD_REQUEST)
    assert "PRIVATE" not in body.decode()
    assert "BEGIN CERTIFICATE REQUEST" in asked.csr
    assert asked.terms == "data-sharing-1"
    assert asked.inventory.software == "1.0"


def test_again_is_the_same(tmp_path: Path) -> None:
    with serving(ClaimServer()) as endpoint:
        first = enrol(enrol_request(endpoint, tmp_path))
        before = {path: path.read_bytes() for path in enrolment_store.folder(tmp_path).iterdir()}
        assert enrol(enrol_request(endpoint, tmp_path)) == first
    assert {
        path: path.read_bytes() for path in enrolment_store.folder(tmp_path).iterdir()
    } == before


def test_many_at_once_make_one_name(tmp_path: Path) -> None:
    with serving(ClaimServer()) as endpoint, ThreadPoolExecutor(4) as pool:
        names = set(pool.map(enrol, [enrol_request(endpoint, tmp_path)] * 4))
    assert len(names) == len(endpoint.given) == 1


def test_without_consent_nothing_is_sent_and_nothing_written(tmp_path: Path) -> None:
    with serving(ClaimServer()) as endpoint:
        wanted = replace(enrol_request(endpoint, tmp_path / "state"), consent=False)
        assert code_of(wanted) is Code.NO_CONSENT
    assert not endpoint.calls
    assert not (tmp_path / "state").exists()


def test_a_box_of_another_portal_stays_there(tmp_path: Path) -> None:
    with serving(ClaimServer()) as endpoint, serving(ClaimServer()) as other:
        kept = enrol(enrol_request(endpoint, tmp_path))
        assert code_of(enrol_request(other, tmp_path)) is Code.OTHER_PORTAL
    assert not other.calls
    assert enrolment_store.load(tmp_path) == kept


@pytest.mark.parametrize("url", ["", "mqtt://broker.example.com", "mqtts://", "mqtts://a:x", "\0"])
def test_a_broker_that_cannot_be_is_not_kept(tmp_path: Path, url: str) -> None:
    def reply(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        granted = endpoint.grant(body)
        broker = replace(granted.broker, url=url)
        answer(handler, 200, encode(replace(granted, broker=broker)))

    with serving(ClaimServer(on_claim=reply)) as endpoint:
        assert code_of(enrol_request(endpoint, tmp_path)) is Code.NOT_THE_PORTAL
        assert enrolment_store.load(tmp_path) is None
        endpoint.on_claim = None
        assert enrol(enrol_request(endpoint, tmp_path)).broker


def test_names_of_a_portal_are_kept_printable(tmp_path: Path) -> None:
    def reply(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        named = replace(endpoint.grant(body), site="A\x1b[2J\nB", organization="\u202eC")
        answer(handler, 200, encode(named))

    with serving(ClaimServer(on_claim=reply)) as endpoint:
        kept = enrol(enrol_request(endpoint, tmp_path))
    assert (kept.site, kept.organization) == ("A?[2J?B", "?C")


def _for_another_key(endpoint: ClaimServer) -> Reply:
    def reply(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        asked = decode(ClaimRequest, body, wrong=Code.BAD_REQUEST)
        spec = CertificateSpec(
            name=asked.box, public_key=certificates.new_key().public_key(), at=now()
        )
        made = certificates.pem(certificates.issue(endpoint.root, spec))
        answer(handler, 200, encode(replace(endpoint.grant(body), certificate=made)))

    return reply


def _for_another_box(endpoint: ClaimServer) -> Reply:
    return lambda handler, body: answer(
        handler, 200, encode(replace(endpoint.grant(body), box="b-zzzzzzzzzz"))
    )


def _by_another_root(endpoint: ClaimServer) -> Reply:
    other = ClaimServer(root=root("another"))
    return lambda handler, body: answer(handler, 200, encode(other.grant(body)))


def _unreadable(endpoint: ClaimServer) -> Reply:
    return lambda handler, body: answer(
        handler, 200, encode(replace(endpoint.grant(body), certificate="no pem"))
    )


@pytest.mark.parametrize(
    "wrong", [_for_another_key, _for_another_box, _by_another_root, _unreadable]
)
def test_a_certificate_that_is_not_this_boxes_is_not_kept(tmp_path: Path, wrong: object) -> None:
    with serving(ClaimServer()) as endpoint:
        endpoint.on_claim = wrong(endpoint)  # type: ignore[operator] # one of the above
        assert code_of(enrol_request(endpoint, tmp_path)) is Code.BAD_CERTIFICATE
        assert enrolment_store.load(tmp_path) is None
        endpoint.on_claim = None
        enrol(enrol_request(endpoint, tmp_path))


class PowerCutError(Exception):
    """The power goes."""


class FailingDisk(LocalDisk):
    """A disk on which the step numbered ``steps`` does not happen, nor any after it."""

    def __init__(self, steps: int, error: Exception) -> None:
        self.steps = steps
        self.error = error

    def _step(self) -> None:
        if self.steps == 0:
            raise self.error
        self.steps -= 1

    def write(self, path: Path, data: bytes) -> None:
        if self.steps == 0:
            path.write_bytes(data[: len(data) // 2])
        self._step()
        super().write(path, data)

    def rename(self, old: Path, new: Path) -> None:
        self._step()
        super().rename(old, new)

    def sync_folder(self, folder: Path) -> None:
        self._step()
        super().sync_folder(folder)


STEPS = range(13)
"""The state folder synchronised; key, certificate, trust, the rest: each written, renamed,
synchronised."""


def test_a_crash_at_any_step_leaves_no_name_and_the_next_try_one(tmp_path: Path) -> None:
    for step in STEPS:
        state = tmp_path / str(step)
        with serving(ClaimServer()) as endpoint:
            with pytest.raises(PowerCutError):
                enrol(enrol_request(endpoint, state), disk=FailingDisk(step, PowerCutError()))
            assert (enrolment_store.load(state) is None) == (step < 12), (
                "only the last was too late"
            )
            key = enrolment_store.key_path(state)
            before = key.read_bytes() if key.exists() else None
            kept = enrol(enrol_request(endpoint, state))
            assert before in (None, key.read_bytes())
            assert enrolment_store.load(state) == kept
            # A key that was never on the disk whole was never claimed with either.
            assert len(endpoint.given) == 1
        assert not list(enrolment_store.folder(state).glob("*.new"))


def test_a_crash_while_a_name_is_replaced_leaves_the_old_or_the_new(tmp_path: Path) -> None:
    with serving(ClaimServer()) as endpoint:
        old = enrol(enrol_request(endpoint, tmp_path / "old"))
        endpoint.on_claim = lambda handler, body: answer(
            handler, 200, encode(endpoint.grant(body, anew=True))
        )
        for step in STEPS[:-3]:  # the key is there already
            state = tmp_path / str(step)
            shutil.copytree(tmp_path / "old", state)
            with pytest.raises(PowerCutError):
                enrol(enrol_request(endpoint, state), disk=FailingDisk(step, PowerCutError()))
            found = enrolment_store.load(state)
            assert found is not None
            assert (found == old) == (step < 9)
            new = enrol(enrol_request(endpoint, state))
            assert enrolment_store.load(state) == new != old
            files = {path.name for path in enrolment_store.folder(state).iterdir()}
            assert files == {"key.pem", "enrolment.json", new.certificate, new.trust}


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ENOSPC, Code.DISK_FULL),
        (errno.EDQUOT, Code.DISK_FULL),
        (errno.EROFS, Code.NOT_WRITABLE),
        (errno.EIO, Code.NOT_WRITABLE),
    ],
)
def test_what_the_disk_says_is_told(tmp_path: Path, number: int, code: Code) -> None:
    with serving(ClaimServer()) as endpoint:
        for step in STEPS:
            error = OSError(number, os.strerror(number))
            with pytest.raises(CodedError) as caught:
                enrol(enrol_request(endpoint, tmp_path), disk=FailingDisk(step, error))
            assert caught.value.code is code
            assert caught.value.why == system.REASONS[number]()
            if step < 12:
                assert enrolment_store.load(tmp_path) is None
            shutil.rmtree(tmp_path / "identity")


def test_a_state_folder_that_cannot_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with serving(ClaimServer()) as endpoint:
        assert code_of(enrol_request(endpoint, tmp_path / "file" / "state")) is Code.NOT_WRITABLE
    assert not endpoint.calls


@pytest.mark.parametrize("name", ["key.pem", "enrolment.json", "certificate-*", "trust-*"])
@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", None])
def test_a_damaged_file_is_named_and_left_alone(
    tmp_path: Path, name: str, content: bytes | None
) -> None:
    with serving(ClaimServer()) as endpoint:
        enrol(enrol_request(endpoint, tmp_path))
        (path,) = enrolment_store.folder(tmp_path).glob(name)
        if content is None:
            path.unlink()
        else:
            path.write_bytes(content)
        if name == "enrolment.json" and content is None:
            enrol(
                enrol_request(endpoint, tmp_path)
            )  # as if it had been interrupted before the last step
            return
        with pytest.raises(CodedError) as caught:
            enrol(enrol_request(endpoint, tmp_path))
        assert caught.value.code is Code.DAMAGED
        assert path.name in caught.value.where
        assert content is None or path.read_bytes() == content


def test_another_kind_of_key_is_told(tmp_path: Path) -> None:
    enrolment_store.folder(tmp_path).mkdir()
    other = certificates.key_pem(ec.generate_private_key(ec.SECP384R1()))
    enrolment_store.key_path(tmp_path).write_bytes(other)
    enrolment_store.key_path(tmp_path).chmod(0o600)
    with serving(ClaimServer()) as endpoint:
        assert code_of(enrol_request(endpoint, tmp_path)) is Code.DAMAGED
    assert enrolment_store.key_path(tmp_path).read_bytes() == other


def test_a_damaged_box_id_is_told(tmp_path: Path) -> None:
    (tmp_path / "box.json").write_text(json.dumps({"box": "nobody"}))
    with serving(ClaimServer()) as endpoint:
        assert code_of(enrol_request(endpoint, tmp_path)) is Code.DAMAGED


CHILD = """
import sys
from pathlib import Path
from provisioning.agent_key import parse
from provisioning.claim import Inventory
from provisioning.enrol import EnrolRequest, enrol
state, key = sys.argv[1:]
enrol(EnrolRequest(state=Path(state), key=parse(key), consent=True, inventory=Inventory()))
"""


def test_a_box_killed_after_the_portal_granted_gets_the_same_certificate(tmp_path: Path) -> None:
    endpoint = ClaimServer()
    children: queue.Queue[subprocess.Popen[bytes]] = queue.Queue()

    def kill(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        endpoint.grant(body)
        children.get().send_signal(signal.SIGKILL)

    endpoint.on_claim = kill
    with serving(endpoint):
        command = [sys.executable, "-c", CHILD, str(tmp_path), str(endpoint.key)]
        with subprocess.Popen(command, cwd=ROOT) as child:
            children.put(child)
        assert child.returncode == -signal.SIGKILL
        assert enrolment_store.load(tmp_path) is None
        endpoint.on_claim = None
        kept = enrol(enrol_request(endpoint, tmp_path))
        assert len(endpoint.given) == 1
        assert next(iter(endpoint.given.values())).encode() in certificate(tmp_path, kept)


def test_the_inventory_is_what_this_machine_says() -> None:
    found = enrolling.inventory("1.2.3")
    assert found.software == "1.2.3"
    assert found.hostname
    assert found.machine
