"""Honest claims beside connections that are idle, slow or too many."""

from __future__ import annotations

import selectors
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from portal.serving.connection import SECONDS, Connection, Phase
from portal.serving.reception import Reception
from portal.serving.request_buffer import MOST_HEAD_BYTES

REQUEST = b"GET /claim/ HTTP/1.1\r\nHost: portal.example.com\r\n\r\n"
HALF_HELLO = b"\x16\x03\x01\x02\x00\x01\x00"
HALF_HEAD = b"POST /claim/ HTTP/1.1\r\nHost: portal."
HALF_BODY = b"POST /claim/ HTTP/1.1\r\nContent-Length: 3000\r\n\r\n{"
RESPONSE = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nOK"


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of key and certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "portal.example.com")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "claim.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


@dataclass
class Desk:
    """A reception that runs in a thread, by a clock that only the test moves.

    Attributes:
        hold: Requests for whose path there is no answer before `release` is called.
    """

    context: ssl.SSLContext | None
    most: int = 2000
    share: int = 2000
    answers: int = 4
    hold: bytes = b"/held/"
    seconds: float = 0.0
    answered: list[tuple[str, bytes]] = field(default_factory=list)
    _orders: list[Callable[[], None]] = field(default_factory=list)
    _held: list[Connection] = field(default_factory=list)

    @contextmanager
    def open(self) -> Iterator[Desk]:
        with ExitStack() as stack:
            self.listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=512))
            self.listener.setblocking(False)
            self._poller = stack.enter_context(selectors.DefaultSelector())
            self.reception = Reception(
                self._poller,
                self._tls,
                self._answer,
                most=self.most,
                share=self.share,
                answers=self.answers,
                most_body=4096,
                clock=lambda: self.seconds,
            )
            self._poller.register(self.listener, selectors.EVENT_READ, self.reception.accept)
            self._stopped = False
            thread = threading.Thread(target=self._run)
            thread.start()
            try:
                yield self
            finally:
                self._stopped = True
                thread.join()
                self._close()

    @property
    def port(self) -> int:
        return int(self.listener.getsockname()[1])

    def _run(self) -> None:
        while not self._stopped:
            self.reception.turn(0.01)
            while self._orders:
                self._orders.pop(0)()

    def _close(self) -> None:
        """Answer what is held or waits, and end everything."""
        self.release()
        while self.reception:
            while self._orders:
                self._orders.pop(0)()
            self.seconds += max(SECONDS[Phase.WAITING], SECONDS[Phase.RESPONSE])
            self.reception.turn(0)

    def _answer(self, connection: Connection) -> None:
        self.answered.append((connection.peer[0], connection.request))
        if self.hold in connection.request:
            self._held.append(connection)
        else:
            self._respond(connection)

    def _respond(self, connection: Connection) -> None:
        """Do what a thread of the application does."""
        with suppress(ConnectionError):
            connection.write(RESPONSE)
        self._orders.append(lambda: self.reception.finish(connection))

    @property
    def _tls(self) -> Callable[[], ssl.SSLContext] | None:
        context = self.context
        return None if context is None else lambda: context

    def do(self, order: Callable[[], None]) -> None:
        """Do something in the loop's thread, and wait until it has been done."""
        done = threading.Event()
        self._orders += [order, done.set]
        assert done.wait(30)

    def release(self) -> None:
        """Answer what is held."""
        for connection in self._held:
            self._respond(connection)

    def wait_for_held(self, count: int) -> list[Connection]:
        """The connections whose requests are held, once there are so many."""
        while len(self._held) < count:
            self.do(lambda: None)
        return self._held[:]

    def pass_time(self, seconds: float) -> None:
        def move() -> None:
            self.seconds += seconds

        self.do(move)
        self.do(lambda: None)

    def plain(self, host: str = "127.0.0.1") -> socket.socket:
        """A connection from an address of this machine."""
        return socket.create_connection(("127.0.0.1", self.port), 30, source_address=(host, 0))

    def secure(self, host: str = "127.0.0.1") -> ssl.SSLSocket:
        """A connection that has shaken hands."""
        trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        trusting.check_hostname = False
        trusting.verify_mode = ssl.CERT_NONE
        return trusting.wrap_socket(self.plain(host))

    def asks(self, host: str = "127.0.0.1", request: bytes = REQUEST) -> bytes:
        """What an honest client is answered."""
        with self.secure(host) as link:
            link.sendall(request)
            return read_all(link)

    def until(self, count: int) -> None:
        """Wait until this many connections are held."""
        end = time.monotonic() + 30
        while len(self.reception) != count:
            assert time.monotonic() < end, f"{len(self.reception)} are held, not {count}"
            self.do(lambda: None)


