"""Responses that are longer than a connection takes at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

from portal.serving.connection import SECONDS, Phase
from tests.portal.serving.reception_server import (
    REQUEST,
    RESPONSE,
    ReceptionServer,
    plain_slow,
    read_all,
)

if TYPE_CHECKING:
    import pytest

    from portal.serving.connection import Connection


def written(
    server: ReceptionServer, connection: Connection, pieces: int, piece: bytes
) -> Exception | None:
    """What an application is told that writes a long response; it is in a thread of its own."""
    told: Exception | None = None
    try:
        for _ in range(pieces):
            connection.write(piece)
            server.do(partial(server.reception.send, connection))
    except ConnectionError as error:
        told = error
    server.do(partial(server.reception.finish, connection))
    return told


def test_a_long_response_is_sent_as_the_peer_takes_it() -> None:
    piece, pieces = bytes(range(256)) * 1024, 64
    with (
        ReceptionServer(None).open() as server,
        plain_slow(server, b"GET /held/ HTTP/1.1\r\n\r\n") as link,
    ):
        (connection,) = server.wait_for_held(1)
        with ThreadPoolExecutor(1) as pool:
            told = pool.submit(written, server, connection, pieces, piece)
            read = read_all(link)
            assert told.result(30) is None
        assert read == piece * pieces
        link.close()
        server.until(0)


def test_a_peer_that_leaves_during_a_long_response_frees_its_thread() -> None:
    with ReceptionServer(None, answers=1).open() as server:
        with plain_slow(server, b"GET /held/ HTTP/1.1\r\n\r\n") as link:
            (connection,) = server.wait_for_held(1)
            with ThreadPoolExecutor(1) as pool:
                told = pool.submit(written, server, connection, 64, b"x" * 2**18)
                link.recv(1000)
                link.close()
                assert isinstance(told.result(30), BrokenPipeError)
        server.until(0)
        with plain_slow(server, REQUEST) as honest:
            assert read_all(honest) == RESPONSE, "the thread is free again"


def test_a_peer_that_takes_nothing_of_a_long_response_is_disconnected(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("portal.serving.connection.STALL_S", 0.2)
    with (
        ReceptionServer(None, answers=1).open() as server,
        plain_slow(server, b"GET /held/ HTTP/1.1\r\n\r\n"),
    ):
        (connection,) = server.wait_for_held(1)
        told = written(server, connection, 64, b"x" * 2**18)
        assert isinstance(told, BrokenPipeError)
        with plain_slow(server, REQUEST) as honest:
            assert read_all(honest) == RESPONSE
        server.pass_time(SECONDS[Phase.RESPONSE])
        server.until(0)
