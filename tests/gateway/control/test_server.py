from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from console.templates import control
from console.text import verbatim
from gateway.control.client import SOCKET, NoDaemonError, call, exchange
from gateway.control.protocol import ControlError, ErrorCode, decode_response, encode_request
from gateway.control.server import (
    CLIENTS_LIMIT,
    IDLE_S,
    LINGER_S,
    REQUEST_LIMIT,
    ControlServer,
    respond,
)


async def echo(arguments: Mapping[str, Any]) -> Any:
    return dict(arguments)


async def refuse(_: Mapping[str, Any]) -> Any:
    raise ControlError(
        verbatim("no"), where="here", why=verbatim("because"), next_step=verbatim("do that")
    )


async def broken(_: Mapping[str, Any]) -> Any:
    raise ZeroDivisionError("division by zero")


@asynccontextmanager
async def serving(
    state: Path, *, idle_s: float = IDLE_S, linger_s: float = LINGER_S
) -> AsyncIterator[None]:
    ready = asyncio.Event()
    commands = {"echo": echo, "refuse": refuse, "broken": broken}
    control = ControlServer(state / SOCKET, commands, idle_s=idle_s, linger_s=linger_s)
    server = asyncio.create_task(control.run(ready.set))
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
        answer = await asyncio.to_thread(call, tmp_path, "echo", text="ü", n=5)
        assert answer == {"text": "ü", "n": 5}
    assert not (tmp_path / SOCKET).exists()


async def test_a_refusal_travels_whole(tmp_path: Path) -> None:
    async with serving(tmp_path):
        with pytest.raises(ControlError) as caught:
            await asyncio.to_thread(call, tmp_path, "refuse")
    error = caught.value
    assert (str(error.what), error.where, str(error.why), str(error.next_step)) == (
        "no",
        "here",
        "because",
        "do that",
    )


async def test_a_bug_in_a_command_ends_neither_daemon_nor_connection(tmp_path: Path) -> None:
    async with serving(tmp_path):
        with (
            capture_logs() as logs,
            pytest.raises(ControlError, match="internal error of the daemon"),
        ):
            await asyncio.to_thread(call, tmp_path, "broken")
        assert await asyncio.to_thread(call, tmp_path, "echo") == {}
    assert [entry["event"] for entry in logs] == ["command_failed"]


@pytest.mark.parametrize(
    ("line", "words", "code"),
    [
        (b"nonsense\n", "not a JSON object", -32700),
        (b"[]\n", "not a JSON object", -32600),
        (b'[{"jsonrpc": "2.0", "id": 1, "method": "echo"}]\n', "not a JSON object", -32600),
        (b"[" * 100_000 + b"\n", "not a JSON object", -32700),
        (b"\xff\xfe\n", "not a JSON object", -32700),
        (b'{"jsonrpc": "2.0", "id": ' + b"9" * 5000 + b"}\n", "not a JSON object", -32700),
        (b'{"v": 1, "id": 7, "do": "echo", "with": {}}\n', "does not follow", -32600),
        (
            b'{"jsonrpc": "2.0", "id": 7, "method": "echo", "params": {"version": 9}}\n',
            "protocol version 9",
            -32001,
        ),
        (
            b'{"jsonrpc": "2.0", "id": 7, "method": "dance"}\n',
            "does not know the method 'dance'",
            -32601,
        ),
        (b'{"jsonrpc": "2.0", "id": 7, "method": "echo", "params": []}\n', "parameters", -32602),
        (b"x" * (REQUEST_LIMIT + 10) + b"\n", "larger than", -32003),
        (b"x" * (4 * REQUEST_LIMIT) + b"\n", "larger than", -32003),
    ],
)
async def test_what_is_no_request_is_told_so(
    tmp_path: Path, line: bytes, words: str, code: int
) -> None:
    async with serving(tmp_path):
        reader, writer = await asyncio.open_unix_connection(tmp_path / SOCKET, limit=10**6)
        writer.write(line)
        answer = json.loads(await reader.readline())
        assert "result" not in answer
        assert (answer["jsonrpc"], answer["error"]["code"]) == ("2.0", code)
        assert answer["id"] == (7 if code in {-32001, -32601, -32602} else None)
        assert words in answer["error"]["data"]["what"]["text"]
        assert answer["error"]["data"]["next"], "it says what to do"
        writer.close()


@pytest.mark.parametrize("version", [0, 2, "1", None, True, {}])
async def test_a_client_of_another_version_is_told_what_to_do(
    tmp_path: Path, version: object
) -> None:
    request = encode_request("echo", {"version": version})
    async with serving(tmp_path):
        line = await asyncio.to_thread(exchange, tmp_path / SOCKET, request, 10.0)
    with pytest.raises(ControlError, match="the daemon uses version 1") as told:
        decode_response(line)
    assert told.value.code == ErrorCode.OTHER_VERSION
    assert told.value.next_step == control.SAME_VERSION()