def read_all(link: socket.socket) -> bytes:
    read = bytearray()
    with suppress(ConnectionError, ssl.SSLError):
        while piece := link.recv(2**16):
            read += piece
    return bytes(read)


def is_open(link: socket.socket) -> bool:
    """Whether the other side has not ended a connection."""
    link.setblocking(False)
    try:
        return bool(link.recv(1))
    except (BlockingIOError, ssl.SSLWantReadError):
        return True
    except OSError:
        return False


@pytest.fixture
def context(identity: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(identity)
    return context


def slow(kind: str, desk: Desk, host: str = "127.0.0.1") -> socket.socket:
    """A connection that says half of something, and no more."""
    if kind in {"idle", "hello"}:
        link = desk.plain(host)
        link.sendall(HALF_HELLO if kind == "hello" else b"")
        return link
    secure = desk.secure(host)
    secure.sendall({"handshake": b"", "head": HALF_HEAD, "body": HALF_BODY}[kind])
    return secure


PHASES = {
    "idle": Phase.IDLE,
    "hello": Phase.HANDSHAKE,
    "handshake": Phase.HEAD,
    "head": Phase.HEAD,
    "body": Phase.BODY,
}


@pytest.mark.parametrize("kind", PHASES)
def test_who_is_slow_is_not_waited_for(context: ssl.SSLContext, kind: str) -> None:
    with Desk(context).open() as desk, ExitStack() as stack:
        held = [stack.enter_context(slow(kind, desk)) for _ in range(200)]
        for _ in range(3):
            assert desk.asks() == RESPONSE
        assert all(is_open(link) for link in held), "nobody was ended for it"
        desk.until(200)


@pytest.mark.parametrize("kind", PHASES)
def test_dripping_bytes_move_no_deadline(context: ssl.SSLContext, kind: str) -> None:
    with Desk(context).open() as desk, slow(kind, desk) as link:
        desk.until(1)
        assert desk.asks() == RESPONSE  # its bytes have been read before those of this one
        limit = SECONDS[PHASES[kind]]
        desk.pass_time(limit - 1)
        if kind in {"head", "body"}:
            link.sendall(b"x")
            assert desk.asks() == RESPONSE
        desk.until(1)
        desk.pass_time(1)
        desk.until(0)
        assert not is_open(link)


def test_who_does_not_read_the_response_is_ended(context: ssl.SSLContext) -> None:
    with Desk(context).open() as desk, desk.secure() as link:
        link.sendall(REQUEST)
        desk.until(1)
        while not desk.answered:
            desk.do(lambda: None)
        desk.do(lambda: None)
        desk.pass_time(SECONDS[Phase.RESPONSE] + SECONDS[Phase.LINGER])
        desk.until(0)
        assert read_all(link) == RESPONSE, "it was sent, all the same"


def test_one_address_does_not_end_the_connections_of_another(context: ssl.SSLContext) -> None:
    with Desk(context, most=60, share=30).open() as desk, ExitStack() as stack:
        box = stack.enter_context(slow("head", desk, "127.0.0.2"))
        assert desk.asks("127.0.0.2") == RESPONSE
        crowd = [stack.enter_context(slow("idle", desk)) for _ in range(100)]
        assert desk.asks("127.0.0.3") == RESPONSE, "and by now it has seen all of them"
        desk.until(31)
        assert is_open(box)
        assert sum(is_open(link) for link in crowd) == 30
        assert desk.asks() == RESPONSE, "nor does its own crowd keep out who comes last"
        box.setblocking(True)
        box.sendall(b"example.com\r\nContent-Length: 0\r\n\r\n")
        assert read_all(box) == RESPONSE


def test_many_addresses_do_not_keep_out_another(context: ssl.SSLContext) -> None:
    with Desk(context, most=60, share=30).open() as desk, ExitStack() as stack:
        for number in range(200):
            stack.enter_context(slow("hello", desk, f"127.0.1.{number % 20}"))
        assert desk.asks("127.0.0.2") == RESPONSE


def test_requests_take_turns_by_address(context: ssl.SSLContext) -> None:
    with Desk(context, answers=1).open() as desk, ExitStack() as stack:
        first = stack.enter_context(desk.secure())
        first.sendall(b"GET /held/ HTTP/1.1\r\n\r\n")
        while not desk.answered:
            desk.do(lambda: None)
        crowd = [stack.enter_context(desk.secure()) for _ in range(20)]
        for link in crowd:
            link.sendall(REQUEST)
        box = stack.enter_context(desk.secure("127.0.0.2"))
        box.sendall(REQUEST)
        with desk.secure("127.0.0.3") as last:  # what came before it has been read by then
            last.sendall(REQUEST)
            desk.do(lambda: None)
            desk.release()
            assert read_all(last) == RESPONSE
        assert "127.0.0.2" in [host for host, _ in desk.answered[:5]]


def test_of_one_network_every_other_answer_is_for_the_newest_request(
    context: ssl.SSLContext,
) -> None:
    with Desk(context, answers=1).open() as desk, ExitStack() as stack:
        first = stack.enter_context(desk.secure())
        first.sendall(b"GET /held/ HTTP/1.1\r\n\r\n")
        while not desk.answered:
            desk.do(lambda: None)
        links = []
        for number in range(5):
            links.append(stack.enter_context(desk.secure()))
            links[-1].sendall(b"GET /%d/ HTTP/1.1\r\n\r\n" % number)
            with desk.secure("127.0.0.2"):
                pass  # what came before it has been read by then
        desk.release()
        assert [read_all(link) for link in links] == [RESPONSE] * 5
        asked = [request.split()[1] for _, request in desk.answered]
        assert asked == [b"/held/", b"/0/", b"/4/", b"/1/", b"/3/", b"/2/"]


def test_a_request_that_nobody_takes_is_ended_and_makes_room(context: ssl.SSLContext) -> None:
    with Desk(context, most=8, share=5, answers=1).open() as desk, ExitStack() as stack:
        first = stack.enter_context(desk.secure())
        first.sendall(b"GET /held/ HTTP/1.1\r\n\r\n")
        while not desk.answered:
            desk.do(lambda: None)
        for _ in range(20):
            stack.enter_context(desk.secure()).sendall(REQUEST)
        desk.until(5)
        desk.pass_time(SECONDS[Phase.WAITING])
        desk.until(1)
        desk.release()
        assert read_all(first) == RESPONSE
        assert desk.asks() == RESPONSE


@pytest.mark.parametrize(
    "request_",
    [
        b"GET / HTTP/1.1\r\nX: " + b"x" * (MOST_HEAD_BYTES + 1),
        b"\x00" * (3 * MOST_HEAD_BYTES),
    ],
)
def test_an_endless_head_is_refused(context: ssl.SSLContext, request_: bytes) -> None:
    with Desk(context).open() as desk:
        assert desk.asks(request=request_).startswith(b"HTTP/1.1 431 ")
        assert desk.answered == []


def test_who_sends_on_after_a_refusal_is_not_read_without_end() -> None:
    with Desk(None).open() as desk, desk.plain() as link:
        with suppress(OSError):  # a reset, or a broken pipe
            for _ in range(1000):
                link.sendall(b"x" * MOST_HEAD_BYTES)
                desk.do(lambda: None)
            pytest.fail("16 MB were read")
        desk.until(0)


@pytest.mark.parametrize("said", [b"GET /claim/ HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x00\x02xx", b""])
def test_who_does_not_speak_tls_is_ended(context: ssl.SSLContext, said: bytes) -> None:
    with Desk(context).open() as desk, desk.plain() as link:
        link.sendall(said)
        with suppress(OSError):  # it may have been ended by then
            link.shutdown(socket.SHUT_WR)
        read_all(link)
        desk.until(0)


def test_a_stop_ends_who_is_waited_for_and_not_who_is_answered(context: ssl.SSLContext) -> None:
    with Desk(context).open() as desk, desk.secure() as held, desk.secure() as idle:
        held.sendall(b"GET /held/ HTTP/1.1\r\n\r\n")
        while not desk.answered:
            desk.do(lambda: None)
        desk.do(desk.reception.end_waiting)
        desk.until(1)
        assert not is_open(idle)
        desk.release()
        assert read_all(held) == RESPONSE


def plain_slow(desk: Desk, said: bytes) -> socket.socket:
    link = desk.plain()
    link.sendall(said)
    return link


@pytest.mark.parametrize("said", [b"", HALF_HEAD, HALF_BODY])
def test_without_tls_nobody_is_waited_for_either(said: bytes) -> None:
    with Desk(None).open() as desk, ExitStack() as stack:
        held = [stack.enter_context(plain_slow(desk, said)) for _ in range(200)]
        with plain_slow(desk, REQUEST) as honest:
            assert read_all(honest) == RESPONSE
        assert all(is_open(link) for link in held)
        desk.until(200)
        for _ in range(3):  # some may have been read after the first
            desk.pass_time(max(SECONDS[Phase.HEAD], SECONDS[Phase.BODY]))
        desk.until(0)


def test_a_form_that_is_too_long_is_refused_unread() -> None:
    said = b"POST / HTTP/1.1\r\nContent-Length: 5000\r\n\r\n"
    with Desk(None).open() as desk, plain_slow(desk, said) as link:
        assert read_all(link).startswith(b"HTTP/1.1 413 ")
        assert desk.answered == []


def written(desk: Desk, connection: Connection, pieces: int, piece: bytes) -> Exception | None:
    """What an application is told that writes a long response; it is in a thread of its own."""
    told: Exception | None = None
    try:
        for _ in range(pieces):
            connection.write(piece)
            desk.do(partial(desk.reception.send, connection))
    except ConnectionError as error:
        told = error
    desk.do(partial(desk.reception.finish, connection))
    return told


def test_a_long_response_is_sent_as_the_peer_takes_it() -> None:
    piece, pieces = bytes(range(256)) * 1024, 64
    with Desk(None).open() as desk, plain_slow(desk, b"GET /held/ HTTP/1.1\r\n\r\n") as link:
        (connection,) = desk.wait_for_held(1)
        with ThreadPoolExecutor(1) as pool:
            told = pool.submit(written, desk, connection, pieces, piece)
            read = read_all(link)
            assert told.result(30) is None
        assert read == piece * pieces
        link.close()
        desk.until(0)


def test_who_leaves_within_a_long_response_costs_nothing() -> None:
    with Desk(None, answers=1).open() as desk:
        with plain_slow(desk, b"GET /held/ HTTP/1.1\r\n\r\n") as link:
            (connection,) = desk.wait_for_held(1)
            with ThreadPoolExecutor(1) as pool:
                told = pool.submit(written, desk, connection, 64, b"x" * 2**18)
                link.recv(1000)
                link.close()
                assert isinstance(told.result(30), BrokenPipeError)
        desk.until(0)
        with plain_slow(desk, REQUEST) as honest:
            assert read_all(honest) == RESPONSE, "the thread is free again"


def test_who_takes_nothing_of_a_long_response_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.serving.connection.STALL_S", 0.2)
    with (
        Desk(None, answers=1).open() as desk,
        plain_slow(desk, b"GET /held/ HTTP/1.1\r\n\r\n"),
    ):
        (connection,) = desk.wait_for_held(1)
        told = written(desk, connection, 64, b"x" * 2**18)
        assert isinstance(told, BrokenPipeError)
        with plain_slow(desk, REQUEST) as honest:
            assert read_all(honest) == RESPONSE
        desk.pass_time(SECONDS[Phase.RESPONSE])
        desk.until(0)
