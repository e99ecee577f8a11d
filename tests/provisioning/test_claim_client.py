"""Who is believed, and what is said of who is not: against real TLS on a loopback port."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from console.templates import enrol as texts
from console.templates import system
from console.text import Message, verbatim
from portal.authority import certificates
from provisioning.claim import (
    MOST_BYTES,
    MOST_REFUSAL_BYTES,
    ClaimRefusal,
    Inventory,
    PortalRoot,
    decode,
    encode,
)
from provisioning.claim_client import ClaimClient
from provisioning.codes import Code, CodedError
from provisioning.enrol import EnrolRequest, enrol
from tests.provisioning.claim_server import ClaimServer, Reply, always, now, root, serving

TIMEOUT_S = 5.0


def failure(endpoint: ClaimServer, state: Path, timeout_s: float = TIMEOUT_S) -> CodedError:
    """How an enrolment there fails; it must, and must leave no name behind."""
    request = EnrolRequest(state=state, key=endpoint.key, consent=True, inventory=Inventory())
    with pytest.raises(CodedError) as caught:
        enrol(request, ClaimClient(endpoint.key.address, timeout_s))
    assert not (state / "identity" / "enrolment.json").exists()
    return caught.value


def test_another_root_is_not_believed_and_learns_no_secret(tmp_path: Path) -> None:
    endpoint = ClaimServer()
    endpoint.shown = certificates.pem(root("another").certificate)
    with serving(endpoint):
        assert failure(endpoint, tmp_path).code is Code.OTHER_ROOT
    assert endpoint.calls == ["GET"]


@pytest.mark.parametrize("added", [False, True])
def test_who_shows_the_right_root_but_has_no_certificate_by_it_learns_no_secret(
    tmp_path: Path, added: bool
) -> None:
    """The root is public: whoever stands between can show it, alone or with one of their own."""
    endpoint, evil = ClaimServer(), root("evil")
    endpoint.shown = certificates.pem(endpoint.root.certificate)
    if added:
        endpoint.shown += certificates.pem(evil.certificate)
    with serving(endpoint, issuer=evil):
        assert failure(endpoint, tmp_path).code is Code.OTHER_ISSUER
    assert endpoint.calls == ["GET"]


def test_a_boxes_certificate_does_not_serve(tmp_path: Path) -> None:
    endpoint = ClaimServer()
    with serving(endpoint, hosts=()):
        assert failure(endpoint, tmp_path).code is Code.OTHER_ISSUER
    assert endpoint.calls == ["GET"]


@pytest.mark.parametrize(
    ("hosts", "age", "code"),
    [
        (("localhost",), timedelta(), Code.OTHER_HOST),
        (("127.0.0.2",), timedelta(), Code.OTHER_HOST),
        (("127.0.0.1",), timedelta(days=-3), Code.CLOCK_BEHIND),
        (("127.0.0.1",), timedelta(days=366), Code.CLOCK_AHEAD),
    ],
)
def test_a_certificate_for_another_name_or_time_is_told_as_such(
    tmp_path: Path, hosts: tuple[str, ...], age: timedelta, code: Code
) -> None:
    endpoint = ClaimServer()
    with serving(endpoint, hosts=hosts, at=now() - age):
        assert failure(endpoint, tmp_path).code is code
    assert endpoint.calls == ["GET"]


@contextmanager
def blunt(say: bytes | None) -> Iterator[ClaimServer]:
    """Something on a port that says ``say`` and hangs up, or says nothing and stays."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                if say is None:
                    over.wait()
                else:
                    connection.recv(4096)
                    connection.sendall(say)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield ClaimServer(port=listener.getsockname()[1])
        finally:
            over.set()
            thread.join()


@pytest.mark.parametrize(
    ("say", "code"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", Code.NO_TLS),
        (b"SSH-2.0-OpenSSH_9.2\r\n", Code.NO_TLS),
        (b"", Code.BROKEN_OFF),
        (None, Code.NO_ANSWER),
    ],
)
def test_what_does_not_speak_tls_is_told(tmp_path: Path, say: bytes | None, code: Code) -> None:
    with blunt(say) as endpoint:
        assert failure(endpoint, tmp_path, timeout_s=0.3).code is code