async def test_a_request_above_the_limit_is_told_to_the_client(tmp_path: Path) -> None:
    async with serving(tmp_path):
        with pytest.raises(ControlError, match="larger than") as told:
            await asyncio.to_thread(call, tmp_path, "echo", text="x" * 8 * REQUEST_LIMIT)
    assert told.value.code == ErrorCode.TOO_LARGE


async def test_a_notification_is_carried_out_and_never_answered(tmp_path: Path) -> None:
    async with serving(tmp_path):
        reader, writer = await asyncio.open_unix_connection(tmp_path / SOCKET)
        for method in ("echo", "refuse", "dance"):
            writer.write(b'{"jsonrpc": "2.0", "method": "' + method.encode() + b'"}\n')
        with capture_logs():
            writer.write(b'{"jsonrpc": "2.0", "method": "broken"}\n')
            writer.write(b'{"jsonrpc": "2.0", "id": "last", "method": "echo"}\n')
            assert json.loads(await reader.readline())["id"] == "last"
        writer.close()


async def test_a_result_that_is_not_json_is_an_internal_error(tmp_path: Path) -> None:
    async def infinite(_: Mapping[str, Any]) -> Any:
        return float("inf")

    with capture_logs() as logs:
        line = await respond(
            {"infinite": infinite}, b'{"jsonrpc": "2.0", "id": 1, "method": "infinite"}'
        )
    assert line is not None
    assert json.loads(line)["error"]["code"] == ErrorCode.INTERNAL_ERROR
    assert [entry["event"] for entry in logs] == ["command_failed"]


Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def connected(state: Path, sent: bytes = b"") -> Streams:
    """A client that has sent something."""
    reader, writer = await asyncio.open_unix_connection(state / SOCKET)
    writer.write(sent)
    return reader, writer


async def test_several_clients_and_the_one_that_is_idle_the_longest_makes_room(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path):
        clients = [await connected(tmp_path) for _ in range(CLIENTS_LIMIT)]
        for number, (reader, writer) in enumerate(clients):
            request = {"jsonrpc": "2.0", "id": number, "method": "echo", "params": {"n": number}}
            writer.write(json.dumps(request).encode() + b"\n")
            assert json.loads(await reader.readline())["result"] == {"n": number}
        first, second, *others = clients
        first[1].write(encode_request("echo", {}))
        assert await first[0].readline()
        assert await asyncio.to_thread(call, tmp_path, "echo") == {}
        assert await second[0].read() == b"", "it was idle for longer than the first"
        second[1].close()
        for reader, writer in [first, *others]:
            writer.write(encode_request("echo", {}))
            assert await reader.readline()
            writer.close()


async def test_many_idle_and_half_requests_keep_no_client_out(tmp_path: Path) -> None:
    async with serving(tmp_path):
        idle = [await connected(tmp_path) for _ in range(5 * CLIENTS_LIMIT)]
        half = [await connected(tmp_path, b'{"jsonrpc": ') for _ in range(5 * CLIENTS_LIMIT)]
        for _ in range(3):
            assert await asyncio.to_thread(call, tmp_path, "echo", n=1) == {"n": 1}
        for reader, _ in idle:
            assert await reader.read() == b""
        answers = [await reader.readline() for reader, _ in half[:-CLIENTS_LIMIT]]
        assert {json.loads(line)["error"]["code"] for line in answers} == {-32700}
        for _, writer in idle + half:
            writer.close()


async def test_who_is_being_answered_makes_no_room(tmp_path: Path) -> None:
    going_on = asyncio.Event()

    async def slow(_: Mapping[str, Any]) -> Any:
        await going_on.wait()
        return "done"

    server = ControlServer(tmp_path / SOCKET, {"slow": slow})
    ready = asyncio.Event()
    running = asyncio.create_task(server.run(ready.set))
    await ready.wait()
    clients = [await connected(tmp_path, encode_request("slow", {})) for _ in range(CLIENTS_LIMIT)]
    with pytest.raises(ControlError, match="too many") as told:
        await asyncio.to_thread(call, tmp_path, "slow")
    assert told.value.code == ErrorCode.BUSY
    going_on.set()
    for reader, writer in clients:
        assert json.loads(await reader.readline())["result"] == "done"
        writer.close()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


@pytest.mark.parametrize("ended", [True, False])
async def test_half_a_request_is_answered_as_such(tmp_path: Path, ended: bool) -> None:
    async with serving(tmp_path, idle_s=0.1):
        reader, writer = await connected(tmp_path, b'{"jsonrpc": "2.0", "id": 1')
        if ended:
            writer.write_eof()
        answer = json.loads(await reader.readline())
        assert (answer["id"], answer["error"]["code"]) == (None, -32700)
        assert await reader.read() == b""
        writer.close()


