"""The plug is pulled, or the disk is full, while `kanmon enroll` runs: on real file systems, with
an agent key that is good for one box only."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from hashlib import sha256
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from portal.authority import certificates
from provisioning import agent_key, enrolment_store
from provisioning.agent_key import AgentKey
from provisioning.claim import ClaimRefusal, ClaimRequest, decode, encode
from provisioning.codes import Code
from tests.gateway.cli.dying_enroll import Enrolments, Order, RunResult
from tests.provisioning.claim_server import ClaimServer, answer, serving

pytestmark = pytest.mark.first

PAGE = 4096


@dataclass
class Portal:
    """A claim endpoint whose keys are good for one box each, known by its public key."""

    endpoint: ClaimServer = field(default_factory=ClaimServer)
    used: dict[str, bytes] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def key(self) -> AgentKey:
        return replace(self.endpoint.key, id=agent_key.new_id())

    def claim(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        asked = decode(ClaimRequest, body, wrong=Code.BAD_REQUEST)
        public = x509.load_pem_x509_csr(asked.csr.encode()).public_key()
        assert isinstance(public, ec.EllipticCurvePublicKey)
        spki = certificates.spki_of(public)
        with self._lock:  # one that was killed may still be being answered
            if self.used.setdefault(asked.key_id, spki) != spki:
                answer(handler, 403, encode(ClaimRefusal(code=Code.KEY_USED_UP)))
                return
            granted = self.endpoint.grant(body)
        with contextlib.suppress(OSError):
            answer(handler, 200, encode(granted))


@pytest.fixture(scope="module")
def portal() -> Iterator[Portal]:
    portal = Portal()
    portal.endpoint.on_claim = portal.claim
    with serving(portal.endpoint):
        yield portal


@pytest.fixture(scope="module")
def enrolments() -> Iterator[Enrolments]:
    with Enrolments() as running:
        yield running


def stored_key(state: Path) -> bytes | None:
    """The public key of what lies in ``key.pem``, which is whole if it is there."""
    path = enrolment_store.key_path(state)
    if not path.exists():
        return None
    key = load_pem_private_key(path.read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return certificates.spki_of(key.public_key())


def check_kept(state: Path) -> bool:
    """Whether there is a name; nothing is half there, and nothing open to others."""
    for path in state.rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path
    for path in enrolment_store.folder(state).glob("*-*.pem"):
        assert path.stem.rpartition("-")[2] == sha256(path.read_bytes()).hexdigest()[:16]
    kept = enrolment_store.load(state)
    if kept is None:
        return False
    found = x509.load_pem_x509_certificate(
        (enrolment_store.folder(state) / kept.certificate).read_bytes()
    ).public_key()
    assert isinstance(found, ec.EllipticCurvePublicKey)
    assert certificates.spki_of(found) == stored_key(state)
    return True


def check_again(portal: Portal, enrolments: Enrolments, state: Path, key: AgentKey) -> None:
    """The same agent key still gives this box its name, for the key it had."""
    before = stored_key(state)
    done = enrolments.run(Order(state=str(state), key=str(key)))
    assert (done.signal, done.code) == (0, 0), done.said
    assert check_kept(state)
    now = stored_key(state)
    assert before in (None, now)
    assert portal.used[key.id] == now
    left = [path for path in state.rglob("*") if path.name.endswith(".new")]
    assert not [*left, *state.glob(".box-*")]


@pytest.mark.req("E-27")
def test_killed_at_any_call_it_is_enrolled_by_the_next_try(
    tmp_path: Path, portal: Portal, enrolments: Enrolments
) -> None:
    died: Counter[str] = Counter()
    left: Counter[tuple[bool, bool]] = Counter()
    for at in range(1, 1000):
        key, state = portal.key(), tmp_path / str(at)
        ended = enrolments.run(Order(state=str(state), key=str(key), at=at))
        if ended.signal == 0:
            assert ended.code == 0, ended.said
            break
        assert ended.signal == signal.SIGKILL
        died[ended.said] += 1
        named = check_kept(state)
        left[stored_key(state) is not None, named] += 1
        check_again(portal, enrolments, state, key)
    else:
        pytest.fail("it never got through")
    assert died.total() == at - 1 > 60
    for call in ("posix.open", "posix.fsync", "posix.replace", "posix.link", "posix.mkdir"):
        assert died[f"c_call {call}"] > 0
        assert died[f"c_return {call}"] > 0
    assert died["c_call BufferedWriter.flush"] > 3, "between a file's making and its content"
    assert died["c_return _SSLSocket.write"] > 1, "between question and answer"
    # Before the key, with the key and no name, and with the name but not yet at the end.
    assert min(left[False, False], left[True, False], left[True, True]) > 3


@pytest.mark.parametrize("limit", [0, 1, 30, 60, 100, 200, 240, 400, 600, 700, 1000])
def test_killed_within_a_write_it_takes_no_half_file_for_whole(
    tmp_path: Path, portal: Portal, enrolments: Enrolments, limit: int
) -> None:
    key, state = portal.key(), tmp_path / "state"
    ended = enrolments.run(Order(state=str(state), key=str(key), limit=limit))
    assert ended.signal == signal.SIGXFSZ, ended
    torn = [path for path in state.rglob("*") if path.is_file() and path.stat().st_size == limit]
    assert torn
    assert not check_kept(state)
    check_again(portal, enrolments, state, key)


@pytest.fixture
def tiny_disk(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A file system of a few pages, or of a few files."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", request.param, "tmpfs", str(place)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no tmpfs can be mounted here: a really full disk was NOT tried")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def leave_pages(disk: Path, count: int) -> Callable[[], None]:
    """Leave ``count`` pages free; returns what frees the others."""
    filler, size = disk / "filler", 0
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            size += file.write(bytes(PAGE))
    with filler.open("r+b") as file:
        file.truncate(size - count * PAGE)
    return filler.unlink


def leave_files(disk: Path, count: int) -> Callable[[], None]:
    """Leave room for ``count`` files; returns what makes more."""
    made: list[Path] = []
    with contextlib.suppress(OSError):
        while True:
            made.append(disk / f"filler-{len(made)}")
            made[-1].touch()
    made.pop()
    for _ in range(count):
        made.pop().unlink()

    def free() -> None:
        for path in made:
            path.unlink()

    return free


@pytest.mark.parametrize(
    ("tiny_disk", "leave", "files"),
    [("size=256k", leave_pages, 5), ("size=1m,nr_inodes=64", leave_files, 8)],
    indirect=["tiny_disk"],
)
def test_on_a_full_disk_it_says_so_and_is_enrolled_once_there_is_room(
    tiny_disk: Path,
    portal: Portal,
    enrolments: Enrolments,
    leave: Callable[[Path, int], Callable[[], None]],
    files: int,
) -> None:
    refused = 0
    for count in range(files + 1):
        key, state = portal.key(), tiny_disk / "state"
        free = leave(tiny_disk, count)
        ended = enrolments.run(Order(state=str(state), key=str(key)))
        named = state.exists() and check_kept(state)
        assert named == (ended.code == 0), ended.said
        refused += _reported_full(ended)
        free()
        check_again(portal, enrolments, state, key)
        subprocess.run(["rm", "-r", str(state)], check=True)
    assert refused == files, "with room for all but one it is refused, with room for all it is not"


def _reported_full(ended: RunResult) -> bool:
    if ended.code == 0:
        return False
    assert json.loads(ended.said)["error"]["number"] == Code.DISK_FULL
    return True