@pytest.mark.parametrize(
    ("say", "code"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n", Code.NOT_THE_PORTAL),
        (b"", Code.BROKEN_OFF),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", Code.BROKEN_OFF),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{", Code.BROKEN_OFF),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000 + b"\r\n\r\n", Code.NOT_THE_PORTAL),
    ],
)
def test_what_does_not_speak_http_is_told(tmp_path: Path, say: bytes, code: Code) -> None:
    with blunt(say) as endpoint:
        endpoint.tls = False
        assert failure(endpoint, tmp_path).code is code


def test_nobody_there_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    error = failure(ClaimServer(port=port), tmp_path)
    assert error.code is Code.NO_CONNECTION
    assert error.why == system.REFUSED()


def test_an_unknown_name_is_told() -> None:
    with pytest.raises(CodedError) as caught:
        ClaimClient("https://portal.invalid").fetch_root()
    assert caught.value.code is Code.NAME_NOT_FOUND


DRIPS = 500
"""At most: without a deadline the test ends all the same, and fails."""


@dataclass
class Drip:
    """Something on a port that begins well and then sends one byte after another.

    Attributes:
        whole: Whether all of it was taken, because nobody hung up.
    """

    port: int = 0
    whole: bool = False


@contextmanager
def dripping(begin: bytes, more: bytes) -> Iterator[Drip]:
    drip, over = Drip(), threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        drip.port = listener.getsockname()[1]

        def serve() -> None:
            connection, _ = listener.accept()
            with connection, suppress(ConnectionError):
                connection.recv(4096)
                connection.sendall(begin)
                for _ in range(DRIPS):
                    if over.wait(0.02):
                        return
                    connection.sendall(more)
                drip.whole = True

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield drip
        finally:
            over.set()
            thread.join()


@pytest.mark.parametrize(
    ("tls", "begin"),
    [
        (True, b"\x16\x03\x03\x40\x00"),  # a handshake record of 16384 bytes
        (False, b"HTTP/1.1 "),
        (False, b"HTTP/1.1 200 OK\r\nX: "),
        (False, b"HTTP/1.1 200 OK\r\nContent-Length: 30000\r\n\r\n"),
        (False, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7000\r\n"),
        (False, b"HTTP/1.1 200 OK\r\n\r\n"),
    ],
)
def test_who_drips_bytes_holds_nobody_longer_than_who_is_silent(
    tmp_path: Path, tls: bool, begin: bytes
) -> None:
    with dripping(begin, b"0") as drip:
        error = failure(ClaimServer(port=drip.port, tls=tls), tmp_path, timeout_s=0.4)
    assert error.code is Code.NO_ANSWER
    assert not drip.whole


@pytest.mark.parametrize("method", ["welcome", "claim"])
def test_who_drips_within_tls_holds_nobody_either(tmp_path: Path, method: str) -> None:
    over, whole = threading.Event(), threading.Event()

    def reply(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "30000")
        handler.end_headers()
        with suppress(OSError):
            for _ in range(DRIPS):
                if over.wait(0.02):
                    return
                handler.wfile.write(b"0")
            whole.set()

    endpoint = ClaimServer()
    setattr(endpoint, f"on_{method}", reply)
    with serving(endpoint):
        error = failure(endpoint, tmp_path, timeout_s=0.6)
        over.set()
    assert error.code is Code.NO_ANSWER
    assert not whole.is_set()


LONG = b'{"root": "' + b"x" * MOST_BYTES + b'"}'


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (always(200, b"<html>Please sign in to this network</html>"), Code.NOT_THE_PORTAL),
        (always(302, b"", Location="http://127.0.0.1:1/"), Code.NOT_THE_PORTAL),
        (always(404, b"{}"), Code.NOT_THE_PORTAL),
        (always(204, b""), Code.NOT_THE_PORTAL),
        (always(200, b"{}"), Code.NOT_THE_PORTAL),
        (always(200, b'{"root": "no pem"}'), Code.NOT_THE_PORTAL),
        (always(200, b"\xff\xfe"), Code.NOT_THE_PORTAL),
        (always(200, LONG), Code.NOT_THE_PORTAL),
        (always(502, b"<html>Bad gateway</html>"), Code.UNAVAILABLE),
        (always(503, encode(ClaimRefusal(code=2306))), Code.NO_AUTHORITY),
    ],
)
def test_any_other_welcome_is_told(tmp_path: Path, reply: Reply, code: Code) -> None:
    endpoint = ClaimServer(on_welcome=reply)
    with serving(endpoint):
        assert failure(endpoint, tmp_path).code is code
    assert endpoint.calls == ["GET"]