async def test_a_panic_in_a_library_is_answered(tmp_path: Path) -> None:
    class PanicException(BaseException):
        """As PyO3 raises it: no `Exception`."""

    async def panics(_: Mapping[str, Any]) -> Any:
        raise PanicException("range end index 4 out of range")

    with capture_logs() as logs:
        line = await respond({"x": panics}, b'{"jsonrpc": "2.0", "id": 1, "method": "x"}')
    assert line is not None
    assert json.loads(line)["error"]["code"] == ErrorCode.INTERNAL_ERROR
    assert [entry["event"] for entry in logs] == ["command_failed"]


HOSTILE = st.one_of(
    st.binary(max_size=60),
    st.sampled_from(
        [
            b'{"jsonrpc": "2.0", "id": 1, "method": "echo", "params": {"x": 1e400}}',
            b'{"jsonrpc": "2.0", "id": NaN, "method": "echo"}',
            b'{"jsonrpc": "2.0", "id": 1, "method": "echo", "params": {"version": 1e999}}',
            b'{"jsonrpc": "2.0", "id": 1, "method": "echo", "params": [[[[1]]]]}',
            b'[{"jsonrpc": "2.0", "id": 1, "method": "echo"}]',
            b'{"jsonrpc": "2.0", "id": 1, "method": {"a": [' + b"[" * 3000,
            b'{"jsonrpc": "2.0", "id": ' + b"7" * 5000 + b"}",
            b'{"jsonrpc": "2.0", "id": 1, "method": "\xff\xfe"}',
            b'{"jsonrpc": "2.0", "id": 1, "method": "broken"}',
            b"x" * (REQUEST_LIMIT // 2),
        ]
    ),
).map(lambda line: line.replace(b"\n", b" "))


@settings(deadline=None, max_examples=50)
@given(lines=st.lists(HOSTILE, min_size=1, max_size=8))
def test_every_line_is_answered_once_and_the_next_client_is_served(lines: list[bytes]) -> None:
    async def ask(state: Path) -> list[bytes]:
        async with asyncio.timeout(60), serving(state):
            reader, writer = await connected(state, b"".join(line + b"\n" for line in lines))
            writer.write_eof()
            answers = (await reader.read()).splitlines()
            writer.close()
            assert await asyncio.to_thread(call, state, "echo", n=1) == {"n": 1}
            return answers

    with TemporaryDirectory() as folder, capture_logs():
        answers = asyncio.run(ask(Path(folder)))
    assert len(answers) == len(lines)
    for answer in answers:
        assert json.loads(answer)["error"]["code"] in set(ErrorCode)


async def never_reads(path: Path) -> socket.socket:
    """A client that pipelines requests until the server takes no more, and reads nothing."""
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    client.connect(str(path))
    client.setblocking(False)
    request = encode_request("echo", {"text": "x" * 10_000})
    refused = 0
    while refused < 20:
        try:
            client.send(request)
            refused = 0
        except BlockingIOError:
            refused += 1
            await asyncio.sleep(0.001)
    return client


async def test_a_client_that_never_reads_does_not_hold_up_the_stop(tmp_path: Path) -> None:
    async with asyncio.timeout(30), serving(tmp_path, linger_s=0.1):
        clients = [await never_reads(tmp_path / SOCKET) for _ in range(3)]
    for client in clients:
        client.close()


async def test_a_client_that_never_reads_makes_room_for_others(tmp_path: Path) -> None:
    async with serving(tmp_path, idle_s=2.0, linger_s=0.1):
        clients = [await never_reads(tmp_path / SOCKET) for _ in range(CLIENTS_LIMIT)]
        assert await asyncio.to_thread(call, tmp_path, "echo") == {}
    for client in clients:
        client.close()


async def test_an_idle_client_is_disconnected_when_the_daemon_stops(tmp_path: Path) -> None:
    async with asyncio.timeout(30):
        async with serving(tmp_path):
            reader, writer = await asyncio.open_unix_connection(tmp_path / SOCKET)
            writer.write(b'{"jsonrpc": "2.0", "id": 1, "method": "echo"}\n')
            assert await reader.readline()
        assert await reader.read() == b""
    writer.close()


def test_without_a_daemon_the_next_step_is_told(tmp_path: Path) -> None:
    with pytest.raises(NoDaemonError) as caught:
        call(tmp_path, "status")
    assert "kanmon run" in str(caught.value.next_step)


async def test_a_dead_daemons_socket_is_replaced_and_a_live_ones_is_not(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / SOCKET))
    with pytest.raises(NoDaemonError):
        call(tmp_path, "status")
    async with serving(tmp_path):
        with pytest.raises(ControlError, match="another daemon"):
            async with serving(tmp_path):
                pass
        assert await asyncio.to_thread(call, tmp_path, "echo") == {}


async def test_a_file_in_the_sockets_place_is_told_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    path.write_text("mine", "ascii")
    with pytest.raises(ControlError, match="cannot be created") as told:
        await ControlServer(path, {}).run()
    assert told.value.next_step == control.MOVE_FILE()


def test_a_path_too_long_for_a_socket_is_told(tmp_path: Path) -> None:
    with pytest.raises(ControlError, match="too long"):
        call(tmp_path / ("x" * 120), "status")
