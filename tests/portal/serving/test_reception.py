"""Honest claims beside connections that are idle, slow or too many."""

from __future__ import annotations

import socket
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

import pytest

from portal.serving.connection import SECONDS, Phase
from portal.serving.request_buffer import MOST_HEAD_BYTES
from tests.portal.serving.reception_server import (
    HALF_BODY,
    HALF_HEAD,
    REQUEST,
    RESPONSE,
    ReceptionServer,
    is_open,
    plain_slow,
    read_all,
    slow,
)

if TYPE_CHECKING:
    import ssl

PHASES = {
    "idle": Phase.IDLE,
    "hello": Phase.HANDSHAKE,
    "handshake": Phase.HEAD,
    "head": Phase.HEAD,
    "body": Phase.BODY,
}


@pytest.mark.parametrize("kind", PHASES)
def test_slow_connections_do_not_delay_others(context: ssl.SSLContext, kind: str) -> None:
    with ReceptionServer(context).open() as server, ExitStack() as stack:
        held = [stack.enter_context(slow(kind, server)) for _ in range(200)]
        for _ in range(3):
            assert server.asks() == RESPONSE
        assert all(is_open(link) for link in held), "no connection was ended for it"
        server.until(200)


@pytest.mark.parametrize("kind", PHASES)
def test_dripping_bytes_do_not_extend_a_deadline(context: ssl.SSLContext, kind: str) -> None:
    with ReceptionServer(context).open() as server, slow(kind, server) as link:
        server.until(1)
        assert server.asks() == RESPONSE  # its bytes have been read before those of this one
        limit = SECONDS[PHASES[kind]]
        server.pass_time(limit - 1)
        if kind in {"head", "body"}:
            link.sendall(b"x")
            assert server.asks() == RESPONSE
        server.until(1)
        server.pass_time(1)
        server.until(0)
        assert not is_open(link)


def test_a_peer_that_does_not_read_is_disconnected(context: ssl.SSLContext) -> None:
    with ReceptionServer(context).open() as server, server.secure() as link:
        link.sendall(REQUEST)
        server.until(1)
        while not server.answered:
            server.do(lambda: None)
        server.do(lambda: None)
        server.pass_time(SECONDS[Phase.RESPONSE] + SECONDS[Phase.LINGER])
        server.until(0)
        assert read_all(link) == RESPONSE, "it was sent, all the same"


def test_one_address_does_not_end_the_connections_of_another(context: ssl.SSLContext) -> None:
    with ReceptionServer(context, most=60, share=30).open() as server, ExitStack() as stack:
        box = stack.enter_context(slow("head", server, "127.0.0.2"))
        assert server.asks("127.0.0.2") == RESPONSE
        crowd = [stack.enter_context(slow("idle", server)) for _ in range(100)]
        assert server.asks("127.0.0.3") == RESPONSE, "and by now it has seen all of them"
        server.until(31)
        assert is_open(box)
        assert sum(is_open(link) for link in crowd) == 30
        assert server.asks() == RESPONSE, "nor does its own crowd keep out who comes last"
        box.setblocking(True)
        box.sendall(b"example.com\r\nContent-Length: 0\r\n\r\n")
        assert read_all(box) == RESPONSE


def test_many_addresses_do_not_keep_out_another(context: ssl.SSLContext) -> None:
    with ReceptionServer(context, most=60, share=30).open() as server, ExitStack() as stack:
        for number in range(200):
            stack.enter_context(slow("hello", server, f"127.0.1.{number % 20}"))
        assert server.asks("127.0.0.2") == RESPONSE


def test_requests_take_turns_by_address(context: ssl.SSLContext) -> None:
    with ReceptionServer(context, answers=1).open() as server, ExitStack() as stack:
        first = stack.enter_context(server.secure())
        first.sendall(b"GET /held/ HTTP/1.1\r\n\r\n")
        while not server.answered:
            server.do(lambda: None)
        crowd = [stack.enter_context(server.secure()) for _ in range(20)]
        for link in crowd:
            link.sendall(REQUEST)
        box = stack.enter_context(server.secure("127.0.0.2"))
        box.sendall(REQUEST)
        with server.secure("127.0.0.3") as last:  # what came before it has been read by then
            last.sendall(REQUEST)
            server.do(lambda: None)
            server.release()
            assert read_all(last) == RESPONSE
        assert "127.0.0.2" in [host for host, _ in server.answered[:5]]