@pytest.mark.parametrize("code", [c for c in Code if 2104 <= c <= 2306])
def test_the_portals_own_codes_come_through(tmp_path: Path, code: Code) -> None:
    refused = encode(ClaimRefusal(code=code, why=verbatim("because \x1b[31m").to_json()))
    endpoint = ClaimServer(on_claim=always(403, refused))
    with serving(endpoint):
        error = failure(endpoint, tmp_path)
    assert error.code is code
    assert str(error.why) == "because ?[31m", "nothing that a terminal would obey"


def test_a_code_of_a_newer_portal_is_told_in_its_own_words(tmp_path: Path) -> None:
    refused = ClaimRefusal(
        code=2999,
        cause="the moon is full \x1b[31m",
        why={"id": "enrol.a_newer_one", "args": {"days": 3}, "text": "w" * 2_000},
        next="wait a day",
    )
    endpoint = ClaimServer(on_claim=always(403, encode(refused)))
    with serving(endpoint):
        error = failure(endpoint, tmp_path)
    assert (error.code, error.number) == (Code.OTHER_REASON, 2999)
    assert error.what == texts.PORTAL_REFUSAL(cause="the moon is full ?[31m")
    assert (str(error.why), str(error.next_step)) == ("w" * 2_000, "wait a day")
    assert str(error).startswith("2999: the portal refused: the moon is full")


def test_a_newer_portal_that_explains_nothing_leaves_the_general_step(tmp_path: Path) -> None:
    endpoint = ClaimServer(on_claim=always(403, encode(ClaimRefusal(code=2999))))
    with serving(endpoint):
        error = failure(endpoint, tmp_path)
    assert (error.what.id, error.next_step.id) == ("code.other_reason", "code.other_reason_next")


def test_a_refusal_of_endless_words_is_not_the_portals(tmp_path: Path) -> None:
    refused = encode(ClaimRefusal(code=2999, cause="x" * MOST_REFUSAL_BYTES))
    endpoint = ClaimServer(on_claim=always(403, refused))
    with serving(endpoint):
        error = failure(endpoint, tmp_path)
    assert error.code is Code.NOT_THE_PORTAL
    assert error.why == texts.HTTP_STATUS(status=403)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"<html>", texts.NOT_JSON()),
        (b"\xff", texts.NOT_JSON()),
        (b'{"x": ' + b"[" * 10_000, texts.OTHER_FORM()),
        (b"[1]", texts.OTHER_FORM()),
        (b"{}", texts.INVALID_FIELD(field="root")),
        (b'{"root": 1}', texts.INVALID_FIELD(field="root")),
        (b'{"version": 2, "root": ""}', texts.INVALID_FIELD(field="version")),
    ],
)
def test_what_is_wrong_with_a_message_is_told_in_words_of_ours(body: bytes, why: Message) -> None:
    with pytest.raises(CodedError) as refused:
        decode(PortalRoot, body, wrong=Code.NOT_THE_PORTAL)
    assert refused.value.why == why


def test_a_portal_that_dies_while_it_answers_is_told(tmp_path: Path) -> None:
    endpoint = ClaimServer(on_claim=lambda handler, _: handler.connection.close())
    with serving(endpoint):
        assert failure(endpoint, tmp_path).code is Code.BROKEN_OFF
