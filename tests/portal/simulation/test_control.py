"""The portal's own client of the simulated world speaks the gateway's control protocol."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from console.text import verbatim
from gateway.control import protocol
from gateway.control.protocol import ControlError
from gateway.control.server import ControlServer
from portal.simulation import control
from portal.simulation.control import SimulationUnavailableError, WorldState, call

if TYPE_CHECKING:
    from gateway.control.server import Command

STATE = {"faults": [{"name": "jam", "on": True, "left_s": 60}], "gateways": []}


@contextmanager
def served(path: Path, commands: Mapping[str, Command]) -> Iterator[None]:
    """The gateway's control server, in a thread of its own."""
    ready = threading.Event()
    loop = asyncio.new_event_loop()
    server = loop.create_task(ControlServer(path, commands).run(ready.set))

    def run() -> None:
        loop.run_until_complete(asyncio.gather(server, return_exceptions=True))

    thread = threading.Thread(target=run)
    thread.start()
    assert ready.wait(10)
    try:
        yield
    finally:
        loop.call_soon_threadsafe(server.cancel)
        thread.join()
        loop.close()


@pytest.fixture
def calls(tmp_path: Path) -> Iterator[list[Mapping[str, Any]]]:
    """The parameters of every call of ``break``, which the gateway's server serves at ``s``."""
    found: list[Mapping[str, Any]] = []

    async def break_(params: Mapping[str, Any]) -> Any:
        found.append(params)
        if params.get("what") != "jam":
            raise ControlError(verbatim("there is nothing of that name to break"))
        return STATE

    with served(tmp_path / "s", {"break": break_}):
        yield found


@contextmanager
def responding(path: Path, response: bytes) -> Iterator[None]:
    """A server that sends ``response`` to the first who connects, whatever is asked."""

    def run() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(1 << 16)
            connection.sendall(response)

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield
        finally:
            thread.join()


@pytest.mark.parametrize(
    "response",
    [
        b"",
        b"\xff\n",
        b"5\n",
        b"[" * 100_000 + b"\n",
        b'{"jsonrpc": "2.0", "id": 2, "result": {}}\n',
        b'{"jsonrpc": "2.0", "id": 1, "error": 5}\n',
        b'{"jsonrpc": "2.0", "id": 1, "result": {"faults": [{}], "gateways": []}}\n',
        b'{"jsonrpc": "2.0", "id": 1, "result": {"faults": [], "gateways": [{"spool": 5}]}}\n',
    ],
)
def test_nonsense_is_as_good_as_no_answer(tmp_path: Path, response: bytes) -> None:
    with responding(tmp_path / "s", response), pytest.raises(SimulationUnavailableError):
        call(tmp_path / "s", "state")


def test_both_write_the_same_request() -> None:
    assert control.VERSION == protocol.VERSION
    ours = control._request("break", {"what": "jam"})
    assert ours == protocol.encode_request("break", {"what": "jam"})


def test_the_gateways_server_does_what_the_portal_asks(
    tmp_path: Path, calls: list[Mapping[str, Any]]
) -> None:
    state = call(tmp_path / "s", "break", what="jam")
    assert state == WorldState(
        faults=[control.InjectedFault(name="jam", on=True, left_s=60)], spools=[]
    )
    assert calls == [{"what": "jam"}]


def test_what_the_gateways_server_refuses_is_away(
    tmp_path: Path, calls: list[Mapping[str, Any]]
) -> None:
    for method, what in (("break", "everything"), ("dance", "jam")):
        with pytest.raises(SimulationUnavailableError):
            call(tmp_path / "s", method, what=what)
    assert calls == [{"what": "everything"}]