def test_of_one_network_every_other_answer_is_for_the_newest_request(
    context: ssl.SSLContext,
) -> None:
    with ReceptionServer(context, answers=1).open() as server, ExitStack() as stack:
        first = stack.enter_context(server.secure())
        first.sendall(b"GET /held/ HTTP/1.1\r\n\r\n")
        while not server.answered:
            server.do(lambda: None)
        links = []
        for number in range(5):
            links.append(stack.enter_context(server.secure()))
            links[-1].sendall(b"GET /%d/ HTTP/1.1\r\n\r\n" % number)
            with server.secure("127.0.0.2"):
                pass  # what came before it has been read by then
        server.release()
        assert [read_all(link) for link in links] == [RESPONSE] * 5
        asked = [request.split()[1] for _, request in server.answered]
        assert asked == [b"/held/", b"/0/", b"/4/", b"/1/", b"/3/", b"/2/"]


def test_a_request_that_waits_too_long_is_ended_and_makes_room(context: ssl.SSLContext) -> None:
    with (
        ReceptionServer(context, most=8, share=5, answers=1).open() as server,
        ExitStack() as stack,
    ):
        first = stack.enter_context(server.secure())
        first.sendall(b"GET /held/ HTTP/1.1\r\n\r\n")
        while not server.answered:
            server.do(lambda: None)
        for _ in range(20):
            stack.enter_context(server.secure()).sendall(REQUEST)
        server.until(5)
        server.pass_time(SECONDS[Phase.WAITING])
        server.until(1)
        server.release()
        assert read_all(first) == RESPONSE
        assert server.asks() == RESPONSE


@pytest.mark.parametrize(
    "request_",
    [
        b"GET / HTTP/1.1\r\nX: " + b"x" * (MOST_HEAD_BYTES + 1),
        b"\x00" * (3 * MOST_HEAD_BYTES),
    ],
)
def test_an_endless_head_is_refused(context: ssl.SSLContext, request_: bytes) -> None:
    with ReceptionServer(context).open() as server:
        assert server.asks(request=request_).startswith(b"HTTP/1.1 431 ")
        assert server.answered == []


def test_a_peer_that_sends_on_after_a_refusal_is_not_read_without_end() -> None:
    with ReceptionServer(None).open() as server, server.plain() as link:
        with suppress(OSError):  # a reset, or a broken pipe
            for _ in range(1000):
                link.sendall(b"x" * MOST_HEAD_BYTES)
                server.do(lambda: None)
            pytest.fail("16 MB were read")
        server.until(0)


@pytest.mark.parametrize("said", [b"GET /claim/ HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x00\x02xx", b""])
def test_a_peer_without_tls_is_disconnected(context: ssl.SSLContext, said: bytes) -> None:
    with ReceptionServer(context).open() as server, server.plain() as link:
        link.sendall(said)
        with suppress(OSError):  # it may have been ended by then
            link.shutdown(socket.SHUT_WR)
        read_all(link)
        server.until(0)


def test_a_stop_ends_idle_connections_and_finishes_responses(context: ssl.SSLContext) -> None:
    with (
        ReceptionServer(context).open() as server,
        server.secure() as held,
        server.secure() as idle,
    ):
        held.sendall(b"GET /held/ HTTP/1.1\r\n\r\n")
        while not server.answered:
            server.do(lambda: None)
        server.do(server.reception.end_waiting)
        server.until(1)
        assert not is_open(idle)
        server.release()
        assert read_all(held) == RESPONSE


@pytest.mark.parametrize("said", [b"", HALF_HEAD, HALF_BODY])
def test_slow_connections_without_tls_do_not_delay_others(said: bytes) -> None:
    with ReceptionServer(None).open() as server, ExitStack() as stack:
        held = [stack.enter_context(plain_slow(server, said)) for _ in range(200)]
        with plain_slow(server, REQUEST) as honest:
            assert read_all(honest) == RESPONSE
        assert all(is_open(link) for link in held)
        server.until(200)
        for _ in range(3):  # some may have been read after the first
            server.pass_time(max(SECONDS[Phase.HEAD], SECONDS[Phase.BODY]))
        server.until(0)


def test_a_form_that_is_too_long_is_refused_unread() -> None:
    said = b"POST / HTTP/1.1\r\nContent-Length: 5000\r\n\r\n"
    with ReceptionServer(None).open() as server, plain_slow(server, said) as link:
        assert read_all(link).startswith(b"HTTP/1.1 413 ")
        assert server.answered == []
