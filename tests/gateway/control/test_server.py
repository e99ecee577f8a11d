from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway.control.client import SOCKET, ControlError, NoDaemonError, ask
from gateway.control.server import CLIENTS_LIMIT, REQUEST_LIMIT, ControlServer


async def echo(arguments: Mapping[str, Any]) -> Any:
    return dict(arguments)


async def refuse(_: Mapping[str, Any]) -> Any:
    raise ControlError("no", where="here", why="because", next_step="do that")


async def broken(_: Mapping[str, Any]) -> Any:
    raise ZeroDivisionError("division by zero")


@asynccontextmanager
async def serving(state: Path) -> AsyncIterator[None]:
    ready = asyncio.Event()
    commands = {"echo": echo, "refuse": refuse, "broken": broken}
    server = asyncio.create_task(ControlServer(state / SOCKET, commands).run(ready.set))
    waiting = asyncio.create_task(ready.wait())
    await asyncio.wait({server, waiting}, return_when=asyncio.FIRST_COMPLETED)
    if server.done():
        waiting.cancel()
        await server
    try:
        yield
    finally:
        server.cancel()
        await asyncio.gather(server, return_exceptions=True)


async def test_a_question_is_answered_and_the_socket_is_private(tmp_path: Path) -> None:
    async with serving(tmp_path):
        assert (tmp_path / SOCKET).stat().st_mode & 0o777 == 0o600
        answer = await asyncio.to_thread(ask, tmp_path, "echo", text="ü", n=5)
        assert answer == {"text": "ü", "n": 5}
    assert not (tmp_path / SOCKET).exists()


async def test_a_refusal_travels_whole(tmp_path: Path) -> None:
    async with serving(tmp_path):
        with pytest.raises(ControlError) as caught:
            await asyncio.to_thread(ask, tmp_path, "refuse")
    error = caught.value
    assert (error.what, error.where, error.why, error.next) == ("no", "here", "because", "do that")


async def test_a_bug_in_a_command_ends_neither_daemon_nor_connection(tmp_path: Path) -> None:
    async with serving(tmp_path):
        with capture_logs() as logs, pytest.raises(ControlError, match="a fault of its own"):
            await asyncio.to_thread(ask, tmp_path, "broken")
        assert await asyncio.to_thread(ask, tmp_path, "echo") == {}
    assert [entry["event"] for entry in logs] == ["a command broke"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"nonsense\n", "no JSON object"),
        (b"[]\n", "no JSON object"),
        (b"[" * 100_000 + b"\n", "no JSON object"),
        (b'{"v": 9, "do": "echo"}\n', "speaks version 9"),
        (b'{"v": 1, "do": "dance"}\n', "does not know 'dance'"),
        (b"x" * (REQUEST_LIMIT + 10) + b"\n", "more than"),
    ],
)
async def test_what_is_no_request_is_told_so(tmp_path: Path, line: bytes, words: str) -> None:
    async with serving(tmp_path):
        reader, writer = await asyncio.open_unix_connection(tmp_path / SOCKET, limit=10**6)
        writer.write(line)
        answer = json.loads(await reader.readline())
        assert answer["ok"] is False
        assert words in answer["error"]["what"]
        writer.close()


async def test_several_clients_and_no_more_than_the_limit(tmp_path: Path) -> None:
    async with serving(tmp_path):
        clients = [
            await asyncio.open_unix_connection(tmp_path / SOCKET) for _ in range(CLIENTS_LIMIT)
        ]
        for number, (reader, writer) in enumerate(clients):
            request = {"v": 1, "id": number, "do": "echo", "with": {"n": number}}
            writer.write(json.dumps(request).encode() + b"\n")
            assert json.loads(await reader.readline())["result"] == {"n": number}
        with pytest.raises(ControlError, match="too many"):
            await asyncio.to_thread(ask, tmp_path, "echo")
        for _, writer in clients:
            writer.close()
            await writer.wait_closed()
        for _ in range(100):
            await asyncio.sleep(0)
        assert await asyncio.to_thread(ask, tmp_path, "echo") == {}


def test_without_a_daemon_the_next_step_is_told(tmp_path: Path) -> None:
    with pytest.raises(NoDaemonError) as caught:
        ask(tmp_path, "status")
    assert "kanmon run" in caught.value.next


async def test_a_dead_daemons_socket_is_replaced_and_a_live_ones_is_not(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / SOCKET))
    with pytest.raises(NoDaemonError):
        ask(tmp_path, "status")
    async with serving(tmp_path):
        with pytest.raises(ControlError, match="another daemon"):
            async with serving(tmp_path):
                pass
        assert await asyncio.to_thread(ask, tmp_path, "echo") == {}


async def test_a_file_in_the_sockets_place_is_told_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    path.write_text("mine", "ascii")
    with pytest.raises(ControlError, match="cannot be made") as told:
        await ControlServer(path, {}).run()
    assert told.value.next == "move it away"


def test_a_path_too_long_for_a_socket_is_told(tmp_path: Path) -> None:
    with pytest.raises(ControlError, match="too long"):
        ask(tmp_path / ("x" * 120), "status")
