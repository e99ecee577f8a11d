"""The client of the control socket: whatever a daemon does, the error says what to do next."""

from __future__ import annotations

import json
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from console.templates import control
from console.text import Message, verbatim
from gateway.control.client import RESPONSE_LIMIT, SOCKET, call
from gateway.control.protocol import ControlError, ErrorCode, encode_result
from tests.gateway.control.stub_daemon import stub_daemon

UNEXPECTED = control.UNEXPECTED_ANSWER()


def refused(error: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": 1, "error": error}).encode() + b"\n"


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        (b"", control.STOPPED()),
        (b'{"jsonrpc": "2.0", "id": 1, "resu', control.ANSWER_INCOMPLETE()),
        (b"\xff\x00\n", UNEXPECTED),
        (b"[" * 100_000 + b"\n", UNEXPECTED),
        (b'{"v": 1, "id": 1, "ok": true, "result": {}}\n', UNEXPECTED),
        (b'{"jsonrpc": "2.0", "id": 2, "result": {}}\n', UNEXPECTED),
        (b'{"jsonrpc": "2.0", "id": 1, "result": {}, "error": {"code": 1}}\n', UNEXPECTED),
        (refused("no"), UNEXPECTED),
        (refused({"code": 1}), UNEXPECTED),
        (refused({"code": 1, "message": None}), UNEXPECTED),
        (refused({"code": 1, "message": "x", "data": {"findings": [5]}}), UNEXPECTED),
        (refused({"code": -32601, "message": "Method not found"}), verbatim("Method not found")),
        (encode_result(1, {"report": "{}"}), UNEXPECTED),
        (encode_result(1, {"report": 5, "url": "x"}), UNEXPECTED),
        (encode_result(1, None), UNEXPECTED),
        (b"x" * (RESPONSE_LIMIT + (1 << 20)), UNEXPECTED),
    ],
)
def test_nonsense_is_an_error_with_its_place_and_the_next_step(
    tmp_path: Path, answer: bytes, what: Message
) -> None:
    with stub_daemon(tmp_path, answer), pytest.raises(ControlError) as told:
        call(tmp_path, "why", url="x")
    assert told.value.what == what
    assert told.value.next_step
    if what == UNEXPECTED:
        assert told.value.where == str(tmp_path / SOCKET)
        assert told.value.next_step == control.SAME_VERSION()


def test_the_place_where_a_result_differs_is_named(tmp_path: Path) -> None:
    answer = encode_result(1, [{"line": "x"}])
    with stub_daemon(tmp_path, answer), pytest.raises(ControlError) as told:
        call(tmp_path, "bus")
    assert told.value.why == control.INVALID_MEMBER(member="result[0].form")


def test_a_daemon_that_trickles_is_given_up_in_time(tmp_path: Path) -> None:
    def serve() -> None:
        client, _ = listener.accept()
        with client:
            try:
                for _ in range(200):
                    client.sendall(b" ")
                    time.sleep(0.05)
            except OSError:
                pass  # the client has given up

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / SOCKET))
        listener.listen()
        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(ControlError, match="does not answer"):
            call(tmp_path, "status", 0.5)
        thread.join()


def test_a_daemon_that_accepts_nobody_is_busy(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / SOCKET))
        listener.listen(0)
        waiting = socket.socket(socket.AF_UNIX)
        waiting.connect(str(tmp_path / SOCKET))
        with pytest.raises(ControlError, match="too many commands") as told:
            call(tmp_path, "status", 0.5)
        waiting.close()
    assert told.value.code == ErrorCode.BUSY
    assert told.value.next_step == control.TRY_AGAIN()
